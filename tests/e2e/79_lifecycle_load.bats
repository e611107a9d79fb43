# SPDX-License-Identifier: Apache-2.0
# Many containers at once, many one after the other, and imgc killed at any point: nothing stays.
# IMGC_TEST_MANY=1 takes the full numbers (200 at once, 1000 in a row, 500 kills), which take minutes.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c 'CMD ["true"]' "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

# many FULL SMALL: how many, in this run.
many() {
    [ -n "${IMGC_TEST_MANY:-}" ] && echo "$1" || echo "$2"
}

store_processes() {
    local pid
    for pid in $(pgrep -f -- "--root $STORE "); do
        [ "$pid" = "$$" ] || echo "$pid"
    done
    return 0
}

cgroups() {
    find /sys/fs/cgroup -maxdepth 4 -type d -name 'imgc-*' 2>/dev/null | grep -F -f "$1" || true
}

# Whatever goes on after the answer is over: no process of this store, none of its containers.
assert_nothing_left() { # $1: file with the IDs that there were
    local i
    for i in {1..200}; do
        [ -z "$(store_processes)" ] && [ -z "$(cgroups "$1")" ] && break
        sleep 0.1
    done
    [ -z "$(store_processes)" ]
    [ -z "$(cgroups "$1")" ]
    run ! grep -q "$STORE" /proc/self/mountinfo
    [ -z "$(imgc ps -aq)" ]
    assert_no_containers
    [ ! -d "$RUNROOT/containers" ] || [ -z "$(ls -A "$RUNROOT/containers")" ]
}

@test "many containers started and stopped in parallel leave nothing" {
    n=$(many 200 24)
    ids=$BATS_TEST_TMPDIR/ids
    export -f imgc
    export IMGC
    seq "$n" | xargs -P 16 -I{} bash -c 'imgc run -d --name c{} bb sleep 1000' >"$ids"
    [ "$(wc -l <"$ids")" -eq "$n" ]
    [ "$(imgc ps -q | wc -l)" -eq "$n" ]
    seq "$n" | xargs -P 16 -I{} bash -c 'imgc stop -t 0 c{} >/dev/null && imgc rm c{} >/dev/null'
    assert_nothing_left "$ids"
}

@test "many run --rm in a row leave nothing" {
    n=$(many 1000 60)
    ids=$BATS_TEST_TMPDIR/ids
    for ((i = 0; i < n; i++)); do
        imgc run --rm bb
    done
    echo no-such-id >"$ids"
    assert_nothing_left "$ids"
}

@test "imgc killed at any point of run -d and stop leaves nothing that rm -f cannot clear" {
    n=$(many 500 30)
    ids=$BATS_TEST_TMPDIR/ids
    : >"$ids"
    for ((i = 0; i < n; i++)); do
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" run -d --name k bb sleep 1000 \
            >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "0.0$((RANDOM % 40 + 10))"
        kill -KILL "$pid" 2>/dev/null || true
        if ((i % 2)); then # and the monitor, where there is one
            for monitor in $(pgrep -x imgc-monitor); do
                find "/proc/$monitor/fd" -lname "$STORE*" 2>/dev/null | grep -q . &&
                    kill -KILL "$monitor" 2>/dev/null
            done
        fi
        wait "$pid" 2>/dev/null || true
        imgc ps -aq --no-trunc >>"$ids"
        imgc rm -f k >/dev/null
        [ -z "$(imgc ps -aq)" ] || imgc rm -af
    done
    imgc prune -f >/dev/null
    assert_nothing_left "$ids"
}
