#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A token server as docker-registry's "token" auth wants it, with one user (user, secret), who also
has an identity token (refresh-me). Anonymous clients get tokens that open repositories named public/*.

Usage: token-server.py DIR. Writes DIR/root.crt (rootcertbundle) and DIR/port, logs requests to
DIR/token.log as "METHOD SCOPE WHO", serves until it is killed.
"""
import base64
import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DIR = sys.argv[1]
KEY, CERT = os.path.join(DIR, "root.key"), os.path.join(DIR, "root.crt")


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def sign(claims):
    der = base64.b64encode(openssl("x509", "-in", CERT, "-outform", "DER")).decode()
    head = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
    text = b64(json.dumps(head).encode()) + "." + b64(json.dumps(claims).encode())
    return text + "." + b64(openssl("dgst", "-sha256", "-sign", KEY, data=text.encode()))


def access(scopes, who):
    for scope in scopes:
        kind, name, actions = scope.split(":")
        if who or name.startswith("public/"):
            yield {"type": kind, "name": name, "actions": [a for a in actions.split(",") if who or a == "pull"]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def give(self, query, who, name):
        scopes = [s for s in query.get("scope", []) if s]
        with open(os.path.join(DIR, "token.log"), "a", encoding="ascii") as log:
            log.write("%s %s %s\n" % (self.command, ",".join(scopes) or "-", who or "anonymous"))
        if who == "nobody":
            self.reply(401, {"errors": [{"code": "UNAUTHORIZED", "message": "no such user"}]})
            return
        now = int(time.time())
        claims = {"iss": "test-issuer", "sub": who, "aud": "test-service", "exp": now + 300, "nbf": now - 10,
                  "iat": now, "jti": str(now), "access": list(access(scopes, who))}
        self.reply(200, {name: sign(claims), "expires_in": 300})

    def do_GET(self):
        kind, _, pair = self.headers.get("Authorization", "").partition(" ")
        who = ""
        if kind:
            who = "user" if kind == "Basic" and base64.b64decode(pair) == b"user:secret" else "nobody"
        self.give(parse_qs(urlsplit(self.path).query), who, "token")

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        good = form.get("grant_type") == ["refresh_token"] and form.get("refresh_token") == ["refresh-me"]
        self.give(form, "user" if good else "nobody", "access_token")


openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test-issuer", "-keyout",
        KEY, "-out", CERT)
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(DIR, "port"), "w", encoding="ascii") as f:
    f.write(str(server.server_port))
server.serve_forever()
