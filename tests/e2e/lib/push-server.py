#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that takes pushes in its own way, by the name of the repository:

elsewhere  asks for user:secret, and has blobs uploaded to another port, which answers 400 to whoever shows
           it an Authorization header, and tells where to go on relative to that
relative   Location headers are relative
long       Location headers carry 3000 bytes of state
asks       asks for user:secret, and sends whoever has it to another port, which asks for a token from there
flaky      breaks off the first two large PATCHes half way through
broken     breaks off each PATCH
fewer      says that less has arrived than was sent
nowhere    gives no Location

Usage: push-server.py DIR. Writes DIR/push-port, logs to DIR/push-log, keeps manifests and blobs in memory.
"""
import base64
import hashlib
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DIR = sys.argv[1]
blobs, uploads, manifests, broken = {}, {}, {}, set()
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_request(self):
        url = urlsplit(self.path)
        repository, _, tail = url.path[len("/v2/"):].partition("/")
        port = self.server.server_port
        shown = self.headers.get("Authorization")
        with lock, open(os.path.join(DIR, "push-log"), "a", encoding="ascii") as log:
            log.write("%s %s %s %s %s\n" % ("main" if port == MAIN else "other", self.command, url.path,
                                            self.headers.get("Content-Range", "-"), shown or "-"))
        if repository == "asks" and shown and port == MAIN:
            self.reply(307, Location="http://127.0.0.1:%d%s" % (OTHER, url.path))
        elif repository == "asks" and port != MAIN:
            self.reply(401, WWW_Authenticate='Bearer realm="http://127.0.0.1:%d/v2/asks/token",service="x"' % OTHER)
        elif port != MAIN and shown:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.reply(400, b"who wants to know")
        elif port == MAIN and repository in ("elsewhere", "asks") and \
                shown != "Basic " + base64.b64encode(b"user:secret").decode():
            self.reply(401, WWW_Authenticate='Basic realm="test"')
        elif tail.startswith("manifests/"):
            self.manifest(repository + tail)
        elif tail.startswith("blobs/uploads/"):
            self.upload(repository, tail[len("blobs/uploads/"):], parse_qs(url.query))
        else:
            self.reply(200 if (repository, tail[len("blobs/"):]) in blobs else 404)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = handle_request

    def manifest(self, key):
        if self.command == "PUT":
            manifests[key] = self.rfile.read(int(self.headers["Content-Length"]))
            self.reply(201)
        elif key in manifests:
            self.reply(200, manifests[key], Docker_Content_Digest="sha256:" + hashlib.sha256(manifests[key]).hexdigest())
        else:
            self.reply(404)

    def location(self, repository, name):
        path = "/v2/%s/blobs/uploads/%s" % (repository, name)
        return {"elsewhere": "http://127.0.0.1:%d%s?state=1" % (OTHER, path), "relative": name,
                "nowhere": "", "long": path + "?state=" + 3000 * "x"}.get(repository, path)

    def upload(self, repository, name, query):
        if self.command == "POST":
            name = "id%d" % len(uploads)
            uploads[name] = bytearray()
            self.reply(202, Location=self.location(repository, name))
            return
        size = int(self.headers.get("Content-Length", 0))
        if self.command == "PATCH" and (repository == "broken" or
                                        (repository == "flaky" and len(broken) < 2 and size > 1 << 20)):
            broken.add(self.client_address)
            self.rfile.read(size // 2)
            self.close_connection = True
            self.connection.close()
            return
        uploads[name] += self.rfile.read(size)
        if self.command == "PATCH":
            n = len(uploads[name]) - (1 if repository == "fewer" else 0)
            self.reply(202, Location=self.location(repository, name), Range="0-%d" % (n - 1))
            return
        data = bytes(uploads.pop(name))
        uploads[name + "-done"] = b""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        if query.get("digest") != [digest]:
            self.reply(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"it is another one"}]}')
            return
        blobs[repository, digest] = data
        self.reply(201)


main, other = ThreadingHTTPServer(("127.0.0.1", 0), Handler), ThreadingHTTPServer(("127.0.0.1", 0), Handler)
MAIN, OTHER = main.server_port, other.server_port
threading.Thread(target=other.serve_forever, daemon=True).start()
with open(os.path.join(DIR, "push-port.new"), "w", encoding="ascii") as f:
    f.write(str(MAIN))
os.rename(os.path.join(DIR, "push-port.new"), os.path.join(DIR, "push-port"))
main.serve_forever()
