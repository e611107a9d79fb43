# SPDX-License-Identifier: Apache-2.0
# A store on a file system that is mounted nodev, nosuid or noexec: what containers run comes from an
# overlay of their own, so all of it works; what is a directory of the host keeps what the host said.
# On FUSE, which stands for what others may change, there are no containers.

load lib/common

setup() {
    require_root_mount
    require_images busybox
    mkdir "$BATS_TEST_TMPDIR/disk" "$BATS_TEST_TMPDIR/in"
    tar -C "$BATS_TEST_TMPDIR/in" -xf "$IMAGES/busybox.tar"
    cat >"$BATS_TEST_TMPDIR/suid.c" <<'EOF'
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("%d\n", (int)geteuid()); return 0; }
EOF
    ${CC:-cc} -static -o "$BATS_TEST_TMPDIR/in/bin/suid" "$BATS_TEST_TMPDIR/suid.c"
    chmod 4755 "$BATS_TEST_TMPDIR/in/bin/suid"
    mknod "$BATS_TEST_TMPDIR/in/data/kmsg" c 1 11
    chmod 666 "$BATS_TEST_TMPDIR/in/data/kmsg"
    tar -C "$BATS_TEST_TMPDIR/in" --numeric-owner -cf "$BATS_TEST_TMPDIR/disk.tar" .
    export IMGC
}

# on_disk OPTIONS SCRIPT: the script, with a store on a tmpfs mounted so, in mounts of its own.
on_disk() {
    export DISK=$BATS_TEST_TMPDIR/disk
    # shellcheck disable=SC2016 # for the shell inside
    unshare -m sh -ec 'mount -t tmpfs -o "$1" none "$DISK"
        imgc() { "$IMGC" --root "$DISK/store" --runroot "$DISK/run" "$@"; }
        imgc import "$DISK.tar" bb >/dev/null
        eval "$2"
        flock "$DISK/store/background" true' sh "$1" "$2"
}

@test "nodev, nosuid, noexec: programs run, set-user-ID and whiteouts work, devices open nothing" {
    for form in auto directory; do
        export IMGC_LAYERS=$form
        for options in nodev nosuid noexec nodev,nosuid,noexec; do
            run on_disk $options 'imgc run --rm -u 1000 bb suid
                imgc run --rm bb sh -c "rm /data/one; ls /data/one 2>&1; head -c 1 /data/kmsg 2>&1; head -c 3 /dev/zero | wc -c"'
            [ "$status" -eq 0 ] || { echo "$form $options: $output"; return 1; }
            [ "${lines[0]}" = 0 ] || { echo "$form $options: $output"; return 1; }
            [[ $output == *"/data/one: No such"*"/data/kmsg: Permission denied"*3 ]] || { echo "$form $options: $output"; return 1; }
        done
    done
}

@test "a volume on such a store, and --rootfs, keep what the host said" {
    run on_disk noexec 'imgc run --rm -v vol:/v bb sh -c "cp /bin/busybox /v/; /v/busybox true" 2>&1 || echo "status $?"
        mkdir "$DISK/rootfs"; tar -C "$DISK/rootfs" -xf "$DISK.tar"
        imgc run --rm --rootfs "$DISK/rootfs" true 2>&1 || echo "status $?"'
    [[ $output == *"/v/busybox: Permission denied"*"status 126"*"ermission denied"*"status 126"* ]] || { echo "$output"; return 1; }
    run on_disk nosuid 'mkdir "$DISK/rootfs"; tar -C "$DISK/rootfs" -xf "$DISK.tar"
        imgc run --rm -u 1000 --rootfs "$DISK/rootfs" suid'
    [ "$output" = 1000 ]
}

@test "on FUSE images work, and run names the file system and the remedy" {
    command -v bindfs >/dev/null || skip "no bindfs"
    [ -c /dev/fuse ] || skip "this host has no FUSE"
    mkdir "$BATS_TEST_TMPDIR/behind"
    # shellcheck disable=SC2016 # for the shell inside
    run unshare -m bash -c 'bindfs "$1" "$2" || exit 77
        imgc() { "$IMGC" --root "$DISK/store" --runroot "$DISK/run" "$@"; }
        DISK=$2
        imgc import "$DISK.tar" bb >/dev/null && imgc cat bb:/data/one
        imgc run --rm bb true 2>&1; echo "status $?"; imgc ps -aq
        flock "$DISK/store/background" true; umount "$DISK"' sh "$BATS_TEST_TMPDIR/behind" "$BATS_TEST_TMPDIR/disk"
    [ "$status" -ne 77 ] || skip "this host mounts no FUSE"
    [ "${#lines[@]}" -eq 3 ] || { echo "$output"; return 1; }
    [ "${lines[0]} ${lines[2]}" = "one status 125" ] || { echo "$output"; return 1; }
    [[ ${lines[1]} == "Error: the store is on FUSE, "*"local disk (--root)" ]] || { echo "$output"; return 1; }
}

@test "info names the file system of the store, and whether containers can write there" {
    run on_disk size=64m 'imgc info -f "{{.Filesystem.Type}} {{.Filesystem.Overlay}} {{.Filesystem.Xattrs}}"'
    [ "$output" = "tmpfs true true" ] || { echo "$output"; return 1; }
    # an overlay takes no other one's changes
    # shellcheck disable=SC2016 # for the shell inside
    run unshare -m sh -ec 'mount -t tmpfs none "$1"; mkdir "$1/l" "$1/u" "$1/w" "$1/m"
        mount -t overlay -o "lowerdir=$1/l,upperdir=$1/u,workdir=$1/w" none "$1/m"
        "$IMGC" --root "$1/m/store" --runroot "$1/run" info -f "{{.Filesystem.Type}} {{.Filesystem.Overlay}}"' \
        sh "$BATS_TEST_TMPDIR/disk"
    [ "$output" = "overlay false" ] || { echo "$output"; return 1; }
}
