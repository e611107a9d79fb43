#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nasty-tar.py KIND: write a layer that tries something to stdout."""
import io
import sys
import tarfile

out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)


def add(name, kind=tarfile.REGTYPE, data=b"", target="", mode=0o644, device=(0, 0)):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mode = kind, len(data), target, mode
    info.devmajor, info.devminor = device
    out.addfile(info, io.BytesIO(data) if data else None)


def directory(name):
    add(name, tarfile.DIRTYPE, mode=0o755)


def symlink(name, target):
    add(name, tarfile.SYMTYPE, target=target)


def hardlink(name, target):
    add(name, tarfile.LNKTYPE, target=target)


def file(name, data=b"nasty"):
    add(name, data=data)


KINDS = {
    # refused
    "dotdot": lambda: file("../escape"),
    "dotdot-deep": lambda: (directory("a"), file("a/../../escape")),
    "hardlink-out": lambda: hardlink("link", "../../../etc/passwd"),
    "hardlink-missing": lambda: hardlink("link", "no/such/file"),
    "hardlink-to-directory": lambda: (directory("d"), hardlink("link", "d")),
    "whiteout-empty": lambda: file(".wh.", b""),
    "whiteout-dot": lambda: file("a/.wh..", b""),
    "whiteout-dotdot": lambda: file("a/.wh...", b""),
    "root-is-symlink": lambda: symlink("./", "/etc"),
    "root-is-file": lambda: file("."),
    "long-component": lambda: file("x" * 300),
    "deep": lambda: file("d/" * 1500 + "file"),
    "symlink-loop-parent": lambda: (symlink("a", "b"), symlink("b", "a"), file("a/file")),
    # stays inside the root
    "absolute": lambda: file("/inside"),
    "symlink-absolute-parent": lambda: (
        directory("inside"), symlink("link", "/inside"), file("link/file")),
    "symlink-up-parent": lambda: (
        directory("inside"), symlink("link", "../../../../inside"), file("link/file")),
    "hardlink-absolute": lambda: (file("inside"), hardlink("link", "/inside")),
    "symlink-then-write-through": lambda: (
        directory("etc"), symlink("victim", "/etc/passwd"), file("victim")),
    "device": lambda: add("disk", tarfile.BLKTYPE, device=(8, 0), mode=0o660),
    "whiteout-device": lambda: add("ghost", tarfile.CHRTYPE, device=(0, 0)),
    "escape-sequence": lambda: file("\033]0;owned\007\033[31mred"),
}
KINDS[sys.argv[1]]()
out.close()
