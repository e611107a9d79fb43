# SPDX-License-Identifier: Apache-2.0
# Downloads that break: by the network, the server, a signal, a kill, a full disk. The server
# (lib/breaking-registry.py) counts what it sends.

load lib/common

# IMGC_RESUME_KILLS=50 IMGC_RESUME_MB=200 is the long form of the test of kills.
KILLS=${IMGC_RESUME_KILLS:-6}
BIG_MB=${IMGC_RESUME_MB:-24}
SMALL=3000000 # bytes of the layers whose name does not begin with "big", or a little more

# What the server does may depend on how often it was asked: each test has its repositories, told apart
# by what follows a dot.
setup_file() {
    local dir=$BATS_FILE_TMPDIR/server
    mkdir -p "$dir"
    python3 "$E2E_LIB/breaking-registry.py" "$BIG_MB" "$dir/port" "$dir/log" 3>&- &
    echo $! >"$dir/pid"
    for _ in {1..200}; do
        [ ! -e "$dir/port" ] || break
        sleep 0.1
    done
    : >>"$dir/log"
    BREAKING=127.0.0.1:$(cat "$dir/port")
    export BREAKING BREAKING_LOG=$dir/log
}

teardown_file() {
    kill "$(cat "$BATS_FILE_TMPDIR/server/pid")"
}

setup() {
    new_store
}

teardown() {
    [ ! -e "$BATS_TEST_TMPDIR/small" ] || umount -l "$BATS_TEST_TMPDIR/small" 2>/dev/null || true
}

# Answers for repository $1 (or all with the label .$1), of status $2 (any), as they are in the log.
answers() {
    awk -v repo="$1" -v status="${2:-}" '{ label = $1; sub(/^[^.]*/, "", label) }
        ($1 == repo || label == repo) && (status == "" || $2 == status)' "$BREAKING_LOG"
}

# Bytes that were sent for repository $1. The server notes an answer when it is over: wait for that.
sent() {
    local last=-1 now i
    for i in {1..50}; do
        now=$(answers "$1" | awk '{ n += $5 } END { print n + 0 }')
        [ "$now" != "$last" ] || break
        last=$now
        sleep 0.2
    done
    echo "$now"
}

# The layer of the last image is here and whole, and nothing of its download is left.
assert_whole() {
    imgc verify -q
    [ -z "$(ls -A "$STORE/partial")" ]
    [ "$(imgc images -q | wc -l)" -eq 1 ]
}

@test "a connection that breaks is followed by a request for the rest alone" {
    imgc pull -q --retry-delay 1ms "$BREAKING/cut:x"
    assert_whole
    answers cut
    [ "$(answers cut 200 | wc -l)" -eq 1 ]
    [ "$(answers cut 206 | wc -l)" -ge 4 ]
    # each from where the last one broke, under the condition that it is the same blob still
    [ "$(answers cut 206 | head -n 1 | cut -d ' ' -f 3)" = "bytes=700000-$(($(sent cut) - 1))" ]
    answers cut 206 | head -n 1 | grep -q '"sha256:'
    [ "$(sent cut)" -lt $((SMALL + 10000)) ]
}

@test "an ETag that is not the digest is not asked for: another server has another one" {
    imgc pull -q --retry-delay 1ms "$BREAKING/no-etag:x"
    assert_whole
    [ "$(answers no-etag 200 | wc -l)" -eq 1 ]
    [ "$(answers no-etag 206 | grep -c node)" -eq 0 ]
    [ "$(sent no-etag)" -lt $((SMALL + 10000)) ]
}

@test "a reset connection" {
    imgc pull -q --retry-delay 1ms "$BREAKING/reset:x"
    assert_whole
    [ "$(answers reset 206 | wc -l)" -ge 1 ]
}

@test "servers that give no part, or another one, are asked for the whole; what is here is not hashed again" {
    for repo in no-ranges wrong-range not-satisfiable; do
        new_store
        STORE=$STORE-$repo
        imgc pull -q --retry-delay 1ms "$BREAKING/$repo:x"
        assert_whole
        answers "$repo"
        [ "$(answers "$repo" 200 | wc -l)" -ge 2 ]
    done
    [ "$(answers wrong-range 206 | wc -l)" -eq 1 ]
    [ "$(answers not-satisfiable 416 | wc -l)" -eq 1 ]
}

@test "a stalled connection is given up, and the rest comes over another one" {
    IMGC_STALL_TIMEOUT=1 timeout 25 "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull -q "$BREAKING/stalled:x"
    assert_whole
    answers stalled
    [ "$(answers stalled 206 | wc -l)" -eq 1 ]
}

@test "429 is waited for as it says, in seconds and as a date" {
    start=$(date +%s)
    imgc pull -q "$BREAKING/busy:x"
    [ $(($(date +%s) - start)) -ge 2 ]
    [ "$(answers busy 429 | wc -l)" -eq 2 ]
    assert_whole
}

@test "5xx is tried again, 403 and 404 are not" {
    imgc pull -q --retry-delay 10ms "$BREAKING/ailing:x"
    [ "$(answers ailing | wc -l)" -eq 5 ]
    assert_whole
    new_store
    STORE=$STORE-gone
    assert_fails 1 '403' imgc pull "$BREAKING/gone-403:x"
    assert_fails 1 '404' imgc pull "$BREAKING/gone-404:x"
    [ "$(answers gone-403 | wc -l)" -eq 1 ]
    [ "$(answers gone-404 | wc -l)" -eq 1 ]
}

@test "--retry says how often" {
    assert_fails 1 'after 2 attempts|HTTP 502' imgc pull --retry 1 --retry-delay 1ms "$BREAKING/ailing.retry:x"
    [ "$(answers ailing.retry | wc -l)" -eq 2 ]
    assert_fails 1 '503' imgc pull --retry 0 "$BREAKING/ailing.retry:x"
    [ "$(answers ailing.retry | wc -l)" -eq 3 ]
    assert_fails 1 'retry is 0 to 100' imgc pull --retry many "$BREAKING/ailing.retry:x"
    # run and create know it as well
    assert_fails 125 '503|502' imgc create --retry 1 --retry-delay 1ms "$BREAKING/ailing.make:x" true
    [ "$(answers ailing.make | wc -l)" -eq 2 ]
    assert_fails 125 '503|502' imgc run --rm --retry 0 "$BREAKING/ailing.make:x" true
    [ "$(answers ailing.make | wc -l)" -eq 3 ]
    assert_fails 125 'retry-delay is a duration' imgc run --rm --retry-delay long "$BREAKING/ailing.make:x" true
}

@test "wrong bytes are fetched once more, and never kept" {
    imgc pull -q "$BREAKING/flipped:x"
    [ "$(answers flipped | wc -l)" -eq 2 ]
    assert_whole
    imgc pull -q "$BREAKING/short:x"
    for repo in always-flipped bad-gzip; do
        new_store
        STORE=$STORE-$repo
        assert_fails 1 'sha256|damaged' imgc pull "$BREAKING/$repo:x"
        [ "$(answers "$repo" | wc -l)" -eq 2 ]
        [ -z "$(ls -A "$STORE/partial")" ]
        [ -z "$(imgc images -q)" ]
    done
}

@test "a redirect to another host that breaks: the registry is asked anew, and no credentials go there" {
    imgc pull -q --retry-delay 1ms "$BREAKING/moved:x"
    assert_whole
    answers elsewhere
    [ "$(answers elsewhere-leak | wc -l)" -eq 0 ]
    [ "$(answers moved 307 | wc -l)" -eq "$(answers elsewhere | wc -l)" ]
    [ "$(sent elsewhere)" -lt $((SMALL + 10000)) ]
}

# Pull in the background until $1 bytes are kept; the process is in PID.
pull_until() {
    local want=$1 i
    shift
    "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    PID=$!
    for i in {1..600}; do
        [ "$(kept)" -lt "$want" ] || return 0
        sleep 0.02
    done
    return 1
}

# Bytes in the files of downloads.
kept() {
    find "$STORE/partial" -type f -printf '%b\n' 2>/dev/null | awk '{ n += $1 * 512 } END { print n + 0 }'
}

@test "Ctrl-C says what is kept, df shows it, the next pull fetches the rest" {
    pull_until 3000000 "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull "$BREAKING/big-paced-10.ctrl:x"
    kill -INT $PID
    status=0
    wait $PID || status=$?
    [ "$status" -eq 130 ]
    cat "$BATS_TEST_TMPDIR/err"
    grep -qE 'interrupted: [0-9]+ MB of 1 layer kept; run the same pull again to continue' "$BATS_TEST_TMPDIR/err"
    run imgc df --format '{{.Type}} {{.Total}} {{.Active}}'
    [[ $output == *"Downloads 1 0"* ]]
    [ "$(imgc df --format json | jq '.[] | select(.Type == "Downloads") | .Reclaimable')" -ge 3000000 ]
    imgc pull -q "$BREAKING/big-paced-80.ctrl:x"
    assert_whole
    [ "$(sent .ctrl)" -le $((BIG_MB * 1060000)) ]
}

@test "kill -9 at random points: what came is not fetched again" {
    killed=0
    for ((i = 0; i < KILLS; i++)); do
        # each time a little more than before, at least
        pull_until $(($(kept) + (RANDOM % 8 + 1) * BIG_MB * 100000 / KILLS)) \
            "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull -q "$BREAKING/big-paced-20.kill:x" || break
        kill -9 $PID && killed=$((killed + 1))
        wait $PID 2>/dev/null || true
    done
    imgc pull -q "$BREAKING/big-paced-20.kill:x"
    assert_whole
    total=$(sent .kill)
    echo "$killed kills, $total bytes of $BIG_MB MB sent"
    [ "$killed" -ge $((KILLS - 1)) ]
    [ "$total" -le $((BIG_MB * 1100000)) ]
}

@test "kill -9 while several requests bring parts of a layer" {
    # a slow connection gets company after half a second
    imgc pull -q "$BREAKING/big-paced-4.parts:x" 3>&- &
    PID=$!
    for _ in {1..300}; do
        [ "$(answers .parts 206 | wc -l)" -lt 2 ] || break
        sleep 0.05
    done
    kill -9 $PID
    wait $PID 2>/dev/null || true
    imgc pull -q "$BREAKING/big-paced-80.parts:x"
    assert_whole
    [ "$(sent .parts)" -le $((BIG_MB * 1100000)) ]
}

@test "what was kept is not trusted: wrong bytes in it are found and fetched again" {
    pull_until 6000000 "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull -q "$BREAKING/big-paced-20.bad:x"
    kill -9 $PID
    wait $PID 2>/dev/null || true
    file=$(echo "$STORE"/partial/*)
    printf 'damaged' | dd of="$file" bs=1 seek=2000000 conv=notrunc status=none
    imgc pull -q "$BREAKING/big-paced-80.bad:x"
    assert_whole
}

@test "after a reboot what never reached the disk is fetched again, and what did is not" {
    # marks stand every 8 MiB: two of them, then damage behind the first, as of another boot
    pull_until 19000000 "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull -q "$BREAKING/big-paced-20.boot:x"
    kill -9 $PID
    wait $PID 2>/dev/null || true
    file=$(echo "$STORE"/partial/*)
    printf 'another' | dd of="$file" bs=1 seek=24 conv=notrunc status=none
    dd if=/dev/zero of="$file" bs=1000 seek=10000 count=5000 conv=notrunc status=none
    before=$(sent .boot)
    imgc pull -q "$BREAKING/big-paced-80.boot:x"
    assert_whole
    again=$(($(sent .boot) - before))
    echo "$before, then $again"
    # what is behind the first mark, and of the part between the marks what was asked for at once
    [ "$again" -le $(((BIG_MB - 8) * 1000000 + 8500000)) ]
}

@test "two images that share a layer, pulled at once, download it once; a killed one is taken over" {
    pull_until 3000000 "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull -q "$BREAKING/big-paced-10.two:x"
    imgc pull -q "$BREAKING/big-paced-80.two:y" 3>&- &
    other=$!
    sleep 0.5
    [ "$(answers big-paced-80.two | wc -l)" -eq 0 ]
    kill -9 $PID
    wait $PID 2>/dev/null || true
    wait $other
    imgc verify -q
    [ -z "$(ls -A "$STORE/partial")" ]
    [ "$(sent .two)" -le $((BIG_MB * 1100000)) ]
}

@test "prune removes downloads that nobody is at, and says how much that was" {
    pull_until 3000000 "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull -q "$BREAKING/big-paced-10.prune:x"
    run imgc prune -f --format json
    [ "$(jq .Downloads <<<"$output")" -eq 0 ]
    [ "$(kept)" -ge 3000000 ]
    kill -9 $PID
    wait $PID 2>/dev/null || true
    run imgc prune -f --dry-run --format json
    [ "$(jq .Downloads <<<"$output")" -eq 1 ]
    bytes=$(kept)
    run imgc prune -f --format json
    [ "$(jq .Downloads <<<"$output")" -eq 1 ]
    [ "$(jq .ReclaimedBytes <<<"$output")" -ge "$bytes" ]
    [ -z "$(ls -A "$STORE/partial")" ]
    run imgc df --format '{{.Type}} {{.Total}} {{.Active}}'
    [[ $output == *"Downloads 0 0"* ]]
}

# A file system of $1 MB for the store.
small_disk() {
    require_root
    mkdir -p "$BATS_TEST_TMPDIR/small"
    mount -t tmpfs -o size="${1}m,mode=0700" tmpfs "$BATS_TEST_TMPDIR/small" || skip "cannot mount a tmpfs"
    STORE=$BATS_TEST_TMPDIR/small/store
}

@test "a disk that cannot hold the image is found before the first byte" {
    small_disk $((BIG_MB + 6))
    assert_fails 1 "has [0-9]+ MiB free, and [0-9]+ MiB are needed" imgc pull "$BREAKING/big-paced-80.never:x"
    [ "$(answers big-paced-80.never | wc -l)" -eq 0 ]
}

@test "a disk that fills up on the way: what came is kept, and goes on when there is room" {
    small_disk $((BIG_MB * 5))
    imgc info >/dev/null
    pull_until 2000000 "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull -q "$BREAKING/big-paced-10.full:x"
    # somebody else takes all that is left but for a little
    left=$(df --output=avail -k "$STORE" | tail -n 1)
    fallocate -l $((left - 6000))K "$BATS_TEST_TMPDIR/small/others" ||
        dd if=/dev/zero of="$BATS_TEST_TMPDIR/small/others" bs=1024 count=$((left - 6000)) status=none
    status=0
    wait $PID || status=$?
    [ "$status" -eq 1 ]
    cat "$BATS_TEST_TMPDIR/err"
    grep -q 'No space left on device.*MB of 1 layer kept for the next pull' "$BATS_TEST_TMPDIR/err"
    [ "$(kept)" -ge 2000000 ]
    before=$(kept)
    rm "$BATS_TEST_TMPDIR/small/others"
    imgc pull -q "$BREAKING/big-paced-80.full:x"
    imgc verify -q
    [ "$(sent big-paced-80.full)" -le $((BIG_MB * 1010000 - before + 600000)) ]
}

@test "a disk with room for the layer, but not for the download beside it, is enough" {
    small_disk $((BIG_MB + 4))
    imgc pull -q "$BREAKING/half-paced-80.tight:x"
    imgc verify -q
    [ -z "$(ls -A "$STORE/partial")" ]
}
