# SPDX-License-Identifier: Apache-2.0
# --init: process 1 of a container whose command is no init; and --timeout.

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

until_true() {
    local i
    for i in {1..400}; do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

zombies() {
    imgc exec "$1" sh -c 'grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l'
}

has_zombies() {
    [ "$(zombies "$1")" = "$2" ]
}

has_line() {
    imgc logs "$1" 2>&1 | grep -q -- "$2"
}

@test "process 1 is ours, the command is another, and nothing of the image is needed" {
    run imgc run --rm --init bb sh -c 'cat /proc/1/comm; tr "\0" " " </proc/1/cmdline; echo; echo $$; ls -l /proc/1/exe'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = imgc-init ]
    [[ ${lines[1]} == "imgc-init /bin/sh sh -c "* ]]
    [ "${lines[2]}" -ne 1 ]
    [[ ${lines[3]} == *"/memfd:imgc-init"* ]]
    run imgc run --rm bb sh -c 'echo $$'
    [ "$output" = 1 ]
    # another user, and a root that is read-only
    [ "$(imgc run --rm --init --read-only -u 1234 bb id -u)" = 1234 ]
}

@test "the exit code is the command's; what cannot be executed is told before" {
    run imgc run --rm --init bb sh -c 'exit 42'
    [ "$status" -eq 42 ]
    run imgc run --rm --init bb sh -c 'kill -9 $$'
    [ "$status" -eq 137 ]
    run -127 imgc run --rm --init bb nothing-like-this
    [[ $output == *"'nothing-like-this' not found"* ]]
    run -127 imgc run --rm --init bb /nothing/like/this
    run imgc run --rm --init bb /etc/passwd
    [ "$status" -eq 126 ]
    run imgc run --rm --init bb /etc
    [ "$status" -eq 126 ]
}

@test "orphans that end are taken in" {
    # without an init they stay: sleep waits for nobody
    orphans='for i in 1 2 3 4 5; do (sleep 0.1 & exec true) & done; wait; exec sleep 1000'
    imgc run -d --name without bb sh -c "$orphans"
    imgc run -d --name with --init bb sh -c "$orphans"
    until_true has_zombies without 5
    until_true has_zombies with 0
    [ "$(imgc top with comm | grep -c '^sleep')" = 1 ]
}

@test "signals go to the command, and what is left ends with it" {
    imgc run -d --name c --init bb sh -c 'trap "echo hup" HUP; trap "echo term; exit 7" TERM; sleep 1000 & echo ready; while :; do sleep 0.05; done'
    until_true has_line c ready
    imgc kill -s HUP c
    until_true has_line c hup
    imgc stop c
    [ "$(imgc wait c)" = 7 ]
    has_line c term
    [ "$(imgc ps -aq --filter status=running | wc -l)" = 0 ]
}

@test "a shell on a terminal has job control" {
    run "$E2E_LIB/terminal.py" 'wait:# ' 'type:sh -c "echo go""ing; exec sleep 1000"\n' \
        'wait:going' 'type:\x03' 'wait:# ' \
        'type:echo "still"here; exit 3\n' 'wait:stillhere' -- \
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm -it --init bb sh
    echo "$output"
    [ "$status" -eq 3 ]
    [[ $output != *"can't access tty"* ]]
}

@test "--init of a created container, with a restart; --init-path of a static program" {
    imgc create --name c --init bb cat /proc/1/comm
    [ "$(imgc start -a c)" = imgc-init ]
    [ "$(imgc start -a c)" = imgc-init ]
    [ "$(imgc inspect -f '{{.HostConfig.Init}}' c)" = true ]
    assert_fails 125 "init-path '/no/such/init'" imgc run --rm --init --init-path /no/such/init bb true
    assert_fails 125 "init-path 'relative'" imgc run --rm --init --init-path relative bb true
    command -v busybox >/dev/null || skip "no busybox on this host"
    # called as podman calls one: "-- COMMAND..."; busybox says that it has no such applet
    run -127 imgc run --rm --init --init-path "$(command -v busybox)" bb true
}

@test "--timeout kills what runs too long, in the foreground and behind a monitor" {
    run timeout 60 "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm --timeout 1 bb sh -c 'trap "" TERM; sleep 1000'
    [ "$status" -eq 137 ]
    imgc create --name c --timeout 1 bb sleep 1000
    imgc start c
    [ "$(timeout 60 "$IMGC" --root "$STORE" --runroot "$RUNROOT" wait c)" = 137 ]
    run imgc run --rm --timeout 100 bb sh -c 'exit 4'
    [ "$status" -eq 4 ]
    run imgc run --rm --timeout 0 bb true
    [ "$status" -eq 0 ]
    assert_fails 125 "timeout 'soon'" imgc run --rm --timeout soon bb true
}
