# SPDX-License-Identifier: Apache-2.0
# Attacks by the processes of a container on an exec that joins them (docs/security.md).

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run EVIL=$BATS_FILE_TMPDIR/evil
    mkdir -p "$EVIL"
    tar -C "$EVIL" -xf "$IMAGES/busybox.tar"
    ${CC:-cc} -static -o "$EVIL/attacker" "$E2E_LIB/attacker.c"
    # where imgc is linked dynamically its loader is the image's: then the attacker runs, with imgc
    # as /proc/self/exe
    interpreter=$(readelf -l "$IMGC" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    if [ -n "$interpreter" ]; then
        mkdir -p "$EVIL${interpreter%/*}"
        cp "$EVIL/attacker" "$EVIL$interpreter"
    fi
    ln -s /proc/self/exe "$EVIL/link"
    printf '#!/proc/self/exe\n' >"$EVIL/script"
    chmod 755 "$EVIL/script"
    tar -C "$EVIL" -cf "$EVIL.tar" .
    imgc import "$EVIL.tar" evil >/dev/null
    start_container box
}

teardown_file() {
    [ -z "${STORE:-}" ] || imgc rm -f -a >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

start_container() {
    local name=$1
    shift
    imgc run --name "$name" "$@" evil sh -c 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done' \
        </dev/null >/dev/null 2>&1 3>&- &
    for _ in {1..200}; do
        imgc exec "$name" true 2>/dev/null && return 0
        sleep 0.05
    done
    return 1
}

# Run exec as often as it takes for the container's processes to have seen one of imgc's.
pry() {
    imgc exec "$1" rm -f /tmp/stop /tmp/pried
    imgc exec -d "$1" sh -c '/attacker pry very-secret >/tmp/pried'
    for _ in {1..60}; do
        VERY=very-secret imgc exec "$1" true
    done
    imgc exec "$1" touch /tmp/stop
    for _ in {1..100}; do
        run imgc exec "$1" cat /tmp/pried
        [ -z "$output" ] || return 0
        sleep 0.1
    done
    return 1
}

@test "the command cannot be imgc's own binary" {
    before=$(sha256sum <"$IMGC")
    for command in /proc/self/exe /link /script; do
        assert_fails 126 hostile imgc exec box "$command" 9
        [[ $output != *attacker* ]]
    done
    assert_fails 126 hostile imgc exec -u 1000 box /proc/self/exe
    assert_fails 126 hostile imgc exec -d box /proc/self/exe
    run imgc exec box /attacker
    [[ ${lines[0]} == "attacker runs as /attacker" ]]
    [ "$(sha256sum <"$IMGC")" = "$before" ]
}

@test "processes of the container cannot look into the one that joins" {
    pry box
    [[ $output == "seen: "*" exes: 0 written: 0 secrets: 0 fds: 0" ]]
}

@test "nor where they may trace: the binary that they find cannot be written" {
    start_container tracer --cap-add sys_ptrace
    before=$(sha256sum <"$IMGC")
    pry tracer
    [[ $output == "seen: "*" written: 0 secrets: 0 fds: 0" ]]
    [ "$(sha256sum <"$IMGC")" = "$before" ]
    imgc rm -f tracer >/dev/null
}

@test "nor do those of another container that joined the namespace and may trace" {
    start_container watched
    start_container spy --pid container:watched --cap-add sys_ptrace
    before=$(sha256sum <"$IMGC")
    imgc exec -d spy sh -c '/attacker pry very-secret >/tmp/pried'
    for _ in {1..60}; do
        VERY=very-secret imgc exec watched true
    done
    imgc exec spy touch /tmp/stop
    for _ in {1..100}; do
        run imgc exec spy cat /tmp/pried
        [ -z "$output" ] || break
        sleep 0.1
    done
    [[ $output == "seen: "*" exes: 0 written: 0 secrets: 0 fds: 0" ]]
    [ "$(sha256sum <"$IMGC")" = "$before" ]
    imgc rm -f spy watched >/dev/null
}

@test "/etc/passwd and /etc/group of a container that spoils them" {
    start_container spoilt
    imgc exec spoilt sh -c 'rm -f /etc/passwd; mkfifo /etc/passwd'
    assert_fails 125 "no regular file" timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" exec spoilt true
    start_container spoilt2
    imgc exec spoilt2 sh -c 'rm -f /etc/passwd; ln -s /proc/1/mem /etc/passwd'
    run timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" exec spoilt2 true
    [ "$status" -eq 125 ]
    start_container spoilt3
    imgc exec spoilt3 sh -c 'rm -f /etc/group; head -c 300000000 /dev/zero >/etc/group'
    run timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" exec spoilt3 true
    [ "$status" -eq 125 ]
    # the host's is never asked
    start_container spoilt4
    imgc exec spoilt4 sh -c "rm -f /etc/passwd; ln -s ../../../../../../$BATS_TEST_TMPDIR/passwd /etc/passwd"
    echo 'hostuser:x:0:0::/:/bin/sh' >"$BATS_TEST_TMPDIR/passwd"
    assert_fails 125 "no user 'hostuser'" imgc exec -u hostuser spoilt4 true
    imgc rm -f spoilt spoilt2 spoilt3 spoilt4 >/dev/null
}

@test "a /dev/pts that is something else gives no terminal" {
    start_container pts -v "$BATS_TEST_TMPDIR:/dev/pts"
    mkfifo "$BATS_TEST_TMPDIR/ptmx"
    assert_fails 125 "not devpts" timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" exec -t pts true
    imgc rm -f pts >/dev/null
}

@test "a working directory that leads out" {
    imgc exec box sh -c 'ln -sfn /proc/1/root/../../../.. /out; ln -sfn /proc/self/fd/3 /out2; ln -sfn /proc/1/cwd /out3'
    for dir in /out /out2 /out3 /proc/self/cwd/../../..; do
        run imgc exec -w "$dir" box sh -c "ls '$STORE'; pwd -P"
        [[ $output != *imgc.db* ]]
    done
}

@test "a command that changes while it starts, and one that nobody may run" {
    imgc exec box sh -c 'printf "#!/bin/sh\necho one\n" >/flip; chmod 755 /flip'
    imgc exec -d box sh -c 'while [ ! -e /tmp/enough ]; do ln -sf /proc/self/exe /x; mv -T /x /flip; ln -sf /bin/true /x; mv -T /x /flip; done'
    before=$(sha256sum <"$IMGC")
    for _ in {1..40}; do
        run imgc exec box /flip
        [ "$status" -eq 0 ] || [ "$status" -eq 126 ] || [ "$status" -eq 127 ]
        [[ $output != *attacker* ]]
    done
    imgc exec box touch /tmp/enough
    [ "$(sha256sum <"$IMGC")" = "$before" ]
}

@test "killed at random moments: nothing is left that rm -f cannot clear" {
    local n=${IMGC_TEST_EXEC_KILLS:-25} i pid
    start_container target
    id=$(imgc ps -q | head -1)
    before=$(grep -c "$STORE" /proc/self/mountinfo || true) # others mount on this host, too
    for ((i = 0; i < n; i++)); do
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" exec target sleep 7171 >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "0.0$(printf '%02d' $((RANDOM % 30)))"
        kill -9 "$pid"
        wait "$pid" 2>/dev/null || true
    done
    for _ in {1..100}; do
        pgrep -x -f 'sleep 7171' >/dev/null || break
        sleep 0.1
    done
    run pgrep -x -f 'sleep 7171'
    [ -z "$output" ]
    # nothing half joined stays behind in it either
    for _ in {1..100}; do
        run imgc exec target sh -c 'ls -d /proc/[0-9]* | wc -l'
        [ "$output" -gt 5 ] || break
        sleep 0.1
    done
    [ "$output" -le 5 ]
    [ "$(grep -c "$STORE" /proc/self/mountinfo || true)" = "$before" ]
    imgc exec target true
    imgc rm -f target
    [[ $(imgc ps -a) != *target* ]]
    [ -z "$(find /sys/fs/cgroup -type d -name "*$id*")" ]
}
