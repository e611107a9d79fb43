#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Take the power from a virtual machine whose store is being written, again and again, and look at
# the store after each boot (power_checks.sh).
#
#   power.sh IMGC CACHE IMAGES      as run.sh
#
# The emulator is killed, so what the machine had not yet written to its disk is lost. Half of the
# boots let the file system write sizes and names long before the data (data=writeback), so that
# lost files are there with the right size and zeros in them. Exit status 77: a visible skip.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034 # for lib.sh
imgc=$1 cache=$2 images=$3 wrap=
rounds=5
PATH=$PATH:/usr/sbin:/sbin # mke2fs, for an ordinary user
. "$here/lib.sh"

make_disk() {
    make_root
    install_program "$(command -v flock)" "$disk/bin/flock"
    cp "$here/power_checks.sh" "$disk/root/checks.sh"
    mke2fs -q -t ext4 -E root_owner=0:0 -d "$disk" "$work/disk.ext4" 200m >/dev/null
    mke2fs -q -t ext4 -E root_owner=0:0 "$work/store.ext4" 300m >/dev/null
}

# start ARGUMENT: the emulator's process is in $pid.
start() {
    : >"$work/results"
    qemu "$1" "$work" -drive "file=$work/store.ext4,format=raw,if=virtio,cache=writeback" &
    pid=$!
    trap 'kill -9 $pid 2>/dev/null || true; rm -rf "$work"' EXIT
}

# said WORD TIMES: until the machine has said it so often, or has ended.
said() {
    n=0
    until [ "$(grep -c "^$1" "$work/results")" -ge "$2" ]; do
        n=$((n + 1))
        [ "$n" -lt 1200 ] || { kill -9 "$pid"; die "the machine says nothing: $1"; }
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.1
    done
}

# In turn: killed at a random moment of writing and syncing; and when several things were done of
# which nothing was synced, because the background process was kept from it (hold), with all the
# names and sizes on the disk.
round() {
    if [ $(($1 % 2)) = 0 ]; then
        start hold:data=writeback,nodelalloc,commit=1
        said "# did" 3 || true
        sleep 1.5
    else
        start write:data=ordered,commit=1
        said "# did" 1 || true
        sleep "$(awk -v seed="$1$$" 'BEGIN { srand(seed); printf "%.2f", 1.5 * rand() }')"
    fi
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    tr -d '\r' <"$work/results" >>"$logs/tap"
}

# What was done and is not there after the next boot, and layers that were found damaged.
count_lost() {
    awk '$2 == "did" && $3 == "+" { done[$4] = 1 }
        $2 == "did" && $3 == "-" { delete done[$4] }
        $2 == "has" { has[$3] = 1 }
        $2 == "damaged" { n += $3 }
        /^(not )?ok/ { for (i in done) { n += !(i in has) } delete done; delete has }
        END { print n + 0 }' "$logs/tap"
}

judge() {
    cat "$logs/tap"
    passed=$(grep -c '^ok ' "$logs/tap" || true)
    changes=$(grep -c '^# did ' "$logs/tap" || true)
    lost=$(count_lost)
    if [ "$passed" != $((rounds + 1)) ] || grep -q '^not ok ' "$logs/tap"; then
        echo "$passed of $((rounds + 1)) boots found a good store; the console's end:"
        tail -n 40 "$logs/console"
        exit 1
    fi
    [ "$lost" -gt 0 ] || die "nothing was lost in $rounds power losses: this tests nothing"
    echo "$passed boots found a good store; $changes changes, $lost of them lost"
}

prepare_machine power
make_disk
: >"$logs/tap"
for i in $(seq "$rounds"); do
    round "$i"
done
start last:data=ordered
said 1.. 1 || true
wait "$pid" || true
tr -d '\r' <"$work/results" >>"$logs/tap"
judge
