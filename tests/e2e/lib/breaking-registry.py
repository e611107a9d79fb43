#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""breaking-registry.py MB PORTFILE LOG: a registry whose connections break in all the ways that a bad
network, a proxy or a busy server has. The name of the repository says how: see TROUBLES. Each has an image
of one layer of 3 MB, but for those whose name begins with "big" (MB megabytes) or "half" (the same, of which
half is fetched).

LOG gets a line "REPOSITORY STATUS RANGE IFRANGE SENT" at the end of each answer to a GET of a layer: SENT is
what the socket took.
"""
import email.utils
import gzip
import hashlib
import http.server
import io
import json
import os
import random
import socket
import struct
import sys
import tarfile
import threading
import time

OCI = "application/vnd.oci.image."
BLOBS = {}
MB = 1000 * 1000
CUT = 700 * 1000  # bytes after which a connection breaks


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def add(data, media):
    BLOBS[digest(data)] = data
    return {"mediaType": OCI + media, "digest": digest(data), "size": len(data)}


def image(name, size, zeros=0):
    """(manifest, digest of the layer): of bytes that do not compress, but for @zeros behind them. With these,
    the file is replaced by an empty one in the same layer: whoever unpacks it needs no room."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo(name)
        info.size = size + zeros
        archive.addfile(info, io.BytesIO(random.Random(name).randbytes(size) + bytes(zeros)))
        if zeros:
            archive.addfile(tarfile.TarInfo(name))
    tar = out.getvalue()
    layer = add(gzip.compress(tar, 1, mtime=0), "layer.v1.tar+gzip")
    config = {"architecture": "amd64", "os": "linux", "config": {},
              "rootfs": {"type": "layers", "diff_ids": [digest(tar)]}}
    manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                "config": add(json.dumps(config).encode(), "config.v1+json"), "layers": [layer]}
    return json.dumps(manifest).encode(), layer["digest"]


SMALL = image("small", 3 * MB)
BIG = image("big", int(float(sys.argv[1]) * MB))
HALF = image("half", int(float(sys.argv[1]) * MB / 2), int(float(sys.argv[1]) * MB / 2))
lock = threading.Lock()
counts = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0

    def log_message(self, *args):
        pass

    def note(self, repo, status, sent):
        with lock, open(sys.argv[3], "a", encoding="ascii") as log:
            log.write("%s %d %s %s %d\n" % (repo, status, self.headers.get("Range", "-"),
                                            self.headers.get("If-Range", "-"), sent))

    def head(self, status, length, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for key, value in headers:
            self.send_header(key, value)
        self.end_headers()

    def small(self, status, body=b"", headers=()):
        self.head(status, len(body), headers)
        self.wfile.write(body)

    def do_GET(self):
        parts = self.path.split("/")
        if parts[1] == "elsewhere":  # what a storage service with signed addresses does
            if "Authorization" in self.headers:
                self.small(400, b"both a signature and a header")
                self.note("elsewhere-leak", 400, 0)
            else:
                self.layer("elsewhere", BLOBS[parts[2]], 1)
            return
        if parts[1].startswith("token"):
            self.small(200, json.dumps({"token": "secret"}).encode())
            return
        repo, kind, name = parts[2], parts[3], parts[4]
        if repo == "moved" and "Authorization" not in self.headers:
            realm = "http://127.0.0.1:%d/token" % PORTS[0]
            self.small(401, b"{}", [("WWW-Authenticate", 'Bearer realm="%s",service="x"' % realm)])
            return
        manifest, layer = {"big": BIG, "half": HALF}.get(repo.split("-")[0], SMALL)
        if kind == "manifests":
            self.small(200, manifest, [("Content-Type", OCI + "manifest.v1+json")])
        elif name != layer:
            self.small(200, BLOBS[name])
        else:
            with lock:
                counts[repo] = nth = counts.get(repo, 0) + 1
            self.layer(repo, BLOBS[name], nth)

    def layer(self, repo, data, nth):
        trouble = TROUBLES.get(repo.split(".")[0])
        if trouble and trouble(self, repo, data, nth):
            return
        self.part(repo, data)

    def part(self, repo, data, cut=None, rate=None, extra=(), shift=0, ranges=True):
        """All of @data, or the range that was asked for: at most @cut bytes of it, at @rate bytes a second."""
        asked = self.headers.get("Range") if ranges else None
        status, first, last = 200, 0, len(data) - 1
        headers = [("ETag", '"%s"' % digest(data)) if repo != "no-etag" else ("ETag", '"node-%d"' % time.time_ns())]
        if ranges:
            headers.append(("Accept-Ranges", "bytes"))
        if_range = self.headers.get("If-Range")
        if asked and (not if_range or if_range == headers[0][1]):
            status = 206
            first, last = (int(n) for n in asked.removeprefix("bytes=").split("-"))
            headers.append(("Content-Range", "bytes %d-%d/%d" % (first - shift, last - shift, len(data))))
        body = memoryview(data)[first:last + 1]
        sent = 0
        try:
            self.head(status, len(body), headers + list(extra))
            end = len(body) if cut is None else min(cut, len(body))
            began = time.monotonic()
            while sent < end:
                n = self.connection.send(body[sent:min(end, sent + (32 << 10))])
                sent += n
                if rate:
                    time.sleep(max(0, began + sent / rate - time.monotonic()))
            if end < len(body):
                self.close_connection = True
        except OSError:
            self.close_connection = True
        self.note(repo, status, sent)

    def hang_up(self, hard=False):
        if hard:  # RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True


def cut(h, repo, data, nth):
    h.part(repo, data, cut=CUT)
    return True


def reset(h, repo, data, nth):
    if nth > 2:
        return False
    h.part(repo, data, cut=CUT)
    h.hang_up(hard=True)
    return True


def no_ranges(h, repo, data, nth):
    h.part(repo, data, cut=CUT if nth == 1 else None, ranges=False)
    return True


def wrong_range(h, repo, data, nth):
    h.part(repo, data, cut=CUT if nth == 1 else None, shift=1)
    return True


def not_satisfiable(h, repo, data, nth):
    if "Range" in h.headers:
        h.note(repo, 416, 0)
        h.small(416, b"", [("Content-Range", "bytes */%d" % len(data))])
        return True
    h.part(repo, data, cut=CUT if nth == 1 else None)
    return True


def stalled(h, repo, data, nth):
    """Some bytes, and then nothing, with the connection open."""
    if nth > 1:
        return False
    h.head(200, len(data))
    h.wfile.write(data[:CUT])
    time.sleep(30)
    h.note(repo, 200, CUT)
    h.close_connection = True
    return True


def busy(h, repo, data, nth):
    if nth > 2:
        return False
    when = "1" if nth == 1 else email.utils.formatdate(time.time() + 2, usegmt=True)
    h.note(repo, 429, 0)
    h.small(429, b"", [("Retry-After", when)])
    return True


def ailing(h, repo, data, nth):
    if nth > 4:
        return False
    status = [500, 502, 503, 504][nth - 1]
    h.note(repo, status, 0)
    h.small(status)
    return True


def gone(h, repo, data, nth):
    status = int(repo.split("-")[1])
    h.note(repo, status, 0)
    h.small(status, b"{}")
    return True


def flipped(h, repo, data, nth):
    """Another byte in the middle: the first time, or ("always-") each time."""
    if nth > 1 and not repo.startswith("always"):
        return False
    middle = len(data) // 2
    h.part(repo, data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:])
    return True


def bad_gzip(h, repo, data, nth):
    h.part(repo, data[:1000] + bytes(1000) + data[2000:])
    return True


def short(h, repo, data, nth):
    """Says that it is shorter, and is, the first time."""
    if nth > 1:
        return False
    h.part(repo, data[:-100])
    return True


def moved(h, repo, data, nth):
    h.note(repo, 307, 0)
    h.small(307, b"", [("Location", "http://127.0.0.1:%d/elsewhere/%s" % (PORTS[1], digest(data)))])
    return True


def cut_elsewhere(h, repo, data, nth):
    h.part(repo, data, cut=CUT)
    return True


def paced(h, repo, data, nth):
    h.part(repo, data, rate=float(repo.split(".")[0].split("-")[2]) * MB)
    return True


TROUBLES = {"cut": cut, "no-etag": cut, "reset": reset, "no-ranges": no_ranges, "wrong-range": wrong_range,
            "not-satisfiable": not_satisfiable, "stalled": stalled, "busy": busy, "ailing": ailing,
            "gone-404": gone, "gone-403": gone, "flipped": flipped, "always-flipped": flipped,
            "bad-gzip": bad_gzip, "short": short, "moved": moved, "elsewhere": cut_elsewhere}
for speed in ("4", "10", "20", "80"):
    TROUBLES["big-paced-" + speed] = TROUBLES["half-paced-" + speed] = paced


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        # Little that the kernel holds for a client that is gone: what is sent was nearly all received.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
        super().server_bind()

    def handle_error(self, request, client_address):
        pass


servers = [Server(("127.0.0.1", 0), Handler) for _ in range(2)]
PORTS = [s.server_address[1] for s in servers]
threading.Thread(target=servers[1].serve_forever, daemon=True).start()
with open(sys.argv[2] + ".new", "w", encoding="ascii") as f:
    f.write(str(PORTS[0]))
os.rename(sys.argv[2] + ".new", sys.argv[2])
servers[0].serve_forever()
