# SPDX-License-Identifier: Apache-2.0
# Checks of limits beyond those that every container may have: read by checks.sh, whose words it uses.
# What is measured has bounds on one side only where the machine's speed matters.
# shellcheck shell=sh disable=SC2154 # version: checks.sh's

# shellcheck disable=SC2016 # words in single quotes are the container's shell's

# The one container that runs, by its ID: its directory of a controller.
cgroup_of() { # NAME CONTROLLER
    id=$(imgc inspect --format '{{.Id}}' "$1")
    [ "$version" = v1 ] && echo "/sys/fs/cgroup/$2/imgc/imgc-$id" || echo "/sys/fs/cgroup/imgc/imgc-$id"
}

# Hundredths of a second of processor that the container has used.
ticks_of() { # NAME
    sum=0
    # shellcheck disable=SC2013 # each line is a word
    for pid in $(cat "$(cgroup_of "$1" freezer)/cgroup.procs"); do
        # shellcheck disable=SC2046 # words
        set -- $(cat "/proc/$pid/stat" 2>/dev/null || echo 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0)
        sum=$((sum + ${14} + ${15}))
    done
    echo $sum
}

now() { # in hundredths of a second
    cut -d' ' -f1 /proc/uptime | tr -d .
}

# A named container in the background that runs these words; returns when it has said "up".
start_named() { # NAME OPTIONS... -- WORDS
    name=$1
    shift
    options=
    while [ "$1" != -- ]; do
        options="$options $1"
        shift
    done
    rm -f "/tmp/up-$name"
    # shellcheck disable=SC2086 # options without blanks
    imgc run --name "$name" $options bb sh -c "$2" >"/tmp/up-$name" 2>&1 &
    soon grep -q up "/tmp/up-$name"
}

at_least() { # WHAT GOT LEAST
    [ "$2" -ge "$3" ] || fail "$1: $2 is less than $3"
}

cpuset() {
    same "processors" "$(bb --cpuset-cpus 1 --cpuset-mems 0 -- '
        nproc; grep Cpus_allowed_list /proc/self/status | cut -f2')" "1
1"
    status 125 imgc run --rm --cpuset-cpus 0-7 bb true 2>/tmp/stderr
    grep "processors '0-7' are not available here, but 0-1" /tmp/stderr
    start_named mover --cpuset-cpus 0 -- 'echo up; exec sleep 4321'
    imgc update --cpuset-cpus 1 mover
    same "after update" "$(imgc exec mover grep Cpus_allowed_list /proc/1/status | cut -f2)" 1
    imgc rm -f mover
}

# Two containers on one processor that want all of it. 2048 shares beside 512 are 4 to 1 on v1, and
# about 3 to 1 as v2's weights.
shares() {
    start_named much --cpuset-cpus 1 --cpu-shares 2048 -- 'echo up; while :; do :; done'
    start_named little --cpuset-cpus 1 --cpu-shares 512 -- 'echo up; while :; do :; done'
    much=$(ticks_of much) little=$(ticks_of little)
    for _ in $(seq 100); do # until both have had three seconds together
        sleep 0.2
        m=$(($(ticks_of much) - much)) l=$(($(ticks_of little) - little))
        [ $((m + l)) -lt 300 ] || break
    done
    echo "much and little: $m $l"
    at_least "twice the little one's" "$m" $((l * 2))
    imgc rm -f much little
}

# The disk /dev/vdb has a file of 4 MB. At 1 MB a second that is more than three seconds of reading.
disk_rates() {
    mount -t ext4 /dev/vdb /mnt
    echo 3 >/proc/sys/vm/drop_caches
    t0=$(now)
    bb -v /mnt:/mnt -- 'cat /mnt/file >/dev/null'
    t1=$(now)
    echo 3 >/proc/sys/vm/drop_caches
    bb -v /mnt:/mnt --device-read-bps /dev/vdb:1mb -- 'cat /mnt/file >/dev/null'
    t2=$(now)
    bb -v /mnt:/mnt --device-write-bps /dev/vdb:1mb -- \
        'dd if=/dev/zero of=/mnt/new bs=64k count=48 oflag=direct 2>/dev/null'
    t3=$(now)
    rm /mnt/new
    umount /mnt
    echo "free $((t1 - t0)), read $((t2 - t1)), written $((t3 - t2))"
    at_least "reading 4 MB at 1 MB a second" $((t2 - t1)) 250
    # Where the machine around is busy, it reads no faster by itself.
    [ $((t1 - t0)) -ge 250 ] ||
        at_least "reading slower than without the limit" $((t2 - t1)) $((t1 - t0 + 100))
    at_least "writing 3 MB at 1 MB a second" $((t3 - t2)) 180
    imgc run --rm --blkio-weight 500 bb true
}

# A container that does nothing but work and fork stands still, and goes on.
freezing() {
    start_named busy --pids-limit 50 -- 'echo up; while :; do (:); i=$((i+1)); echo $i >/tmp/i; done'
    imgc pause busy
    same "told" "$(imgc ps --format '{{.State}}')" paused
    file=freezer.state
    [ "$version" = v1 ] || file=cgroup.events
    grep -E '^FROZEN|^frozen 1' "$(cgroup_of busy freezer)/$file"
    before=$(ticks_of busy)
    sleep 0.5
    same "used while it is paused" "$(ticks_of busy)" "$before"
    ! imgc exec busy true 2>/tmp/stderr || fail "it runs a command"
    grep paused /tmp/stderr
    imgc unpause busy
    soon goes_on "$before"
    imgc pause busy
    imgc rm -f busy
}

goes_on() {
    [ "$(ticks_of busy)" -gt "$1" ]
}

# Up and down, with what is in use in between; what is refused changes nothing.
updating() {
    start_named box -m 32m --memory-swap 32m --tmpfs /data -- '
        head -c 20m /dev/zero >/data/x; echo up
        while [ ! -e /tmp/go ]; do sleep 0.1; done; tail -c 300m /dev/zero; exit 3'
    for size in 128 48 96; do
        imgc update -m ${size}m --memory-swap ${size}m box
        same "limit" "$(cat "$(cgroup_of box memory)"/memory.limit_in_bytes \
            "$(cgroup_of box memory)"/memory.max 2>/dev/null)" $((size << 20))
    done
    status 1 imgc update -m 8m --memory-swap 8m box 2>/tmp/stderr
    grep 'container uses' /tmp/stderr
    same "after the refusal" "$(cat "$(cgroup_of box memory)"/memory.limit_in_bytes \
        "$(cgroup_of box memory)"/memory.max 2>/dev/null)" $((96 << 20))
    imgc exec box touch /tmp/go
    wait
    same "told" "$(told box)" "box: 3 true"
}

# One that was started without limits: v1 had no directories for it.
updating_bare() {
    start_named bare -- 'echo up; while [ ! -e /tmp/go ]; do sleep 0.1; done
        tail -c 300m /dev/zero; exit 3'
    imgc update -m 32m --memory-swap 32m --pids-limit 20 --cpus 1.5 --cpu-shares 512 bare 2>/tmp/stderr
    # v2's is at work for all that are made after the first limited one
    [ "$version" = v2 ] || grep 'from now on is counted' /tmp/stderr
    same "processes" "$(cat "$(cgroup_of bare pids)/pids.max")" 20
    grep -qx "$(imgc inspect --format '{{.State.Pid}}' bare)" "$(cgroup_of bare memory)/cgroup.procs"
    imgc exec bare touch /tmp/go
    wait
    same "told" "$(told bare)" "bare: 3 true"
}

is_under_oom() { # FILE
    grep -q 'under_oom 1' "$1"
}

# v1: the hog waits instead of being killed, where it touches the memory itself: a read() into it fails. v2 has no such thing, and imgc says so.
oom_kill_disable() {
    limit="-m 16m --memory-swap 16m --oom-kill-disable"
    if [ "$version" = v2 ]; then
        # shellcheck disable=SC2086 # words
        imgc run --rm $limit --memory-swappiness 10 bb true 2>/tmp/stderr
        grep -e '--oom-kill-disable is ignored' /tmp/stderr
        grep -e '--memory-swappiness is ignored' /tmp/stderr
        return
    fi
    # shellcheck disable=SC2086 # words
    start_named waits $limit --memory-swappiness 10 -- 'echo up; x=aaaaaaaa; while :; do x=$x$x; done'
    soon is_under_oom "$(cgroup_of waits memory)/memory.oom_control"
    same "swappiness" "$(cat "$(cgroup_of waits memory)/memory.swappiness")" 10
    same "state" "$(imgc inspect --format '{{.State.Status}}' waits)" running
    imgc rm -f waits
}

# All of it counted by cgroups, or by processes where v1 has none for the container.
stats() {
    start_named busy -m 64m --pids-limit 50 --tmpfs /data -- '
        head -c 30m /dev/zero >/data/x; sleep 4321 & echo up; while :; do :; done'
    row=$(imgc stats --no-stream --format '{{.CPUPerc}} {{.MemUsage}} {{.PIDs}}' busy)
    echo "$row"
    at_least "CPU %" "${row%%.*}" 20
    echo "$row" | grep -qE ' 3[0-9](\.[0-9]+)?MiB / 64MiB 2$' || fail "memory and processes"
    imgc rm -f busy
    start_named bare -- 'echo up; while :; do :; done'
    row=$(imgc stats --no-stream --format '{{.CPUPerc}} {{.PIDs}}' bare)
    at_least "CPU %" "${row%%.*}" 20
    same "processes" "${row#* }" 1
    imgc rm -f bare
}

# Below a cgroup of the user's, down through a slice's; nothing of ours stays in it.
parents() {
    start_named child -m 64m --cpus 1 --cgroup-parent one-two.slice -- 'echo up; exec sleep 4321'
    root=/sys/fs/cgroup
    [ "$version" = v2 ] || root=/sys/fs/cgroup/memory
    id=$(imgc inspect --format '{{.Id}}' child)
    same "limit" "$(cat $root/one.slice/one-two.slice/imgc/imgc-"$id"/memory.limit_in_bytes \
        $root/one.slice/one-two.slice/imgc/imgc-"$id"/memory.max 2>/dev/null)" 67108864
    imgc update -m 128m --pids-limit 20 child
    same "limit" "$(cat $root/one.slice/one-two.slice/imgc/imgc-"$id"/memory.limit_in_bytes \
        $root/one.slice/one-two.slice/imgc/imgc-"$id"/memory.max 2>/dev/null)" 134217728
    imgc rm -f child
    wait
    soon no_cgroup
    find /sys/fs/cgroup -depth -type d -path '*/one.slice*' -exec rmdir {} +
}

no_controllers() {
    bb --cgroups disabled -- true 2>/tmp/stderr
    grep 'not restricted' /tmp/stderr
    if [ "$version" = v2 ]; then
        same "memory.high" "$(bb --cgroup-conf memory.high=67108864 -- \
            'cat /sys/fs/cgroup/memory.high')" 67108864
    else
        status 125 imgc run --rm --cgroup-conf memory.high=1 bb true 2>/tmp/stderr
        grep 'needs a host with cgroup v2' /tmp/stderr
    fi
}

# An ordinary user in a scope of a systemd that delegates: the scope itself has processes, so the
# container's cgroup is made beside it.
delegated() {
    mkdir -p /sys/fs/cgroup/user/app/scope /tmp/user
    for dir in /sys/fs/cgroup /sys/fs/cgroup/user /sys/fs/cgroup/user/app; do
        echo "+memory +pids +cpu" >$dir/cgroup.subtree_control
    done
    chown -R 1000:1000 /sys/fs/cgroup/user/app /tmp/user
    sh -c 'echo $$ >/sys/fs/cgroup/user/app/scope/cgroup.procs
        exec /bin/unshare -G 1000 -S 1000 env HOME=/tmp/user XDG_RUNTIME_DIR=/tmp/user sh -ec "
            imgc import /images/busybox.tar bb >/dev/null
            imgc run --rm -m 64m --pids-limit 20 bb cat /sys/fs/cgroup/memory.max \
                /sys/fs/cgroup/pids.max
            imgc run --name hog -m 64m --memory-swap 64m bb tail -c 300m /dev/zero || true
            imgc inspect --format \"{{.State.ExitCode}} {{.State.OOMKilled}}\" hog
            imgc rm hog"' >/tmp/out 2>/tmp/stderr || fail "$(cat /tmp/stderr)"
    same "limits" "$(cat /tmp/out)" "67108864
20
137 true
hog"
    # in a cgroup of root's it is told what to do
    /bin/unshare -G 1000 -S 1000 env HOME=/tmp/user XDG_RUNTIME_DIR=/tmp/user \
        imgc run --rm -m 64m bb true 2>/tmp/stderr && fail "it is limited"
    cat /tmp/stderr
    grep -q '^Error: .*cannot limit memory .*systemd-run --user --scope' /tmp/stderr
    soon no_background
    rm -rf /tmp/user
    find /sys/fs/cgroup/user -depth -type d -exec rmdir {} +
}

# An init system makes cgroups for its services, and does not lift its container's limits: with the
# kernel's help where the hierarchy was mounted with "nsdelegate", and without it.
init_system() {
    start_named boot --systemd always -m 64m --pids-limit 40 -- 'cd /sys/fs/cgroup &&
        mkdir init.scope && echo 1 >init.scope/cgroup.procs && echo "+memory +pids" >cgroup.subtree_control &&
        mkdir service && cat service/memory.current && cat memory.max pids.max
        (echo max >memory.max; echo max >pids.max) 2>/dev/null; echo up; exec sleep 4321'
    same "inside" "$(sed '1d;$d' /tmp/up-boot)" "67108864
40"
    same "memory" "$(cat "$(cgroup_of boot memory)/memory.max")" 67108864
    same "pids" "$(cat "$(cgroup_of boot pids)/pids.max")" 40
    same "exec" "$(imgc exec boot grep -c /init.scope /proc/self/cgroup)" 1
    imgc update -m 128m --memory-swap -1 boot
    same "inside after update" "$(imgc exec boot cat /sys/fs/cgroup/memory.max)" 134217728
    imgc exec boot sh -c 'echo max >/sys/fs/cgroup/memory.max' 2>/dev/null || true
    same "after update" "$(cat "$(cgroup_of boot memory)/memory.max")" 134217728
    imgc update -m 96m boot
    inner=$(cgroup_of boot memory)/delegated
    [ ! -d "$inner" ] || same "inner" "$(cat "$inner/memory.max")" 100663296
    imgc update -m 0 --pids-limit -1 boot
    same "without limits" "$(imgc exec boot cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max)" "max
max"
    imgc rm -f -t 0 boot
}

init_system_delegating() {
    mount -o remount,nsdelegate /sys/fs/cgroup
    init_system
}

# imgc's own processes that clear up
no_background() {
    ! cat /proc/[0-9]*/comm 2>/dev/null | grep -qx imgc
}

check_limits() {
    check cpuset "--cpuset-cpus and --cpuset-mems are what the container sees"
    check shares "--cpu-shares divide a processor"
    check disk_rates "--device-read-bps and --device-write-bps hold on a disk"
    check freezing "pause stops a container that forks, and unpause lets it go on"
    check updating "update raises and lowers memory, and refuses less than is used"
    check updating_bare "update limits a container that had no limits"
    check oom_kill_disable "--oom-kill-disable"
    check stats "stats: processor, memory and processes"
    check parents "--cgroup-parent, down through a slice"
    [ "$version" = v1 ] || check delegated "an ordinary user's limits in a delegated cgroup"
    [ "$version" = v1 ] || check init_system "--systemd: limits cannot be lifted from inside"
    [ "$version" = v1 ] || check init_system_delegating "--systemd: the same with nsdelegate"
    check no_controllers "--cgroups disabled and --cgroup-conf"
}
