# SPDX-License-Identifier: Apache-2.0
# The command line itself: help, versions, global options, pipes.

load lib/common

setup() {
    new_store
}

@test "a group of commands tells what there is in it" {
    for words in "network --help" "help network" "network -h"; do
        # shellcheck disable=SC2086 # words
        run imgc $words
        [ "$status" -eq 0 ]
        [[ ${lines[0]} == "Usage: imgc network COMMAND"* && $output == *"  disconnect  take a container off"* ]]
    done
    assert_fails 1 "a command is missing after 'imgc network', there are: create ls" imgc network
    run imgc --help
    [[ $output == *$'\nCommands of groups:\n'*"  network disconnect  take a container off"* ]]
}

@test "--help lists every command; every command has long help with its options" {
    run imgc --help
    [ "$status" -eq 0 ]
    for c in pull import run ps logs rm images inspect history tag untag rmi prune ls cat diff unpack verify df info \
        version; do
        grep -qE "^ +$c " <<<"$output" || { echo "no $c"; return 1; }
    done
    sed -nE 's/^  ((container|network|volume) [a-z]+|[a-z]+) .*/\1/p' <<<"$output" >"$BATS_TEST_TMPDIR/commands"
    while read -r c; do
        # shellcheck disable=SC2086 # "volume ls" is two words
        run imgc $c --help
        [ "$status" -eq 0 ]
        [[ $output == *"imgc $c"* ]] || { echo "$c: $output"; return 1; }
        [[ $output == *"--help"* ]]
    done <"$BATS_TEST_TMPDIR/commands"
}

@test "without a command the help goes to stderr and the status is not 0" {
    run --separate-stderr imgc
    [ "$status" -ne 0 ]
    [ -n "$stderr" ]
}

@test "output that cannot be written is an error; a closed pipe is not" {
    if [ -e /dev/full ]; then
        run bash -c "'$IMGC' --root '$STORE' --runroot '$RUNROOT' version >/dev/full"
        [ "$status" -eq 1 ]
    fi
    run bash -c "'$IMGC' --root '$STORE' --runroot '$RUNROOT' --help | head -n 1"
    [ "$status" -eq 0 ]
}

@test "closed standard descriptors do no harm" {
    run bash -c "'$IMGC' --root '$STORE' --runroot '$RUNROOT' images <&- >&- 2>&-"
    [ "$status" -le 1 ]
    imgc images >/dev/null
}

@test "the store's root and files are its owner's alone" {
    imgc images >/dev/null
    [ "$(stat -c %a "$STORE")" = 700 ]
    [ "$(stat -c %a "$STORE/imgc.db")" = 600 ]
}

@test "a group without a command says which there are; --log-level debug says what is done" {
    assert_fails 1 "after 'imgc image'.* ls .*history" imgc image
    assert_fails 1 'no such command: imgc system nope.* df' imgc system nope
    run --separate-stderr imgc --log-level debug pull 127.0.0.1:1/nosuch
    [[ $stderr == *'debug: pull 127.0.0.1:1/nosuch:latest for linux/'* ]]
}

@test "without /proc: one line that says so" {
    require_root_mount
    run unshare -m sh -c "umount -l /proc; '$IMGC' --root '$STORE' --runroot '$RUNROOT' import /etc x"
    [ "$status" -eq 1 ]
    [[ $output == *"/proc is not mounted"* ]]
}
