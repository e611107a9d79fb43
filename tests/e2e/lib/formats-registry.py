#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""formats-registry.py PORTFILE

A registry of small images in forms that Debian's docker-registry does not take or make: one file,
/hello, each. Under NAME:1 there are
  sha512      manifest, config and layer by their sha512; "NAME@sha512:..." is printed into PORTFILE, too
  mixed       config by sha256, layer by sha512
  lie         the layer has another sha512
  chunked     zstd:chunked: a frame for each chunk, then skippable frames with the table of contents
  data        descriptors carry their content
  wrong-data  and it is not what their digests say
  artifact    a signature
  schema1     Docker's first schema"""
import base64
import gzip
import hashlib
import http.server
import io
import json
import re
import struct
import subprocess
import sys
import tarfile

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
blobs = {}
tags = {}


def digest(data, algorithm):
    return algorithm + ":" + hashlib.new(algorithm, data).hexdigest()


def descriptor(data, media_type, algorithm="sha256", **others):
    name = digest(data, algorithm)
    blobs[name] = data
    return {"mediaType": media_type, "digest": name, "size": len(data), **others}


def make_tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in (("hello", b"hello from the layer\n"), ("many", b"0123456789abcdef" * 50000)):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return out.getvalue()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def skippable(data):
    return struct.pack("<II", 0x184D2A50, len(data)) + data


def chunked(tar):
    """As containers/storage writes it: chunks, the table of contents, a footer that says where it is."""
    body, entries = b"", []
    for at in range(0, len(tar), 100000):
        chunk = zstd(tar[at:at + 100000])
        entries.append({"type": "chunk", "offset": len(body), "endOffset": len(body) + len(chunk)})
        body += chunk
    toc = json.dumps({"version": 1, "entries": entries}).encode()
    packed = zstd(toc)
    where = len(body) + 8
    footer = struct.pack("<QQQQ", where, len(packed), len(toc), 1) + b"GNUlInUx"
    annotations = {
        "io.github.containers.zstd-chunked.manifest-checksum": digest(packed, "sha256"),
        "io.github.containers.zstd-chunked.manifest-position": f"{where}:{len(packed)}:{len(toc)}:1"}
    return body + skippable(packed) + skippable(footer), annotations


def image(name, layer, config_alg="sha256", layer_type=LAYER, **changes):
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"is": name}},
                         "rootfs": {"type": "layers", "diff_ids": [digest(TAR, "sha256")]}}).encode()
    document = {"schemaVersion": 2, "mediaType": MANIFEST,
                "config": descriptor(config, CONFIG, config_alg), "layers": [layer], **changes}
    return config, document


def put(name, document, media_type=MANIFEST):
    text = json.dumps(document).encode()
    tags[name] = (text, media_type)
    for algorithm in "sha256", "sha512":
        tags[digest(text, algorithm)] = (text, media_type)
    return text


TAR = make_tar()
packed = gzip.compress(TAR)
text = put("sha512", image("sha512", descriptor(packed, LAYER + "+gzip", "sha512"), "sha512")[1])
put("mixed", image("mixed", descriptor(packed, LAYER + "+gzip", "sha512"))[1])
other = dict(descriptor(packed, LAYER + "+gzip", "sha512"), digest="sha512:" + 128 * "a")
blobs[other["digest"]] = packed
put("lie", image("lie", other)[1])
body, annotations = chunked(TAR)
put("chunked", image("chunked", descriptor(body, LAYER + "+zstd", annotations=annotations))[1])
for name, content in ("data", packed), ("wrong-data", b"something else"):
    layer = descriptor(packed, LAYER + "+gzip")
    layer["data"] = base64.b64encode(content).decode()
    config, document = image(name, layer)
    document["config"]["data"] = base64.b64encode(config if name == "data" else content).decode()
    put(name, document)
put("artifact", image("artifact", descriptor(b"signature", "text/plain"),
                      artifactType="application/x.signature",
                      config=descriptor(b"{}", "application/vnd.oci.empty.v1+json"))[1])
put("schema1", {"schemaVersion": 1, "name": "schema1", "tag": "1", "architecture": "amd64",
                "fsLayers": [{"blobSum": digest(packed, "sha256")}], "history": []},
    "application/vnd.docker.distribution.manifest.v1+prettyjws")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        found = re.match(r"/v2/([^/]+)/(manifests|blobs)/(.+)$", self.path)
        data, media_type, status = b"{}", "application/json", 200
        if found and found[2] == "manifests":
            key = found[1] if found[3] == "1" else found[3]
            data, media_type = tags.get(key, (b"{}", ""))
            status = 200 if media_type else 404
        elif found:
            data, media_type = blobs.get(found[3], b""), "application/octet-stream"
            status = 200 if found[3] in blobs else 404
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(sys.argv[1] + ".new", "w") as f:
    print(f"127.0.0.1:{server.server_port}", digest(text, "sha512"), file=f)
subprocess.run(["mv", sys.argv[1] + ".new", sys.argv[1]], check=True)
server.serve_forever()
