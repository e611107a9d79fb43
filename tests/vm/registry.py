#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""registry.py LAYOUT OUT: what docker-registry keeps on its disk, written without running it.

OUT becomes its root directory, with the tags of the OCI layout LAYOUT as NAME:TAG, NAME being the
layout's own name, and many:layers, an image of 127 layers (the most that other tools build) whose
first one is LAYOUT.tar."""
import hashlib
import io
import json
import os
import sys
import tarfile

LAYERS = 127
REF = "org.opencontainers.image.ref.name"
TYPE = "application/vnd.oci.image."


class Registry:
    def __init__(self, out):
        self.base = os.path.join(out, "docker/registry/v2")

    def write(self, path, data):
        path = os.path.join(self.base, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)

    def blob(self, name, data, kind="_layers"):
        hexd = hashlib.sha256(data).hexdigest()
        self.write(f"blobs/sha256/{hexd[:2]}/{hexd}/data", data)
        self.write(f"repositories/{name}/{kind}/sha256/{hexd}/link", f"sha256:{hexd}".encode())
        return f"sha256:{hexd}"

    def tag(self, name, tag, manifest):
        digest = self.blob(name, manifest, "_manifests/revisions")
        self.write(f"repositories/{name}/_manifests/tags/{tag}/current/link", digest.encode())


def add_layout(registry, layout, name):
    def read(digest):
        with open(os.path.join(layout, "blobs", digest.replace(":", "/")), "rb") as f:
            return f.read()

    with open(os.path.join(layout, "index.json"), encoding="utf-8") as f:
        index = json.load(f)
    for entry in index["manifests"]:
        manifest = read(entry["digest"])
        document = json.loads(manifest)
        for part in [document["config"], *document["layers"]]:
            registry.blob(name, read(part["digest"]))
        registry.tag(name, entry["annotations"][REF], manifest)


def one_file(path, text):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(path)
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    return out.getvalue()


def add_many(registry, busybox):
    """/bin/busybox, then a file in each layer, and one that all of them replace."""
    layers = [busybox] + [one_file(path, b"%d\n" % i) for i in range(1, LAYERS)
                          for path in [f"n/{i}" if i % 2 else "n/last"]]
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]},
                         "rootfs": {"type": "layers", "diff_ids": [
                             "sha256:" + hashlib.sha256(x).hexdigest() for x in layers]}}).encode()
    registry.tag("many", "layers", json.dumps({
        "schemaVersion": 2, "mediaType": TYPE + "manifest.v1+json",
        "config": {"mediaType": TYPE + "config.v1+json", "size": len(config),
                   "digest": registry.blob("many", config)},
        "layers": [{"mediaType": TYPE + "layer.v1.tar", "size": len(x),
                    "digest": registry.blob("many", x)} for x in layers]}).encode())


def main():
    layout, out = sys.argv[1:3]
    registry = Registry(out)
    add_layout(registry, layout, os.path.basename(layout))
    with open(layout + ".tar", "rb") as f:
        add_many(registry, f.read())


main()
