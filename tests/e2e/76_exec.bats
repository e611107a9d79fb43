# SPDX-License-Identifier: Apache-2.0
# imgc exec: one more process in a running container, as everything of it is seen from inside.
# forms: auto

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    mkdir -p "$BATS_FILE_TMPDIR/root/etc" "$BATS_FILE_TMPDIR/root/home/joe"
    tar -C "$BATS_FILE_TMPDIR/root" -xf "$IMAGES/busybox.tar"
    printf 'root:x:0:0::/root:/bin/sh\njoe:x:1234:77::/home/joe:/bin/sh\n' >"$BATS_FILE_TMPDIR/root/etc/passwd"
    printf 'root:x:0:\nfolk:x:77:\nmore:x:78:joe\n' >"$BATS_FILE_TMPDIR/root/etc/group"
    tar -C "$BATS_FILE_TMPDIR/root" -cf "$BATS_FILE_TMPDIR/root.tar" .
    imgc import -c 'ENV FROM_IMAGE=yes' -c 'WORKDIR /home' "$BATS_FILE_TMPDIR/root.tar" bb >/dev/null
    start_container box -m 64m -e FROM_RUN=yes
}

teardown_file() {
    [ -z "${STORE:-}" ] || imgc rm -f -a >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

# start_container NAME OPTIONS...: one that waits, in the background; returns once it runs.
start_container() {
    local name=$1
    shift
    imgc run --name "$name" "$@" bb sh -c 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done' \
        </dev/null >/dev/null 2>&1 3>&- &
    for _ in {1..200}; do
        [ "$(init_of "$name")" = 0 ] || return 0
        sleep 0.05
    done
    return 1
}

# The host's number of a container's first process; 0 where it does not run.
init_of() {
    imgc inspect --type container -f '{{.State.Pid}}' "$1" 2>/dev/null || echo 0
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "never: $*"; return 1; }
        sleep 0.05
    done
}

@test "the null device of whoever runs exec is not handed over" {
    # shellcheck disable=SC2016
    device=$(imgc exec box stat -c %d:%i /dev/null)
    [ "$device" != "$(stat -c %d:%i /dev/null)" ] || skip "containers have no null device of their own here"
    imgc exec box sh -c 'stat -L -c %d:%i /proc/self/fd/0 >/null-in; stat -L -c %d:%i /proc/self/fd/2 >>/null-in' 2>/dev/null
    [ "$(imgc exec box cat /null-in)" = "$device"$'\n'"$device" ]
    imgc exec -i box sh -c 'stat -L -c %d:%i /proc/self/fd/0 >/null-in' </dev/null
    [ "$(imgc exec box cat /null-in)" = "$device" ]
    imgc exec -d box sh -c 'for fd in 0 2; do stat -L -c %d:%i /proc/$$/fd/$fd; done >/null-d'
    for _ in {1..100}; do
        [ "$(imgc exec box cat /null-d 2>/dev/null)" != "$device"$'\n'"$device" ] || break
        sleep 0.1
    done
    [ "$(imgc exec box cat /null-d)" = "$device"$'\n'"$device" ]
}

@test "the process is in every namespace and cgroup of the container" {
    init=$(init_of box)
    imgc exec -d box sleep 31337
    wait_for 20 pgrep -x -f 'sleep 31337'
    pid=$(pgrep -x -f 'sleep 31337')
    for kind in mnt pid net ipc uts cgroup time user; do
        [ "$(readlink "/proc/$pid/ns/$kind")" = "$(readlink "/proc/$init/ns/$kind")" ]
    done
    diff "/proc/$pid/cgroup" "/proc/$init/cgroup"
    diff "/proc/$pid/mountinfo" "/proc/$init/mountinfo"
    kill "$pid"
    wait_for 20 eval '! pgrep -x -f "sleep 31337"'
}

@test "it is protected as the container's first process is" {
    for file in attr/current oom_score_adj; do
        run imgc exec box sh -c "cat /proc/1/$file; cat /proc/self/$file"
        [ "${lines[0]}" = "${lines[1]}" ]
    done
    imgc exec box sh -c 'for p in 1 self; do grep -E "^(Cap|NoNewPrivs|Seccomp|Umask|Groups|Uid|Gid)" /proc/$p/status | grep -v filters >/tmp/$p; done; cmp /tmp/1 /tmp/self'
    # and what that means
    run imgc exec box sh -c 'mount -t tmpfs none /mnt; echo $?; echo x >/proc/sys/kernel/hostname; unshare -m true; echo $?'
    [[ $output != *$'\n0'* ]]
    run imgc exec box sh -c 'kill -9 1; kill -0 1'
    [ "$status" -eq 0 ]
}

@test "what a container was given or denied holds for it too" {
    start_container odd --security-opt no-new-privileges --cap-drop all --cap-add kill --security-opt seccomp=unconfined
    run imgc exec odd sh -c 'grep -E "^(CapEff|NoNewPrivs|Seccomp):" /proc/self/status'
    [ "${lines[*]}" = "CapEff:	0000000000000020 NoNewPrivs:	1 Seccomp:	0" ]
    imgc rm -f odd >/dev/null
    start_container odd --privileged
    run imgc exec odd sh -c 'grep -E "^(CapEff|Seccomp):" /proc/self/status; mount -t tmpfs none /home && echo mounted'
    [ "${lines[2]}" = mounted ]
    [ "${lines[1]}" = "Seccomp:	0" ]
    imgc rm -f odd >/dev/null
    start_container odd --ulimit nofile=123:456 --umask 0077 --group-add 99 --oom-score-adj 321
    run imgc exec odd sh -c 'ulimit -n; umask; id -G; cat /proc/self/oom_score_adj'
    [ "${lines[*]}" = "123 0077 0 99 321" ]
    imgc rm -f odd >/dev/null
    start_container odd --pid host --net host --ipc host
    run imgc exec odd sh -c 'for n in pid net ipc mnt uts; do readlink /proc/self/ns/$n; done'
    for n in pid net ipc; do
        [[ $output == *"$(readlink "/proc/self/ns/$n")"* ]]
    done
    [[ $output != *"$(readlink /proc/self/ns/mnt)"* ]]
    imgc rm -f odd >/dev/null
}

@test "nothing of the host comes along" {
    exec 7<"$BATS_TEST_TMPDIR" 8<"$STORE/imgc.db"
    run imgc exec box ls -l /proc/self/fd
    [[ $output != *"$STORE"* && $output != *"$BATS_TEST_TMPDIR"* ]]
    run imgc exec box sh -c 'ls /proc/self/fd | wc -l'
    [ "$output" -le 4 ] # 0, 1, 2 and that of ls
    for fd in 3 4 5 6 7 8 9 10; do
        run imgc exec -w "/proc/self/fd/$fd" box ls
        [ "$status" -ne 0 ]
        [[ $output != *imgc.db* ]]
    done
    exec 7<&- 8<&-
    HOST_SECRET=42 run imgc exec box env
    [[ $output != *HOST_SECRET* ]]
    run imgc exec box sh -c 'readlink /proc/self/exe; readlink /proc/self/root; readlink /proc/self/cwd; cat /proc/self/sessionid 2>/dev/null; tty'
    [[ $output != *imgc* && $output != *unreachable* ]]
}

@test "environment, working directory and user are the container's, unless said" {
    run imgc exec box sh -c 'echo $FROM_IMAGE $FROM_RUN $HOME $HOSTNAME; pwd; hostname'
    [ "${lines[0]}" = "yes yes /root ${lines[2]}" ]
    [ "${lines[1]}" = /home ]
    printf 'FROM_FILE=1\nFROM_RUN=file\n# no\n' >"$BATS_TEST_TMPDIR/env"
    CALLER=passed run imgc exec -e FROM_RUN=exec -e CALLER -e FROM_IMAGE --env-file "$BATS_TEST_TMPDIR/env" \
        box sh -c 'echo "$FROM_RUN $CALLER $FROM_FILE ${FROM_IMAGE-gone}"'
    [ "$output" = "exec passed 1 gone" ]
    run imgc exec -w /etc box pwd
    [ "$output" = /etc ]
    run imgc exec -u joe box sh -c 'id; echo $HOME'
    [ "${lines[0]}" = "uid=1234(joe) gid=77(folk) groups=77(folk),78(more)" ]
    [ "${lines[1]}" = /home/joe ]
    run imgc exec -u 5:6 box sh -c 'id -u; id -g; id -G; grep CapEff /proc/self/status'
    [ "${lines[*]}" = "5 6 6 CapEff:	0000000000000000" ]
    run imgc exec box sh -c 'umask'
    [ "$output" = 0022 ]
}

@test "--privileged gives all capabilities to this process only" {
    run imgc exec --privileged box sh -c 'grep -E "^Cap(Eff|Bnd|Inh|Amb)" /proc/self/status; grep CapEff /proc/1/status'
    all=$(sed -n 's/^CapBnd:\t//p' /proc/self/status)
    [ "${lines[0]}" = "CapInh:	0000000000000000" ]
    [ "${lines[1]}" = "CapEff:	$all" ]
    [ "${lines[2]}" = "CapBnd:	$all" ]
    [ "${lines[4]}" != "CapEff:	$all" ]
}

@test "the exit status is the command's; 125, 126, 127 and signals as with run" {
    run imgc exec box sh -c 'exit 7'
    [ "$status" -eq 7 ]
    run imgc exec box sh -c 'kill -TERM $$'
    [ "$status" -eq 143 ]
    assert_fails 127 "not found in the container's PATH" imgc exec box nosuchcommand
    assert_fails 127 "not found" imgc exec box /no/such
    assert_fails 126 "permission denied" imgc exec box /etc/passwd
    assert_fails 126 "directory" imgc exec box /etc
    assert_fails 127 "no working directory '/nowhere'" imgc exec -w /nowhere box true
    assert_fails 127 "no working directory" imgc exec -w /etc/passwd box true
    assert_fails 125 "not an absolute path" imgc exec -w etc box true
    assert_fails 125 "no user 'nobody-there'" imgc exec -u nobody-there box true
    assert_fails 125 "no such container: nobox" imgc exec nobox true
    assert_fails 125 "unknown option" imgc exec --nonsense box true
    assert_fails 125 "CONTAINER COMMAND" imgc exec box
    assert_fails 127 "empty" imgc exec box ""
}

@test "input comes with -i only, output is told apart, and the end of both is seen" {
    run imgc exec -i box cat <<<"typed"
    [ "$output" = typed ]
    run imgc exec box cat <<<"typed"
    [ -z "$output" ]
    run --separate-stderr imgc exec box sh -c 'echo out; echo err >&2'
    [ "$output" = out ]
    [ "$stderr" = err ]
    [ "$(head -c 3000000 /dev/zero | imgc exec -i box wc -c)" = 3000000 ]
    [ "$(imgc exec box head -c 3000000 /dev/zero | wc -c)" = 3000000 ]
    # a file of the caller's is not handed over
    echo secret >"$BATS_TEST_TMPDIR/input"
    run imgc exec -i box sh -c 'cat; echo spoilt >/proc/self/fd/0' <"$BATS_TEST_TMPDIR/input"
    [ "$(cat "$BATS_TEST_TMPDIR/input")" = secret ]
}

@test "-t gives a terminal of the container's own, with the caller's size" {
    cat >"$BATS_TEST_TMPDIR/tty.sh" <<SH
stty rows 33 cols 99
before=\$(stty -g)
'$IMGC' --root '$STORE' --runroot '$RUNROOT' exec -it box sh -c 'tty; stty size; echo \$TERM; ls -l \$(tty); : </dev/tty && echo controlling'
[ "\$before" = "\$(stty -g)" ] && echo restored
SH
    run script -qec "bash $BATS_TEST_TMPDIR/tty.sh" /dev/null </dev/null
    [[ $output == *"/dev/pts/0"* ]]
    [[ $output == *"33 99"* ]]
    [[ $output == *xterm* ]]
    [[ $output == *restored* && $output == *controlling* ]]
    assert_fails 125 "not a TTY" imgc exec -it box true </dev/null
    run imgc exec -t -u joe box sh -c 'tty; stat -c %u $(tty); echo err >&2'
    [[ ${lines[0]} == "/dev/pts/0"* && ${lines[1]} == 1234* && ${lines[2]} == err* ]]
}

@test "-d says nothing, comes back at once, and the process outlives imgc" {
    run imgc exec -d box sh -c 'echo $$ >/tmp/detached; stat -L -c "%F %t %T" /proc/self/fd/0 >>/tmp/detached; exec sleep 4242'
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    wait_for 20 pgrep -x -f 'sleep 4242'
    run imgc exec box cat /tmp/detached
    [ "${lines[1]}" = "character special file 1 3" ] # /dev/null, of the host
    pid=$(pgrep -x -f 'sleep 4242')
    [ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink "/proc/$(init_of box)/ns/pid")" ]
    [ "$(cut -d ' ' -f 4 "/proc/$pid/stat")" != "$$" ]
    kill -9 "$pid"
    assert_fails 127 "not found" imgc exec -d box nosuchcommand
}

@test "signals are forwarded, and the process dies with imgc" {
    imgc exec box sh -c 'trap "echo got usr1; exit 9" USR1; echo ready; while :; do sleep 0.05; done' >"$BATS_TEST_TMPDIR/out" 3>&- &
    wait_for 20 grep -q ready "$BATS_TEST_TMPDIR/out"
    # the subshell of imgc() has one child, imgc
    pid=$(pgrep -P $!)
    kill -USR1 "${pid:-$!}"
    status=0
    wait $! || status=$?
    [ "$status" -eq 9 ]
    grep -q 'got usr1' "$BATS_TEST_TMPDIR/out"

    "$IMGC" --root "$STORE" --runroot "$RUNROOT" exec box sleep 5151 3>&- &
    wait_for 20 pgrep -x -f 'sleep 5151'
    kill -9 $!
    wait $! || true
    wait_for 20 eval '! pgrep -x -f "sleep 5151"'
}

@test "a container that ends takes the process along; one that does not run is refused" {
    start_container short
    imgc exec short sleep 6161 3>&- &
    wait_for 20 pgrep -x -f 'sleep 6161'
    kill -9 "$(init_of short)"
    status=0
    wait $! || status=$?
    [ "$status" -eq 137 ]
    wait_for 20 eval '[[ $(imgc ps -a) == *Exited*short* ]]'
    assert_fails 125 "container short is not running" imgc exec short true
    imgc rm short >/dev/null
}

@test "limits of the container hold for it" {
    # 64 MiB; the kernel kills somebody of the container, which is the only one who wants memory
    start_container small -m 16m --memory-swap 16m --pids-limit 8
    run imgc exec small sh -c 'head -c 200000000 /dev/zero | tail'
    [ "$status" -ne 0 ]
    run imgc exec small sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 2 & done'
    [ "$status" -ne 0 ]
    imgc rm -f small >/dev/null
}

@test "it runs as soon as the container does, never in the host's root" {
    for _ in 1 2 3 4 5; do
        imgc run --rm --name fresh bb sleep 100 </dev/null >/dev/null 2>&1 3>&- &
        # as early as the row can be seen
        wait_for 20 eval 'imgc exec fresh true 2>/dev/null || [ $? -eq 125 ]'
        wait_for 20 eval '[ "$(imgc exec fresh sh -c "ls /; hostname" 2>/dev/null | grep -c "^home$")" = 1 ]'
        run imgc exec fresh sh -c 'test -e /proc/1/root && test ! -e "'"$STORE"'" && cat /proc/1/comm'
        [ "$output" = sleep ]
        imgc rm -f fresh >/dev/null 2>&1 || true # --rm may be faster
        wait $! || true
    done
}
