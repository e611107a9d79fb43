# SPDX-License-Identifier: Apache-2.0
# kill -9 at any moment leaves a store on which every command works.
# forms: both

load lib/common

setup_file() {
    have_images busybox
    start_registry
    push "$IMAGES/busybox:one" busybox:one
    push "$IMAGES/busybox:three" busybox:three
}

teardown_file() {
    stop_registry
}

setup() {
    new_store
}

# Run a command and kill it after a random time up to MS milliseconds.
killed() {
    local ms=$1 pid
    shift
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" "$@" >/dev/null 2>&1 3>&- &
    pid=$!
    sleep "0.$(printf '%03d' $((RANDOM % ms)))"
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
}

every_command_works() {
    imgc images -a >/dev/null
    imgc ps -a >/dev/null
    imgc df >/dev/null
    imgc verify -q
    imgc images -q --no-trunc | while read -r id; do
        imgc inspect "$id" >/dev/null
        imgc history "$id" >/dev/null
    done
}

@test "pulls killed at random moments" {
    for _ in $(seq 25); do
        killed 60 pull -q "$REGISTRY/busybox:three"
        every_command_works
    done
    imgc pull -q "$REGISTRY/busybox:three"
    assert_store_clean
    imgc unpack "$REGISTRY/busybox:three" "$BATS_TEST_TMPDIR/out"
    [ "$(cat "$BATS_TEST_TMPDIR/out/data/old/again")" = again ]
}

@test "imports, removals and prunes killed at random moments" {
    for i in $(seq 15); do
        killed 80 import "$IMAGES/busybox.tar" "bb:$((i % 3))"
        killed 30 rmi -f "bb:$(((i + 1) % 3))"
        killed 30 prune -af
        every_command_works
    done
    imgc rmi -f --all >/dev/null
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    assert_store_clean
    imgc rmi bb >/dev/null
    imgc prune -af >/dev/null
    wait_idle
    # nothing is kept for nobody
    [ -z "$(ls -A "$STORE/layers")" ]
    [ -z "$(find "$STORE/blobs" -type f)" ]
}

@test "runs killed at random moments leave nothing running and nothing mounted" {
    require_containers
    imgc import -c 'CMD ["sleep","4321"]' "$IMAGES/busybox.tar" bb >/dev/null
    for _ in $(seq 15); do
        killed 60 run --rm bb
    done
    # the container's first process, too, where it was not yet the command
    for _ in $(seq 100); do pgrep -f "sleep 4321|--root $STORE" >/dev/null || break; sleep 0.1; done
    ! pgrep -f "sleep 4321|--root $STORE" || false
    run -0 imgc run --rm bb true
    echo "$output"
    run -0 imgc ps -a
    echo "$output"
    [ "${#lines[@]}" = 1 ]
    ! grep -q "$STORE" /proc/self/mountinfo || false
    assert_store_clean
    [ -z "$(ls -A "$STORE/containers")" ]
}

@test "the name of a killed run --rm is free for the next one" {
    require_containers
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm --name one bb sleep 1000 >/dev/null 2>&1 3>&- &
    local pid=$!
    for _ in $(seq 200); do [ -z "$(imgc ps -q)" ] || break; sleep 0.05; done
    assert_fails 125 "'one' is taken" imgc run --rm --name one bb true
    kill -9 $pid
    wait $pid 2>/dev/null || true
    for _ in $(seq 200); do [ -n "$(imgc ps -q)" ] || break; sleep 0.05; done
    imgc run --rm --name one bb true
    [ -z "$(imgc ps -aq)" ]
}

@test "the index's log does not grow with the number of runs" {
    require_containers
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    for _ in $(seq 25); do # some 9 pages each
        imgc run --rm bb true
        wait_idle
    done
    [ "$(stat -c %s "$STORE/imgc.db-wal")" -lt 650000 ]
}

@test "pull, prune and rmi at the same time do not hurt each other" {
    for _ in $(seq 8); do
        imgc pull -q "$REGISTRY/busybox:three" >/dev/null &
        a=$!
        imgc pull -q "$REGISTRY/busybox:one" >/dev/null &
        b=$!
        imgc prune -af >/dev/null 2>&1 || true
        imgc rmi -f "$REGISTRY/busybox:one" >/dev/null 2>&1 || true
        wait $a
        wait $b
    done
    imgc pull -q "$REGISTRY/busybox:one" "$REGISTRY/busybox:three" >/dev/null
    assert_store_clean
}

# The process that works after the answer, "imgc-background", of this store.
background_pid() {
    local p
    for p in $(pgrep imgc-background); do
        [ "$(readlink "/proc/$p/fd/3")" != "$STORE/background" ] || echo "$p"
    done
}

@test "what the background process could not finish is finished by the next command that writes" {
    for i in $(seq 12); do
        imgc import "$IMAGES/busybox.tar" bb >/dev/null
        imgc rmi bb >/dev/null
        [ -z "$(imgc images -aq)" ]
        [ "$(imgc df --format json | jq '[.[] | .Size] | add')" = 0 ] # gone is gone
        sleep "0.00$((RANDOM % 10))"
        # shellcheck disable=SC2046 # a list of numbers
        kill -9 $(background_pid) 2>/dev/null || true
    done
    wait_idle
    imgc import -c 'LABEL a=b' "$IMAGES/busybox.tar" other >/dev/null
    wait_idle
    assert_store_clean
    [ "$(ls "$STORE/layers" | wc -l)" -eq 1 ]
    imgc rmi other >/dev/null
    wait_idle
    [ -z "$(ls -A "$STORE/layers")" ]
    [ -z "$(ls -A "$STORE/tmp")" ]
    [ -z "$(find "$STORE/blobs" -type f)" ]
}

@test "a full disk: one line, nothing half-made, and it works again with room" {
    require_root
    mkdir "$BATS_TEST_TMPDIR/small"
    mount -t tmpfs -o size=3m none "$BATS_TEST_TMPDIR/small" 2>/dev/null || skip "mounts are forbidden"
    STORE=$BATS_TEST_TMPDIR/small/store
    run --separate-stderr imgc import "$IMAGES/busybox.tar" bb
    import=$status text=$stderr
    run --separate-stderr imgc pull "$REGISTRY/busybox:three"
    pull=$status ptext=$stderr
    images=$(imgc images -aq)
    mount -o remount,size=40m "$BATS_TEST_TMPDIR/small"
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    run imgc verify -q
    good=$status
    umount "$BATS_TEST_TMPDIR/small"
    echo "$text"
    echo "$ptext"
    [ "$import" -eq 1 ] && [ "$pull" -eq 1 ] && [ "$good" -eq 0 ]
    [ -z "$images" ]
    [[ $text == *[Nn]"o space"* || $text == *full* ]]
    [[ $ptext == *space* || $ptext == *full* ]]
}
