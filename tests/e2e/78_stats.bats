# SPDX-License-Identifier: Apache-2.0
# stats: what containers use, beside what is known of them.

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

teardown() {
    [ -z "${STORE:-}" ] || imgc rm -fa >/dev/null 2>&1 || true
    wait
}

start() { # NAME OPTIONS... -- WORDS
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    imgc run --name "$name" "${options[@]}" bb sh -c "echo up; $2" >"$BATS_TEST_TMPDIR/$name" \
        2>"$BATS_TEST_TMPDIR/$name.err" 3>&- &
    for _ in $(seq 300); do
        ! grep -q up "$BATS_TEST_TMPDIR/$name" || return 0
        sleep 0.1
    done
    cat "$BATS_TEST_TMPDIR/$name.err"
    return 1
}

stat_of() { # NAME FIELD
    imgc stats --no-stream --format "{{.$2}}" "$1"
}

@test "the table has docker's columns, and a row for each that runs" {
    start one -- 'exec sleep 4321'
    start two -- 'exec sleep 4321'
    imgc run --name over bb true
    run imgc stats --no-stream
    [ "$status" -eq 0 ]
    [[ ${lines[0]} =~ ^CONTAINER\ ID\ +NAME\ +CPU\ %\ +MEM\ USAGE\ /\ LIMIT\ +MEM\ %\ +NET\ I/O\ +BLOCK\ I/O\ +PIDS$ ]]
    [ "${#lines[@]}" -eq 3 ]
    [[ $output != *over* ]]
    run imgc stats --no-stream -a --format '{{.Name}} {{.PIDs}}'
    [ "$(sort <<<"$output")" = $'one 1\nover 0\ntwo 1' ]
    run imgc stats --no-stream --format '{{.Name}} {{.ID}}' two
    [ "$output" = "two $(imgc ps --format '{{.ID}} {{.Names}}' | sed -n 's/ two$//p')" ]
    run imgc stats --no-stream --no-trunc --format '{{.ID}}' two
    [ "${#output}" -eq 64 ]
    assert_fails 1 'no such container: nosuch' imgc stats --no-stream one nosuch
}

@test "CPU % of who works and of who sleeps" {
    start busy -- 'while :; do :; done'
    start idle -- 'exec sleep 4321'
    run stat_of idle CPUPerc
    [ "${output%.*}" -lt 10 ]
    # any share of this machine that is more than nothing
    run stat_of busy CPUPerc
    [ "${output%.*}" -ge 2 ]
}

@test "memory, its limit, and processes" {
    [ -d /sys/fs/cgroup/memory ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers ||
        skip "no memory controller here"
    # what is in a tmpfs is the container's memory
    start fat -m 128m --tmpfs /data -- 'head -c 40m /dev/zero >/data/x; sleep 4321 & sleep 4321 &
        echo full; wait'
    for _ in $(seq 300); do
        ! grep -q full "$BATS_TEST_TMPDIR/fat" || break
        sleep 0.1
    done
    run stat_of fat MemUsage
    [[ $output == 4[0-9]*MiB' / 128MiB' ]]
    run stat_of fat MemPerc
    [[ $output == 3[0-9].*% ]]
    run stat_of fat PIDs
    [ "$output" = 3 ]
    run imgc stats --no-stream --format json fat
    [ "$(python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["Name"])' <<<"$output")" = fat ]
}

@test "without --no-stream it goes on until an interrupt, or the end of what is named" {
    start short -- 'exec sleep 4321'
    imgc stats --format '{{.Name}}' short >"$BATS_TEST_TMPDIR/rounds" 3>&- &
    local pid=$!
    for _ in $(seq 300); do
        [ "$(wc -l <"$BATS_TEST_TMPDIR/rounds")" -lt 2 ] || break
        sleep 0.1
    done
    [ "$(wc -l <"$BATS_TEST_TMPDIR/rounds")" -ge 2 ]
    imgc rm -f short
    wait "$pid" || true
}
