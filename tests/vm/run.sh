#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Boot Debian's kernel in a virtual machine and run checks.sh there, with the real binary.
#
#   run.sh v1|v2 IMGC CACHE IMAGES
#
#   v1|v2   which version of cgroups the machine mounts, with all of its controllers
#   IMGC    the binary
#   CACHE   a directory for the kernel and what the runs leave to read: CACHE/v1, CACHE/v2
#   IMAGES  where make-images.sh put the images
#
# Needs no privilege and no KVM. Exit status 77, a visible skip: this machine has no emulator, or the
# kernel's package cannot be had.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
version=$1 imgc=$2 cache=$3 images=$4
wrap="timeout 500"
PATH=$PATH:/usr/sbin:/sbin # mke2fs, for an ordinary user

. "$here/lib.sh"

make_disk() {
    make_root
    install_program "$(command -v docker-registry)" "$disk/bin/docker-registry"
    rm "$disk/bin/unshare" # busybox's knows no cgroup namespaces
    install_program "$(command -v unshare)" "$disk/bin/unshare"
    cp "$images/busybox.tar" "$disk/images/busybox.tar"
    "$here/registry.py" "$images/busybox" "$disk/srv/registry"
    cp "$here/checks.sh" "$here/checks_limits.sh" "$disk/root/"
    mke2fs -q -t ext4 -E root_owner=0:0 -d "$disk" "$work/disk.ext4" 1g >/dev/null
    # A second disk, whose rates are limited.
    mkdir "$work/second"
    head -c 4m /dev/urandom >"$work/second/file"
    mke2fs -q -t ext4 -E root_owner=0:0 -d "$work/second" "$work/second.ext4" 32m >/dev/null
}

# The results are TAP: every check of the plan must be there, and none "not ok".
judge() {
    tr -d '\r' <"$logs/results" >"$logs/tap"
    cat "$logs/tap"
    planned=$(sed -n 's/^1\.\.//p' "$logs/tap")
    passed=$(grep -c '^ok ' "$logs/tap" || true)
    if [ -z "$planned" ] || [ "$planned" = 0 ] || [ "$passed" != "$planned" ]; then
        echo "$passed of ${planned:-an unknown number of} checks passed; the console's end:"
        tail -n 40 "$logs/console"
        exit 1
    fi
    echo "$passed passed, 0 failed"
}

case $version in v1 | v2) ;; *) die "which version of cgroups is '$version'?" ;; esac
prepare_machine "$version"
make_disk
: >"$logs/results"
(qemu "$version" "$logs" -drive "file=$work/second.ext4,format=raw,if=virtio,cache=unsafe") || echo "run.sh: the machine ended with status $?" >&2
judge
