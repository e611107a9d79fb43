# SPDX-License-Identifier: Apache-2.0
# Devices of the host that a container is given, seen from inside.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
    # devices of our own making, with numbers that no container may open by itself
    DEVICES=$BATS_TEST_TMPDIR/devices
    mkdir -p "$DEVICES/sub"
    for minor in 229 237 200; do # fuse, loop-control, tun: whichever is there
        rm -f "$DEVICES/node"
        mknod -m 640 "$DEVICES/node" c 10 $minor 2>/dev/null || skip "no device nodes can be made here"
        (: <"$DEVICES/node") 2>/dev/null && break
    done
    HEX=a:$(printf %x $minor) MINOR=$minor
    mknod -m 600 "$DEVICES/sub/port" c 1 4
    ln -s node "$DEVICES/link"
    : >"$DEVICES/file"
    (: <"$DEVICES/node") 2>/dev/null || skip "device nodes cannot be opened here"
}

@test "--device gives a node of its own, with the host's numbers, mode and owner" {
    chown 7:8 "$DEVICES/node"
    run imgc run --rm --device "$DEVICES/node:/dev/mine" bb sh -c 'stat -c "%F %t:%T %a %u:%g" /dev/mine; : </dev/mine && echo opened; chmod 666 /dev/mine; stat -c %a /dev/mine'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "${lines[0]}" = "character special file $HEX 640 7:8" ]
    [ "${lines[1]}" = opened ] && [ "${lines[2]}" = 666 ]
    [ "$(stat -c %a "$DEVICES/node")" = 640 ]
    # at its own path, outside of /dev, through a link
    run imgc run --rm --device "$DEVICES/node" bb stat -c %t:%T "$DEVICES/node"
    [ "$output" = "$HEX" ]
    run imgc run --rm --device "$DEVICES/link:/deep/er/node" bb sh -c ': </deep/er/node && stat -c %t:%T /deep/er/node'
    [ "$output" = "$HEX" ]
    # and nothing besides
    run imgc run --rm --device "$DEVICES/node:/dev/mine" bb sh -c 'ls -A /dev; mknod /tmp/n c 10 '$MINOR' && : </tmp/n'
    [ "$status" -ne 0 ]
    [[ $output != *.imgc* ]]
    run imgc run --rm bb sh -c "ls /dev/mine $DEVICES"
    [ "$status" -ne 0 ]
}

@test "a directory stands for the devices in it" {
    run imgc run --rm --device "$DEVICES:/dev/many" bb sh -c 'find /dev/many ! -type d | sort; : </dev/many/node && echo opened'
    [ "$(echo $output)" = "/dev/many/node /dev/many/sub/port opened" ] || { echo "$output"; return 1; }
}

@test "what may be done with it: letters of rwm" {
    controlled() { # without a device controller the node's mode is all there is
        run imgc run --rm --device "$DEVICES/node:/dev/mine:m" bb sh -c ': </dev/mine'
        [ "$status" -ne 0 ]
    }
    controlled || skip "no control over devices on this host"
    run imgc run --rm --device "$DEVICES/node:/dev/mine:r" bb sh -c ': </dev/mine && echo read; : >/dev/mine'
    [ "$status" -ne 0 ]
    [ "${lines[0]}" = read ]
    run imgc run --rm --device "$DEVICES/node:w" bb sh -c ": >>$DEVICES/node && echo written; : <$DEVICES/node"
    [ "$status" -ne 0 ]
    [ "${lines[0]}" = written ]
}

@test "--device-cgroup-rule lets devices be used by number, in volumes" {
    # a volume with devices in it is nodev, so the host's node is mounted by itself
    run imgc run --rm -v "$DEVICES/node:/node" bb sh -c ': </node'
    [ "$status" -ne 0 ] || skip "no control over devices on this host"
    for rule in "c 10:$MINOR rwm" "c 10:* r" "a *:* rwm"; do
        run imgc run --rm -v "$DEVICES/node:/node" --device-cgroup-rule "$rule" bb sh -c ': </node && echo opened'
        [ "$output" = opened ] || { echo "$rule: $output"; return 1; }
    done
    for rule in "b 10:$MINOR rwm" "c 10:1 rwm" "c 2:$MINOR rwm" "c 10:$MINOR w" "c 10:$MINOR m"; do
        run imgc run --rm -v "$DEVICES/node:/node" --device-cgroup-rule "$rule" bb sh -c ': </node'
        [ "$status" -ne 0 ] || { echo "$rule"; return 1; }
    done
    # the standard ones stay what they are
    run imgc run --rm --device-cgroup-rule "c 10:$MINOR r" bb sh -c 'echo x >/dev/null; head -c 1 /dev/zero | wc -c'
    [ "$output" = 1 ]
}

@test "what is no device, or no place for one: refused in one line" {
    assert_fails 125 "no such device" imgc run --rm --device /dev/nosuch bb true
    assert_fails 125 "it is no device" imgc run --rm --device "$DEVICES/file" bb true
    assert_fails 125 "device 'fuse'" imgc run --rm --device fuse bb true
    assert_fails 125 "letters of rwm" imgc run --rm --device "$DEVICES/node:x" bb true
    assert_fails 125 "letters of rwm" imgc run --rm --device "$DEVICES/node:/a:" bb true
    assert_fails 125 "that place" imgc run --rm --device "$DEVICES/node:/dev/." bb true
    assert_fails 125 "/proc" imgc run --rm --device "$DEVICES/node:/proc/cpuinfo" bb true
    for rule in "c 1:3" "x 1:3 r" "c 1 r" "c 1:3 z" "c -1:3 r" "c 1:3 rwmr" ""; do
        assert_fails 125 "device-cgroup-rule" imgc run --rm --device-cgroup-rule "$rule" bb true
    done
    if command -v podman >/dev/null; then
        for options in "--device /dev/nosuch" "--device-cgroup-rule x"; do
            # shellcheck disable=SC2086
            run podman run --pull never --rm $options nosuchimage true
            [ "$status" -eq 125 ]
        done
    fi
}

@test "a link of the image does not lead a device out of it" {
    root=$BATS_TEST_TMPDIR/root victim=$BATS_TEST_TMPDIR/victim
    mkdir "$root" "$victim"
    tar -C "$root" -xf "$IMAGES/busybox.tar"
    ln -s "$victim" "$root/out"
    ln -s "/../../../..$victim/other" "$root/node"
    ln -s /proc/self/fd/0 "$root/magic"
    imgc import "$root" links >/dev/null
    run imgc run --rm --device "$DEVICES/node:/out/node" --device "$DEVICES/node:/node" links stat -L -c %t:%T /out/node /node
    [ "$(echo $output)" = "$HEX $HEX" ] || { echo "$output"; return 1; }
    run imgc run --rm --device "$DEVICES/node:/magic" links true
    [ "$status" -eq 125 ]
    [ -z "$(ls -A "$victim")" ]
}
