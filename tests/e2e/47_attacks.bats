# SPDX-License-Identifier: Apache-2.0
# Attacks on the launcher: by an image, and by the processes of a container (docs/security.md).
# forms: both

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    # an image with the attacker in it, to which tests add what they need
    export EVIL=$BATS_FILE_TMPDIR/evil
    mkdir -p "$EVIL"
    tar -C "$EVIL" -xf "$IMAGES/busybox.tar"
    ${CC:-cc} -static -o "$EVIL/attacker" "$E2E_LIB/attacker.c"
    tar -C "$EVIL" -cf "$EVIL.tar" .
    imgc import "$EVIL.tar" evil >/dev/null
}

setup() {
    require_containers
    require_images busybox
    ROOT=$BATS_TEST_TMPDIR/root
    VICTIM=$BATS_TEST_TMPDIR/victim
}

inside() {
    run imgc run --rm bb sh -c "$1"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

# A root file system of its own to spoil, in ROOT; then spoilt NAME makes an image of it.
fresh_root() {
    rm -rf "$ROOT"
    mkdir -p "$ROOT"
    tar -C "$ROOT" -xf "$EVIL.tar"
}

spoilt() {
    tar -C "$ROOT" -cf "$ROOT.tar" .
    imgc import "$ROOT.tar" "$1" >/dev/null
}

@test "imgc's own binary is neither run nor written through /proc/self/exe" {
    before=$(sha256sum <"$IMGC")
    interpreter=$(readelf -l "$IMGC" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    fresh_root
    if [ -n "$interpreter" ]; then # else imgc is static, and would run by itself
        mkdir -p "$ROOT${interpreter%/*}"
        cp "$ROOT/attacker" "$ROOT$interpreter"
    fi
    printf '#!/proc/self/exe\n' >"$ROOT/script"
    printf '#!/proc/1/exe\n' >"$ROOT/script1"
    ln -s /proc/self/exe "$ROOT/link"
    chmod 755 "$ROOT/script" "$ROOT/script1"
    spoilt self
    for command in /proc/self/exe /proc/1/exe /script /script1 /link; do
        assert_fails 126 hostile imgc run --rm self "$command" 9
        [[ $output != *attacker* ]]
    done
    assert_fails 126 hostile imgc run --rm --entrypoint /proc/self/exe self
    # ...also as another user, whose processes the launcher may look at as well
    assert_fails 126 hostile imgc run --rm -u 1000 self /proc/self/exe
    # what the test rests on: there, the attacker would have run
    run imgc run --rm self /attacker
    [[ ${lines[0]} == "attacker runs as /attacker" ]]
    [ "$(sha256sum <"$IMGC")" = "$before" ]
}

@test "imgc as the interpreter of a program cannot be written" {
    before=$(sha256sum <"$IMGC")
    fresh_root
    printf 'int main(void) { return 0; }\n' >"$BATS_TEST_TMPDIR/p.c"
    ${CC:-cc} -Wl,--dynamic-linker=/proc/self/exe -o "$ROOT/program" "$BATS_TEST_TMPDIR/p.c"
    spoilt interpreter
    run imgc run --rm interpreter /program
    [ "$status" -ne 0 ]
    # the way to a mapped file needs a capability that no container has
    run imgc run --rm bb sh -c 'for m in /proc/self/map_files/*; do echo x >"$m"; done'
    [ "$status" -ne 0 ]
    [ "$(sha256sum <"$IMGC")" = "$before" ]
}

@test "no process of the host is visible, and none can be traced or signalled" {
    inside 'for e in /proc/[0-9]*/exe; do readlink "$e"; done | grep -c imgc || true; grep PPid /proc/1/status; kill -9 -1 2>/dev/null; true'
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = "$(printf 'PPid:\t0')" ]
    run imgc run --rm evil /attacker trace
    [ "$output" = "traced: 0" ]
    run imgc run --rm evil sh -c 'sleep 5 & /attacker trace' # a process of its own it may trace
    [ "$output" = "traced: 1" ]
}

@test "a working directory in /proc/self/fd does not lead out" {
    echo secret >"$BATS_TEST_TMPDIR/marker"
    exec 7<"$BATS_TEST_TMPDIR"
    for fd in 3 4 5 6 7 8 9 10 11 12; do
        run imgc run --rm -w "/proc/self/fd/$fd" bb sh -c 'pwd -P; cat marker ../marker'
        [ "$status" -eq 125 ] || { echo "$fd: $output"; return 1; }
    done
    imgc import -c "WORKDIR /proc/self/fd/7" "$IMAGES/busybox.tar" cwd >/dev/null
    run imgc run --rm cwd cat marker
    [ "$status" -eq 125 ]
    imgc import -c "WORKDIR /../../../../..$BATS_TEST_TMPDIR" "$IMAGES/busybox.tar" cwd >/dev/null
    run imgc run --rm cwd cat marker
    [ "$status" -eq 1 ]
    [[ $output != *secret* ]]
    exec 7<&-
}

@test "files, directories and terminals of the caller are not handed over" {
    cd "$BATS_TEST_TMPDIR"
    echo secret >input
    run imgc run --rm -i bb sh -c 'cat; echo spoilt >/proc/self/fd/0' <input
    [ "${lines[0]}" = secret ] # it is read, of course
    [ "$(cat input)" = secret ]

    echo secret >log
    imgc run --rm bb sh -c 'exec 5<>/proc/self/fd/1; timeout 1 cat <&5 >/tmp/got 2>/dev/null; grep -c secret /tmp/got >&2; true' >>log 2>count
    [ "$(cat count)" = 0 ]
    imgc run --rm bb sh -c 'echo x; : >/proc/self/fd/1' >>log 2>&1
    [ "$(cat log)" = $'secret\nx' ]

    run imgc run --rm -i bb ls /proc/self/fd/0/ <"$BATS_TEST_TMPDIR"
    [[ $output != *input* ]]

    # nor the host's null device, whose mode root in the container could change
    device=$(imgc run --rm -i bb sh -c 'stat -L -c %d:%i /dev/null /proc/self/fd/0 /proc/self/fd/2 | uniq | wc -l' </dev/null 2>/dev/null)
    [ "$device" = 1 ]

    # nor a pipe that has a name
    mkfifo -m 644 named
    cat named >came &
    imgc run --rm bb sh -c 'chmod 600 /proc/self/fd/1; echo through' >named
    wait $!
    [ "$(cat came) $(stat -c %a named)" = "through 644" ]

    # without -t nothing of the caller's terminal
    run script -qec "'$IMGC' --root '$STORE' --runroot '$RUNROOT' run --rm -i evil sh -c 'tty; tty <&1; tty <&2; /attacker terminal'" /dev/null </dev/null
    [ "$(printf '%s\n' "$output" | grep -c 'not a tty')" -eq 3 ]

    # what is handed over still works, and in order
    [ "$(seq 50000 | imgc run --rm -i bb wc -l)" = 50000 ]
    seq 200000 >many
    [ "$(imgc run --rm -i bb wc -l <many)" = 200000 ]
    [ "$(imgc run --rm -i bb head -n 1 <many)" = 1 ]
    imgc run --rm bb sh -c 'for i in 1 2 3; do echo out; echo err >&2; done' >both 2>&1
    [ "$(tr '\n' ' ' <both)" = "out err out err out err " ]
    imgc run --rm -u 1000 bb sh -c 'echo again >/dev/stdout' >again
    [ "$(cat again)" = again ]
}

@test "nothing types into a terminal" {
    run script -qec "'$IMGC' --root '$STORE' --runroot '$RUNROOT' run --rm -t evil /attacker terminal" /dev/null </dev/null
    echo "$output"
    [ "$(printf '%s\n' "$output" | grep -c ': EPERM')" -eq 3 ]
}

@test "/dev, /proc and /sys that the image made links" {
    mkdir "$VICTIM"
    for dir in dev proc sys; do
        for target in "$VICTIM" "/../../../../../..$VICTIM" /tmp . /proc; do
            fresh_root
            rm -rf "${ROOT:?}/$dir"
            ln -s "$target" "$ROOT/$dir"
            spoilt links
            assert_fails 125 "/$dir" imgc run --rm links true
        done
        fresh_root
        rm -rf "${ROOT:?}/$dir"
        : >"$ROOT/$dir"
        spoilt links
        assert_fails 125 "/$dir" imgc run --rm links true
    done
    [ -z "$(ls -A "$VICTIM")" ]
    ! grep -q "$VICTIM" /proc/self/mountinfo || false
}

@test "links where files and volumes are mounted stay in the container" {
    mkdir "$VICTIM" "$BATS_TEST_TMPDIR/volume"
    echo host >"$VICTIM/hosts"
    echo mine >"$BATS_TEST_TMPDIR/volume/file"
    fresh_root
    rm -f "$ROOT"/etc/{hosts,hostname,resolv.conf}
    ln -s "/../../../../../..$VICTIM/hosts" "$ROOT/etc/hosts"
    ln -s "$VICTIM/new" "$ROOT/etc/hostname"
    ln -s "../../../../../..$VICTIM/deep/er/resolv.conf" "$ROOT/etc/resolv.conf"
    ln -s "$VICTIM" "$ROOT/data"
    ln -s "$VICTIM/made" "$ROOT/dangling"
    spoilt targets
    run imgc run --rm -v "$BATS_TEST_TMPDIR/volume:/data" -v "$BATS_TEST_TMPDIR/volume:/dangling/x" \
        targets sh -c "grep -c localhost /etc/hosts; cat '$VICTIM/file' /dangling/x/file; hostname | cmp - /etc/hostname"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "${lines[1]}" = mine ] && [ "${lines[2]}" = mine ]
    [ "$(cat "$VICTIM/hosts")" = host ]
    [ "$(ls "$VICTIM")" = hosts ]
    [ "$(ls "$BATS_TEST_TMPDIR/volume")" = file ]
}

@test "no volume and no file of ours in /proc, however the image leads there" {
    mkdir "$BATS_TEST_TMPDIR/volume"
    fresh_root
    ln -s /proc "$ROOT/p"
    ln -s /proc/sys/kernel "$ROOT/k"
    ln -s /proc/self/cwd "$ROOT/magic"
    rm -f "$ROOT/etc/hostname"
    spoilt toproc
    for target in /proc /proc/sys /p /p/sys /k /magic; do
        assert_fails 125 'proc|symbolic links' \
            imgc run --rm -v "$BATS_TEST_TMPDIR/volume:$target" toproc true
        assert_fails 125 'proc|symbolic links' imgc run --rm --tmpfs "$target" toproc true
    done
    ln -s /proc/sys/kernel/core_pattern "$ROOT/etc/hostname"
    spoilt toproc
    assert_fails 125 '/etc/hostname' imgc run --rm toproc true
}

@test "a volume on /dev/pts and -t: refused, not half done" {
    mkdir "$BATS_TEST_TMPDIR/volume"
    run script -qec "'$IMGC' --root '$STORE' --runroot '$RUNROOT' run --rm -t -v '$BATS_TEST_TMPDIR/volume:/dev/pts' bb true" /dev/null </dev/null
    [ "$status" -eq 125 ]
    [[ $output == *"needs '/dev/pts'"* ]]
}

@test "masks hold whatever the image or a volume puts in the place of /dev/null" {
    echo evil >"$BATS_TEST_TMPDIR/null"
    fresh_root
    mkdir -p "$ROOT/dev" "$ROOT/proc"
    echo evil >"$ROOT/dev/null"
    echo evil >"$ROOT/proc/keys"
    spoilt masks
    for volume in "" "-v $BATS_TEST_TMPDIR/null:/dev/null"; do
        # shellcheck disable=SC2086
        run imgc run --rm $volume masks sh -c 'stat -c "%F %t:%T" /proc/keys; cat /proc/interrupts /proc/keys /proc/timer_list; ls -A /sys/firmware; umount /proc/keys'
        [ "${lines[0]}" = "character special file 1:3" ]
        [ "$status" -ne 0 ] # umount
        [[ $output != *evil* ]]
        [[ $output != *CPU0* ]]
    done
}

@test "users: numbers, names, and what is neither" {
    fresh_root
    cat >"$ROOT/etc/passwd" <<EOF
root:x:0:0:root:/root:/bin/sh
1234:x:0:0:a name of digits:/:/bin/sh
app:x:1000:1000::/home/app:/bin/sh
bad:x:-1:0::/:/bin/sh
big:x:4294967296:0::/:/bin/sh
EOF
    cat >"$ROOT/etc/group" <<EOF
root:x:0:
app:x:1000:
extra:x:2000:app
more:x:2001:other,app
77:x:0:
EOF
    spoilt users
    while read -r user want; do
        run imgc run --rm -u "$user" users sh -c 'echo $(id -u):$(id -g):$(id -G | tr " " ,)'
        echo "-u $user: $output"
        case $want in
        refused) [ "$status" -eq 125 ] ;;
        *) [ "$status" -eq 0 ] && [ "$output" = "$want" ] ;;
        esac
    done <<EOF
0 0:0:0
root 0:0:0
1 1:0:0
1234 1234:0:0
1000 1000:1000:1000,2000,2001
app 1000:1000:1000,2000,2001
app:root 1000:0:0
app:2001 1000:2001:2001
1000:77 1000:77:77
5:6 5:6:6
2147483647 2147483647:0:0
2147483648 refused
4294967295 refused
4294967296 refused
18446744073709551616 refused
-1 refused
+1 refused
0x0 refused
1a refused
bad refused
big refused
app: 1000:1000:1000,2000,2001
app:nobody refused
app:-1 refused
nobody refused
EOF
    # the same from the image's config
    imgc import -c "USER 4294967296" "$IMAGES/busybox.tar" wrap >/dev/null
    run imgc run --rm wrap id -u
    [ "$status" -ne 0 ]
    [ "$output" != 0 ]
}

@test "/etc/passwd and /etc/group that are pipes, devices, directories, links out or huge" {
    for file in passwd group; do
        for kind in fifo device directory link huge; do
            fresh_root
            rm -f "$ROOT/etc/$file"
            case $kind in
            fifo) mkfifo "$ROOT/etc/$file" ;;
            device) ln -s /dev/zero "$ROOT/etc/$file" ;;
            directory) mkdir "$ROOT/etc/$file" ;;
            link) ln -s /proc/self/fd/0 "$ROOT/etc/$file" ;;
            huge) yes root:x:0:0::/: | head -c 3000000 >"$ROOT/etc/$file" ;;
            esac
            spoilt etc
            run --separate-stderr timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm etc true
            echo "$file $kind: $status $stderr"
            [ "$status" -eq 125 ]
            [[ $stderr == *"/etc/$file"* ]]
        done
        # a link is followed inside the root only
        fresh_root
        rm -f "$ROOT/etc/$file"
        echo "hostonly:x:4242:4242::/:" >"$VICTIM"
        ln -s "/../../..$VICTIM" "$ROOT/etc/$file"
        spoilt etc
        run imgc run --rm -u "$([ $file = passwd ] && echo hostonly || echo 0:hostonly)" etc id
        [ "$status" -eq 125 ]
    done
}

@test "groups of the caller stay outside" {
    run setpriv --groups 4,20,4242 "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm bb id -G
    [ "$status" -eq 0 ]
    [[ " $output " != *" 4242 "* ]] && [[ " $output " != *" 4 "* ]]
    run setpriv --groups 4,20,4242 "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm -u 7:8 bb \
        grep Groups: /proc/self/status
    [ "$(echo $output)" = "Groups: 8" ]
}

@test "capabilities of the caller, of set-user-ID and of capable programs" {
    command -v setcap >/dev/null || skip "no setcap"
    fresh_root
    cp "$ROOT/bin/busybox" "$ROOT/busybox-capable"
    cp "$ROOT/bin/busybox" "$ROOT/busybox-permitted"
    cp "$ROOT/bin/busybox" "$ROOT/busybox-modest"
    cp "$ROOT/bin/busybox" "$ROOT/busybox-setuid"
    chmod 4755 "$ROOT/busybox-setuid"
    setcap cap_sys_admin,cap_sys_ptrace+ep "$ROOT/busybox-capable"
    setcap cap_sys_admin,cap_chown+p "$ROOT/busybox-permitted"
    setcap cap_net_raw+ep "$ROOT/busybox-modest"
    imgc import "$ROOT" caps >/dev/null
    # a capability that is not in the bounding set does not come back
    run imgc run --rm -u 1000 caps /busybox-capable true
    [ "$status" -eq 126 ]
    run imgc run --rm -u 1000 caps /busybox-permitted grep CapPrm /proc/self/status
    [ "$status" -ne 0 ] || [ "$(echo $output)" = "CapPrm: 0000000000000001" ]
    run imgc run --rm -u 1000 caps /busybox-modest grep CapEff /proc/self/status
    [ "$(echo $output)" = "CapEff: 0000000000002000" ]
    run imgc run --rm -u 1000 caps /busybox-setuid grep CapBnd /proc/self/status
    [ "$(echo $output)" = "CapBnd: 00000000a80425fb" ]
    # inheritable and ambient ones of the caller do not go in
    run setpriv --inh-caps +sys_admin,+net_admin --ambient-caps +sys_admin,+net_admin \
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm -u 1000 bb grep -E 'Cap(Inh|Prm|Eff|Amb)' /proc/self/status
    [ "$status" -eq 0 ]
    [ "$(printf '%s\n' "$output" | grep -c 0000000000000000)" -eq 4 ]
}

@test "the host's disk by a device node: of a layer, of its own, in a volume" {
    fresh_root
    device=$(stat -c %d /) # as in glibc's gnu_dev_major() and gnu_dev_minor()
    numbers=$((device >> 8 & 0xfff)):$(((device & 0xff) | (device >> 12 & 0xfff00)))
    case $numbers in 0:*) numbers=$(lsblk -dnro MAJ:MIN | head -n 1) ;; esac
    type=b major=${numbers%:*} minor=${numbers#*:}
    mknod "$ROOT/disk" b "${major:-8}" "${minor:-0}"
    if [ "$(head -c 1 "$ROOT/disk" 2>/dev/null | wc -c)" != 1 ]; then
        # this host's disk is closed to the host as well: /dev/zero stands in for it
        rm "$ROOT/disk"
        type=c major=1 minor=5
        mknod "$ROOT/disk" c 1 5
    fi
    mknod "$ROOT/mem" c 1 1
    chmod 666 "$ROOT/disk" "$ROOT/mem"
    [ "$(head -c 1 "$ROOT/disk" | wc -c)" = 1 ] # so it can be read, but for nodev
    spoilt devices
    mkdir "$BATS_TEST_TMPDIR/volume"
    for user in 0 1000; do
        for node in /disk /mem; do
            run imgc run --rm -u "$user" devices sh -c "test -e $node && head -c 1 $node"
            [ "$status" -ne 0 ] || { echo "$node: $output"; return 1; }
        done
    done
    for dir in / /tmp /dev /dev/shm /run/t /volume; do
        run imgc run --rm --tmpfs /run/t -v "$BATS_TEST_TMPDIR/volume:/volume" bb \
            sh -c "mknod $dir/d $type $major $minor && echo made && head -c 1 $dir/d"
        [ "$status" -ne 0 ]
        [ "${lines[0]}" = made ] # so it is the reading that fails
    done
}

@test "/sys and cgroup files are read-only, and no other cgroup is to be seen" {
    inside 'for f in /sys/kernel/uevent_helper /sys/power/state /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/*/notify_on_release /sys/fs/cgroup/*/tasks /sys/class/net/lo/mtu /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /proc/sysrq-trigger; do
        [ -e "$f" ] || continue
        (echo 0 >"$f") 2>/dev/null && echo "written: $f"; done; true'
    [ -z "$output" ]
    inside 'mkdir /sys/fs/cgroup/x /sys/fs/cgroup/*/x 2>/dev/null; mount -o remount,rw /sys 2>/dev/null; find /sys/fs/cgroup -name release_agent | wc -l; find /sys/fs/cgroup -name "imgc*" -o -name "*.slice" -o -name x | wc -l; true'
    [ "${lines[1]}" = 0 ]
    run imgc run --rm --network host bb sh -c '(echo 1 >/sys/class/net/lo/mtu) 2>/dev/null || echo no'
    [ "$output" = no ]
}

@test "abstract sockets of the host are out of reach, except with its network" {
    name=imgc-attack-$$-$RANDOM
    python3 - "$name" 3>&- <<'EOF' &
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind("\0" + sys.argv[1])
s.listen()
time.sleep(60)
EOF
    pid=$!
    for _ in $(seq 50); do
        grep -q "@$name" /proc/net/unix && break
        sleep 0.1
    done
    run imgc run --rm evil /attacker abstract "$name"
    alone=$output
    run imgc run --rm --network host evil /attacker abstract "$name"
    together=$output
    kill "$pid"
    [ "$alone" = "connect: ECONNREFUSED" ]
    [ "$together" = "connect: done" ] # it was there
}

@test "system calls past the filter: another table of them, files by handle" {
    run imgc run --rm evil /attacker handle
    [ "$output" = "open_by_handle_at: EPERM" ]
    if [ "$(uname -m)" = x86_64 ]; then
        run imgc run --rm evil /attacker tables
        [ "${lines[0]}" = "i386: -1" ] # EPERM; where the host has no such calls at all, SIGSEGV
        [ "${lines[1]}" = "x32: ENOSYS" ]
    fi
}

@test "32-bit programs run, and what is filtered is filtered by their own numbers" {
    [ "$(uname -m)" = x86_64 ] || skip "not on this machine"
    mkdir -p "$BATS_TEST_TMPDIR/root"
    ${CC:-cc} -m32 -nostdlib -static -ffreestanding -fno-pic -fno-stack-protector -o "$BATS_TEST_TMPDIR/root/i386" \
        "$E2E_LIB/i386.c" || skip "this compiler makes no 32-bit programs"
    run "$BATS_TEST_TMPDIR/root/i386"
    [ "$status" -eq 7 ] || skip "this host runs no 32-bit programs"
    tar -C "$BATS_TEST_TMPDIR/root" -cf "$BATS_TEST_TMPDIR/i386.tar" .
    imgc import "$BATS_TEST_TMPDIR/i386.tar" i386 >/dev/null
    run imgc run --rm i386 /i386
    [ "$status" -eq 7 ]
    [ "$output" = "getpid: done
socket AF_UNIX: done
socket AF_ALG: 1
socketcall AF_ALG: 1
mount: 1
unshare: 1" ]
}

@test "a seccomp profile that fakes system calls gives no privileges" {
    profile() { # CALL...
        printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[%s],"action":"SCMP_ACT_ERRNO","errnoRet":0}]}' \
            "$(printf '"%s",' "$@" | sed 's/,$//')" >"$BATS_TEST_TMPDIR/fake.json"
    }
    fake() {
        imgc run --rm --security-opt seccomp="$BATS_TEST_TMPDIR/fake.json" "$@"
    }
    profile setuid setgid setresuid setresgid setgroups prctl rt_sigaction
    run fake -u 1000:1001 bb sh -c 'id -u; id -G; grep -E "Cap(Inh|Prm|Eff|Bnd|Amb)" /proc/self/status'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[*]:0:2}" = "1000 1001" ]
    [ "$(printf '%s\n' "$output" | grep -c '0000000000000000$')" -eq 4 ]
    [[ $output == *CapBnd:*00000000a80425fb* ]]
    for calls in capset capget "capset capget prctl setresuid"; do
        # shellcheck disable=SC2086
        profile $calls
        assert_fails 125 "seccomp profile" fake -u 1000 bb id
        assert_fails 125 "seccomp profile" fake bb id
    done
    # without privileges it can be loaded when everything else is done
    run fake --security-opt no-new-privileges -u 1000 bb sh -c 'id -u; grep -E "Cap(Prm|Eff)|NoNew" /proc/self/status'
    [ "$(echo $output)" = "1000 CapPrm: 0000000000000000 CapEff: 0000000000000000 NoNewPrivs: 1" ]

    profile clone clone3
    imgc run -d --name faked --security-opt seccomp="$BATS_TEST_TMPDIR/fake.json" bb sleep 1000 >/dev/null
    assert_fails 125 "seccomp profile" imgc exec faked id
    imgc rm -f faked >/dev/null
}

@test "labels, annotations and variables of an image steer nothing" {
    mkdir "$VICTIM"
    imgc import -c "LABEL io.containers.capabilities=SYS_ADMIN" -c "LABEL io.podman.annotations.privileged=TRUE" \
        -c "LABEL run=\"imgc run --privileged IMAGE\"" -c "LABEL io.kubernetes.cri-o.Devices=/dev/mem" \
        -c "LABEL org.opencontainers.image.ref.name=bb" -c "VOLUME /../../../..$VICTIM" \
        -c "ENV LD_PRELOAD=/evil.so" -c "ENV IMGC_ROOT=$VICTIM" -c "ENV TMPDIR=$VICTIM" \
        "$IMAGES/busybox.tar" labels >/dev/null
    run imgc run --rm labels sh -c 'grep CapEff /proc/self/status; ls /dev/mem 2>&1; unshare -m true 2>&1 | grep -c not.permitted'
    [ "$(echo ${lines[0]})" = "CapEff: 00000000a80425fb" ]
    [[ ${lines[1]} == *"No such file"* ]]
    [ "${lines[2]}" = 1 ]
    [ -z "$(ls -A "$VICTIM")" ]
    [ "$(imgc images -q bb)" != "$(imgc images -q labels)" ]
}

@test "labels and names cannot steer the caller's terminal" {
    imgc import -c "LABEL a=$(printf '\033]0;owned\007\302\233Z')" -m "$(printf '\033[2J')" \
        "$IMAGES/busybox.tar" escape >/dev/null
    for command in "inspect escape" "inspect -f {{.Config.Labels.a}} escape" \
        "images --format {{.Labels}}" "images" "history --no-trunc escape" "history --format {{.Comment}} escape"; do
        run script -qec "'$IMGC' --root '$STORE' --runroot '$RUNROOT' $command" /dev/null </dev/null
        [ "$status" -eq 0 ] || { echo "$command: $output"; return 1; }
        ! printf '%s' "$output" | LC_ALL=C grep -qP '[\x07\x1b]|\xc2\x9b' || { echo "$command"; return 1; }
    done
    # a file gets the bytes that the image has
    [ "$(imgc inspect -f '{{.Config.Labels.a}}' escape)" = "$(printf '\033]0;owned\007\302\233Z')" ]
}

@test "directories without end do not keep a container from being removed" {
    (
        ulimit -n 256
        imgc run --name endless bb sh -c 'i=0; while [ $i -lt 1000 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done 2>/dev/null'
        imgc df >/dev/null
        imgc rm endless
    )
    assert_no_containers
    [ -z "$(ls -A "$STORE/tmp")" ]
}
