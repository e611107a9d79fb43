# SPDX-License-Identifier: Apache-2.0
# Many containers at once, many one after the other, and imgc killed at any point: nothing stays, with
# and without a network (of a host of its own: a network namespace).
# IMGC_TEST_MANY=1, or ./dev torture, takes the full numbers, which take minutes: 200 at once, 1000 in
# a row, 500 kills.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c 'CMD ["true"]' "$IMAGES/busybox.tar" bb >/dev/null
    if have_bridges; then
        export HOST_NS=imgc-l$$
        ip netns add "$HOST_NS"
        ip -n "$HOST_NS" link set lo up
    fi
}

teardown_file() {
    [ -z "${STORE:-}" ] || imgc rm -af >/dev/null 2>&1 || true
    [ -z "${HOST_NS:-}" ] || ip netns del "$HOST_NS"
}

setup() {
    require_containers
    require_images busybox
    ids=$BATS_TEST_TMPDIR/ids
    : >"$ids"
}

imgc() {
    # shellcheck disable=SC2086 # words, or none
    ${ON_HOST:-} "$IMGC" --root "$STORE" --runroot "$RUNROOT" "$@"
}

# From here on this test is on a host with networks.
with_network() {
    [ -n "${HOST_NS:-}" ] || skip "this host has no bridges, or no nftables"
    export ON_HOST="nsenter --net=/run/netns/$HOST_NS" IMGC_NETWORK=
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

# Rows of a table, asked of the index itself.
rows() {
    python3 -c 'import sqlite3, sys
print(sqlite3.connect("file:" + sys.argv[1] + "/imgc.db?mode=ro", uri=True).execute("SELECT count(*) FROM " + sys.argv[2]).fetchone()[0])' "$STORE" "$1"
}

# Interfaces but lo, and rules, of the host of networks.
network_left() {
    [ -n "${ON_HOST:-}" ] || return 0
    ip -n "$HOST_NS" -o link | grep -v ' lo:' || true
    $ON_HOST nft list ruleset
}

# Whatever goes on after the answer is over: no process of this store, none of its containers.
assert_nothing_left() { # $1: file with the IDs that there were
    local i
    for i in {1..300}; do
        [ -z "$(store_processes)" ] && [ -z "$(cgroups "$1")" ] && [ -z "$(network_left)" ] && break
        sleep 0.1
    done
    [ -z "$(store_processes)" ]
    [ -z "$(cgroups "$1")" ]
    network_left
    [ -z "$(network_left)" ]
    run ! grep -q "$STORE" /proc/self/mountinfo
    [ -z "$(imgc ps -aq)" ]
    [ "$(rows container)" = 0 ]
    [ "$(rows network_lease)" = 0 ]
    [ "$(rows lease)" = 0 ]
    assert_no_containers
    [ ! -d "$RUNROOT/containers" ] || [ -z "$(ls -A "$RUNROOT/containers")" ]
    wait_idle
    [ -z "$(ls -A "$STORE/tmp")" ]
}

start_and_stop() { # HOW MANY
    export -f imgc
    export IMGC
    seq "$1" | xargs -P 16 -I{} bash -c 'imgc run -d --name c{} bb sleep 1000' >"$ids"
    [ "$(wc -l <"$ids")" -eq "$1" ]
    [ "$(imgc ps -q | wc -l)" -eq "$1" ]
    seq "$1" | xargs -P 16 -I{} bash -c 'imgc stop -t 0 c{} >/dev/null && imgc rm c{} >/dev/null'
    assert_nothing_left "$ids"
}

# Kill the monitors of this store's containers, where there are any.
kill_monitors() {
    local monitor
    for monitor in $(pgrep -x imgc-monitor); do
        if find "/proc/$monitor/fd" -lname "$STORE*" 2>/dev/null | grep -q .; then
            kill -KILL "$monitor" 2>/dev/null || true
        fi
    done
}

# kill_imgc HOW MANY OPTION...: of run, up to a while after the container has started.
kill_imgc() {
    local n=$1 i pid
    shift
    for ((i = 0; i < n; i++)); do
        # shellcheck disable=SC2086
        ${ON_HOST:-} "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --name k "$@" bb sleep 1000 \
            >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "0.$(printf '%03d' $((RANDOM % 120)))"
        kill -KILL "$pid" 2>/dev/null || true
        ((i % 2)) || kill_monitors
        wait "$pid" 2>/dev/null || true
        imgc ps -aq --no-trunc >>"$ids"
        if ((i % 5)); then
            imgc rm -f k >/dev/null
            [ -z "$(imgc ps -aq)" ] || imgc rm -af
        fi # else the next one's sweep, or the name that is taken, has to do
        [ -z "$(imgc ps -aq --filter name=k)" ] || imgc rm -f k
    done
    imgc rm -af >/dev/null
    imgc prune -f >/dev/null
    assert_nothing_left "$ids"
}

@test "many containers started and stopped in parallel leave nothing" {
    start_and_stop "$(many 200 20)"
}

@test "many containers on a network, started and stopped in parallel, leave nothing" {
    with_network
    start_and_stop "$(many 200 10)"
}

@test "many run --rm in a row leave nothing" {
    n=$(many 1000 50)
    for ((i = 0; i < n; i++)); do
        imgc run --rm bb
    done
    echo no-such-id >"$ids"
    assert_nothing_left "$ids"
}

@test "many run --rm on a network, in a row, leave nothing" {
    with_network
    n=$(many 300 10)
    for ((i = 0; i < n; i++)); do
        imgc run --rm bb
    done
    echo no-such-id >"$ids"
    assert_nothing_left "$ids"
}

@test "imgc killed at any point of run -d leaves nothing that rm -f cannot clear" {
    kill_imgc "$(many 200 15)" -d
}

@test "imgc killed at any point of run leaves nothing that rm -f cannot clear" {
    kill_imgc "$(many 100 8)"
    kill_imgc "$(many 100 8)" --rm
}

@test "imgc killed at any point of run on a network leaves nothing that rm -f cannot clear" {
    with_network
    kill_imgc "$(many 50 5)"
    kill_imgc "$(many 50 5)" --rm -d
}
