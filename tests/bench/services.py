# SPDX-License-Identifier: Apache-2.0
"""What runs in the background while something is measured: the registry, containerd's daemon. And
what every part asks about this machine."""
import os
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.request


def machine():
    return os.uname().machine


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Daemon:
    """A process that dies with us, whatever ends us."""

    def __init__(self, argv, log, env=None):
        self.argv, self.log, self.env = argv, log, env
        self.process = None

    def start(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.argv], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=self.env, start_new_session=True)

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def wait_until(self, ready, what):
        for _ in range(300):
            if ready():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        tail = pathlib.Path(self.log).read_text(errors="replace")[-400:]
        self.stop()
        raise RuntimeError(f"{what} does not start: {tail}")


REGISTRY_CONFIG = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {data}}}
http: {{addr: "{address}"}}
"""


class Registry:
    """Debian's docker-registry on loopback, over a directory that stays."""

    def __init__(self, data, scratch):
        self.address = f"127.0.0.1:{free_port()}"
        config = pathlib.Path(scratch) / "registry.yml"
        pathlib.Path(data).mkdir(parents=True, exist_ok=True)
        config.write_text(REGISTRY_CONFIG.format(data=data, address=self.address))
        env = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
        self.daemon = Daemon(["docker-registry", "serve", str(config)], f"{scratch}/registry.log",
                             env)

    def __enter__(self):
        self.daemon.start()
        self.daemon.wait_until(self._answers, "docker-registry")
        return self

    def __exit__(self, *_):
        self.daemon.stop()

    def _answers(self):
        try:
            with urllib.request.urlopen(f"http://{self.address}/v2/", timeout=1):
                return True
        except OSError:
            return False


def unmount_below(directory):
    """Unmount everything at or below a directory, the last mounted first."""
    prefix = str(pathlib.Path(directory).resolve())
    for line in reversed(pathlib.Path("/proc/self/mounts").read_text().splitlines()):
        target = line.split()[1].encode().decode("unicode_escape")
        if target == prefix or target.startswith(prefix + "/"):
            subprocess.run(["umount", "-l", target], check=False)


def wipe(directory):
    """Remove a directory and what is mounted in it, while someone may still be removing it too."""
    unmount_below(directory)
    for _ in range(100):
        subprocess.run(["rm", "-rf", "--one-file-system", str(directory)], check=False,
                       stderr=subprocess.DEVNULL)
        if not os.path.lexists(directory):
            return
        time.sleep(0.1)
    raise RuntimeError(f"cannot remove {directory}")


def which(program):
    return shutil.which(program, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
