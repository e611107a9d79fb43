#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A registry's /v2/ and a token server in one, over TLS, that notes who shows which certificate.

Usage: tls-token-server.py DIR NAME. Uses DIR/good.crt, good.key and ca.crt. Writes DIR/NAME.port, logs requests to
DIR/NAME as "METHOD PATH WHO", sends for tokens to what is in DIR/NAME.realm, serves until it is killed.
"""
import json
import os
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIR, NAME = sys.argv[1], os.path.join(sys.argv[1], sys.argv[2])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body, headers=()):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        shown = self.connection.getpeercert() or {}
        names = [value for part in shown.get("subjectAltName", ()) for value in part[1:]]
        with open(NAME, "a", encoding="ascii") as log:
            log.write("GET %s %s\n" % (self.path, "".join(names) or "nobody"))
        if self.path.startswith("/token"):
            self.reply(200, {"token": "good"})
        elif self.headers.get("Authorization") == "Bearer good":
            self.reply(200, {})
        else:
            with open(NAME + ".realm", encoding="ascii") as f:
                realm = f.read().strip()
            self.reply(401, {}, [("WWW-Authenticate", 'Bearer realm="%s",service="s"' % realm)])


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(DIR, "good.crt"), os.path.join(DIR, "good.key"))
context.load_verify_locations(os.path.join(DIR, "ca.crt"))
context.verify_mode = ssl.CERT_OPTIONAL
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
with open(NAME + ".port", "w", encoding="ascii") as f:
    f.write(str(server.server_port))
server.serve_forever()
