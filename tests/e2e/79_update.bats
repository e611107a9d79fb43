# SPDX-License-Identifier: Apache-2.0
# update: limits of a container that runs, read from its cgroup's files and from inside, and of its
# next start.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c 'CMD ["sh"]' "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
    grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null || [ -d /sys/fs/cgroup/memory ] ||
        skip "no memory controller here"
}

teardown() {
    [ -z "${STORE:-}" ] || imgc rm -fa >/dev/null 2>&1 || true
    wait
}

is_v2() {
    [ -e /sys/fs/cgroup/cgroup.controllers ]
}

start() { # NAME OPTIONS... -- WORDS
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    imgc run --name "$name" "${options[@]}" bb sh -c "$2" >"$BATS_TEST_TMPDIR/$name" 2>&1 3>&- &
    for _ in $(seq 300); do
        ! grep -q up "$BATS_TEST_TMPDIR/$name" || return 0
        sleep 0.1
    done
    cat "$BATS_TEST_TMPDIR/$name"
    return 1
}

# What a file of the container's cgroup says, on the host: of v1 or of v2.
value() { # NAME CONTROLLER V1-FILE V2-FILE
    local id
    id=$(imgc inspect -f '{{.Id}}' "$1")
    if is_v2; then
        cat "/sys/fs/cgroup/imgc/imgc-$id/$4"
    else
        cat "/sys/fs/cgroup/$2/imgc/imgc-$id/$3"
    fi
}

memory_of() {
    value "$1" memory memory.limit_in_bytes memory.max
}

cgroups_of() { # ID
    ls -d /sys/fs/cgroup/imgc/imgc-"$1" /sys/fs/cgroup/*/imgc/imgc-"$1" 2>/dev/null
}

@test "memory goes up and down, with the swap that belongs to it" {
    start box -m 64m -- 'head -c 20m /dev/zero >/dev/shm/x; echo up; exec sleep 4321'
    run imgc update -m 256m box
    [ "$status" -eq 0 ]
    [ "$output" = box ]
    [ "$(memory_of box)" = 268435456 ]
    imgc update -m 40m box
    [ "$(memory_of box)" = 41943040 ]
    if is_v2 || [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ]; then
        local swap=83886080
        ! is_v2 || swap=41943040
        [ "$(value box memory memory.memsw.limit_in_bytes memory.swap.max)" = $swap ]
    fi
    run imgc inspect -f '{{.Config.Memory}} {{.Config.MemorySwap}}' box
    [ "$output" = "41943040 83886080" ]

    # less than is in use: refused, and all is as it was
    assert_fails 1 'container box: a memory limit of 10485760 bytes: the container uses' \
        imgc update -m 10m --pids-limit 5 box
    [ "$(memory_of box)" = 41943040 ]
    run imgc inspect -f '{{.Config.Memory}} {{.Config.PidsLimit}}' box
    [ "$output" = "41943040 0" ]

    imgc update -m 0 box
    if is_v2; then [ "$(memory_of box)" = max ]; else [ "$(memory_of box)" -gt 1000000000000 ]; fi
}

@test "CPU and processes, seen from inside" {
    start box --cpus 0.5 --pids-limit 10 -- 'echo up; exec sleep 4321'
    imgc update --cpus 1.5 --pids-limit 20 box
    if is_v2; then
        [ "$(imgc exec box cat /sys/fs/cgroup/cpu.max)" = "150000 100000" ]
        [ "$(imgc exec box cat /sys/fs/cgroup/pids.max)" = 20 ]
    else
        [ "$(imgc exec box cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us)" = 150000 ]
        [ "$(imgc exec box cat /sys/fs/cgroup/pids/pids.max)" = 20 ]
    fi
    imgc update --cpu-quota 30000 --cpu-period 60000 -c 2048 --pids-limit -1 box
    if is_v2; then
        [ "$(value box cpu none cpu.max)" = "30000 60000" ]
    else
        [ "$(value box cpu cpu.cfs_quota_us)" = 30000 ]
        [ "$(value box cpu cpu.cfs_period_us)" = 60000 ]
        [ "$(value box cpu cpu.shares)" = 2048 ]
    fi
    [ "$(value box pids pids.max pids.max)" = max ]
}

@test "a container without limits gets some, all of its processes, and leaves nothing behind" {
    start bare -- '(while [ ! -e /stop ]; do sleep 0.05; done) & echo up; wait; exit 7'
    local id
    id=$(imgc inspect -f '{{.Id}}' bare)
    run --separate-stderr imgc update -m 64m --cpuset-cpus "$(taskset -cp $$ |
        sed 's/.*: *//; s/[-,].*//')" bare
    [ "$status" -eq 0 ]
    [[ $stderr == *"only memory that is allocated from now on is counted"* ]]
    [ "$(memory_of bare)" = 67108864 ]
    [ "$(value bare memory cgroup.procs cgroup.procs | wc -l)" -ge 2 ]
    [ "$(imgc exec bare nproc)" = 1 ]
    imgc exec bare touch /stop
    wait
    [ "$(imgc inspect -f '{{.State.ExitCode}}' bare)" = 7 ]
    for _ in {1..100}; do # what a process of its own clears up goes away by itself, soon
        [ -n "$(cgroups_of "$id")" ] || break
        sleep 0.1
    done
    [ -z "$(cgroups_of "$id")" ]
}

@test "what ran out of memory after an update is told" {
    start late -- 'echo up; while [ ! -e /go ]; do sleep 0.05; done; tail -c 200m /dev/zero; exit 3'
    imgc update -m 32m --memory-swap 32m late
    imgc exec late touch /go
    wait
    run imgc inspect -f '{{.State.OOMKilled}}' late
    [ "$output" = true ]
}

@test "a container that does not run has its limits changed for its next start" {
    imgc run --name over -m 64m bb true
    imgc update -m 128m --pids-limit 9 over
    run imgc inspect -f '{{.Config.Memory}} {{.Config.PidsLimit}}' over
    [ "$output" = "134217728 9" ]
}

@test "what update does not take is one line" {
    start box -m 64m --memory-swap 100m -- 'echo up; exec sleep 4321'
    assert_fails 1 'needs a limit to change' imgc update box
    assert_fails 1 'no such container: nosuch' imgc update -m 64m nosuch
    assert_fails 1 "more than memory and swap together" imgc update -m 128m box
    assert_fails 1 "minimum is 6 MiB" imgc update -m 1m box
    assert_fails 1 "unknown option '--oom-kill-disable'" imgc update --oom-kill-disable box
    assert_fails 1 "processors '8000' are not available" imgc update --cpuset-cpus 8000 box
    [ "$(memory_of box)" = 67108864 ]
}
