#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tree-manifest.py DIR [exact]: one line per entry of a directory tree, for comparing two of them.

Fields: type, mode, uid:gid, size or device, mtime in seconds (exact: ns), content hash or link target, the first
name of the hard-link group, xattrs, path. With "exact" a group has at least two names in the tree:
overlayfs counts links of its layers that are hidden, too."""
import collections
import hashlib
import os
import stat
import sys

root = os.fsencode(sys.argv[1])
exact = sys.argv[2:] == ["exact"]
HUGE = 1 << 30  # with "exact", of longer files only the ends are read: they are holes
TYPES = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c",
         stat.S_IFBLK: "b", stat.S_IFIFO: "p", stat.S_IFSOCK: "s"}


def text(raw):
    return raw.decode("utf-8", "backslashreplace").replace("\n", "\\n")


def content(path, st):
    if stat.S_ISREG(st.st_mode):
        digest = hashlib.sha256()
        with open(path, "rb") as f:
            if exact and st.st_size > HUGE:
                digest.update(f.read(1 << 20))
                f.seek(-(1 << 20), os.SEEK_END)
            while block := f.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()
    if stat.S_ISLNK(st.st_mode):
        return text(os.readlink(path))
    return "-"


def size(st):
    if stat.S_ISREG(st.st_mode):
        return str(st.st_size)
    if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        return f"{os.major(st.st_rdev)},{os.minor(st.st_rdev)}"
    return "-"


def xattrs(path):
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return ",".join(
        n + "=" + os.getxattr(path, n, follow_symlinks=False).hex()
        for n in names if not n.startswith("security.selinux")) or "-"


paths = [(b".", root)]
for top, dirs, files in os.walk(root):
    for name in dirs + files:
        path = os.path.join(top, name)
        paths.append((path[len(root):].lstrip(b"/"), path))

first = {}
names = collections.Counter(os.lstat(path).st_ino for _, path in paths) if exact else None
for name, path in sorted(paths):
    st = os.lstat(path)
    group = "-"
    if not stat.S_ISDIR(st.st_mode) and (names[st.st_ino] if exact else st.st_nlink) > 1:
        group = first.setdefault(st.st_ino, text(name))
    print(TYPES[stat.S_IFMT(st.st_mode)], f"{st.st_mode & 0o7777:04o}", f"{st.st_uid}:{st.st_gid}",
          size(st), st.st_mtime_ns if exact else int(st.st_mtime // 1), content(path, st), group, xattrs(path), text(name), sep="\t")
