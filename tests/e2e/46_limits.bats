# SPDX-License-Identifier: Apache-2.0
# Limits of a container, looked at from inside: what its cgroup files say, and what is refused. What
# they do to a process is measured in tests/vm, where the machine is ours alone.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c 'CMD ["sh"]' "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

# Whether the host has a controller, under its name in v1 or v2.
require_controller() { # V1 [V2]
    grep -qw "${2:-$1}" /sys/fs/cgroup/cgroup.controllers 2>/dev/null || [ -d "/sys/fs/cgroup/$1" ] ||
        skip "no $1 controller here"
}

# In a container with these options: what stands in its file, of v1 or of v2.
inside() { # OPTIONS... -- V1-FILE V2-FILE
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    # shellcheck disable=SC2016 # the container's shell's
    imgc run --rm "${options[@]}" bb sh -c '
        cd /sys/fs/cgroup
        if [ -e cgroup.controllers ]; then cat "$2"; else cat "$1"; fi' sh "$2" "$3"
}

is_v2() {
    [ -e /sys/fs/cgroup/cgroup.controllers ]
}

@test "--memory, --memory-swap and --memory-reservation" {
    require_controller memory
    run inside -m 64m -- memory/memory.limit_in_bytes memory.max
    [ "$output" = 67108864 ]
    run inside -m 64m --memory-reservation 32m -- memory/memory.soft_limit_in_bytes memory.low
    [ "$output" = 33554432 ]
    run inside --memory-reservation 32m -- memory/memory.soft_limit_in_bytes memory.low
    [ "$output" = 33554432 ]
    if is_v2 || [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ]; then
        run inside -m 64m --memory-swap 96m -- memory/memory.memsw.limit_in_bytes memory.swap.max
        if is_v2; then [ "$output" = 33554432 ]; else [ "$output" = 100663296 ]; fi
    fi
}

@test "--memory-swappiness and --oom-kill-disable hold on v1 and are told to be ignored on v2" {
    require_controller memory
    run --separate-stderr imgc run --rm -m 64m --memory-swappiness 30 --oom-kill-disable bb sh -c '
        cd /sys/fs/cgroup/memory && cat memory.swappiness && grep oom_kill_disable memory.oom_control'
    if is_v2; then
        [[ $stderr == *"--memory-swappiness is ignored"*"--oom-kill-disable is ignored"* ]]
    else
        [ "$output" = $'30\noom_kill_disable 1' ]
        [ -z "$stderr" ]
    fi
}

@test "--cpus, --cpu-period with --cpu-quota, and --cpu-shares" {
    require_controller cpu
    run inside --cpus 0.5 -- cpu/cpu.cfs_quota_us cpu.max
    [ "${output% *}" = 50000 ]
    run inside --cpu-quota 20000 --cpu-period 50000 -- cpu/cpu.cfs_period_us cpu.max
    [ "${output##* }" = 50000 ]
    run inside --cpu-quota 20000 --cpu-period 50000 -- cpu/cpu.cfs_quota_us cpu.max
    [ "${output% *}" = 20000 ]
    run inside -c 512 -- cpu/cpu.shares cpu.weight
    if is_v2; then [ "$output" = 59 ]; else [ "$output" = 512 ]; fi
}

@test "--cpuset-cpus is what the container sees, and its nproc" {
    require_controller cpuset
    local first
    first=$(taskset -cp $$ | sed 's/.*: *//; s/[-,].*//')
    run inside --cpuset-cpus "$first" --cpuset-mems 0 -- cpuset/cpuset.cpus cpuset.cpus
    [ "$output" = "$first" ]
    run inside --cpuset-mems 0 -- cpuset/cpuset.mems cpuset.mems
    [ "$output" = 0 ]
    run imgc run --rm --cpuset-cpus "$first" bb nproc
    [ "$output" = 1 ]
    assert_fails 125 "processors '0-8191' are not available here, but [0-9]" \
        imgc run --rm --cpuset-cpus 0-8191 bb true
    assert_fails 125 "memory nodes '4000' are not available here, but 0" \
        imgc run --rm --cpuset-mems 4000 bb true
    assert_fails 125 "--cpuset-cpus '1-': not a list" imgc run --rm --cpuset-cpus 1- bb true
}

@test "--pids-limit" {
    require_controller pids
    run inside --pids-limit 30 -- pids/pids.max pids.max
    [ "$output" = 30 ]
}

@test "--device-read-bps and its three siblings, and --blkio-weight" {
    require_controller blkio io
    local disk number prefix=blkio/blkio.throttle
    disk=$(lsblk -ndpo NAME,TYPE 2>/dev/null | awk '$2 == "disk" { print $1; exit }')
    [ -b "$disk" ] || skip "no disk here"
    number=$(lsblk -ndo MAJ:MIN "$disk" | tr -d ' ')
    run inside --device-read-bps "$disk:1m" -- $prefix.read_bps_device io.max
    if is_v2; then [[ $output == "$number rbps=1048576 "* ]]; else [ "$output" = "$number 1048576" ]; fi
    run inside --device-write-bps "$disk:2mb" -- $prefix.write_bps_device io.max
    if is_v2; then [[ $output == *" wbps=2097152 "* ]]; else [ "$output" = "$number 2097152" ]; fi
    run inside --device-read-iops "$disk:30" -- $prefix.read_iops_device io.max
    if is_v2; then [[ $output == *" riops=30 "* ]]; else [ "$output" = "$number 30" ]; fi
    run inside --device-write-iops "$disk:40" --device-read-iops "$disk:30" -- \
        $prefix.write_iops_device io.max
    if is_v2; then [[ $output == *" riops=30 wiops=40"* ]]; else [ "$output" = "$number 40" ]; fi
    # what weighs differs from kernel to kernel; it runs all the same
    imgc run --rm --blkio-weight 500 bb true

    assert_fails 125 "--device-read-bps '/dev/null:1m': not a disk" \
        imgc run --rm --device-read-bps /dev/null:1m bb true
    assert_fails 125 "there is no device '/dev/nosuch'" \
        imgc run --rm --device-write-iops /dev/nosuch:1 bb true
    assert_fails 125 "not PATH:RATE" imgc run --rm --device-read-bps "$disk" bb true
    assert_fails 125 "not a number of operations" imgc run --rm --device-read-iops "$disk:1m" bb true
}

@test "--cgroup-parent, which is gone with its last container" {
    require_controller memory
    local name=limits$$
    run imgc run --rm -m 64m --cgroup-parent "$name-a.slice" --cgroupns host bb cat /proc/1/cgroup
    if [ "$status" -eq 0 ]; then
        [[ $output == *":/$name.slice/$name-a.slice/imgc/imgc-"* ]]
    fi
    run imgc run --rm -m 64m --cgroup-parent "/$name/b" bb cat /sys/fs/cgroup/memory/memory.limit_in_bytes
    [ "$status" -eq 0 ] || is_v2
    # its name alone: elsewhere others' cgroups come and go while they are searched
    shopt -s nullglob
    local mine=(/sys/fs/cgroup/"$name"* /sys/fs/cgroup/*/"$name"*)
    [ -d "${mine[0]}" ]
    for _ in {1..100}; do # what a process of its own clears up goes away by itself, soon
        [ -n "$(find "${mine[@]}" -type d -name imgc)" ] || break
        sleep 0.1
    done
    [ -z "$(find "${mine[@]}" -type d -name imgc)" ]
    find "${mine[@]}" -depth -type d -exec rmdir {} +
    assert_fails 125 "'\.\.' cannot be part" imgc run --rm --cgroup-parent ../x bb true
}

@test "--cgroups=disabled runs in the caller's cgroup, and takes no limits" {
    run --separate-stderr imgc run --rm --cgroups=disabled --cgroupns host bb cat /proc/self/cgroup
    [[ $output != *imgc-* ]]
    assert_fails 125 'nothing can be limited' imgc run --rm --cgroups=disabled -m 64m bb true
    assert_fails 125 "--cgroups 'no': enabled or disabled" imgc run --rm --cgroups=no bb true
}

@test "--cgroup-conf writes to v2's files, and to none that are not limits" {
    assert_fails 125 "'cgroup.procs=1' is no setting" imgc run --rm --cgroup-conf cgroup.procs=1 bb true
    assert_fails 125 "is no setting" imgc run --rm --cgroup-conf ../memory.high=1 bb true
    if is_v2; then
        run inside --cgroup-conf memory.high=67108864 -- none memory.high
        [ "$output" = 67108864 ]
    else
        assert_fails 125 'cgroup-conf' imgc run --rm --cgroup-conf memory.high=1 bb true
    fi
}

@test "limits that make no sense are one line" {
    assert_fails 125 'minimum is 6 MiB' imgc run --rm -m 1m bb true
    assert_fails 125 'reservation is above the limit' \
        imgc run --rm -m 64m --memory-reservation 65m bb true
    assert_fails 125 '0 to 100 are allowed' imgc run --rm --memory-swappiness 101 bb true
    assert_fails 125 'another way to say' imgc run --rm --cpus 1 --cpu-quota 5000 bb true
    assert_fails 125 "--cpu-period '10': 1000 to 1000000" imgc run --rm --cpu-period 10 bb true
    assert_fails 125 "--cpu-quota '10': the minimum is 1000" imgc run --rm --cpu-quota 10 bb true
    assert_fails 125 "--blkio-weight '5': 10 to 1000" imgc run --rm --blkio-weight 5 bb true
    assert_fails 125 "--cpu-shares 'x'" imgc run --rm --cpu-shares x bb true
    assert_no_containers
}
