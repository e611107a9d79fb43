#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""push-index.py REGISTRY NAME:TAG LAYOUT:TAG ARCH [LAYOUT:TAG ARCH...]

Push images of OCI layouts and an index over them, with the platforms given, as buildx does."""
import hashlib
import json
import sys
import urllib.parse
import urllib.request

registry, target = sys.argv[1:3]
name, tag = target.rsplit(":", 1)
base = f"http://{registry}/v2/{name}"


def call(method, url, data=None, headers=None):
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    return urllib.request.urlopen(request)


def push_blob(data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    where = call("POST", base + "/blobs/uploads/", b"").headers["Location"]
    where = urllib.parse.urljoin(base + "/", where)
    where += ("&" if "?" in where else "?") + "digest=" + digest
    call("PUT", where, data, {"Content-Type": "application/octet-stream"})


def blob(layout, digest):
    with open(f"{layout}/blobs/{digest.replace(':', '/')}", "rb") as f:
        return f.read()


entries = []
for image, arch in zip(sys.argv[3::2], sys.argv[4::2]):
    layout, ref = image.rsplit(":", 1)
    index = json.load(open(layout + "/index.json"))
    descriptor = next(
        m for m in index["manifests"]
        if m["annotations"]["org.opencontainers.image.ref.name"] == ref)
    manifest = blob(layout, descriptor["digest"])
    parsed = json.loads(manifest)
    for part in [parsed["config"]] + parsed["layers"]:
        push_blob(blob(layout, part["digest"]))
    call("PUT", f"{base}/manifests/{descriptor['digest']}", manifest,
         {"Content-Type": descriptor["mediaType"]})
    entries.append({
        "mediaType": descriptor["mediaType"],
        "digest": descriptor["digest"],
        "size": len(manifest),
        "platform": {"os": "linux", "architecture": arch},
    })

media_type = "application/vnd.oci.image.index.v1+json"
document = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}).encode()
call("PUT", f"{base}/manifests/{tag}", document, {"Content-Type": media_type})
