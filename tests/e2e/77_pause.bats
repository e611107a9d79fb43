# SPDX-License-Identifier: Apache-2.0
# pause and unpause: seen from inside, in the cgroup's files, and by what ps and inspect tell.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c 'CMD ["sh"]' "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
    OUT=$BATS_TEST_TMPDIR/out
}

teardown() {
    [ -z "${STORE:-}" ] || imgc rm -fa >/dev/null 2>&1 || true
    wait
}

within() { # CMD...: until it succeeds
    for _ in $(seq 300); do
        ! "$@" || return 0
        sleep 0.1
    done
    echo "still not: $*"
    return 1
}

has_lines() { # MORE-THAN
    [ "$(wc -l <"$OUT")" -gt "$1" ]
}

# A container that counts, each line a number.
start_counting() { # NAME
    # shellcheck disable=SC2016 # the container's shell's
    imgc run --name "$1" bb sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done' \
        >"$OUT" 2>/dev/null 3>&- &
    within has_lines 2
    [ -n "$(imgc inspect -f '{{.State.Pid}}' "$1")" ]
    imgc pause "$1" >"$OUT.pause" 2>&1 && imgc unpause "$1" >/dev/null && return 0
    grep -q 'no cgroup\|cannot freeze' "$OUT.pause" && skip "nothing can be paused here"
    cat "$OUT.pause"
    return 1
}

@test "a paused container does nothing, and goes on where it was" {
    start_counting counter
    run imgc pause counter
    [ "$output" = counter ]
    local before cgroup
    before=$(wc -l <"$OUT")
    sleep 0.5 # nothing is waited for: the more time, the sharper the test
    # one line may have been on its way through imgc
    [ "$(wc -l <"$OUT")" -le $((before + 1)) ]
    cgroup=$(grep -l "^$(imgc inspect -f '{{.State.Pid}}' counter)\$" \
        /sys/fs/cgroup/{,unified/,freezer/}imgc/*/cgroup.procs 2>/dev/null | head -n 1)
    cgroup=${cgroup%/*}
    grep -q 'frozen 1' "$cgroup/cgroup.events" || grep -q FROZEN "$cgroup/freezer.state"
    run imgc unpause counter
    [ "$output" = counter ]
    within has_lines $((before + 3))
    # none is missing
    cp "$OUT" "$OUT.seen"
    diff <(seq "$(wc -l <"$OUT.seen")") "$OUT.seen"
}

@test "ps and inspect tell that it is paused" {
    start_counting told
    imgc pause told
    run imgc ps --format '{{.State}} {{.Status}}'
    [[ $output == "paused Up "*" (Paused)" ]]
    run imgc inspect -f '{{.State.Status}} {{.State.Paused}} {{.State.Running}}' told
    [ "$output" = "paused true true" ]
    imgc unpause --all
    run imgc inspect -f '{{.State.Status}} {{.State.Paused}}' told
    [ "$output" = "running false" ]
}

@test "what cannot be paused or unpaused is one line" {
    start_counting once
    assert_fails 1 'container once is not paused' imgc unpause once
    imgc pause once
    assert_fails 1 'container once is already paused' imgc pause once
    assert_fails 1 'no such container: nosuch' imgc pause nosuch
    assert_fails 1 'takes containers, or --all' imgc pause
    assert_fails 1 'takes containers, or --all' imgc unpause -a once
    imgc rm -f once
    imgc run --name over bb true
    assert_fails 1 'container over is not running' imgc pause over
    assert_fails 1 'container over is not running' imgc unpause over
    run imgc unpause -a
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "a paused container is removed by force, with its cgroup" {
    start_counting gone
    imgc pause gone
    run timeout 60 "$IMGC" --root "$STORE" --runroot "$RUNROOT" rm -f gone
    [ "$status" -eq 0 ]
    wait
    [ -z "$(imgc ps -aq)" ]
}
