# SPDX-License-Identifier: Apache-2.0
# User namespaces of root's containers: --userns, --uidmap and their like, seen from both sides.

load lib/common

MAP="--uidmap 0:300000:65536"

setup_file() {
    have_user_namespaces && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    mkdir "$BATS_FILE_TMPDIR/in"
    tar -C "$BATS_FILE_TMPDIR/in" -xf "$IMAGES/busybox.tar"
    cat >"$BATS_FILE_TMPDIR/suid.c" <<'EOF'
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("%d %d\n", (int)getuid(), (int)geteuid()); return 0; }
EOF
    ${CC:-cc} -static -o "$BATS_FILE_TMPDIR/in/bin/suid" "$BATS_FILE_TMPDIR/suid.c"
    chmod 4755 "$BATS_FILE_TMPDIR/in/bin/suid"
    ${CC:-cc} -static -o "$BATS_FILE_TMPDIR/in/bin/attacker" "$E2E_LIB/attacker.c"
    echo of33 >"$BATS_FILE_TMPDIR/in/data/of33"
    chown 33:44 "$BATS_FILE_TMPDIR/in/data/of33"
    mkdir "$BATS_FILE_TMPDIR/in/dev"
    mknod "$BATS_FILE_TMPDIR/in/dev/null" c 1 3
    tar -C "$BATS_FILE_TMPDIR/in" --numeric-owner -cf "$BATS_FILE_TMPDIR/bb.tar" .
    imgc import "$BATS_FILE_TMPDIR/bb.tar" bb >/dev/null
}

setup() {
    require_user_namespaces
    require_images busybox
    # shellcheck disable=SC2086
    run imgc run --rm $MAP bb true
    [[ $output != *"cannot map the owners"* ]] || skip "no mapped mounts here"
}

teardown() {
    imgc rm -f -a >/dev/null 2>&1 || true
}

# with_ranges UIDS GIDS CMD...: with these lines as /etc/subuid and /etc/subgid.
with_ranges() {
    printf '%s\n' "$1" >"$BATS_TEST_TMPDIR/subuid"
    printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/subgid"
    shift 2
    # shellcheck disable=SC2016 # for the shell inside
    unshare -m sh -c 'dir=$1; shift; for f in subuid subgid; do
        mount --bind "$dir/$f" "/etc/$f" || exit 77; done; exec "$@"' sh "$BATS_TEST_TMPDIR" \
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" "$@"
}

@test "--uidmap and --gidmap: root inside is somebody outside, in both forms of layers" {
    # shellcheck disable=SC2086
    for form in auto directory; do
        export IMGC_LAYERS=$form
        run imgc run --rm $MAP bb sh -c 'id -u; stat -c %u:%g / /bin/busybox /data/of33 /etc/hosts
            touch /new; chown 33:44 /new; stat -c %u:%g /new; cat /proc/self/uid_map /proc/self/gid_map'
        [ "$status" -eq 0 ] || { echo "$output"; return 1; }
        [ "$(echo "$output" | head -7 | tr '\n' ' ')" = '0 0:0 0:0 33:44 0:0 33:44 '"${lines[6]} " ]
        read -r inside outside count <<<"${lines[6]}"
        [ "$inside $outside $count" = "0 300000 65536" ]
        [ "${lines[7]}" = "${lines[6]}" ]
    done
    unset IMGC_LAYERS
    run imgc run --rm --uidmap 0:300000:1000,1000:500000:10 --gidmap 0:400000:65536 bb \
        sh -c 'cat /proc/self/uid_map /proc/self/gid_map | tr -s " "'
    [ "$output" = $' 0 300000 1000\n 1000 500000 10\n 0 400000 65536' ]
    # what it is outside: the files that it makes, and its processes
    imgc run -d --name one $MAP bb sh -c 'touch /made; chown 5:6 /made; exec sleep 1000' >/dev/null
    pid=$(imgc inspect -f '{{.State.Pid}}' one)
    [ "$(stat -c %u:%g "/proc/$pid")" = 300000:300000 ]
    for i in {1..100}; do
        [ "$(stat -c %u:%g "$STORE"/containers/*/upper/made)" != 300005:300006 ] || break
        sleep 0.05
    done
    [ "$(stat -c %u:%g "$STORE"/containers/*/upper/made)" = 300005:300006 ]
    [ "$(stat -c %u:%g "$STORE"/containers/*/upper)" = 300000:300000 ]
    # nothing of the layers was changed or copied
    [ ! -e "$(ls -d "$STORE"/containers/*/upper)/bin" ]
    assert_store_clean
}

@test "all namespaces belong to the container's own, and capabilities count in no other" {
    # shellcheck disable=SC2086,SC2016
    run imgc run --rm $MAP --cap-add NET_ADMIN --cap-add SYS_ADMIN --security-opt seccomp=unconfined bb \
        sh -c 'ip addr add 10.9.9.9/32 dev lo && echo net; hostname other && echo uts
               mount -t tmpfs none /tmp && echo mnt; ls /sys/class/net'
    [ "$output" = $'net\nuts\nmnt\nlo' ] || { echo "$output"; return 1; }
    # shellcheck disable=SC2086
    run imgc run --rm $MAP --privileged bb sh -c 'cat /proc/sys/kernel/core_pattern >/tmp/old
        cat /tmp/old >/proc/sys/kernel/core_pattern; mount -o remount,rw /sys; echo 1 >/sys/kernel/profiling
        chroot /proc/1/root true && echo own; date -s 2020-01-01; mknod /tmp/null c 1 3 && echo made
        echo end'
    [[ $output != *made* ]] && [[ $output == *own* && $output == *end* ]]
    [ "$(echo "$output" | grep -c -e 'core_pattern: Permission denied' -e 'date: ')" -ge 2 ]
    # host's processes: seen, not touched
    sleep 1000 3>&- &
    victim=$!
    # shellcheck disable=SC2086
    run imgc run --rm $MAP --privileged --pid host bb sh -c "kill -9 $victim; ls /proc/$victim/root/; cat /proc/$victim/environ"
    [[ $output == *"not permitted"* && $output != *HOME=* ]]
    kill "$victim"
}

@test "set-user-ID programs and device nodes of the image mean nothing outside" {
    # shellcheck disable=SC2086
    [ "$(imgc run --rm $MAP -u 1000 bb suid)" = "1000 0" ]
    imgc run -d --name one $MAP bb sh -c 'cp /bin/suid /own; chmod 4755 /own; chmod 755 /; exec sleep 1000' >/dev/null
    pid=$(imgc inspect -f '{{.State.Pid}}' one)
    for i in {1..100}; do
        [ ! -u "/proc/$pid/root/own" ] || break
        sleep 0.05
    done
    [ "$(stat -c %u:%a "/proc/$pid/root/own")" = 300000:4755 ]
    # root's own disks stay closed whatever the node says
    disk=$(findmnt -no SOURCE / || true)
    [ -b "$disk" ] || disk=/dev/kmsg
    # shellcheck disable=SC2086
    run imgc run --rm $MAP --device "$disk" bb sh -c "head -c 1 $disk >/dev/null"
    [[ $output == *denied* ]]
}

@test "exec, logs, stop and start, cp through the user namespace" {
    # shellcheck disable=SC2086
    imgc run -d --name one $MAP bb sh -c 'echo said; trap "exit 0" TERM; while :; do sleep 0.1; done' >/dev/null
    run imgc exec one sh -c 'id -u; touch /by-exec; stat -c %u /by-exec; tr -s " " </proc/self/uid_map'
    [ "$output" = $'0\n0\n 0 300000 65536' ]
    [ "$(imgc exec -u 1000:2000 one id -u)" = 1000 ]
    [ "$(echo in | imgc exec -i one sh -c 'cat /dev/stdin; echo out >/dev/stdout')" = $'in\nout' ]
    # shellcheck disable=SC2016
    run script -qec "'$IMGC' --root '$STORE' --runroot '$RUNROOT' exec -t one sh -c 'stat -c %u \$(tty); echo x >\$(tty)'" /dev/null
    [[ $output == 0*x* ]]
    [ "$(imgc logs one)" = said ]
    # owners are those that the container sees, on the way in and out, running or not
    echo in >"$BATS_TEST_TMPDIR/file"
    imgc cp "$BATS_TEST_TMPDIR/file" one:/in1
    imgc exec one chown 33:44 /in1
    [ "$(imgc cp one:/in1 - | tar --numeric-owner -tv | awk '{ print $2 }')" = 33/44 ]
    imgc stop one >/dev/null
    imgc cp "$BATS_TEST_TMPDIR/file" one:/in2
    [ "$(imgc cp one:/data/of33 - | tar --numeric-owner -tv | awk '{ print $2 }')" = 33/44 ]
    imgc cp -a one:/in1 "$BATS_TEST_TMPDIR/out"
    [ "$(stat -c %u:%g "$BATS_TEST_TMPDIR/out")" = 33:44 ]
    imgc cp -a "$BATS_TEST_TMPDIR/out" one:/in3
    imgc start one >/dev/null
    [ "$(imgc exec one stat -c %u:%g /in1 /in2 /in3)" = $'33:44\n0:0\n33:44' ]
    [ "$(imgc exec one stat -c %u /by-exec /)" = $'0\n0' ]
    [ "$(imgc inspect -f '{{index .HostConfig.IDMappings.UidMap 0}} {{.HostConfig.UsernsMode}}' one)" = '0:300000:65536 private' ]
    # shellcheck disable=SC2086
    [ "$(echo in | imgc run -i --rm $MAP bb sh -c 'cat /dev/stdin; echo out >/dev/stdout' | cat)" = $'in\nout' ]
}

@test "volumes have the container's owners, whatever they are outside; binds those of the host" {
    SRC=$BATS_TEST_TMPDIR/src
    mkdir "$SRC"
    touch "$SRC/f"
    chown 33:44 "$SRC/f"
    # shellcheck disable=SC2086
    imgc run --rm $MAP -v vol:/v bb sh -c 'touch /v/f; chown 5:6 /v/f'
    [ "$(imgc run --rm --uidmap 0:500000:65536 -v vol:/v bb stat -c %u:%g /v /v/f)" = $'0:0\n5:6' ]
    [ "$(imgc run --rm -v vol:/v bb stat -c %u:%g /v /v/f)" = $'0:0\n5:6' ]
    # what the image has there
    # shellcheck disable=SC2086
    [ "$(imgc run --rm $MAP -v new:/data bb stat -c %u:%g /data /data/of33)" = $'0:0\n33:44' ]
    # shellcheck disable=SC2086
    run imgc run --rm $MAP -v "$SRC:/m" bb sh -c 'stat -c %u:%g /m/f; touch /m/x'
    [[ $output == 65534:65534*denied* ]]
    # shellcheck disable=SC2086
    run imgc run --rm $MAP -v "$SRC:/m:idmap" bb sh -c 'stat -c %u:%g /m/f; touch /m/x; stat -c %u /m/x'
    [ "$output" = $'33:44\n0' ]
    [ "$(stat -c %u:%g "$SRC/f" "$SRC/x")" = $'33:44\n0:0' ]
    assert_fails 125 "'idmap' needs a user namespace" imgc run --rm -v "$SRC:/m:idmap" bb true
    # a set-user-ID program of the container's root is root's on the host: where others come is said in the docs
    rm "$SRC/x"
}

@test "option U gives the source to the container's user, and follows no links" {
    SRC=$BATS_TEST_TMPDIR/src
    mkdir -p "$SRC/deep/er"
    touch "$SRC/deep/er/f" "$BATS_TEST_TMPDIR/outside"
    ln -s "$BATS_TEST_TMPDIR/outside" "$SRC/link"
    imgc run --rm -u 1000:2000 -v "$SRC:/m:U" bb touch /m/deep/er/new
    [ "$(stat -c %u:%g "$SRC" "$SRC/deep/er/f" "$SRC/link" | uniq)" = 1000:2000 ]
    [ "$(stat -c %u "$BATS_TEST_TMPDIR/outside")" = 0 ]
    # shellcheck disable=SC2086
    imgc run --rm $MAP -u 7:8 --mount "type=bind,src=$SRC,dst=/m,U=true" bb touch /m/deep/er/other
    [ "$(stat -c %u:%g "$SRC" "$SRC/deep/er/f" "$SRC/link" "$SRC/deep/er/other" | uniq)" = 300007:300008 ]
    [ "$(stat -c %u "$BATS_TEST_TMPDIR/outside")" = 0 ]
}

@test "--userns auto: IDs that no other container has; private: the first of the range" {
    run with_ranges imgc:1000000:400000 containers:2000000:400000 run --rm --userns auto bb true
    [ "$status" -ne 77 ] || skip "/etc/subuid cannot be replaced here"
    ranges="imgc:1000000:400000"
    with_ranges "$ranges" "$ranges" run -d --name one --userns auto bb sleep 1000 >/dev/null
    with_ranges "$ranges" "$ranges" run -d --name two --userns=auto:size=70000 bb sleep 1000 >/dev/null
    with_ranges "$ranges" "$ranges" create --name three --userns auto:size=1000,uidmapping=5:77:1,gidmapping=0:88:2 bb true >/dev/null
    [ "$(imgc inspect -f '{{index .HostConfig.IDMappings.UidMap 0}}' one)" = 0:1065536:65536 ]
    [ "$(imgc inspect -f '{{index .HostConfig.IDMappings.UidMap 0}}' two)" = 0:1131072:70000 ]
    [ "$(imgc inspect -f '{{json .HostConfig.IDMappings}}' three)" = '{"GidMap":["0:88:2","2:1201074:998"],"UidMap":["5:77:1","0:1201072:5","6:1201078:994"]}' ]
    # the same ones after a restart, free again when it is gone
    imgc rm -f one >/dev/null
    with_ranges "$ranges" "$ranges" run -d --name four --userns auto bb sleep 1000 >/dev/null
    [ "$(imgc inspect -f '{{index .HostConfig.IDMappings.UidMap 0}}' four)" = 0:1065536:65536 ]
    imgc stop -t 0 two >/dev/null
    imgc start two >/dev/null
    [ "$(imgc exec two sh -c 'tr -s " " </proc/self/uid_map')" = ' 0 1131072 70000' ]
    run with_ranges "$ranges" "$ranges" run --rm --userns private bb sh -c 'tr -s " " </proc/self/uid_map'
    [ "$output" = ' 0 1000000 65536' ]
    run with_ranges "$ranges
me:5000000:10
me:6000000:100" "$ranges
me:7000000:50" run --rm --subuidname me bb sh -c 'tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map'
    [ "$output" = $' 0 5000000 10\n 10 6000000 100\n 0 7000000 50' ]
    run with_ranges "me:5000000:10" "me:1:1
them:7000000:50" run --rm --subuidname me --subgidname them bb sh -c 'tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map'
    [ "$output" = $' 0 5000000 10\n 0 7000000 50' ]
    # few are enough where there are not more, but what is asked for has to be there
    run with_ranges imgc:9000000:2000 imgc:9000000:2000 run --rm --userns auto bb sh -c 'tr -s " " </proc/self/uid_map'
    [ "$output" = ' 0 9000000 1024' ]
    assert_fails 125 'no 5000 user IDs in one piece are free' with_ranges imgc:9000000:2000 imgc:9000000:2000 run --rm --userns auto:size=5000 bb true
    assert_fails 125 'a larger range' with_ranges imgc:9000000:2000 imgc:9000000:2000 run --rm --userns auto -u 5000 bb true
    assert_fails 125 'no range for imgc or containers in /etc/subgid' with_ranges imgc:9000000:2000 other:1:1 run --rm --userns auto bb true
    assert_fails 125 'no range for nemo in /etc/subuid' with_ranges imgc:9000000:2000 nemo:1:1 run --rm --subuidname nemo bb true
    assert_fails 125 '/etc/subuid: line 1: not OWNER:START:COUNT' with_ranges imgc:x:2000 imgc:1:1 run --rm --userns private bb true
    imgc rm -f -a >/dev/null
}

@test "joining another container's namespaces when it has a user namespace of its own" {
    # shellcheck disable=SC2086
    imgc run -d --name donor --ipc shareable $MAP bb sh -c 'hostname donor 2>/dev/null; echo mine >/dev/shm/f; exec sleep 1000' >/dev/null
    pid=$(imgc inspect -f '{{.State.Pid}}' donor)
    for i in {1..100}; do
        [ ! -e "/proc/$pid/root/dev/shm/f" ] || break
        sleep 0.05
    done
    # without one of its own
    [ "$(imgc run --rm --net container:donor bb readlink /proc/self/ns/net)" = "$(readlink "/proc/$pid/ns/net")" ]
    run imgc run --rm --pid container:donor bb ps
    [[ $output == *sleep* ]]
    [ "$(imgc run --rm --ipc container:donor bb cat /dev/shm/f)" = mine ]
    # with the same one
    run imgc run --rm --userns container:donor --pid container:donor --net container:donor --ipc container:donor bb \
        sh -c 'for n in user pid net ipc; do readlink /proc/self/ns/$n; done; kill -0 1 && echo may; stat -c %u / /bin/busybox /dev/shm/f; touch /f'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    for n in user pid net ipc; do
        [[ $output == *"$(readlink "/proc/$pid/ns/$n")"* ]]
    done
    [[ $output == *$'may\n0\n0\n0' ]]
    # with another one
    # shellcheck disable=SC2086
    run imgc run --rm $MAP --net container:donor --ipc container:donor bb sh -c 'readlink /proc/self/ns/net; cat /dev/shm/f; ip link set lo down'
    [[ $output == "$(readlink "/proc/$pid/ns/net")"$'\nmine'*"not permitted"* ]] || { echo "$output"; return 1; }
    # shellcheck disable=SC2086
    assert_fails 125 'another user namespace.*--userns container:NAME' imgc run --rm $MAP --pid container:donor bb true
    # one that was made by hand
    [ "$(imgc run --rm --userns "ns:/proc/$pid/ns/user" bb readlink /proc/self/ns/user)" = "$(readlink "/proc/$pid/ns/user")" ]
    # of a container without one: the host's
    imgc run -d --name plain bb sleep 1000 >/dev/null
    [ "$(imgc run --rm --userns container:plain bb readlink /proc/self/ns/user)" = "$(readlink /proc/self/ns/user)" ]
    assert_fails 125 "'/proc/self/ns/net' is no user namespace" imgc run --rm --userns ns:/proc/self/ns/net bb true
    assert_fails 125 "container 'nobody'" imgc run --rm --userns container:nobody bb true
}

@test "processes of a user namespace cannot look into those that join it" {
    # one that sees all of the host's, and may trace whatever is in its namespace
    # shellcheck disable=SC2086
    imgc run -d --name donor $MAP --pid host --cap-add SYS_PTRACE bb attacker pry very-secret >/dev/null
    for _ in {1..15}; do
        VERY=very-secret imgc run --rm --userns container:donor bb true
    done
    imgc exec donor touch /tmp/stop
    imgc wait donor
    pried=$(imgc logs donor)
    echo "$pried"
    [ "$pried" = "seen: yes exes: 0 written: 0 secrets: 0 fds: 0" ]
}

@test "--rootfs, --read-only, --network, --init, limits with a user namespace" {
    mkdir "$BATS_TEST_TMPDIR/rootfs"
    tar -C "$BATS_TEST_TMPDIR/rootfs" -xf "$BATS_FILE_TMPDIR/bb.tar"
    # shellcheck disable=SC2086
    [ "$(imgc run --rm $MAP --rootfs "$BATS_TEST_TMPDIR/rootfs" sh -c 'stat -c %u / /data/of33; touch /new')" = $'0\n33' ]
    [ "$(stat -c %u "$BATS_TEST_TMPDIR/rootfs/new")" = 0 ]
    # shellcheck disable=SC2086
    run imgc run --rm $MAP --read-only --tmpfs /tmp bb sh -c 'touch /tmp/x && touch /x'
    [[ $output == *"Read-only"* ]]
    # shellcheck disable=SC2086
    [ "$(imgc run --rm $MAP --network host bb readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
    # shellcheck disable=SC2086
    [ "$(imgc run --rm $MAP --pids-limit 20 --ulimit nofile=100:200 -t bb sh -c 'ulimit -n; stat -c %u /dev/console' </dev/null | tr -d '\r')" = $'100\n0' ]
    run imgc run --rm --dry-run --uidmap 0:300000:65536 bb true
    [[ $output == *"users 0:300000:65536"* ]]
}

@test "what makes no sense is refused in one line" {
    assert_fails 125 'do not go together' imgc run --rm --userns host --uidmap 0:1:1 bb true
    assert_fails 125 'do not go together' imgc run --rm --uidmap 0:1:1 --subuidname x bb true
    assert_fails 125 'user and group 0 are not mapped' imgc run --rm --uidmap 1:1 bb true
    assert_fails 125 'overlaps with' imgc run --rm --uidmap 0:100000:5 --uidmap 3:88 bb true
    assert_fails 125 'CONTAINER_ID:HOST_ID' imgc run --rm --uidmap 0:x bb true
    assert_fails 125 'no range of IDs' imgc run --rm --uidmap 0:4294967290:100 bb true
    assert_fails 125 'no range of IDs' imgc run --rm --uidmap 0:100:0 bb true
    assert_fails 125 "'foo': host, private" imgc run --rm --userns foo bb true
    assert_fails 125 'for ordinary users' imgc run --rm --userns keep-id bb true
    assert_fails 125 'nomap' imgc run --rm --userns nomap bb true
    assert_fails 125 'size' imgc run --rm --userns auto:size=0 bb true
    [ -z "$(imgc ps -aq)" ]
}
