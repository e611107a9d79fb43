# SPDX-License-Identifier: Apache-2.0
# Fidelity: for every image at hand, `imgc unpack` equals `umoci unpack`, entry by entry.

load lib/common

setup_file() {
    have_images busybox
    start_registry
}

teardown_file() {
    stop_registry
}

setup() {
    require_root
    new_store
}

# manifest DIR: one line per entry (tree-manifest.py): type, mode, owner, size, mtime, link target or
# content, device, hard-link group, xattrs.
manifest() {
    python3 "$E2E_LIB/tree-manifest.py" "$1"
}

# compare LAYOUT:TAG: through the registry into imgc's store, unpack, compare with umoci's.
compare() {
    local name dir=$BATS_TEST_TMPDIR
    name=cmp$(printf '%s' "$1" | md5sum | cut -c1-12):x
    rm -rf "$dir/ours" "$dir/umoci" "$dir/ours.txt" "$dir/umoci.txt"
    # each step by itself: errexit is off where the caller has an "||"
    push "$1" "$name" || return 1
    imgc pull -q "$REGISTRY/$name" >/dev/null || return 1
    imgc unpack "$REGISTRY/$name" "$dir/ours" || return 1
    # raw: without a runtime config, which umoci refuses to make for some of these images
    umoci raw unpack --image "$1" "$dir/umoci" >/dev/null 2>&1 || return 2 # zstd, to old ones
    manifest "$dir/ours" >"$dir/ours.txt" || return 1
    manifest "$dir/umoci" >"$dir/umoci.txt" || return 1
    diff "$dir/umoci.txt" "$dir/ours.txt" >&2
}

@test "busybox, one layer and three" {
    compare "$IMAGES/busybox:one"
    compare "$IMAGES/busybox:three"
}

@test "debian, one layer and four" {
    require_images debian
    compare "$IMAGES/debian:bookworm"
    compare "$IMAGES/debian:layers"
}

@test "a single layer equals GNU tar" {
    require_images debian
    imgc import "$IMAGES/debian.tar" deb >/dev/null
    imgc unpack deb "$BATS_TEST_TMPDIR/ours"
    mkdir "$BATS_TEST_TMPDIR/tar"
    tar -C "$BATS_TEST_TMPDIR/tar" --numeric-owner --xattrs --xattrs-include='*' -xpf "$IMAGES/debian.tar"
    manifest "$BATS_TEST_TMPDIR/tar" >"$BATS_TEST_TMPDIR/tar.txt"
    manifest "$BATS_TEST_TMPDIR/ours" >"$BATS_TEST_TMPDIR/ours.txt"
    diff "$BATS_TEST_TMPDIR/tar.txt" "$BATS_TEST_TMPDIR/ours.txt"
}

@test "a container sees the same root as unpack writes" {
    require_containers
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    push "$IMAGES/busybox:three" mounted:x
    imgc pull -q "$REGISTRY/mounted:x" >/dev/null
    imgc unpack "$REGISTRY/mounted:x" "$BATS_TEST_TMPDIR/ours"
    (cd "$BATS_TEST_TMPDIR/ours" && find . -xdev ! -type d | grep -vE '^\./(etc/(hosts|hostname|resolv.conf))$' |
        LC_ALL=C sort | xargs stat -c '%n %a %u:%g %s %Y %h') >"$BATS_TEST_TMPDIR/unpacked"
    imgc run --rm "$REGISTRY/mounted:x" sh -c \
        'cd / && find . -xdev ! -type d | grep -vE "^\./(etc/(hosts|hostname|resolv.conf)|dev|proc|sys)" |
        sort | xargs stat -c "%n %a %u:%g %s %Y %h"' >"$BATS_TEST_TMPDIR/inside"
    diff "$BATS_TEST_TMPDIR/unpacked" "$BATS_TEST_TMPDIR/inside"
}

@test "published images of other projects" {
    require_data images
    n=0
    for source in "$TEST_DATA"/images/oci-tools/*/index.json \
        "$TEST_DATA"/images/dive/*.tar "$TEST_DATA"/images/ggcr/mutate/testdata/*.tar; do
        case $source in
        */index.json) from=oci:$(dirname "$source") ;;
        *oci-*) from=oci-archive:$source ;;
        *) from=docker-archive:$source ;;
        esac
        # a layout with a tag, which umoci needs; what skopeo cannot read is no image for this machine
        rm -rf "$BATS_TEST_TMPDIR/layout"
        skopeo copy -q --insecure-policy "$from" "oci:$BATS_TEST_TMPDIR/layout:x" 2>/dev/null || continue
        rm -rf "$STORE" # the name in the registry is the same each time
        status=0
        compare "$BATS_TEST_TMPDIR/layout:x" || status=$?
        [ "$status" -ne 2 ] || continue # umoci cannot read it
        [ "$status" -eq 0 ] || { echo "differs: $source"; return 1; }
        n=$((n + 1))
    done
    echo "compared $n"
    [ "$n" -ge 20 ]
}

@test "archives of every compression import alike" {
    for c in cat gzip "xz -1" "zstd -q" bzip2; do
        $c <"$IMAGES/busybox.tar" >"$BATS_TEST_TMPDIR/root"
        imgc import "$BATS_TEST_TMPDIR/root" bb >/dev/null
        imgc import - fromstdin <"$BATS_TEST_TMPDIR/root" >/dev/null
        imgc unpack bb "$BATS_TEST_TMPDIR/out"
        manifest "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/now.txt"
        [ -e "$BATS_TEST_TMPDIR/first.txt" ] || cp "$BATS_TEST_TMPDIR/now.txt" "$BATS_TEST_TMPDIR/first.txt"
        diff "$BATS_TEST_TMPDIR/first.txt" "$BATS_TEST_TMPDIR/now.txt"
        rm -rf "$BATS_TEST_TMPDIR/out"
    done
    # it is the same layer each time
    run imgc df --format json
    assert_store_clean
}

@test "a directory imports as it stands: links, devices, capabilities, xattrs, sparse, odd names" {
    d=$BATS_TEST_TMPDIR/dir
    mkdir -p "$d/sub/deep" "$d/locked"
    echo text >"$d/file"
    ln "$d/file" "$d/sub/hard"
    ln -s ../nowhere "$d/sub/dangling"
    mknod "$d/null" c 1 3
    mkfifo "$d/pipe"
    chmod 6711 "$d/file"
    chown 12345:54321 "$d/sub"
    cp /bin/true "$d/capable"
    setcap cap_net_raw+ep "$d/capable"
    setfattr -n user.note -v "some value" "$d/file"
    truncate -s 10M "$d/sparse"
    printf end >>"$d/sparse"
    touch "$d/$(printf 'bad\377name')" "$d/new
line"
    touch -d '1969-05-05 05:05:05.123456789Z' "$d/old"
    touch -d '2024-01-02 03:04:05.987654321Z' "$d/sub/deep"
    chmod 000 "$d/locked"
    imgc import "$d" dir >/dev/null
    imgc unpack dir "$BATS_TEST_TMPDIR/out"
    manifest "$d" >"$BATS_TEST_TMPDIR/a"
    manifest "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/b"
    diff "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
    [ "$(stat -c %y "$BATS_TEST_TMPDIR/out/sub/deep")" = "$(stat -c %y "$d/sub/deep")" ]
}

@test "unpack refuses a directory that is not empty, and leaves it as it was" {
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    mkdir "$BATS_TEST_TMPDIR/full"
    touch "$BATS_TEST_TMPDIR/full/mine"
    assert_fails 1 'not empty' imgc unpack bb "$BATS_TEST_TMPDIR/full"
    [ "$(ls -A "$BATS_TEST_TMPDIR/full")" = mine ]
    assert_fails 1 'nosuch' imgc unpack nosuch "$BATS_TEST_TMPDIR/other"
    [ ! -e "$BATS_TEST_TMPDIR/other" ]
}
