# SPDX-License-Identifier: Apache-2.0
"""A host for what has a network: a network namespace, so that the machine's own network stays as it
is, with a sink that takes what containers send to it."""
import os
import subprocess
import sys

ADDRESS = "192.0.2.1"
BYTES = 1 << 30

SINK = """
import socket, time
with socket.create_server(("%s", 0)) as server:
    print(server.getsockname()[1], flush=True)
    connection, _ = server.accept()
    buffer, total, began = bytearray(1 << 20), 0, time.perf_counter()
    while n := connection.recv_into(buffer):
        total += n
    print(total, time.perf_counter() - began, flush=True)
"""


class Host:
    """Made by `with`. Commands that are given its prefix() are in its network."""

    def __init__(self):
        self.name = f"imgc-bench-{os.getpid()}"

    def __enter__(self):
        self._ip("netns", "add", self.name)
        self._ip("-n", self.name, "link", "set", "lo", "up")
        self._ip("-n", self.name, "addr", "add", f"{ADDRESS}/32", "dev", "lo")
        return self

    def __exit__(self, *_):
        self._ip("netns", "del", self.name)

    @staticmethod
    def _ip(*words):
        subprocess.run(["ip", *words], check=True)

    def prefix(self):
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    def receive(self, send):
        """Seconds that BYTES take from a container: send(command) runs it. Its start does not
        count: the clock runs from the connection on."""
        with subprocess.Popen([*self.prefix(), sys.executable, "-c", SINK % ADDRESS],
                              stdout=subprocess.PIPE, text=True) as sink:
            try:
                port = int(sink.stdout.readline())
                send(["bash", "-c", f"head -c {BYTES} /dev/zero >/dev/tcp/{ADDRESS}/{port}"])
                total, seconds = sink.stdout.readline().split()
            finally:
                sink.kill()
        if int(total) != BYTES:
            raise ValueError(f"{total} bytes came of {BYTES}")
        return float(seconds)
