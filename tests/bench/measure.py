# SPDX-License-Identifier: Apache-2.0
"""Run commands and measure them: wall-clock time, CPU time, peak memory."""
import contextlib
import ctypes
import dataclasses
import os
import pathlib
import signal
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
GNU_TIME = "/usr/bin/time"


class CommandFailed(Exception):
    """A command ended with another status than 0; the message has the last it wrote."""


@dataclasses.dataclass
class Usage:
    """What one command took."""
    wall: float       # seconds
    cpu: float        # seconds, user and system, of it and all children it waited for
    rss: int | None   # bytes, the largest process of them; only where asked for


def last_words(path):
    """The end of what a command wrote, in one line."""
    text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace").strip()
    return " ".join(text[-400:].split()) or "no message"


class Runner:
    """Starts commands, with their output in one file, in an environment of its own."""

    def __init__(self, directory, env):
        self.log = f"{directory}/command.log"
        self.rss_file = f"{directory}/command.rss"
        self.env = env

    def run(self, argv, *, output=None, env=None, measure_rss=False, timeout=600):
        """Run argv to its end; output takes what it prints on stdout.

        The clock stands around posix_spawn() and wait4(): about 0.5 ms of it is ours, the same for
        every command. Memory is told by GNU time, for a child's own ru_maxrss begins with that of
        the process that spawned it, which is Python's."""
        argv = [str(word) for word in argv]
        if measure_rss:
            argv = [GNU_TIME, "-q", "-f", "%M", "-o", self.rss_file, *argv]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, self.log, flags, 0o600),
            (os.POSIX_SPAWN_OPEN, 1, str(output), flags, 0o600) if output
            else (os.POSIX_SPAWN_DUP2, 2, 1),
        ]
        environment = {**self.env, **(env or {})}
        began = time.perf_counter()
        pid = os.posix_spawnp(argv[0], argv, environment, file_actions=actions, setpgroup=0)
        status, usage, wall = self._wait(pid, began, timeout)
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            raise CommandFailed(f"{argv[0]}: status {code}: {last_words(self.log)}")
        rss = None
        if measure_rss:
            rss = int(pathlib.Path(self.rss_file).read_text().split()[-1]) * 1024
        return Usage(wall, usage.ru_utime + usage.ru_stime, rss)

    @staticmethod
    def _wait(pid, began, timeout):
        def kill():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

        timer = threading.Timer(timeout, kill)
        timer.start()
        try:
            _, status, usage = os.wait4(pid, 0)
            return status, usage, time.perf_counter() - began
        except BaseException:
            kill()
            os.waitpid(pid, 0)
            raise
        finally:
            timer.cancel()

    def text(self, argv, **kwargs):
        """What a command prints, without blanks around it."""
        output = self.log + ".out"
        self.run(argv, output=output, **kwargs)
        return pathlib.Path(output).read_text(encoding="utf-8").strip()


def settle(directory):
    """Everything of this file system is on its disk: nobody pays for what another one wrote."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if LIBC.syncfs(fd) != 0:
            raise OSError(ctypes.get_errno(), "syncfs")
    finally:
        os.close(fd)


def drop_caches():
    """Nothing of any file is in memory: page cache, dentries, inodes."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as control:
        control.write("3\n")


def disk_usage(directory):
    """Allocated bytes below a directory, hard links counted once, as du -s tells."""
    seen = set()
    total = os.lstat(directory).st_blocks * 512
    for top, dirs, files in os.walk(directory):
        for name in dirs + files:
            st = os.lstat(os.path.join(top, name))
            if st.st_nlink > 1 and (st.st_dev, st.st_ino) in seen:
                continue
            seen.add((st.st_dev, st.st_ino))
            total += st.st_blocks * 512
    return total


def process_peak(pid):
    """The most memory that a running process had resident, in bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise CommandFailed(f"process {pid} tells no VmHWM")
