#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""terminal.py STEP... -- COMMAND...: run a command on a terminal of its own, and type.

Steps, one after another: "wait:TEXT" (until the command has written it, since the step before),
"type:TEXT" (with \\n, \\x10), "size:ROWSxCOLUMNS", "signal:NAME" (to the command), "touch:FILE",
"until:FILE" (is there), "hangup", "end" (until it has ended). What it wrote goes to stdout, then a line "modes restored" or "modes changed".
The status is the command's, 128 + n where signal n killed it, 99 where something did not come."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

LIMIT_S = 40
at = sys.argv.index("--")
steps, command = sys.argv[1:at], sys.argv[at + 1:]
master, slave = pty.openpty()
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)
    os.closerange(3, 256)
    os.execvp(command[0], command)
out = b""
seen = 0
status = None


def fail(why):
    sys.stdout.buffer.write(out)
    print(f"\n{why}", flush=True)
    if status is None:
        os.kill(pid, signal.SIGKILL)
    sys.exit(99)


def look(timeout):
    """Read what is there; note whether the command has ended."""
    global out, status
    if master >= 0 and select.select([master], [], [], timeout)[0]:
        try:
            out += os.read(master, 65536)
        except OSError:
            pass
    elif master < 0:
        time.sleep(timeout)
    if status is None:
        done, code = os.waitpid(pid, os.WNOHANG)
        status = code if done else None


def until(condition, what):
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > deadline or (status is not None and what != "end"):
            look(0)
            if condition():
                return
            fail(f"no '{what}'")
        look(0.05)


for step in steps + ["end"]:
    kind, _, value = step.partition(":")
    if kind == "wait":
        text = value.encode()
        until(lambda: text in out[seen:], value)
        seen = out.index(text, seen) + len(text)
    elif kind == "type":
        os.write(master, value.encode().decode("unicode_escape").encode("latin-1"))
    elif kind == "size":
        rows, columns = (int(n) for n in value.split("x"))
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    elif kind == "signal":
        os.kill(pid, signal.Signals["SIG" + value])
    elif kind == "touch":
        open(value, "w", encoding="ascii").close()
    elif kind == "until":
        until(lambda: os.path.exists(value), value)
    elif kind == "hangup":
        os.close(slave)
        os.close(master)
        master = slave = -1
    elif kind == "end":
        until(lambda: status is not None, "end")
    else:
        fail(f"no such step: {step}")
if master >= 0:
    while select.select([master], [], [], 0)[0]:
        out += os.read(master, 65536)
sys.stdout.buffer.write(out)
if slave >= 0:
    print("\nmodes " + ("restored" if termios.tcgetattr(slave) == before else "changed"), flush=True)
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
