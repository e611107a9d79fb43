# SPDX-License-Identifier: Apache-2.0
# Namespaces shared with the host, with another container, or made by others; seen from inside.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

# The donor stands by until it is told to go: from its pipe comes the word that it runs.
start_donor() { # NAME OPTIONS...
    local name=$1
    shift
    mkfifo "$BATS_TEST_TMPDIR/$name.go" "$BATS_TEST_TMPDIR/$name.runs"
    # not imgc(): what is killed would be the shell that it runs in
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" run -i --name "$name" "$@" bb \
        sh -c "echo from-$name >/dev/shm/file; echo runs; cat" \
        <>"$BATS_TEST_TMPDIR/$name.go" >"$BATS_TEST_TMPDIR/$name.runs" 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/$name.pid"
    read -r _ <"$BATS_TEST_TMPDIR/$name.runs"
}

teardown() {
    local file
    for file in "$BATS_TEST_TMPDIR"/*.pid; do
        [ -e "$file" ] || continue
        kill -9 "$(cat "$file")" 2>/dev/null || true
    done
}

ns_of_donor() { # NAME KIND
    local pid
    pid=$(imgc inspect -f '{{.State.Pid}}' "$1")
    readlink "/proc/$pid/ns/$2"
}

@test "all namespaces are the container's own unless asked otherwise" {
    run imgc run --rm bb sh -c 'for n in mnt pid uts ipc net cgroup time; do readlink /proc/self/ns/$n; done'
    for n in mnt pid uts ipc net cgroup time; do
        [ -e "/proc/self/ns/$n" ] || continue
        [[ $output != *"$(readlink /proc/self/ns/$n)"* ]] || { echo "$n is shared"; return 1; }
    done
    # a time namespace of its own, in which it is as late as outside
    before=$(cut -d. -f1 /proc/uptime)
    inside=$(imgc run --rm bb cut -d. -f1 /proc/uptime)
    [ "$inside" -ge "$before" ] && [ "$inside" -le $((before + 60)) ]
}

@test "--pid, --ipc, --uts, --cgroupns host" {
    for pair in pid:pid ipc:ipc uts:uts cgroupns:cgroup; do
        run imgc run --rm --${pair%:*} host bb sh -c 'for n in pid ipc uts cgroup; do readlink /proc/self/ns/$n; done'
        [ "$status" -eq 0 ] || { echo "$output"; return 1; }
        [[ $output == *"$(readlink /proc/self/ns/${pair#*:})"* ]]
        for other in pid ipc uts cgroup; do
            [ $other = ${pair#*:} ] && continue
            [[ $output != *"$(readlink /proc/self/ns/$other)"* ]] || { echo "$other is shared"; return 1; }
        done
    done
    run imgc run --rm --pid host bb sh -c 'echo $$; test -d /proc/1 && test -d /proc/'$$
    [ "$status" -eq 0 ] && [ "$output" != 1 ]
    [ "$(imgc run --rm --uts host bb hostname)" = "$(hostname)" ]
    [ "$(imgc run --rm --uts host bb sh -c 'echo $HOSTNAME; cat /etc/hostname' | sort -u)" = "$(hostname)" ]
    assert_fails 125 'hostname' imgc run --rm --uts host --hostname x bb true
    # shared memory of the host, and its cgroups though nothing of them can be changed
    mark=imgc-test-$$-$RANDOM
    echo mark >"/dev/shm/$mark"
    run imgc run --rm --ipc host bb cat "/dev/shm/$mark"
    rm "/dev/shm/$mark"
    [ "$output" = mark ]
    run imgc run --rm --cgroupns host bb sh -c 'ls /sys/fs/cgroup; find /sys/fs/cgroup -maxdepth 1 -type d ! -path /sys/fs/cgroup -exec mkdir {}/x \; 2>&1 | grep -vc Read-only; mkdir /sys/fs/cgroup/x'
    [ "$status" -ne 0 ]
    for dir in /sys/fs/cgroup/*; do
        [[ $output == *"${dir##*/}"* ]]
    done
}

@test "everything that --pid host leaves running dies with the container" {
    mark=$((RANDOM + 100000))
    imgc run --rm --pid host bb sh -c "sleep $mark & true"
    for _ in {1..100}; do
        pgrep -f "sleep $mark" >/dev/null || break
        sleep 0.1
    done
    ! pgrep -f "sleep $mark" || false
}

@test "container:NAME joins what the other one has" {
    start_donor donor --ipc shareable --hostname donated
    for pair in pid:pid ipc:ipc uts:uts cgroupns:cgroup network:net; do
        run imgc run --rm --${pair%:*} container:donor bb readlink /proc/self/ns/${pair#*:}
        [ "$output" = "$(ns_of_donor donor ${pair#*:})" ] || { echo "$pair: $output"; return 1; }
    done
    run imgc run --rm --ipc container:donor bb sh -c 'cat /dev/shm/file; echo back >/dev/shm/back'
    [ "$output" = from-donor ]
    [ "$(imgc run --rm --ipc container:donor bb cat /dev/shm/back)" = back ]
    [ "$(imgc run --rm --uts container:donor bb hostname)" = donated ]
    [ "$(imgc run --rm --pid container:donor bb ps | grep -c ' cat')" = 1 ]
    [ "$(imgc run --rm --net container:donor bb grep -c donated /etc/hosts)" = 1 ]
    id=$(imgc inspect -f '{{.ID}}' donor)
    [ "$(imgc run --rm --uts "container:${id:0:12}" bb hostname)" = donated ]
    # it is not hurt by those that come and go
    [ "$(imgc inspect -f '{{.State.Running}}' donor)" = true ]
}

@test "IPC is shared when the donor says so; none is no /dev/shm" {
    start_donor closed
    assert_fails 125 'not shareable' imgc run --rm --ipc container:closed bb true
    start_donor private --ipc private
    assert_fails 125 'not shareable' imgc run --rm --ipc container:private bb true
    run imgc run --rm --ipc none bb sh -c 'ls -d /dev/shm; readlink /proc/self/ns/ipc'
    [[ ${lines[0]} == *"No such file"* ]]
    [ "${lines[1]}" != "$(readlink /proc/self/ns/ipc)" ]
}

@test "ns:PATH joins a namespace that somebody else made" {
    mkdir -p "$BATS_TEST_TMPDIR/ns"
    : >"$BATS_TEST_TMPDIR/ns/net"
    mount --bind "$BATS_TEST_TMPDIR/ns" "$BATS_TEST_TMPDIR/ns"
    mount --make-private "$BATS_TEST_TMPDIR/ns"
    unshare --net="$BATS_TEST_TMPDIR/ns/net" true
    want=net:[$(stat -L -c %i "$BATS_TEST_TMPDIR/ns/net")]
    run imgc run --rm --network "ns:$BATS_TEST_TMPDIR/ns/net" bb readlink /proc/self/ns/net
    umount "$BATS_TEST_TMPDIR/ns/net"
    umount "$BATS_TEST_TMPDIR/ns"
    [ "$output" = "$want" ] || { echo "$output instead of $want"; return 1; }
}

@test "what is no namespace, and no container: refused in one line" {
    assert_fails 125 "no such container: nobody" imgc run --rm --pid container:nobody bb true
    imgc run --name over bb true
    assert_fails 125 "container 'over': it does not run" imgc run --rm --ipc container:over bb true
    imgc rm over
    for option in pid ipc uts cgroupns network; do
        assert_fails 125 "--$option 'bogus'" imgc run --rm --$option bogus bb true
        assert_fails 125 "--$option 'container:'" imgc run --rm --$option container: bb true
    done
    assert_fails 125 "no namespace '/nope'" imgc run --rm --network ns:/nope bb true
    assert_fails 125 "'/etc/passwd' is no net namespace" imgc run --rm --network ns:/etc/passwd bb true
    assert_fails 125 "'/proc/self/ns/uts' is no net namespace" imgc run --rm --network ns:/proc/self/ns/uts bb true
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    assert_fails 125 "is no net namespace" timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" \
        run --rm --network "ns:$BATS_TEST_TMPDIR/fifo" bb true
    if command -v podman >/dev/null; then
        for options in "--pid bogus" "--pid container:nobody" "--network ns:/nope" "--uts bogus"; do
            # shellcheck disable=SC2086
            run podman run --pull never --rm $options nosuchimage true
            [ "$status" -eq 125 ]
        done
    fi
}

@test "no container is set up where a neighbour may trace it" {
    imgc run -d --name tracer --cap-add SYS_PTRACE bb sleep 1000
    assert_fails 125 "CAP_SYS_PTRACE" imgc run --rm --pid container:tracer bb true
    imgc run -d --name plain bb sleep 1000
    imgc run --rm --pid container:plain bb true
    imgc run -d --name guest --cap-add SYS_PTRACE --pid container:plain bb sleep 1000
    assert_fails 125 "CAP_SYS_PTRACE" imgc run --rm --pid container:plain bb true
    imgc rm -f tracer plain guest
}
