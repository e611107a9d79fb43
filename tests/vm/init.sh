#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The virtual machine's first process: load the modules, go on to the disk, run the checks there.
# PID 1 stays this shell, which reaps what the checks orphan.
# shellcheck shell=dash

set -eu
if [ ! -e /modules ]; then
    sh /root/checks.sh "$ARGUMENT" </dev/null >/dev/ttyS0 2>&1 &
    wait $! || true
    sync
    poweroff -f
fi

bb=/bin/busybox
$bb mount -t devtmpfs devtmpfs /dev
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
cd /modules
for _ in 1 2 3 4; do # until each has what it needs
    for module in *.ko; do
        [ ! -e "$module" ] || ! $bb insmod "$module" 2>/dev/null || $bb rm "$module"
    done
done
cd /
$bb mount -t ext4 -o noatime /dev/vda /disk
for dir in dev proc sys; do
    $bb mount -o move "/$dir" "/disk/$dir"
done
$bb cp /init /disk/root/init.sh
export PATH=/bin HOME=/root
exec $bb switch_root /disk /bin/sh /root/init.sh
