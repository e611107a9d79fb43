#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# tree-diff.py BEFORE AFTER: the difference of two directories in the form of `imgc diff`, found with
# what the file system says. Lines end with a NUL.
import os
import stat
import sys


def names(path):
    return sorted(os.listdir(path))


def xattrs(path):
    found = os.listxattr(path, follow_symlinks=False)
    return {n: os.getxattr(path, n, follow_symlinks=False) for n in found if n != "security.selinux"}


def content(path, st):
    if stat.S_ISREG(st.st_mode):
        with open(path, "rb") as f:
            return f.read()
    return os.readlink(path) if stat.S_ISLNK(st.st_mode) else None


linked = ({}, {})  # inode of the one side -> inode of the other


def relinked(x, y):
    """Names of one file must be names of one file on the other side too."""
    if x.st_nlink < 2 and y.st_nlink < 2:
        return False
    ours = linked[0].get(x.st_ino), linked[1].get(y.st_ino)
    if ours == (None, None):
        linked[0][x.st_ino], linked[1][y.st_ino] = y.st_ino, x.st_ino
    return ours not in ((None, None), (y.st_ino, x.st_ino))


def differs(a, b):
    x, y = os.lstat(a), os.lstat(b)
    if x.st_mode != y.st_mode or (x.st_uid, x.st_gid) != (y.st_uid, y.st_gid):
        return True
    if xattrs(a) != xattrs(b):
        return True
    if stat.S_ISDIR(x.st_mode):
        return False
    return (x.st_mtime_ns != y.st_mtime_ns or x.st_rdev != y.st_rdev or content(a, x) != content(b, y)
            or relinked(x, y))


def is_dir(path):
    return stat.S_ISDIR(os.lstat(path).st_mode)


def added(root, path):
    yield b"A " + path
    if is_dir(root + path):
        for n in names(root + path):
            yield from added(root, path + b"/" + n)


def below(a, b, path):
    old = set(names(a + path)) if is_dir(a + path) else set()
    for n in sorted(old | set(names(b + path))):
        p = path + b"/" + n
        if n not in old:
            yield from added(b, p)
        elif not os.path.lexists(b + p):
            yield b"D " + p
        else:
            changes = list(below(a, b, p)) if is_dir(b + p) else []
            if differs(a + p, b + p) or changes:
                yield b"C " + p
            yield from changes


before, after = (os.fsencode(p) for p in sys.argv[1:])
lines = [b"C /"] if differs(before, after) else []
for line in lines + list(below(before, after, b"")):
    sys.stdout.buffer.write(line + b"\0")
