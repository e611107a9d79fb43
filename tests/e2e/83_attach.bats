# SPDX-License-Identifier: Apache-2.0
# Connecting to containers that run: attach, start -a, and leaving a container of run -it.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

teardown() {
    have_containers && have_images busybox || return 0
    imgc rm -af >/dev/null
}

# terminal STEP... -- ARG...: imgc ARG... on a terminal of its own.
terminal() {
    local steps=()
    while [ "$1" != -- ]; do
        steps+=("$1")
        shift
    done
    shift
    "$E2E_LIB/terminal.py" "${steps[@]}" -- "$IMGC" --root "$STORE" --runroot "$RUNROOT" "$@"
}

# The same in the background, with imgc itself as the process.
become_imgc() {
    exec "$IMGC" --root "$STORE" --runroot "$RUNROOT" "$@"
}

until_true() {
    local i
    for i in {1..600}; do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

state_of() {
    imgc ps -a --format '{{.Names}} {{.State}}' | sed -n "s/^$1 //p"
}

has_state() {
    [ "$(state_of "$1")" = "$2" ]
}

has_line() {
    imgc logs "$1" 2>&1 | grep -q -- "$2"
}

@test "attach shows what comes, gives input, and has the container's exit code" {
    imgc run -di --name c bb sh -c 'while read -r line; do echo "got $line"; echo "err $line" >&2; [ "$line" != end ] || exit 7; done'
    mkfifo "$BATS_TEST_TMPDIR/in"
    become_imgc attach c <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" &
    pid=$!
    exec 8>"$BATS_TEST_TMPDIR/in"
    echo one >&8
    until_true grep -q 'got one' "$BATS_TEST_TMPDIR/out"
    # the end of a guest's input is not the end of the container's
    exec 8>&-
    sleep 0.2
    has_state c running
    echo end | imgc attach c >"$BATS_TEST_TMPDIR/second" 2>/dev/null || second=$?
    wait "$pid" || first=$?
    [ "$first" = 7 ]
    [ "$second" = 7 ]
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = $'got one\ngot end' ]
    [ "$(cat "$BATS_TEST_TMPDIR/err")" = $'err one\nerr end' ]
    grep -q 'got end' "$BATS_TEST_TMPDIR/second"
    assert_fails 1 'not running' imgc attach c
    assert_fails 1 'no such container' imgc attach nobody
}

@test "a shell of run -it is left with ctrl-p ctrl-q, and found again" {
    run terminal 'wait:# ' 'type:x=kept; echo "1"$x\n' 'wait:1kept' 'wait:# ' 'type:\x10\x11' \
        -- run -it --name sh bb sh
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"modes restored"* ]]
    has_state sh running
    # a ctrl-p alone is a key like others
    run terminal 'type:\n' 'wait:# ' 'type:echo "2"$x\n' 'wait:2kept' 'wait:# ' \
        'type:\x10\x15exit 5\n' -- attach sh
    echo "$output"
    [ "$status" -eq 5 ]
    [[ $output == *"modes restored"* ]]
    has_state sh exited
}

@test "run --rm -it that was left is removed at its end; other keys can be chosen" {
    run terminal 'wait:# ' 'type:\x01d' -- run --rm -it --detach-keys ctrl-a,d --name sh bb sh
    [ "$status" -eq 0 ]
    has_state sh running
    run terminal 'type:\n' 'wait:# ' 'type:\x10\x11' 'type:exit 4\n' -- attach --detach-keys '' sh
    [ "$status" -eq 4 ]
    [ -z "$(imgc ps -aq)" ]
    assert_fails 125 "detach-keys 'ctrl-1'" imgc run --rm -it --detach-keys ctrl-1 bb true
    assert_fails 1 "detach-keys 'abc'" imgc attach --detach-keys abc sh
}

@test "the terminal has the caller's size from the first moment, and follows it" {
    run terminal 'wait:24 80' 'wait:# ' 'size:33x99' \
        'type:until stty size | grep "33 99"; do :; done\n' 'wait:33 99' 'wait:# ' 'type:exit\n' \
        -- run --rm -it bb sh -c 'stty size; exec sh'
    echo "$output"
    [ "$status" -eq 0 ]
    imgc run -dit --name sh bb sh
    run terminal 'wait:# ' 'type:until stty size | grep "24 80"; do :; done\n' 'wait:24 80' \
        'type:exit 3\n' -- attach sh
    echo "$output"
    [ "$status" -eq 3 ]
}

@test "the caller's terminal is restored whatever ends the connection" {
    imgc run -dit --name sh bb sh
    run terminal 'wait:# ' signal:TERM -- attach sh
    echo "$output"
    [ "$status" -eq 143 ]
    [[ $output == *"modes restored"* ]]
    has_state sh running
    # its imgc is killed, and the container with it
    (until_true has_line sh marked
     kill -9 "$(monitor_of)") &
    run terminal 'wait:# ' 'type:echo "mark"ed\n' end -- attach sh
    wait
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"nobody knows how"* && $output == *"modes restored"* ]]
}

monitor_of() {
    local pid
    for pid in $(pgrep -x imgc-monitor); do
        find "/proc/$pid/fd" -lname "$STORE/*" 2>/dev/null | grep -q . && echo "$pid"
    done
}

@test "a terminal that is gone hangs the container's up, unless it was left before" {
    run terminal 'wait:# ' hangup end -- run -it --name gone bb sh
    until_true has_state gone exited
    run terminal 'wait:# ' signal:KILL end -- run -it --name killed bb sh
    [ "$status" -eq 137 ]
    until_true has_state killed exited
    run terminal 'wait:# ' 'type:\x10\x11' -- run -it --name left bb sh
    run terminal 'type:\n' 'wait:# ' hangup end -- attach left
    has_state left running
    # with a guest there it goes on
    imgc create -it --name two bb sh
    {
        terminal 'wait:# ' "until:$BATS_TEST_TMPDIR/go" signal:KILL end -- start -ai two \
            >/dev/null || true
        touch "$BATS_TEST_TMPDIR/gone"
    } &
    until_true has_state two running
    run terminal 'type:\n' 'wait:# ' "touch:$BATS_TEST_TMPDIR/go" "until:$BATS_TEST_TMPDIR/gone" \
        'type:echo "still"here\n' 'wait:stillhere' 'type:\x10\x11' -- attach two
    echo "$output"
    [ "$status" -eq 0 ]
    wait
    until_true has_state two exited # the last one who watched has left, and the owner without a word
}

@test "signals go to a container without a terminal, unless --sig-proxy=false" {
    imgc run -d --name c bb sh -c 'trap "echo asked; exit 9" INT; echo ready; while :; do sleep 0.05; done'
    become_imgc attach --sig-proxy=false c >/dev/null &
    pid=$!
    until_true has_line c ready
    until_true is_attached "$pid"
    kill -TERM "$pid"
    wait "$pid" || status=$?
    [ "$status" = 143 ]
    has_state c running
    # a shell ignores INT for what it runs in the background; the container's process does not
    become_imgc attach c >"$BATS_TEST_TMPDIR/out" &
    pid=$!
    until_true is_attached "$pid"
    kill -INT "$pid"
    wait "$pid" || status=$?
    [ "$status" = 9 ]
    grep -q asked "$BATS_TEST_TMPDIR/out"
}

# It blocks every signal, and reads them itself, from when it is connected.
is_attached() {
    grep -qs '^SigBlk:.*fff' "/proc/$1/status"
}

@test "run --sig-proxy=false: a signal ends imgc, and the container goes on" {
    become_imgc run --sig-proxy=false --name c bb \
        sh -c 'echo ready; sleep 1000' >/dev/null &
    pid=$!
    until_true has_line c ready
    until_true is_attached "$pid"
    kill -TERM "$pid"
    wait "$pid" || status=$?
    [ "$status" = 143 ]
    has_state c running
}

@test "run -a connects only what it names" {
    run --separate-stderr imgc run --name c -a stdout bb sh -c 'echo out; echo err >&2; exit 3'
    [ "$status" -eq 3 ]
    [ "$output" = out ]
    [ -z "$stderr" ]
    [ "$(imgc logs c 2>&1 | sort)" = $'err\nout' ]
    run --separate-stderr imgc run --rm -a STDERR -a stdin -i bb sh -c 'cat >&2; echo out' <<<in
    [ -z "$output" ]
    [ "$stderr" = in ]
    assert_fails 125 "stdin, stdout or stderr" imgc run --rm -a nothing bb true
    assert_fails 125 "exclude each other" imgc run --rm -d -a stdout bb true
}

@test "start -a and -ai: output, input and exit code; a running one is attached to" {
    imgc create -i --name c bb sh -c 'cat; echo end; exit 6'
    run imgc start -ai c <<<hello
    [ "$status" -eq 6 ]
    [ "$output" = $'hello\nend' ]
    imgc create --name d bb sh -c 'echo one; while [ ! -e /stop ]; do sleep 0.05; done; echo two; exit 8'
    become_imgc start -a d >"$BATS_TEST_TMPDIR/first" &
    pid=$!
    until_true grep -q one "$BATS_TEST_TMPDIR/first"
    become_imgc start -a d >"$BATS_TEST_TMPDIR/second" &
    guest=$!
    until_true is_attached "$guest"
    imgc exec d touch /stop
    wait "$pid" || first=$?
    wait "$guest" || second=$?
    [ "$first" = 8 ]
    [ "$second" = 8 ]
    [ "$(cat "$BATS_TEST_TMPDIR/second")" = two ]
    assert_fails 125 'not a TTY' imgc run -it --rm bb true </dev/null
}

@test "all output of a container comes, however much it is and however slowly it is read" {
    imgc create --name c bb sh -c 'head -c 20000000 /dev/zero; echo; echo end'
    [ "$(imgc start -a c | { sleep 4; tr '\0' x; } | wc -c)" = 20000005 ]
}

@test "a guest that reads nothing holds up neither the container nor the others" {
    imgc run -d --name c bb sh -c 'while [ ! -e /go ]; do sleep 0.05; done; head -c 5000000 /dev/zero; exit 2'
    become_imgc attach c >"$BATS_TEST_TMPDIR/asleep" &
    asleep=$!
    become_imgc attach c >"$BATS_TEST_TMPDIR/awake" &
    awake=$!
    until_true is_attached "$asleep"
    until_true is_attached "$awake"
    kill -STOP "$asleep"
    imgc exec c touch /go
    wait "$awake" || status=$?
    [ "$status" = 2 ]
    [ "$(stat -c %s "$BATS_TEST_TMPDIR/awake")" = 5000000 ]
    [ "$(timeout 60 "$IMGC" --root "$STORE" --runroot "$RUNROOT" wait c)" = 2 ]
    kill -CONT "$asleep"
    wait "$asleep" || status=$?
    [ "$status" = 2 ] # told by the store
}

@test "a process that outlives the container and writes for ever does not keep it running" {
    # among the host's processes no end of a first process ends the others
    imgc run -d --name c --pid host bb sh -c 'for i in 1 2 3 4; do yes & done; sleep 0.2; exit 3'
    run timeout 60 "$IMGC" --root "$STORE" --runroot "$RUNROOT" wait c
    [ "$status" -eq 0 ]
    [ "$output" = 3 ]
}

@test "a container in another's foreground cannot be attached to, in words" {
    become_imgc run --name c bb sh -c 'echo ready; sleep 1000' >/dev/null &
    until_true has_line c ready
    assert_fails 2 "foreground of another imgc" imgc attach c
    imgc kill c
    wait
}

@test "--latest means the container that was made last; stop --timeout is --time" {
    assert_fails 1 'there is no container' imgc stop --latest
    imgc create --name old bb true
    imgc create --name new bb sh -c 'trap "" TERM; sleep 1000 & wait; wait'
    imgc start -l
    has_state new running
    imgc stop --latest --timeout 0
    [ "$(imgc wait --latest)" = 137 ]
    imgc restart -l --timeout 0
    imgc kill -l
    imgc rm -l
    run imgc start -al
    [ "$status" -eq 0 ]
    assert_fails 1 'exclude each other' imgc rm -l old
    assert_fails 1 'a container is needed' imgc wait
    imgc rm --latest
    [ -z "$(imgc ps -aq)" ]
}
