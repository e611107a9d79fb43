# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks work on: made once, kept in build/bench/inputs, made anew when this recipe or
make-images.sh changes.

  debian.tar, debian/    make-images.sh
  rootfs.tar.gz          debian.tar through gzip
  single/                :2g, one layer of 2 GiB
  registry/              all of it as docker-registry keeps it: bench/NAME:TAG of IMAGES
  facts.json             sizes and digests of the layers of each image
"""
import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import tarfile

import services

HERE = pathlib.Path(__file__).resolve().parent
# Image -> the OCI layout and tag it comes from, and how its layers are compressed.
IMAGES = {
    "debian:gzip": ("debian", "bookworm"),
    "big:gzip": ("debian", "big"),
    "big:zstd": ("debian", "big-zstd"),
    "single:gzip": ("single", "2g"),
}
SINGLE_SIZE = 2 << 30
MEDIA = "application/vnd.oci.image."


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    """An OCI layout, to read and to add to."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)

    def path(self, digest):
        return self.directory / "blobs" / digest.replace(":", "/")

    def json(self, digest):
        return json.loads(self.path(digest).read_bytes())

    def index(self):
        return json.loads((self.directory / "index.json").read_bytes())

    def manifest(self, tag):
        for entry in self.index()["manifests"]:
            if entry["annotations"]["org.opencontainers.image.ref.name"] == tag:
                return self.json(entry["digest"])
        raise KeyError(tag)

    def put(self, media_type, data):
        digest = sha256(data)
        self.path(digest).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def put_file(self, media_type, path):
        with open(path, "rb") as f:
            digest = "sha256:" + hashlib.file_digest(f, "sha256").hexdigest()
        size = path.stat().st_size
        path.rename(self.path(digest))
        return {"mediaType": media_type, "digest": digest, "size": size}

    def tag(self, tag, config, layers):
        manifest = {"schemaVersion": 2, "mediaType": MEDIA + "manifest.v1+json",
                    "config": config, "layers": layers}
        entry = self.put(manifest["mediaType"], json.dumps(manifest).encode())
        entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
        index = self.index()
        index["manifests"].append(entry)
        (self.directory / "index.json").write_text(json.dumps(index))

    @classmethod
    def new(cls, directory):
        layout = cls(directory)
        (layout.directory / "blobs/sha256").mkdir(parents=True)
        (layout.directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (layout.directory / "index.json").write_text('{"schemaVersion": 2, "manifests": []}')
        return layout


def make_zstd(layout, source, tag):
    """The same image, its layers compressed with zstd instead."""
    manifest = layout.manifest(source)
    layers = []
    for layer in manifest["layers"]:
        path = layout.directory / "layer.zst"
        with open(layout.path(layer["digest"]), "rb") as blob, open(path, "wb") as out:
            inflate = subprocess.Popen(["igzip", "-dc"], stdin=blob, stdout=subprocess.PIPE)
            subprocess.run(["zstd", "-q", "-3", "-T0", "-c"], stdin=inflate.stdout, stdout=out,
                           check=True)
            if inflate.wait() != 0:
                raise RuntimeError(f"{layer['digest']} cannot be inflated")
        layers.append(layout.put_file(MEDIA + "layer.v1.tar+zstd", path))
    layout.tag(tag, manifest["config"], layers)


class Mixture:
    """What the huge file holds: pieces of noise from changing places, and of text."""

    def __init__(self):
        rng = random.Random(1)
        self.noise = rng.randbytes(1 << 22)
        self.count = 0

    def read(self, size):
        self.count += 1
        if self.count % 2:
            start = self.count * 65521 % (len(self.noise) - size)
            return self.noise[start:start + size]
        return (b"%016d the quick brown fox\n" % self.count * size)[:size]


def write_single(stream):
    """A tar of one huge file and some small ones; half of the data does not compress."""
    data = Mixture()
    with tarfile.open(fileobj=stream, mode="w|", bufsize=1 << 20, copybufsize=1 << 16) as tar:
        for n in range(1000):
            info = tarfile.TarInfo(f"small/{n:04}")
            info.size = 100
            tar.addfile(info, data)
        info = tarfile.TarInfo("huge")
        info.size = SINGLE_SIZE - (1000 * 1024 + 16384)
        tar.addfile(info, data)


class Hashing:
    """Write to a stream, hash and count what goes by."""

    def __init__(self, stream):
        self.stream, self.hash, self.count = stream, hashlib.sha256(), 0

    def write(self, data):
        self.hash.update(data)
        self.count += len(data)
        return self.stream.write(data)


def make_single(directory):
    layout = Layout.new(directory)
    path = layout.directory / "layer.gz"
    with open(path, "wb") as out:
        deflate = subprocess.Popen(["igzip", "-c"], stdin=subprocess.PIPE, stdout=out)
        tar = Hashing(deflate.stdin)
        write_single(tar)
        deflate.stdin.close()
        if deflate.wait() != 0:
            raise RuntimeError("igzip failed")
    layer = layout.put_file(MEDIA + "layer.v1.tar+gzip", path)
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(services.machine(), services.machine())
    config = {"architecture": arch, "os": "linux", "config": {},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + tar.hash.hexdigest()]}}
    layout.tag("2g", layout.put(MEDIA + "config.v1+json", json.dumps(config).encode()), [layer])


class Counting:
    """Read a stream and count what was read."""

    def __init__(self, stream):
        self.stream, self.count = stream, 0

    def read(self, size):
        data = self.stream.read(size)
        self.count += len(data)
        return data


def measure_layer(layout, layer):
    """Uncompressed size and number of entries of a layer."""
    tool = "zstd" if layer["mediaType"].endswith("zstd") else "igzip"
    path = str(layout.path(layer["digest"]))
    with subprocess.Popen([tool, "-dc", path], stdout=subprocess.PIPE) as inflate:
        stream = Counting(inflate.stdout)
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            entries = sum(1 for _ in tar)
        while stream.read(1 << 20):  # the padding after the end mark counts
            pass
    return {"digest": layer["digest"], "compressed": layer["size"], "size": stream.count,
            "entries": entries}


class Inputs:
    """The directory of inputs. make() comes before anything else."""

    def __init__(self, directory, scratch):
        self.directory = pathlib.Path(directory)
        self.scratch = scratch
        self.facts = {}

    def key(self):
        recipe = b"".join((HERE / name).read_bytes() for name in ("inputs.py", "make-images.sh"))
        return hashlib.sha256(recipe).hexdigest()

    def make(self, say):
        done = self.directory / "facts.json"
        if done.exists():
            facts = json.loads(done.read_text())
            if facts["key"] == self.key():
                self.facts = facts
                return
        say("making the images to pull (once; some minutes)")
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        with open(self.directory / "log", "wb") as log:
            subprocess.run([str(HERE / "make-images.sh"), str(self.directory)], check=True,
                           stdout=log, stderr=log)
        say("... the same with zstd, and one layer of 2 GiB")
        with open(self.directory / "rootfs.tar.gz", "wb") as out:
            subprocess.run(["gzip", "-6nc", str(self.directory / "debian.tar")], stdout=out,
                           check=True)
        make_zstd(Layout(self.directory / "debian"), "big", "big-zstd")
        make_single(self.directory / "single")
        self.push_all()
        self.facts = {"key": self.key(), "images": {n: self.measure(n) for n in IMAGES}}
        done.write_text(json.dumps(self.facts, indent=1))
        for layout in ("debian", "single"):
            shutil.rmtree(self.directory / layout)  # the registry has it all

    def push_all(self):
        with services.Registry(self.directory / "registry", self.scratch) as registry:
            for image, (layout, tag) in IMAGES.items():
                subprocess.run(
                    ["skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false",
                     f"oci:{self.directory / layout}:{tag}",
                     f"docker://{registry.address}/bench/{image}"], check=True)

    def measure(self, image):
        layout, tag = IMAGES[image]
        layout = Layout(self.directory / layout)
        return [measure_layer(layout, layer) for layer in layout.manifest(tag)["layers"]]

    def layers(self, image):
        return self.facts["images"][image]

    def total(self, image, what):
        return sum(layer[what] for layer in self.layers(image))

    def warm(self):
        """Read what the registry serves, so that every tool finds it in the page cache."""
        subprocess.run(["sh", "-c", f"find {self.directory}/registry {self.directory}/rootfs.tar.gz"
                        " -type f -exec cat {} + | wc -c >/dev/null"], check=True)
