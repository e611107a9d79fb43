# SPDX-License-Identifier: Apache-2.0
# Where layers are unpacked, their data is kept once: holes in the tars, and verify proves the whole.
# shellcheck shell=bash
load lib/common

setup_file() {
    start_registry
}

teardown_file() {
    stop_registry
}

setup() {
    new_store
    export IMGC_LAYERS=directory
    mkdir -p "$BATS_TEST_TMPDIR/probe"
    mknod "$BATS_TEST_TMPDIR/probe/whiteout" c 0 0 2>/dev/null ||
        skip "this file system cannot hold whiteouts"
    fallocate -l 8192 "$BATS_TEST_TMPDIR/probe/holes" &&
        fallocate -p -o 4096 -l 4096 "$BATS_TEST_TMPDIR/probe/holes" ||
        skip "this file system cannot make holes"
}

teardown() {
    wait_idle
}

# disk PATH...: bytes, hard links once.
disk() {
    du -s --block-size=1 "$@" | awk '{s += $1} END {print s}'
}

# A root file system with a few large files, links and a sparse file, as a tar.
make_tar() {
    local dir=$BATS_TEST_TMPDIR/rootfs
    rm -rf "$dir"
    mkdir -p "$dir/usr/bin" "$dir/etc"
    head -c 3000001 /dev/urandom >"$dir/usr/bin/one"
    head -c 70000 /dev/urandom >"$dir/usr/bin/two"
    ln "$dir/usr/bin/one" "$dir/etc/link"
    echo small >"$dir/etc/small"
    truncate -s 2000000 "$dir/usr/sparse"
    printf 'end' | dd of="$dir/usr/sparse" bs=1 seek=1500000 conv=notrunc status=none
    tar -C "$dir" --sparse --format=pax -cf "$1" .
}

@test "an imported image costs its directory, its headers and no more" {
    require_root # tar makes the device nodes
    [ -e "$IMAGES/debian.tar" ] || skip "no image of debian"
    import_debian() { imgc import "$IMAGES/debian.tar" debian >/dev/null; }
    import_debian
    [ "$(disk "$STORE"/layers/*/tar)" -gt 100000000 ]
    wait_idle
    tar=$(echo "$STORE"/layers/*/tar)
    # Half of Debian's files are smaller than a block, and each header needs one.
    [ "$(disk "$tar")" -lt $(($(stat -c %s "$tar") / 7)) ]
    [ "$(stat -c %s "$tar")" -eq "$(stat -c %s "$IMAGES/debian.tar")" ]
    imgc verify -q
    imgc unpack debian "$BATS_TEST_TMPDIR/unpacked"
    mkdir "$BATS_TEST_TMPDIR/want"
    tar -C "$BATS_TEST_TMPDIR/want" --numeric-owner -xpf "$IMAGES/debian.tar"
    # diff takes no two devices for the same.
    diff -r -x dev --no-dereference "$BATS_TEST_TMPDIR/unpacked" "$BATS_TEST_TMPDIR/want"
    import_debian # and the same layer once more
    imgc verify -q
}

@test "sparse files and hard links are punched and read" {
    make_tar "$BATS_TEST_TMPDIR/a.tar"
    imgc import "$BATS_TEST_TMPDIR/a.tar" a >/dev/null
    wait_idle
    [ "$(disk "$STORE"/layers/*/tar)" -lt 60000 ]
    imgc verify -q
    imgc unpack a "$BATS_TEST_TMPDIR/unpacked"
    diff -r "$BATS_TEST_TMPDIR/unpacked" "$BATS_TEST_TMPDIR/rootfs"
}

@test "verify names the file that was changed in a punched layer" {
    make_tar "$BATS_TEST_TMPDIR/a.tar"
    imgc import "$BATS_TEST_TMPDIR/a.tar" a >/dev/null
    wait_idle
    printf X | dd of="$(echo "$STORE"/layers/*/fs/*/usr/bin/two)" bs=1 seek=30000 conv=notrunc \
        status=none
    run imgc verify a
    [ "$status" -eq 1 ]
    [[ $output == *"layer sha256:"*"'usr/bin/two' in the layer's directory was changed"* ]]
    [[ $output == *"pull again"* ]]
    imgc rmi a >/dev/null
    imgc prune -f >/dev/null
    imgc import "$BATS_TEST_TMPDIR/a.tar" a >/dev/null
    imgc verify -q
}

@test "a pulled image is punched; another one on the same base takes it from there" {
    require_images debian
    push "$IMAGES/debian:layers" debian:layers
    push "$IMAGES/debian:second" debian:second
    imgc pull "$REGISTRY/debian:layers" >/dev/null
    wait_idle
    whole=$(stat -c %s "$STORE"/layers/*/tar | awk '{s += $1} END {print s}')
    [ "$(disk "$STORE/layers")" -lt $((whole * 13 / 10)) ]
    [ "$(disk "$STORE"/layers/*/tar)" -lt $((whole / 7)) ]
    imgc verify -q
    imgc pull "$REGISTRY/debian:second" >/dev/null
    wait_idle
    imgc verify -q
    imgc rmi "$REGISTRY/debian:layers" >/dev/null
    imgc verify -q
    imgc rmi "$REGISTRY/debian:second" >/dev/null
    wait_idle
    [ -z "$(ls -A "$STORE/layers")" ]
}

@test "kill -9 of the background process at any moment loses nothing" {
    make_tar "$BATS_TEST_TMPDIR/a.tar"
    for i in $(seq 12); do
        imgc import -m "$i" "$BATS_TEST_TMPDIR/a.tar" a >/dev/null
        sleep "0.0$((i % 10))"
        for pid in $(pgrep -x imgc-background); do
            if [ "$(readlink "/proc/$pid/fd/3" 2>/dev/null)" = "$(realpath "$STORE")/background" ] ||
                [ "$(readlink "/proc/$pid/fd/4" 2>/dev/null)" = "$(realpath "$STORE")" ]; then
                kill -9 "$pid" 2>/dev/null || true
            fi
        done
        imgc verify -q
        [ $((i % 4)) -ne 0 ] || { imgc rmi a >/dev/null; imgc prune -f >/dev/null; }
    done
    imgc import "$BATS_TEST_TMPDIR/a.tar" b >/dev/null
    wait_idle
    [ "$(disk "$STORE"/layers/*/tar)" -lt 60000 ]
    imgc verify -q
}

@test "an ordinary user's store is punched, too" {
    require_root
    user_dir=$(mktemp -d /var/tmp/imgc-punch-XXXXXX)
    make_tar "$user_dir/a.tar"
    chown -R 12345:12345 "$user_dir"
    as_user() { setpriv --reuid 12345 --regid 12345 --clear-groups "$IMGC" --root "$user_dir/s" \
        --runroot "$user_dir/r" "$@"; }
    as_user import "$user_dir/a.tar" a >/dev/null
    STORE=$user_dir/s wait_idle
    size=$(disk "$user_dir"/s/layers/*/tar)
    result=0
    as_user verify -q || result=$?
    rm -rf "$user_dir"
    [ "$result" -eq 0 ]
    [ "$size" -lt 60000 ]
}

@test "what was punched goes back into the tar when the layer is used under EROFS" {
    require_containers
    [ "$(imgc --layers auto info --format '{{.Layers}}')" = erofs ] || skip "no EROFS here"
    imgc import "$IMAGES/busybox.tar" a >/dev/null
    wait_idle
    tar=$(echo "$STORE"/layers/*/tar)
    [ "$(disk "$tar")" -lt $(($(stat -c %s "$tar") / 4)) ]
    IMGC_LAYERS=erofs timeout 60 "$IMGC" --root "$STORE" --runroot "$RUNROOT" \
        run --rm --network none a true
    cmp "$tar" "$IMAGES/busybox.tar"
    wait_idle
    cmp "$tar" "$IMAGES/busybox.tar"
    imgc verify -q
}
