# SPDX-License-Identifier: Apache-2.0
# Isolation, seen from inside the container.
# forms: both

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
}

inside() {
    run imgc run --rm bb sh -c "$1"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

setup() {
    require_containers
    require_images busybox
}

@test "PID 1, and only its own processes" {
    inside 'echo $$; ls -d /proc/[0-9]* | wc -l'
    [ "${lines[0]}" = 1 ]
    [ "${lines[1]}" -le 3 ]
}

@test "its own host name, that of the container's ID" {
    inside hostname
    [ "$output" != "$(hostname)" ]
    [[ $output =~ ^[0-9a-f]{12}$ ]]
    before=$(hostname)
    run imgc run --rm bb hostname changed # not allowed without CAP_SYS_ADMIN
    [ "$status" -ne 0 ]
    [ "$(hostname)" = "$before" ]
}

@test "no host interface with --network none; the host's with --network host" {
    inside 'ls /sys/class/net'
    [ "$output" = lo ]
    inside 'ip addr show lo | grep -c "127.0.0.1"'
    [ "$output" = 1 ]
    run imgc run --rm --network host bb sh -c 'ls /sys/class/net | sort'
    [ "$output" = "$(ls /sys/class/net | sort)" ]
}

@test "own namespaces, all of them" {
    inside 'for n in mnt pid uts ipc net cgroup; do readlink /proc/self/ns/$n; done'
    i=0
    for n in mnt pid uts ipc net cgroup; do
        [ "${lines[$i]}" != "$(readlink /proc/self/ns/$n)" ] || { echo "$n is shared"; return 1; }
        i=$((i + 1))
    done
}

@test "no host file is visible, and no host mount" {
    inside 'cat /proc/self/mountinfo'
    [[ $output != *"$BATS_FILE_TMPDIR/store /"* ]]
    ! printf '%s\n' "$output" | awk '{print $5}' | grep -vE '^/(proc|sys|dev|etc/(hosts|hostname|resolv\.conf))?(/|$)' || false
    inside 'ls /'
    [[ $output != *work* ]]
}

@test "capabilities are docker's fourteen, inheritable and ambient none" {
    inside 'grep ^Cap /proc/self/status | tr "\t" " "'
    [ "${lines[0]}" = "CapInh: 0000000000000000" ]
    [ "${lines[1]}" = "CapPrm: 00000000a80425fb" ]
    [ "${lines[2]}" = "CapEff: 00000000a80425fb" ]
    [ "${lines[3]}" = "CapBnd: 00000000a80425fb" ]
    [ "${lines[4]}" = "CapAmb: 0000000000000000" ]
    run imgc run --rm -u 1000 bb sh -c 'grep ^Cap /proc/self/status | tr "\t" " "'
    [ "${lines[1]}" = "CapPrm: 0000000000000000" ]
    [ "${lines[2]}" = "CapEff: 0000000000000000" ]
}

@test "a seccomp filter is on, and refuses what it should" {
    inside 'grep ^Seccomp: /proc/self/status'
    [[ $output == *2 ]]
    run imgc run --rm bb unshare -U true
    [ "$status" -ne 0 ]
    run imgc run --rm bb mount -t tmpfs none /tmp
    [ "$status" -ne 0 ]
}

@test "only the three standard file descriptors are open" {
    exec 7</etc/hostname 8</ # what a careless caller leaves open
    run imgc run --rm bb sh -c 'ls /proc/self/fd | tr "\n" " "'
    exec 7<&- 8<&-
    # ls itself opens the directory as 3
    [ "$output" = "0 1 2 3 " ]
}

@test "masked and read-only paths" {
    inside 'cat /proc/kcore 2>/dev/null | wc -c; cat /proc/keys /proc/timer_list 2>/dev/null | wc -c; ls /sys/firmware | wc -l'
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = 0 ]
    [ "${lines[2]}" = 0 ]
    run imgc run --rm bb sh -c 'echo 1 >/proc/sys/kernel/printk'
    [ "$status" -ne 0 ]
    run imgc run --rm bb sh -c 'echo b >/proc/sysrq-trigger'
    [ "$status" -ne 0 ]
    run imgc run --rm bb sh -c 'mkdir /sys/fs/cgroup/x'
    [ "$status" -ne 0 ]
    run imgc run --rm bb sh -c 'echo x >/sys/kernel/uevent_helper'
    [ "$status" -ne 0 ]
}

@test "/dev has the standard nodes and nothing of the host" {
    inside 'cd /dev; for n in null zero full random urandom tty; do test -c $n || echo missing $n; done; ls'
    [[ $output != *missing* ]]
    [[ $output != *sda* ]] && [[ $output != *vda* ]] && [[ $output != *kmsg* ]] && [[ $output != *mem* ]]
    inside 'for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done; echo x >/dev/null; head -c 5 /dev/zero | wc -c'
    [ "${lines[0]}" = /proc/self/fd ]
    [ "${lines[5]}" = 5 ]
}

@test "the host's disk cannot be reached through a device node of its own making" {
    run imgc run --rm bb sh -c 'mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk'
    [ "$status" -ne 0 ]
    run imgc run --rm bb sh -c 'mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem'
    [ "$status" -ne 0 ]
}

@test "a memory hog is killed at -m, and it is told" {
    run --separate-stderr imgc run --name hog -m 64m --memory-swap 64m bb \
        sh -c 'exec awk "BEGIN { while (1) { s = s \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" s } }"'
    [ "$status" -eq 137 ]
    [[ $stderr == *memory* ]]
    run imgc inspect --format '{{.State.OOMKilled}}' hog
    [ "$output" = true ]
    imgc rm hog
}

@test "a fork bomb stops at --pids-limit" {
    # The bomb is a child that dies of it; counting is the shell's own work and forks nothing.
    bomb='(n=0; while [ $n -lt 60 ]; do sleep 5 & n=$((n+1)); done) 2>/dev/null; set -- /proc/[0-9]*; echo $#'
    run --separate-stderr imgc run --rm --pids-limit 20 bb sh -c "$bomb"
    echo "with a limit: $output"
    [ "$output" -ge 10 ] && [ "$output" -le 20 ]
    run --separate-stderr imgc run --rm bb sh -c "$bomb"
    [ "$output" -ge 60 ] # without one it goes off
}

@test "--cpus 0.3 gives 0.3 of a core, within a fifth" {
    run imgc run --rm --cpus 0.3 bb sh -c '
        t0=$(awk "{printf \"%d\", \$1 * 100 + 0.5}" /proc/uptime)
        i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); done
        t1=$(awk "{printf \"%d\", \$1 * 100 + 0.5}" /proc/uptime)
        set -- $(cat /proc/self/stat)
        awk "{print \$14 + \$15}" /proc/1/stat
        echo $((t1 - t0))'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    used=${lines[0]} wall=${lines[1]}
    echo "used $used of $wall ticks"
    [ "$wall" -gt 100 ]
    [ $((used * 100)) -ge $((wall * 24)) ]
    [ $((used * 100)) -le $((wall * 36)) ]
}

@test "limits that make no sense are refused in words" {
    assert_fails 125 'memory' imgc run --rm -m 1k bb true
    assert_fails 125 'memory' imgc run --rm -m lots bb true
    assert_fails 125 'cpus' imgc run --rm --cpus 0.001 bb true # 0 is no limit, as in docker
    assert_fails 125 'pids' imgc run --rm --pids-limit x bb true
    assert_fails 125 'network' imgc run --rm --network nosuchnet bb true
}

@test "nothing is left behind: no mount, no cgroup, no process" {
    for _ in 1 2 3; do
        id=$(imgc run --rm -m 64m bb hostname)
        ! find /sys/fs/cgroup -name "imgc-$id*" 2>/dev/null | grep . || false
    done
    ! grep -q "$BATS_FILE_TMPDIR" /proc/self/mountinfo || false
    assert_no_containers
    [ -z "$(ls -A "$STORE/tmp")" ]
}
