#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# In the machine whose power is taken: look at the store that the last boot left, then write to it
# until the end. The argument is "write:MOUNT OPTIONS", "hold:...", in which nothing is
# synced, or "last:...", which writes nothing.
# Busybox's shell runs it; what it has to say goes to the second serial port.
# shellcheck shell=dash

results=/dev/ttyS1
log=/tmp/log
store=/mnt/store
mode=${1%%:*}

say() {
    echo "$*" >$results
}

fail() {
    echo "$*" >&2
    exit 1
}

imgc() {
    /bin/imgc --root $store --runroot /run/imgc "$@"
}

# Layers whose tar is not what its name says; before imgc has looked at them.
count_damaged() {
    damaged=0
    for layer in "$store"/layers/*; do
        [ -e "$layer" ] || continue
        sum=$(sha256sum "$layer/tar" 2>/dev/null)
        [ "${sum%% *}" = "${layer##*/}" ] || damaged=$((damaged + 1))
    done
    echo $damaged
}

# No image that is listed is broken, and every command works. Runs under set -e.
check() {
    imgc images -a --format '{{.Repository}}:{{.Tag}}' | sed 's/^/# has /' >$results
    imgc images -aq --no-trunc >/tmp/ids
    imgc ps -a >/dev/null
    imgc df >/dev/null
    imgc verify -q
    while read -r id; do
        imgc inspect "$id" >/dev/null
        imgc history "$id" >/dev/null
        imgc unpack "$id" "/tmp/out" >/dev/null
        rm -rf /tmp/out
        imgc run --rm --network host "$id" /bin/busybox true </dev/null
    done </tmp/ids
    # A container that is listed has its spec whole, or none yet.
    imgc ps -aq --no-trunc >/tmp/containers
    while read -r id; do
        spec=$store/containers/$id/config.json
        if [ -e "$spec" ]; then
            tail -c 2 "$spec" | grep -q '}' || fail "half a spec of container $id"
            imgc inspect "$id" >/dev/null
        fi
        imgc rm "$id" >/dev/null
    done </tmp/containers
    # What was synced is still there: the mark of a boot in which all was waited for.
    [ ! -e /mnt/kept ] || imgc inspect keep >/dev/null || fail "the synced image is gone"
    imgc prune -f >/dev/null
    flock $store/background true
    [ -z "$(ls -A $store/tmp)" ] || fail "left in tmp: $(ls -A $store/tmp)"
    imgc verify -q
}

# An image of its own content for each number.
import() {
    rm -rf /tmp/root
    mkdir -p /tmp/root/bin
    cp /bin/busybox /tmp/root/bin/busybox
    head -c 300000 /dev/urandom >/tmp/root/data
    tar -C /tmp/root -cf /tmp/root.tar .
    imgc import /tmp/root.tar "$1" >/dev/null
}

# Each change is told when imgc has answered.
write_on() {
    n=$(date +%s)
    while :; do
        n=$((n + 1))
        import "a:$n"
        say "# did + a:$n"
        if [ $((n % 2)) = 0 ]; then
            imgc rmi "a:$((n - 1))" >/dev/null 2>&1 && say "# did - a:$((n - 1))"
        fi
        [ $((n % 2)) = 1 ] || imgc create --network host --name "c$n" "a:$n" /bin/busybox true >/dev/null
        imgc prune -f >/dev/null
    done
}

mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
mount -t ext4 -o "noatime,${1#*:}" /dev/vdb /mnt || say "not ok the disk cannot be mounted"

say "# damaged $(count_damaged)"
(
    set -e
    check
) >$log 2>&1
good=$?
[ $good = 0 ] || sed 's/^/# /' $log >$results
if [ $good = 0 ]; then
    say "ok $mode, $(wc -l </tmp/ids) images"
else
    say "not ok $mode"
fi
if [ "$mode" = last ]; then
    say "1..1"
    exit 0
fi
if [ ! -e /mnt/kept ]; then
    import keep
    flock $store/background true
    touch /mnt/kept
    sync
fi
if [ "$mode" = hold ]; then
    echo 0 >/proc/sys/vm/dirty_writeback_centisecs
    flock $store/background sleep 1000 &
fi
write_on
