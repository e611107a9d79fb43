#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves on demand, for tests of the client.

Usage: registry.py LOG. Prints "PORT TLSPORT\n" when it listens on 127.0.0.1, serves until its input
ends, and appends one line "METHOD PATH STATUS AUTH" for each answer to LOG; AUTH is "-" or "auth".

The name of the repository says what happens; each builds its image on the way (see IMAGES and
Handler.blob). What counts requests counts them for each repository and path.
"""
import collections
import gzip
import hashlib
import io
import json
import random
import ssl
import subprocess
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

OCI = "application/vnd.oci.image."
MANIFEST, INDEX, CONFIG = OCI + "manifest.v1+json", OCI + "index.v1+json", OCI + "config.v1+json"
LAYER = OCI + "layer.v1.tar"
BLOBS, MANIFESTS, TAGS = {}, {}, {}


# A connection gives 3 MB/s. Parts of a blob come as they should (ranged), not at all (whole,
# part-200), with another Content-Range (part-lies), cut short (part-short), of other bytes
# (part-changed), with an error (part-gone); or the connection breaks while the whole is sent (resumed).
RANGED = ["ranged", "whole", "part-200", "part-lies", "part-short", "part-changed", "part-gone", "resumed"]


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar(name, size=3000):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo(name)
        info.size = size
        archive.addfile(info, io.BytesIO(random.Random(name).randbytes(size)))
    return out.getvalue()


def add_blob(data, media_type):
    BLOBS[digest(data)] = data
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def add_manifest(doc, media_type=MANIFEST):
    data = json.dumps(doc).encode()
    MANIFESTS[digest(data)] = (media_type, data)
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def image(repo, tars, arch="amd64", zipped=True, diff_ids=None, **changes):
    layers = [add_blob(gzip.compress(t, mtime=0) if zipped else t, LAYER + ("+gzip" if zipped else ""))
              for t in tars]
    config = {"architecture": arch, "os": "linux", "created": "2024-01-02T03:04:05Z",
              "config": {"Labels": {"repo": repo}},
              "rootfs": {"type": "layers", "diff_ids": diff_ids or [digest(t) for t in tars]}}
    for change in changes.values():
        change(layers)
    return add_manifest({"schemaVersion": 2, "mediaType": MANIFEST,
                         "config": add_blob(json.dumps(config).encode(), CONFIG), "layers": layers})


def index(entries):
    return add_manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, INDEX)


def on(descriptor, os, arch):
    return dict(descriptor, platform={"os": os, "architecture": arch})


def tag(repo, descriptor):
    TAGS[repo] = descriptor["digest"]


def make_images():
    simple = ["good", "flaky", "corrupt", "short", "long", "private", "denied", "scope", "basic", "busy",
              "closed", "moved", "mixed", "gone", "broken-once", "reset", "shy", "confused"]
    for repo in simple:
        tag(repo, image(repo, [tar(repo + "/a"), tar(repo + "/b"), tar(repo + "/c")]))
    tag("plain", image("plain", [tar("plain/a"), tar("plain/b")], zipped=False))
    tag("empty", image("empty", []))
    tag("big", image("big", [tar("big/%d" % i, 6 << 20) for i in range(4)]))
    tag("slow", image("slow", [tar("slow/%d" % i, 100000) for i in range(4)]))
    tag("sizes", image("sizes", [tar("sizes/%d" % i, i * 1000) for i in (3, 1, 90, 5)]))
    tag("quick", image("quick", [tar("quick/a", 5 << 20)]))
    for repo in RANGED:
        tag(repo, image(repo, [tar(repo + "/a", 8 << 20)]))
    tag("endless", image("endless", [tar("endless/%d" % i, 100000) for i in range(3)]))
    twice = tar("twice/a")
    tag("twice", image("twice", [twice, tar("twice/b"), twice]))
    tag("odd-type", image("odd-type", [tar("odd/a")],
                          change=lambda ls: ls[0].update(mediaType="application/x-unheard-of")))
    tag("foreign", image("foreign", [tar("foreign/a")], change=lambda ls: ls[0].update(
        mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        urls=["https://127.0.0.1:1/x"], digest="sha256:" + "5" * 64)))
    tag("counts", image("counts", [tar("counts/a"), tar("counts/b")], diff_ids=[digest(tar("counts/a"))]))
    tag("diffid", image("diffid", [tar("diffid/a")], diff_ids=["sha256:" + "7" * 64]))
    tag("huge", image("huge", [tar("huge/a")], change=lambda ls: ls[0].update(size=1 << 62)))
    amd, arm = image("multi", [tar("multi/a")]), image("multi", [tar("multi/b")], arch="arm64")
    attested = on(image("attest", [tar("attest/a")]), "unknown", "unknown")
    multi = index([attested, on(arm, "linux", "arm64"), on(amd, "linux", "amd64")])
    tag("multi", multi)
    tag("nested", index([attested, multi]))
    tag("foreign-os", index([on(amd, "windows", "amd64"), attested]))
    deep = multi
    for _ in range(5):
        deep = index([deep])
    tag("deep", deep)
    lie = dict(image("lie", [tar("lie/a")]))
    MANIFESTS["sha256:" + "3" * 64] = MANIFESTS[lie["digest"]]
    tag("lie", index([dict(on(lie, "linux", "amd64"), digest="sha256:" + "3" * 64)]))
    tag("wrong-size", index([dict(on(amd, "linux", "amd64"), size=5)]))
    MANIFESTS["big-manifest"] = (MANIFEST, b"[" + b" " * (5 << 20) + b"]")
    TAGS["big-manifest"] = "big-manifest"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    counts = collections.Counter()
    lock = threading.Lock()

    def handle_one_request(self):
        # A TLS client: what a plain server does is to close or to answer with text.
        if self.rfile.peek(1)[:1] == b"\x16":
            self.close_connection = True
            return
        super().handle_one_request()

    def log_message(self, *args):
        pass

    def nth(self):
        with self.lock:
            Handler.counts[self.path] += 1
            return Handler.counts[self.path]

    def answer(self, status, body=b"", headers=None, length=None):
        with self.lock, open(sys.argv[1], "a", encoding="ascii") as log:
            auth = "auth" if "Authorization" in self.headers else "-"
            log.write("%s %s %d %s\n" % (self.command, self.path, status, auth))
        self.send_response(status)
        for name, value in (headers or {}).items():
            for one in value if isinstance(value, list) else [value]:
                self.send_header(name, one)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, code, headers=None):
        body = json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()
        self.answer(status, body, headers)

    def do_GET(self):
        url = urlsplit(self.path)
        parts = url.path.split("/")
        if url.path == "/token":
            self.token(parse_qs(url.query))
        elif url.path == "/v2/":  # for other clients: ours does not ask
            self.answer(200, b"{}")
        elif len(parts) == 3 and parts[1] == "elsewhere":
            leaked = "Authorization" in self.headers
            self.answer(400 if leaked else 200, BLOBS[parts[2]])
        elif len(parts) == 5 and parts[1] == "v2" and parts[2] in TAGS:
            if self.allowed(parts[2]):
                self.manifest(*parts[2::2]) if parts[3] == "manifests" else self.blob(*parts[2::2])
        elif len(parts) == 5 and parts[2] == "html":
            self.answer(404, b"<html>\x1b[31m no such page</html>", {"Content-Type": "text/html"})
        else:
            self.error(404, "NAME_UNKNOWN")

    def token(self, query):
        scope = query.get("scope", [""])[0]
        self.answer(200, json.dumps({"token": "for:" + scope, "expires_in": 300}).encode())

    def allowed(self, repo):
        """Answer with a challenge where a token is missing."""
        want = {"private": "repository:private:pull", "moved": "repository:moved:pull",
                "scope": "repository:scope:pull,extra", "denied": "never", "basic": "never"}.get(repo)
        got = self.headers.get("Authorization", "")
        if not want or got == "Bearer for:" + want:
            return True
        realm = "http://127.0.0.1:%d/token" % self.server.server_port
        bearer = 'Bearer realm="%s",service="test",scope="%s"' % (realm, want)
        if got:
            bearer += ',error="insufficient_scope"' if repo == "scope" else ',error="invalid_token"'
        challenge = ['Basic realm="x, y"'] + ([] if repo == "basic" else [bearer])
        self.error(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})
        return False

    def manifest(self, repo, name):
        nth = self.nth()
        if name == "nope":
            self.error(404, "MANIFEST_UNKNOWN")
        elif repo == "busy" and nth == 1:
            self.error(429, "TOOMANYREQUESTS", {"Retry-After": "1"})
        elif repo == "shy" and nth == 1:
            self.hang_up()
        elif repo == "confused" and nth == 1:
            self.error(400, "PLAIN")
        elif repo == "closed":
            self.error(429, "TOOMANYREQUESTS", {"Retry-After": "3600"})
        elif repo == "gone":
            self.error(503, "UNAVAILABLE")
        else:
            media_type, body = MANIFESTS.get(name) or MANIFESTS[TAGS[repo]]
            self.answer(200, body, {"Content-Type": media_type})

    def blob(self, repo, name):
        data = BLOBS.get(name)
        nth = self.nth()
        is_layer = data is not None and data[:1] != b"{"
        flipped = data and data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]
        if data is None:
            self.error(404, "BLOB_UNKNOWN")
        elif not is_layer:
            self.answer(200, data)
        elif repo == "flaky" and nth < 4:
            [lambda: self.error(503, "UNAVAILABLE"), self.hang_up,
             lambda: self.cut(data)][nth - 1]()
        elif repo == "reset" and nth == 1:
            self.hang_up()
        elif repo == "corrupt" or (repo == "broken-once" and nth == 1):
            self.answer(200, flipped)
        elif repo == "mixed":
            self.answer(200, data[:100] + bytes([data[100] ^ 0xff]) + data[101:])
        elif repo == "short":
            self.answer(200, data[:-7])
        elif repo == "long":
            self.answer(200, data + b"more")
        elif repo == "slow":
            self.trickle(data)
        elif repo == "endless":
            self.answer(200, data[:1000], length=len(data))
            time.sleep(60)
        elif repo == "quick":
            self.answer(200, data, {"Accept-Ranges": "bytes"})
        elif repo in RANGED:
            self.ranged(repo, data, nth)
        elif repo == "moved":
            other = "http://127.0.0.1:%d/elsewhere/%s" % (self.server.other_port, name)
            self.answer(307, b"", {"Location": other})
        else:
            self.answer(200, data)

    def ranged(self, repo, data, nth):
        asked = self.headers.get("Range")
        offers = {} if repo == "whole" else {"Accept-Ranges": "bytes"}
        if not asked or repo in ("whole", "part-200"):
            self.throttled(200, data, len(data), offers, cut=1 << 18 if repo == "resumed" else None)
            return
        first, last = (int(n) for n in asked.removeprefix("bytes=").split("-"))
        part = data[first:last + 1]
        offers["Content-Range"] = "bytes %d-%d/%d" % (first, last, len(data))
        if repo == "part-lies":
            part = data[first - 1:last]
            offers["Content-Range"] = "bytes %d-%d/%d" % (first - 1, last - 1, len(data))
        if repo == "part-gone":
            self.error(404, "BLOB_UNKNOWN")
        elif repo == "part-changed":
            self.throttled(206, bytes([part[0] ^ 1]) + part[1:], len(part), offers)
        else:
            cut = len(part) // 2 + 1 if repo == "part-short" and nth % 3 == 0 else None
            self.throttled(206, part, len(part), offers, cut=cut)

    def throttled(self, status, data, length, headers, cut=None):
        self.answer(status, b"", headers, length=length)
        for i in range(0, len(data), 96 << 10):
            piece = data[i:i + (96 << 10)]
            if cut is not None and i + len(piece) > cut:
                self.wfile.write(piece[:cut - i])
                self.close_connection = True
                return
            self.wfile.write(piece)
            time.sleep(0.032)

    def hang_up(self):
        self.close_connection = True

    def cut(self, data):
        self.answer(200, data[:len(data) // 2], length=len(data))
        self.close_connection = True

    def trickle(self, data):
        self.answer(200, data[:1000], length=len(data))
        self.wfile.flush()
        time.sleep(0.7)
        self.wfile.write(data[1000:])


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that hang up are part of the tests


def wrap(server):
    """Let a server speak TLS, with a certificate that nobody trusts."""
    pem = sys.argv[1] + ".pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out", pem + ".crt"],
                   check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem + ".crt", pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)


def main():
    make_images()
    servers = [Server(("127.0.0.1", 0), Handler) for _ in range(3)]
    wrap(servers[2])
    for server in servers:
        server.other_port = servers[1].server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(servers[0].server_port, servers[2].server_port, flush=True)
    sys.stdin.read()  # until the test ends, however it ends


main()
