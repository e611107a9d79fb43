# SPDX-License-Identifier: Apache-2.0
# imgc logs: rotation, following, times.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
}

teardown_file() {
    [ -z "${STORE:-}" ] || imgc rm -f -a >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

teardown() {
    [ -z "${STORE:-}" ] || imgc rm -f -a >/dev/null
}

# The directory of the only container.
container_dir() {
    echo "$STORE"/containers/*
}

wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "never: $*"; return 1; }
        sleep 0.05
    done
}

@test "a log is rotated, whole lines only, and read in its order" {
    imgc run --name job --log-opt max-size=20k --log-opt max-file=3 bb sh -c 'seq 1 5000' >/dev/null
    cd "$(container_dir)"
    [ "$(ls -d log* | tr '\n' ' ')" = "log log.1 log.2 " ]
    for f in log log.1 log.2; do
        [ "$(stat -c %s $f)" -le 20480 ]
        [ "$(stat -c %a $f)" = 600 ]
    done
    first=$(imgc logs job | head -1)
    [ "$first" -gt 1 ]
    diff <(imgc logs job) <(seq "$first" 5000)
    diff <(imgc logs -n 700 job) <(seq 4301 5000)
    diff <(imgc logs --tail 0 job) /dev/null
}

@test "without options ten megabytes and three files" {
    imgc run --name job bb sh -c 'yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -n 400000' >/dev/null
    cd "$(container_dir)"
    [ "$(ls -d log* | tr '\n' ' ')" = "log log.1 log.2 " ]
    [ "$(stat -c %s log.1)" -le 10485760 ]
    [ "$(stat -c %s log.1)" -gt 10000000 ]
}

@test "one file only begins anew" {
    imgc run --name job --log-opt max-size=4k --log-opt max-file=1 bb sh -c 'seq 1 1000' >/dev/null
    [ "$(ls -d "$(container_dir)"/log*)" = "$(container_dir)/log" ]
    [ "$(imgc logs job | tail -1)" = 1000 ]
}

@test "-f follows across rotations and ends with the container" {
    imgc run --name job --log-opt max-size=8k --log-opt max-file=100 bb \
        sh -c 'for i in $(seq 1 60); do seq $((i*100)) $((i*100+99)); usleep 10000; done' >/dev/null 3>&- &
    wait_for 20 eval 'imgc logs job >/dev/null 2>&1'
    timeout 60 "$IMGC" --root "$STORE" --runroot "$RUNROOT" logs -f job >"$BATS_TEST_TMPDIR/out"
    diff "$BATS_TEST_TMPDIR/out" <(seq 100 6099)
    wait $!
    # a container that has ended is followed no further
    timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" logs -f -n 1 job >"$BATS_TEST_TMPDIR/out"
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = 6099 ]
}

@test "-f shows a line when it is written, and ends at Ctrl-C" {
    imgc run --name job bb sh -c 'echo first; sleep 1000' >/dev/null 3>&- &
    wait_for 20 eval '[ "$(imgc logs job 2>/dev/null)" = first ]'
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" logs -f job >"$BATS_TEST_TMPDIR/out" 3>&- &
    pid=$!
    wait_for 20 grep -q first "$BATS_TEST_TMPDIR/out"
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 143 ]
    imgc rm -f job
}

@test "--since and --until" {
    imgc run --name job bb sh -c 'echo one; sleep 1.2; echo two; sleep 1.2; echo three' >/dev/null
    two=$(imgc logs -t job | sed -n 's/ two$//p')
    [ "$(imgc logs --since "$two" job | tr '\n' ' ')" = "two three " ]
    [ "$(imgc logs --until "$two" job | tr '\n' ' ')" = "one two " ]
    [ "$(imgc logs --since "$two" --until "$two" job)" = two ]
    [ "$(imgc logs --since 1h job | wc -l)" = 3 ]
    [ "$(imgc logs --until 1h job | wc -l)" = 0 ]
    [ "$(imgc logs --since "$(date -d "$two" +%s)" job | tail -1)" = three ]
    timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" logs -f --until "$two" job >"$BATS_TEST_TMPDIR/out"
    [ "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/out")" = "one two " ]
}

@test "bad values are told" {
    imgc run --name job bb true
    assert_fails 1 "since 'yesterday'" imgc logs --since yesterday job
    assert_fails 1 "until 'x'" imgc logs --until x job
    assert_fails 1 "tail 'x'" imgc logs --tail x job
    assert_fails 1 "no such container: nobody" imgc logs nobody
    assert_fails 125 "max-size=x" imgc run --rm --log-opt max-size=x bb true
    assert_fails 125 "max-file=0" imgc run --rm --log-opt max-file=0 bb true
    assert_fails 125 "max-size or max-file" imgc run --rm --log-opt colour=red bb true
    printf 'damaged\n' >>"$(container_dir)/log"
    assert_fails 1 "damaged line" imgc logs job
}

@test "a link in the place of a log is not followed" {
    imgc run --name job bb echo hello >/dev/null
    echo '2024-01-02T03:04:05.000000000+00:00 stdout F secret' >"$BATS_TEST_TMPDIR/secret"
    ln -s "$BATS_TEST_TMPDIR/secret" "$(container_dir)/log.1"
    run imgc logs job
    [[ $output != *secret* ]]
}
