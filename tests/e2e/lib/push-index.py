#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""push-index.py REGISTRY NAME:TAG LAYOUT:TAG WHAT [LAYOUT:TAG WHAT...]

Push images of OCI layouts and an index over them, as buildx does. WHAT is an architecture, or
  =OS/ARCH[/VARIANT]  the config says so, too, and PLATFORM is in its environment
  +OS/ARCH[/VARIANT]  the same, in an index of its own
  attestation         about the image before, as buildkit adds them
  artifact            something that is no image"""
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


INDEX = "application/vnd.oci.image.index.v1+json"


def push_manifest(reference, media_type, document):
    call("PUT", f"{base}/manifests/{reference}", document, {"Content-Type": media_type})


def index_of(entries):
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()


def read_image(image):
    """The manifest of an image in a layout, its descriptor there and its config."""
    layout, ref = image.rsplit(":", 1)
    index = json.load(open(layout + "/index.json"))
    descriptor = next(
        m for m in index["manifests"]
        if m["annotations"]["org.opencontainers.image.ref.name"] == ref)
    manifest = blob(layout, descriptor["digest"])
    parsed = json.loads(manifest)
    for part in parsed["layers"]:
        push_blob(blob(layout, part["digest"]))
    return manifest, descriptor["mediaType"], blob(layout, parsed["config"]["digest"])


def with_config(manifest, config, **others):
    """The manifest with another config."""
    parsed = json.loads(manifest)
    parsed["config"].update(size=len(config), digest="sha256:" + hashlib.sha256(config).hexdigest(),
                            **others)
    return json.dumps(parsed).encode(), config


def platform_of(text):
    return dict(zip(("os", "architecture", "variant"), text.split("/")))


entries = []
for image, what in zip(sys.argv[3::2], sys.argv[4::2]):
    manifest, media_type, config = read_image(image)
    extra = {}
    if what[0] in "=+":
        platform = platform_of(what[1:])
        changed = json.loads(config)
        changed.update(platform)
        changed.setdefault("config", {}).setdefault("Env", []).append("PLATFORM=" + what[1:])
        manifest, config = with_config(manifest, json.dumps(changed).encode())
    elif what == "attestation":
        platform = platform_of("unknown/unknown")
        extra["annotations"] = {"vnd.docker.reference.type": "attestation-manifest",
                                "vnd.docker.reference.digest": entries[-1]["digest"]}
        manifest, config = with_config(manifest, json.dumps({"about": what}).encode())
    elif what == "artifact":
        platform = None
        manifest, config = with_config(manifest, b"{}", mediaType="application/x.signature")
    else:
        platform = {"os": "linux", "architecture": what}
    push_blob(config)
    if what[0] == "+":
        inner = "sha256:" + hashlib.sha256(manifest).hexdigest()
        push_manifest(inner, media_type, manifest)
        manifest = index_of([{"mediaType": media_type, "digest": inner, "size": len(manifest),
                              "platform": platform}])
        media_type = INDEX
    digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
    push_manifest(digest, media_type, manifest)
    entry = {"mediaType": media_type, "digest": digest, "size": len(manifest), **extra}
    entries.append({**entry, "platform": platform} if platform else entry)

push_manifest(tag, INDEX, index_of(entries))
