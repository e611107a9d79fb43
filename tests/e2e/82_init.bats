# SPDX-License-Identifier: Apache-2.0
# Init systems as PID 1: furnished for them, and stopped cleanly. IMGC_TEST_SYSTEMD=1 adds Debian with
# systemd, which takes mmdebstrap a minute to make.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    local root=$BATS_FILE_TMPDIR/root
    mkdir -p "$root/sbin" "$root/etc"
    tar -C "$root" -xf "$IMAGES/busybox.tar"
    ln -sf /bin/busybox "$root/sbin/init"
    cat >"$root/etc/inittab" <<'END'
::sysinit:/bin/touch /booted
::respawn:/bin/sh -c 'echo up >>/log; exec sleep 1000'
::shutdown:/bin/touch /stopped
END
    tar -C "$root" -cf "$root.tar" .
    imgc import -c 'CMD ["/sbin/init"]' -c 'STOPSIGNAL SIGUSR2' "$root.tar" init >/dev/null
    imgc import -c 'CMD ["/sbin/init"]' "$root.tar" init-plain >/dev/null
}

teardown_file() {
    [ -z "${STORE:-}" ] || imgc rm -f -a >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

await() {
    local i
    for i in {1..300}; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    return 1
}

@test "busybox's init boots, keeps its services, and is stopped by the image's signal" {
    imgc run -d --name box init >/dev/null
    await imgc exec box grep -q up /log
    imgc exec box test -e /booted
    run imgc exec box sh -c 'cat /proc/1/cmdline | tr "\0" " "'
    [[ $output == *init* ]]
    imgc exec box sh -c 'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" != sleep ] || kill "${p#/proc/}"; done'
    await imgc exec box sh -c '[ "$(wc -l </log)" -ge 2 ]' # respawned
    # orphans are taken in
    imgc exec box sh -c '(sleep 0.2 &)'
    await imgc exec box sh -c '! grep -q "^State:.Z" /proc/[0-9]*/status'
    run imgc stop -t 60 box
    [ "$status" -eq 0 ]
    [[ $output != *killed* ]]
    [ "$(imgc inspect -f '{{.State.ExitCode}}' box)" = 0 ]
    [ -e "$STORE/containers/$(imgc inspect -f '{{.Id}}' box)/upper/stopped" ]
    imgc rm box >/dev/null
}

@test "--systemd: what an init system finds, by the name of the command or always" {
    inside='mount | grep -E " on (/run|/run/lock|/tmp|/var/log/journal) type tmpfs" | wc -l; echo ${container-none} ${container_uuid-none}; (mkdir /sys/fs/cgroup/test && rmdir /sys/fs/cgroup/test) 2>/dev/null && echo writable'
    run imgc run --rm init sh -c "$inside"
    [ "${lines[*]}" = "0 none none" ]
    run imgc run --rm --systemd always init sh -c "$inside"
    [ "${lines[0]}" = 4 ]
    [[ ${lines[1]} =~ ^imgc\ [0-9a-f]{32}$ ]]
    if grep -q cgroup2 /proc/self/mountinfo; then
        [ "${lines[2]}" = writable ]
    fi
    # the user's own goes first
    mkdir "$BATS_TEST_TMPDIR/run"
    run imgc run --rm --systemd always -v "$BATS_TEST_TMPDIR/run:/run" init sh -c "touch /run/here; $inside"
    [ "${lines[0]}" = 3 ]
    [ -e "$BATS_TEST_TMPDIR/run/here" ]
    # nothing else is open: the host's cgroups, and what is read-only
    run imgc run --rm --systemd always init sh -c 'cat /proc/self/cgroup; for f in /proc/sys/kernel/core_pattern /sys/kernel/uevent_helper; do (echo x >$f) 2>/dev/null && echo "written: $f"; done; ls /sys/fs/cgroup | grep imgc'
    [[ $output != *written* && $output != *imgc* ]]
    assert_fails 125 "true, false or always" imgc run --rm --systemd maybe init true

    imgc create --name a init-plain >/dev/null
    imgc create --name b --systemd false init-plain >/dev/null
    imgc create --name c --systemd=always init-plain sh >/dev/null
    imgc create --name d --stop-signal TERM init-plain >/dev/null
    imgc create --name e init >/dev/null
    for want in a:37 b:15 c:37 d:15 e:12; do
        run imgc inspect -f '{{.Config.StopSignal}}' "${want%:*}"
        echo "$want: $output"
        case ${want#*:} in
        37) [[ $output == SIGRTMIN+3 || $output == 37 ]] ;;
        15) [[ $output == SIGTERM || $output == 15 ]] ;;
        12) [[ $output == SIGUSR2 || $output == 12 ]] ;;
        esac
    done
    imgc rm a b c d e >/dev/null
}

# A host that has no other version of cgroups than the first.
without_v2() {
    unshare -m --propagation private bash -c \
        'for dir in /sys/fs/cgroup/unified; do ! mountpoint -q $dir || umount $dir; done; exec "$@"' bash "$@"
}

@test "--systemd: with cgroups of version 1 an init system cannot lift its container's limits" {
    require_root_mount
    [ -e /sys/fs/cgroup/pids/cgroup.procs ] || skip "needs cgroup v1"
    run without_v2 "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm --pids-limit 50 --systemd always init \
        sh -c 'cd /sys/fs/cgroup/pids && cat pids.max && (echo max >pids.max) 2>/dev/null; cat pids.max'
    [ "${lines[*]}" = "50 50" ]
}

@test "--systemd --privileged: with cgroups of version 1 its limits can be lifted, as of any privileged one" {
    require_root_mount
    [ -e /sys/fs/cgroup/pids/cgroup.procs ] || skip "needs cgroup v1"
    run without_v2 "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm --pids-limit 50 --systemd always --privileged \
        init sh -c 'cd /sys/fs/cgroup/pids && cat pids.max && (echo 70 >pids.max) 2>/dev/null; cat pids.max'
    [ "${lines[*]}" = "50 70" ]
}

@test "--systemd: the cgroup that limits the container is none that it can write to" {
    grep cgroup2 /proc/self/mountinfo | grep -qv nsdelegate || skip "the kernel sees to it (nsdelegate)"
    imgc run -d --name sd --systemd always init sleep 1000 >/dev/null
    id=$(imgc inspect -f '{{.Id}}' sd)
    cgroup=$(find /sys/fs/cgroup -maxdepth 4 -path '*/unified/*' -name "imgc-$id")
    [ -n "$cgroup" ] || cgroup=$(find /sys/fs/cgroup -maxdepth 3 -name "imgc-$id")
    [ "$(cat "$cgroup/cgroup.max.depth")" = max ]
    run imgc exec sd sh -c 'cat /proc/self/cgroup; cd /sys/fs/cgroup && mkdir sub && echo 1 >sub/cgroup.procs && echo 7 >cgroup.max.depth && cat cgroup.max.depth'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"0::/"*7 ]] # a cgroup of its own, which it can give rules to
    [ "$(cat "$cgroup/cgroup.max.depth")" = max ]
    imgc pause sd
    imgc unpause sd
    imgc rm -f -t 0 sd
    [ ! -d "$cgroup" ]
}

@test "--systemd: update raises a limit, and takes it away, in what the container's processes are in, too" {
    require_root_mount
    grep cgroup2 /proc/self/mountinfo | grep -qv nsdelegate || skip "the kernel sees to it (nsdelegate)"
    [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "limits are of cgroup v1 here"
    imgc run -d --name up --systemd always -m 64m --pids-limit 40 init sleep 1000 >/dev/null
    inner=/sys/fs/cgroup/imgc/imgc-$(imgc inspect -f '{{.Id}}' up)/delegated
    [ "$(cat "$inner/memory.max" "$inner/pids.max")" = $'67108864\n40' ]
    imgc update -m 128m --memory-swap -1 --pids-limit 80 up
    [ "$(cat "$inner/memory.max" "$inner/pids.max")" = $'134217728\n80' ]
    [ "$(cat "$inner/memory.swap.max")" = max ]
    imgc update --pids-limit -1 up
    [ "$(cat "$inner/memory.max" "$inner/pids.max")" = $'134217728\nmax' ]
    imgc rm -f -t 0 up
}

@test "--systemd: update limits, and stats count, what is in cgroups of its own" {
    require_root_mount
    grep -q cgroup2 /proc/self/mountinfo || skip "no cgroup v2"
    [ -e /sys/fs/cgroup/pids/cgroup.procs ] || skip "needs limits of cgroup v1"
    imgc run -d --name deep --systemd always init sh -c \
        'cd /sys/fs/cgroup && mkdir -p a/b && sh -c "echo \$\$ >a/b/cgroup.procs; exec sleep 1001" & sleep 1000' >/dev/null
    is_deep() { imgc exec deep sh -c '[ -n "$(cat /sys/fs/cgroup/a/b/cgroup.procs)" ]'; }
    await is_deep
    [ "$(imgc stats --no-stream --format '{{.PIDs}}' deep)" = 2 ]
    imgc update --pids-limit 50 deep
    [ "$(sort -n "/sys/fs/cgroup/pids/imgc/imgc-$(imgc inspect -f '{{.Id}}' deep)/cgroup.procs" | wc -l)" = 2 ]
    imgc rm -f -t 0 deep
}

@test "--systemd: cgroups without end below its own are removed with the container" {
    grep -q cgroup2 /proc/self/mountinfo || skip "no cgroup v2"
    imgc run -d --name deep --systemd always init sh -c \
        'cd /sys/fs/cgroup; i=0; while [ $i -lt 200 ]; do mkdir a b && cd a && i=$((i + 1)); done; sleep 1000 & echo $! >cgroup.procs; echo made; wait' >/dev/null
    is_made() { imgc logs deep | grep -q made; }
    await is_made
    id=$(imgc inspect -f '{{.Id}}' deep)
    [ "$(find /sys/fs/cgroup -maxdepth 4 -name "imgc-$id" | wc -l)" -gt 0 ]
    run imgc rm -f -t 0 deep
    echo "$output"
    [ "$status" -eq 0 ]
    [ -z "$(find /sys/fs/cgroup -maxdepth 4 -name "imgc-$id")" ]
}

@test "Debian with systemd boots, runs a service in a cgroup of its own, and halts" {
    [ -n "${IMGC_TEST_SYSTEMD:-}" ] || skip "IMGC_TEST_SYSTEMD is not set"
    command -v mmdebstrap >/dev/null || skip "no mmdebstrap"
    grep -q cgroup2 /proc/self/mountinfo || skip "no cgroup v2"
    mmdebstrap --variant=minbase --include=systemd,systemd-sysv,dbus bookworm "$BATS_TEST_TMPDIR/systemd.tar" >&2
    imgc import -c 'CMD ["/sbin/init"]' "$BATS_TEST_TMPDIR/systemd.tar" systemd >/dev/null
    rm "$BATS_TEST_TMPDIR/systemd.tar"
    imgc run -d --name sd systemd >/dev/null
    await imgc exec sd systemctl is-system-running --wait || imgc exec sd systemctl is-system-running | grep -E 'running|degraded'
    run imgc exec sd systemd-run --wait --pipe cat /proc/self/cgroup
    [ "$status" -eq 0 ]
    [[ $output == *run-*.service* ]]
    run imgc exec sd systemctl --failed --no-legend
    echo "failed units: $output" >&2
    run imgc stop -t 60 sd
    [ "$status" -eq 0 ]
    [[ $output != *killed* ]]
    [ "$(imgc inspect -f '{{.State.ExitCode}}' sd)" = 0 ] || [ "$(imgc inspect -f '{{.State.ExitCode}}' sd)" = 130 ]
    imgc rm sd >/dev/null
}
