#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""wide-windows.py DIR N LOG MIB: an OCI layout, tag "x", of N layers of MIB MiB, each one zstd
frame with a window of 2^LOG bytes that inflating it really fills."""
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

root, n, log, mib = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
os.makedirs(root + "/blobs/sha256")


def put(data, kind):
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{root}/blobs/sha256/{digest}", "wb") as f:
        f.write(data)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data)}


layers, diff_ids = [], []
for i in range(n):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(f"file{i}")
        info.size = mib << 20
        tar.addfile(info, io.BytesIO(os.urandom(info.size)))
    diff_ids.append("sha256:" + hashlib.sha256(out.getvalue()).hexdigest())
    # from a pipe: a frame of known size would ask for no more than that
    packed = subprocess.run(["zstd", "-1", "-q", "-c", "--long=" + log], input=out.getvalue(), stdout=subprocess.PIPE, check=True)
    layers.append(put(packed.stdout, "layer.v1.tar+zstd"))
config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": put(json.dumps(config).encode(), "config.v1+json"), "layers": layers}
entry = put(json.dumps(manifest).encode(), "manifest.v1+json")
entry["annotations"] = {"org.opencontainers.image.ref.name": "x"}
with open(root + "/index.json", "w", encoding="utf-8") as f:
    json.dump({"schemaVersion": 2, "manifests": [entry]}, f)
with open(root + "/oci-layout", "w", encoding="utf-8") as f:
    f.write('{"imageLayoutVersion": "1.0.0"}')
