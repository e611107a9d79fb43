# SPDX-License-Identifier: Apache-2.0
# Images mounted on the host, and what a mount leaves behind.
# forms: both

load lib/common

setup_file() {
    have_images busybox
    have_images debian || true
    have_containers || return 0
    start_registry
    push "$IMAGES/busybox:one" busybox:one
    push "$IMAGES/busybox:three" busybox:three
}

teardown_file() {
    stop_registry
}

setup() {
    require_containers
    new_store
}

teardown() {
    [ -z "${STORE:-}" ] || imgc umount -af >/dev/null 2>&1 || true
}

mounts() {
    grep -c "$BATS_TEST_TMPDIR" /proc/self/mountinfo || true
}

@test "mount prints a path, the same one again; umount takes it off" {
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    path=$(imgc mount bb)
    [ "$(cat "$path/data/one")" = "$(imgc run --rm bb cat /data/one)" ]
    [ "$(imgc mount bb)" = "$path" ]
    [ "$(mounts)" -eq 1 ]
    ! touch "$path/new" 2>/dev/null || return 1
    options=$(findmnt -n -o OPTIONS "$path")
    [[ ,$options, == *,ro,* ]] && [[ ,$options, == *,nosuid,* ]] && [[ ,$options, == *,nodev,* ]]
    [[ $(imgc mount) == "bb:latest"*"$path" ]]
    [ "$(imgc mount --format json | jq -r '.[0].mountpoint')" = "$path" ]
    [ "$(imgc image mount --format json | jq -r '.[0].id')" = "$(imgc images -q --no-trunc | sed s/sha256://)" ]
    [ "$(imgc umount bb)" = "$(imgc images -q --no-trunc | sed s/sha256://)" ]
    [ "$(mounts)" -eq 0 ]
    [ ! -e "$path" ]
    [ -z "$(imgc mount)" ]
    assert_fails 1 'bb is not mounted' imgc umount bb
    assert_fails 1 'no such image: nix' imgc mount nix
    assert_store_clean
}

@test "several images, all of them, and none" {
    imgc import "$IMAGES/busybox.tar" a >/dev/null
    imgc import -m other "$IMAGES/busybox.tar" b >/dev/null
    [ -z "$(imgc mount)" ]
    [ "$(imgc mount a b | wc -l)" -eq 2 ]
    [ "$(imgc mount -a | cut -f 1 | sort | xargs)" = "a:latest b:latest" ]
    [ "$(imgc umount -a | wc -l)" -eq 2 ]
    [ "$(mounts)" -eq 0 ]
    [ -z "$(imgc umount -a)" ]
    assert_fails 1 'images, or --all' imgc umount
}

@test "a mounted image is in use: rmi and prune leave it" {
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    path=$(imgc mount bb)
    assert_fails 2 "is mounted on '$path'.*imgc umount" imgc rmi bb
    [ -e "$path/data/one" ]
    [ "$(imgc prune -a --dry-run --format json | jq .ReclaimedBytes)" -eq 0 ]
    imgc prune -af >/dev/null
    [ "$(imgc images -q | wc -l)" -eq 1 ]
    imgc rmi -f bb >/dev/null
    [ "$(mounts)" -eq 0 ]
    [ -z "$(imgc images -q)" ]

    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    umount "$(imgc mount bb)" # by somebody else
    imgc rmi bb >/dev/null
    assert_store_clean
}

@test "a mount that a process works in is not taken away, unless by force" {
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    path=$(imgc mount bb)
    (cd "$path" && exec sleep 60 3>&-) &
    pid=$!
    sleep 0.2
    assert_fails 2 "in use by a process" imgc umount bb
    [ "$(imgc mount bb)" = "$path" ]
    imgc umount -f bb >/dev/null
    [ "$(mounts)" -eq 0 ]
    if have_erofs && [ "${IMGC_LAYERS:-auto}" != directory ]; then
        # What it has goes on, though the files of the store are gone.
        imgc rmi bb >/dev/null
        wait_idle
        [ -s "/proc/$pid/cwd/data/one" ]
    fi
    kill $pid
}

@test "mounts of an earlier boot are forgotten" {
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    path=$(imgc mount bb)
    umount "$path"
    python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1]); db.execute("UPDATE mount SET boot_id = ?", ("earlier",)); db.commit()' "$STORE/imgc.db"
    [ -z "$(imgc mount)" ]
    [ "$(imgc mount bb)" = "$path" ]
    [ -e "$path/data/one" ]
}

@test "mounting needs root, and says so" {
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    chmod 755 "$BATS_TEST_TMPDIR"
    run setpriv --reuid 65534 --clear-groups env HOME=/tmp "$IMGC" --root "$BATS_TEST_TMPDIR/other" mount
    [ "$status" -ne 0 ]
    unshare -r true 2>/dev/null || return 0 # no user namespaces here, such as in a chroot
    run unshare -r "$IMGC" --root "$STORE" --runroot "$RUNROOT" --layers erofs run --rm bb true
    [ "$status" -eq 125 ]
    [[ $output == *"only root, outside of user namespaces, can mount EROFS"* ]]
}

@test "kill -9 of the launcher leaves no mount and no loop device" {
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    loops=$(losetup -a | wc -l)
    for i in 1 2 3 4 5 6; do
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm bb sleep 60 >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "0.0$i"
        kill -9 $pid
        wait $pid 2>/dev/null || true
    done
    sleep 0.3
    [ "$(mounts)" -eq 0 ]
    [ "$(losetup -a | wc -l)" -eq "$loops" ]
    imgc run --rm bb true
    assert_store_clean
}

@test "a view that is removed or replaced below a container does not disturb it" {
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    imgc run --rm bb sh -c 'sleep 1; cat /data/one; sh -c "echo alive"' >"$BATS_TEST_TMPDIR/out" 3>&- &
    pid=$!
    sleep 0.4
    rm -f "$STORE"/views/*
    imgc run --rm bb true
    wait $pid
    [ "$(tail -n 1 "$BATS_TEST_TMPDIR/out")" = alive ]
}

# Both forms of one image, mounted, must be the same tree: to the ns, the xattr and the byte.
same_in_both_forms() {
    local name=$1 a b
    a=$(imgc --layers erofs mount "$name") || return 1
    [ "$(findmnt -n -o FSTYPE "$a")" = erofs ] || return 1
    python3 "$E2E_LIB/tree-manifest.py" "$a" exact >"$BATS_TEST_TMPDIR/erofs" || return 1
    imgc umount "$name" >/dev/null
    b=$(imgc --layers directory mount "$name") || return 1
    [ "$(findmnt -n -o FSTYPE "$b")" != erofs ] || return 1
    python3 "$E2E_LIB/tree-manifest.py" "$b" exact >"$BATS_TEST_TMPDIR/directory" || return 1
    imgc umount "$name" >/dev/null
    diff "$BATS_TEST_TMPDIR/directory" "$BATS_TEST_TMPDIR/erofs" >"$BATS_TEST_TMPDIR/diff" ||
        { echo "$name: $(head -n 6 "$BATS_TEST_TMPDIR/diff")"; return 1; }
}

@test "EROFS root and directory root are the same: the images made here" {
    require_erofs
    imgc pull -q "$REGISTRY/busybox:three"
    same_in_both_forms "$REGISTRY/busybox:three"
    for tar in "$IMAGES"/*.tar; do
        imgc import "$tar" "$(basename "$tar" .tar)" >/dev/null
        same_in_both_forms "$(basename "$tar" .tar)"
        imgc verify -q "$(basename "$tar" .tar)"
    done
}

@test "EROFS root and directory root are the same: real images" {
    require_erofs
    require_data images
    n=0
    for source in "$TEST_DATA"/images/oci-tools/*/index.json "$TEST_DATA"/busybox/*/index.json \
        "$TEST_DATA"/images/dive/*.tar "$TEST_DATA"/images/ggcr/mutate/testdata/*.tar \
        "$TEST_DATA"/images/cri-o/*.tar; do
        for from in "oci:$(dirname "$source")" "docker-archive:$source" "oci-archive:$source"; do
            name=image$n:x
            skopeo copy -q --insecure-policy --dest-tls-verify=false "$from" \
                "docker://$REGISTRY/$name" 2>/dev/null || continue
            imgc pull -q "$REGISTRY/$name" >/dev/null 2>"$BATS_TEST_TMPDIR/err" || break # not a root file system
            same_in_both_forms "$REGISTRY/$name" || { echo "$source"; return 1; }
            n=$((n + 1))
            break
        done
    done
    echo "# compared $n" >&3
    [ "$n" -ge 20 ]
}

@test "EROFS root and directory root are the same: archives with oddities" {
    require_erofs
    require_data odd-tars
    n=0
    for tar in "$TEST_DATA"/odd-tars/*/*.tar "$TEST_DATA"/alpine/x86_64/*.tar.gz; do
        # what cannot be imported at all, or fills the disk, is another story's
        (ulimit -f 1000000 && imgc import "$tar" "odd$n" >/dev/null 2>&1) || continue
        same_in_both_forms "odd$n" || { echo "$tar"; return 1; }
        n=$((n + 1))
    done
    echo "# compared $n" >&3
    [ "$n" -ge 20 ]
}

@test "hostile archives: either form is refused, or both are the same" {
    require_erofs
    n=0
    for kind in $(sed -n 's/^    "\([a-z-]*\)": lambda.*/\1/p' "$E2E_LIB/nasty-tar.py"); do
        python3 "$E2E_LIB/nasty-tar.py" "$kind" >"$BATS_TEST_TMPDIR/nasty.tar" 2>/dev/null || continue
        imgc import "$BATS_TEST_TMPDIR/nasty.tar" "nasty$n" >/dev/null 2>&1 || continue
        same_in_both_forms "nasty$n" || { echo "$kind"; return 1; }
        n=$((n + 1))
    done
    [ "$n" -ge 7 ]
}
