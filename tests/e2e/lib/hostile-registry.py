#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hostile-registry.py LAYOUT:TAG PORTFILE: a registry that serves one image truly as NAME "good", and in
every other name breaks one thing. No real server can be made to do these."""
import hashlib
import http.server
import json
import sys

layout, tag = sys.argv[1].rsplit(":", 1)
index = json.load(open(layout + "/index.json"))
descriptor = next(m for m in index["manifests"]
                  if m["annotations"]["org.opencontainers.image.ref.name"] == tag)


def blob(digest):
    with open(f"{layout}/blobs/{digest.replace(':', '/')}", "rb") as f:
        return f.read()


MANIFEST = blob(descriptor["digest"])
PARSED = json.loads(MANIFEST)
CONFIG = PARSED["config"]["digest"]
MEDIA = descriptor["mediaType"]


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def edited(change):
    document = json.loads(MANIFEST)
    change(document)
    return json.dumps(document).encode()


def both(d):
    d["manifests"] = []


def negative(d):
    d["layers"][0]["size"] = -1


def traversal(d):
    d["config"]["digest"] = "sha256:../../../../etc/passwd"


def upper(d):
    d["config"]["digest"] = d["config"]["digest"].upper().replace("SHA256", "sha256")


def artifact(d):
    d["config"]["mediaType"] = "application/vnd.example.thing+json"


def many(d):
    d["layers"] = d["layers"] * 600


def more_layers(d):
    d["layers"] = d["layers"] + d["layers"]


MANIFESTS = {
    "good": (MANIFEST, MEDIA),
    "short-blob": (MANIFEST, MEDIA),
    "slow-start": (MANIFEST, MEDIA),
    "garbage": (b"\x00\x01 this is no JSON \x1b[31m", MEDIA),
    "html": (b"<html>login here</html>", "text/html"),
    "duplicate-keys": (MANIFEST.replace(b'"schemaVersion"', b'"schemaVersion":1,"schemaVersion"', 1), MEDIA),
    "case-keys": (MANIFEST.replace(b'"layers"', b'"Layers":[],"layers"', 1), MEDIA),
    "both": (edited(both), MEDIA),
    "wrong-type": (MANIFEST, "application/vnd.oci.image.index.v1+json"),
    "negative": (edited(negative), MEDIA),
    "traversal": (edited(traversal), MEDIA),
    "upper": (edited(upper), MEDIA),
    "artifact": (edited(artifact), MEDIA),
    "many": (edited(many), MEDIA),
    "more-layers": (edited(more_layers), MEDIA),
    "schema1": (b'{"schemaVersion":1,"name":"x","tag":"y","fsLayers":[],"history":[]}',
                "application/vnd.docker.distribution.manifest.v1+prettyjws"),
    "deep": (b"[" * 100000, MEDIA),
    "huge": (b'{"x":"' + b"A" * (100 << 20) + b'"}', MEDIA),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", media=None, extra=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if media:
            self.send_header("Content-Type", media)
        for key, value in extra:
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            try:
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    def do_GET(self):
        parts = self.path.split("/")
        name, kind = (parts[2], parts[3]) if len(parts) > 4 else ("", "")
        if kind == "manifests" and name == "refused":
            self.answer(401, b'{"errors":[{"code":"DENIED","message":"\\u001b[31mgo away"}]}')
        elif kind == "manifests" and name == "forbidden":
            self.answer(403, b'{"errors":[{"code":"DENIED","message":"not yours"}]}')
        elif kind == "manifests" and name == "broken-server":
            self.answer(500, b"oh no")
        elif kind == "manifests" and name == "redirect-loop":
            self.answer(307, extra=[("Location", self.path)])
        elif kind == "manifests" and name == "to-file":
            self.answer(307, extra=[("Location", "file:///etc/passwd")])
        elif kind == "manifests" and name in MANIFESTS:
            body, media = MANIFESTS[name]
            self.answer(200, body, media)
        elif kind == "blobs" and name in MANIFESTS:
            data = blob(parts[4])
            if name == "short-blob" and parts[4] != CONFIG:
                data = data[: len(data) // 2]
            self.answer(200, data, "application/octet-stream")
        else:
            self.answer(404, b'{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository"}]}')

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[2], "w") as f:
    f.write(str(server.server_address[1]))
server.serve_forever()
