# SPDX-License-Identifier: Apache-2.0
# -v and --mount, each option as the container sees it.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
    SRC=$BATS_TEST_TMPDIR/src
    mkdir "$SRC"
    echo hello >"$SRC/file"
}

# The options of the mount on $1 as the container has them.
mount_options() {
    local target=$1
    shift
    imgc run --rm "$@" bb awk -v t="$target" '$5 == t { print $6 }' /proc/self/mountinfo
}

@test "--mount type=bind, with every way to write it" {
    run imgc run --rm --mount "type=bind,source=$SRC,target=/m" bb cat /m/file
    [ "$output" = hello ]
    run imgc run --rm --mount "dst=/m/deep/er,src=$SRC/file,type=bind" bb cat /m/deep/er
    [ "$output" = hello ]
    run imgc run --rm --mount "type=bind,src=$SRC,destination=/m,readonly" bb touch /m/x
    [ "$status" -ne 0 ]
    [ ! -e "$SRC/x" ]
    run imgc run --rm --mount "type=bind,src=$SRC,dst=/m,ro=false" bb touch /m/x
    [ "$status" -eq 0 ]
    [ -e "$SRC/x" ]
    mkdir "$SRC/a,b\"c"
    echo odd >"$SRC/a,b\"c/f"
    run imgc run --rm --mount "type=bind,\"src=$SRC/a,b\"\"c\",dst=/m" bb cat /m/f
    [ "$output" = odd ]
    cd "$SRC"
    run imgc run --rm --mount type=bind,src=.,dst=/m bb cat /m/file
    [ "$output" = hello ]
}

@test "--mount type=tmpfs: size and mode" {
    run imgc run --rm --mount type=tmpfs,dst=/t,tmpfs-size=64k,tmpfs-mode=0710 bb \
        sh -c 'stat -c %a /t; dd if=/dev/zero of=/t/f bs=1k count=100 2>/dev/null || echo full'
    [ "$output" = $'710\nfull' ]
    run imgc run --rm --mount type=tmpfs,dst=/t,ro bb touch /t/x
    [ "$status" -ne 0 ]
    [[ $(mount_options /t --mount type=tmpfs,dst=/t) == *nosuid,nodev,noexec* ]]
}

@test "a missing source: a directory for -v, an error for --mount" {
    run imgc run --rm -v "$SRC/new/dir:/m" bb touch /m/f
    [ "$status" -eq 0 ]
    [ -e "$SRC/new/dir/f" ]
    assert_fails 125 "missing: $SRC/none" imgc run --rm --mount "type=bind,src=$SRC/none,dst=/m" bb true
    [ ! -e "$SRC/none" ]
    assert_fails 125 "missing: $SRC/file/x" imgc run --rm --mount "type=bind,src=$SRC/file/x,dst=/m" bb true
}

@test "bad mounts are named in one line" {
    assert_fails 125 "type=bind needs a source" imgc run --rm --mount type=bind,dst=/m bb true
    assert_fails 125 "a target is missing" imgc run --rm --mount "type=bind,src=$SRC" bb true
    assert_fails 125 "'colour' is no option" imgc run --rm --mount "type=bind,src=$SRC,dst=/m,colour=red" bb true
    assert_fails 125 "'volume-nocopy' is no option of type=bind" \
        imgc run --rm --mount "type=bind,src=$SRC,dst=/m,volume-nocopy" bb true
    assert_fails 125 "bind, volume or tmpfs" imgc run --rm --mount "type=image,src=bb,dst=/m" bb true
    assert_fails 125 "'ro' and 'rw' contradict" imgc run --rm -v "$SRC:/m:ro,rw" bb true
    assert_fails 125 "option 'O' is not supported" imgc run --rm -v "$SRC:/m:O" bb true
    assert_fails 125 "option 'O' is not supported" imgc run --rm -v "$SRC:/m:O" bb true
    assert_fails 125 "option 'x' is not supported" imgc run --rm -v "$SRC:/m:x" bb true
    assert_fails 125 "'nocopy' is for volumes" imgc run --rm -v "$SRC:/m:nocopy" bb true
    assert_fails 125 "two mounts on '/m'" imgc run --rm -v "$SRC:/m" --mount "type=tmpfs,dst=/m" bb true
    for target in / /proc /proc/sys /dev; do
        assert_fails 125 "nothing can be mounted over" imgc run --rm --mount "type=bind,src=$SRC,dst=$target" bb true
    done
}

@test "noexec, nosuid and nodev, and their opposites" {
    cp "$(command -v busybox || echo /bin/true)" "$SRC/prog"
    chmod 4755 "$SRC/prog"
    mknod "$SRC/zero" c 1 5
    [[ $(mount_options /m -v "$SRC:/m") == *nodev* ]]
    [[ $(mount_options /m -v "$SRC:/m") != *nosuid* ]]
    [[ $(mount_options /m -v "$SRC:/m:nosuid,noexec") == *nosuid,nodev,noexec* ]]
    [[ $(mount_options /m -v "$SRC:/m:dev,suid,exec") != *nodev* ]]
    [[ $(mount_options /m --mount "type=bind,src=$SRC,dst=/m,noexec") == *noexec* ]]
    run imgc run --rm -v "$SRC:/m:noexec" bb /m/prog true
    [ "$status" -eq 126 ]
    run imgc run --rm -v "$SRC:/m" bb head -c 1 /m/zero
    [ "$status" -ne 0 ]
}

@test "a file, a socket and a device as the source" {
    python3 -c 'import socket,sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])' "$SRC/sock"
    run imgc run --rm -v "$SRC/sock:/run/s.sock" -v /dev/zero:/z -v "$SRC/file:/etc/f:ro" bb \
        sh -c 'stat -c %F /run/s.sock /z /etc/f; head -c 3 /z | wc -c'
    [ "$output" = $'socket\ncharacter special file\nregular file\n3' ]
}

# What follows changes the mounts of the host, so it runs in a namespace of its own.
in_namespace() {
    unshare -m --propagation private bash -euc "$1" bash "$IMGC" "$STORE" "$RUNROOT" "$SRC"
}

@test "read-only goes down into what is mounted below, or not" {
    require_root_mount
    run in_namespace '
        mkdir "$4/sub"; mount -t tmpfs none "$4/sub"; touch "$4/sub/inner"
        IMGC=$1 STORE=$2 RUNROOT=$3 SRC=$4
        for o in -v=$SRC:/m:ro --mount=type=bind,src=$SRC,dst=/m,ro,bind-recursive=writable \
            --mount=type=bind,src=$SRC,dst=/m,ro,bind-recursive=disabled -v=$SRC:/m:bind; do
            "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm "${o%%=*}" "${o#*=}" bb sh -c \
                "touch /m/x 2>/dev/null && echo top; touch /m/sub/x 2>/dev/null && echo below; ls /m/sub"
            echo --
            rm -f "$SRC/x" "$SRC/sub/x"
        done'
    [ "$output" = $'inner\n--\nbelow\ninner\nx\n--\n--\ntop\nbelow\nx\n--' ] || { echo "$output"; return 1; }
}

@test "propagation: private by default, slave from the host, shared both ways" {
    require_root_mount
    run in_namespace '
        run="$1 --root $2 --runroot $3 run --rm"
        mkdir "$4/s"; mount -t tmpfs none "$4/s"; mount --make-shared "$4/s"; mkdir "$4/s/a"
        for mode in private slave rshared; do
            rm -f "$4/s/go" "$4/s/up"
            $run -v "$4/s:/m:$mode" bb sh -c \
                "touch /m/up; while [ ! -e /m/go ]; do sleep 0.05; done; ls /m/a" &
            for i in $(seq 200); do [ -e "$4/s/up" ] && break; sleep 0.05; done
            mount -t tmpfs none "$4/s/a"; touch "$4/s/a/mounted-$mode"; touch "$4/s/go"
            wait $!
            umount "$4/s/a"
        done'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "$output" = $'mounted-slave\nmounted-rshared' ] || { echo "$output"; return 1; }
}

@test "propagation that nobody could see is refused" {
    require_root_mount
    run in_namespace '
        mount -t tmpfs none "$4"
        for mode in shared slave; do
            "$1" --root "$2" --runroot "$3" run --rm -v "$4:/m:$mode" bb true || echo $?
        done'
    [[ ${lines[0]} == *"is not a shared mount"* ]]
    [ "${lines[1]}" = 125 ]
    [[ ${lines[2]} == *"is not a shared or slave mount"* ]]
    [ "${lines[3]}" = 125 ]
}

@test "volumes on volumes: the outer one first, whatever the order" {
    mkdir "$SRC/in" "$BATS_TEST_TMPDIR/other"
    echo deep >"$BATS_TEST_TMPDIR/other/f"
    run imgc run --rm -v "$BATS_TEST_TMPDIR/other:/m/in" -v "$SRC:/m" bb cat /m/file /m/in/f
    [ "$output" = $'hello\ndeep' ]
}
