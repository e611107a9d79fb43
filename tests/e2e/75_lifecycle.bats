# SPDX-License-Identifier: Apache-2.0
# Containers over time: made, started, watched, stopped and removed, by several commands.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c 'CMD ["sh","-c","echo default"]' -c 'LABEL from=image' -c 'STOPSIGNAL USR1' \
        "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

teardown() {
    have_containers && have_images busybox || return 0
    imgc rm -af >/dev/null
}

# The monitors of this store's containers: they have its log open.
monitors() {
    local pid
    for pid in $(pgrep -x imgc-monitor); do
        find "/proc/$pid/fd" -lname "$STORE/*" 2>/dev/null | grep -q . && echo "$pid"
    done
    return 0
}

# until COMMAND...: wait until it succeeds.
until_true() {
    local i
    for i in {1..200}; do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

no_monitors() {
    [ -z "$(monitors)" ]
}

has_line() {
    imgc logs "$1" | grep -q "$2"
}

state_of() {
    imgc ps -a --format '{{.Names}} {{.State}}' | sed -n "s/^$1 //p"
}

@test "create, start, logs and a second start" {
    run imgc create --name job bb sh -c 'echo run; echo more >>/count; wc -l </count; exit 3'
    [ "$status" -eq 0 ]
    [[ $output =~ ^[0-9a-f]{64}$ ]]
    [ "$(state_of job)" = created ]
    run imgc start -a job
    [ "$status" -eq 3 ]
    [ "$output" = $'run\n1' ]
    run imgc start -a job # its files are as it left them
    [ "$status" -eq 3 ]
    [ "$output" = $'run\n2' ]
    run imgc start job
    [ "$output" = job ]
    [ "$(imgc wait job)" = 3 ]
    [ "$(imgc logs job)" = $'run\n1\nrun\n2\nrun\n3' ]
}

@test "run -d prints the ID and comes back while the container runs" {
    run imgc run -d --name job bb sh -c 'echo out; echo err >&2; while [ ! -e /stop ]; do sleep 0.1; done; exit 7'
    [ "$status" -eq 0 ]
    [[ $output =~ ^[0-9a-f]{64}$ ]]
    [ "$(state_of job)" = running ]
    until_true has_line job out
    imgc exec job touch /stop
    [ "$(imgc wait job)" = 7 ]
    [ "$(imgc logs job 2>/dev/null)" = out ]
    [ "$(imgc logs job 2>&1 >/dev/null)" = err ]
    [[ $(imgc ps -a --format '{{.Status}}') == "Exited (7) "* ]]
}

@test "run -d says why a command cannot be executed, and leaves nothing" {
    run -127 imgc run -d --name job bb no-such-command
    [[ $output == *"'no-such-command' not found"* ]]
    run imgc run -d --name job bb /etc/passwd
    [ "$status" -eq 126 ]
    run imgc run -d --name job -u nobody-here bb true
    [ "$status" -eq 125 ]
    [ -z "$(imgc ps -aq)" ]
    [ -z "$(ls -A "$STORE/containers")" ]
}

@test "a container that was started in vain stays, and can be started again" {
    imgc create --name job bb no-such-command
    run -127 imgc start job
    [ "$(state_of job)" = created ]
    run -127 imgc start -a job
    imgc rm job
}

@test "the monitor survives its shell, holds nothing of it, and little memory" {
    exec 9>"$BATS_TEST_TMPDIR/held"
    setsid bash -c '"$0" --root "$1" --runroot "$2" run -d --name job bb sleep 1000; kill -HUP 0' \
        "$IMGC" "$STORE" "$RUNROOT" >"$BATS_TEST_TMPDIR/id" 9>&9 || true
    [ "$(state_of job)" = running ]
    monitor=$(monitors)
    [ -n "$monitor" ]
    [ "$(readlink "/proc/$monitor/cwd")" = / ]
    [ "$(readlink "/proc/$monitor/fd/0")" = /dev/null ]
    [ "$(readlink "/proc/$monitor/fd/2")" = /dev/null ]
    run ! grep -q "$BATS_TEST_TMPDIR/held" <(ls -l "/proc/$monitor/fd")
    run ! grep -q imgc.db <(ls -l "/proc/$monitor/fd")
    # of a release: a sanitizer alone takes more
    if [[ $IMGC == */release/imgc ]]; then
        private=$(awk '/^Private_(Clean|Dirty)/ { n += $2 } END { print n }' \
            "/proc/$monitor/smaps_rollup")
        echo "private memory of the monitor: $private kB"
        [ "$private" -lt 2048 ]
    fi
    imgc kill job
    until_true no_monitors
    exec 9>&-
}

@test "--stop-timeout: how long stop waits when it is not told" {
    # five seconds are too long for the one and short for the usual ten
    imgc run -d --name hasty --stop-timeout 0 bb sh -c 'trap "sleep 5; exit 3" USR1; echo ready; while :; do sleep 0.05; done'
    until_true has_line hasty ready
    imgc stop hasty
    [ "$(imgc wait hasty)" = 137 ]
    assert_fails 125 "stop-timeout 'x'" imgc create --stop-timeout x bb
}

@test "stop sends the stop signal, and kills when the time is over" {
    imgc run -d --name nice bb sh -c 'trap "echo asked; exit 5" USR1; while :; do sleep 0.05; done'
    imgc run -d --name own --stop-signal WINCH bb \
        sh -c 'trap "exit 6" WINCH; echo ready; while :; do sleep 0.05; done'
    imgc run -d --name deaf bb sh -c 'trap "" USR1; echo ready; while :; do sleep 0.05; done'
    until_true has_line own ready
    until_true has_line deaf ready
    run imgc stop -t 60 nice own
    [ "$status" -eq 0 ]
    [ "$output" = $'nice\nown' ]
    run --separate-stderr imgc stop -t 0 deaf
    [ "$status" -eq 0 ]
    [ "$output" = deaf ]
    [ "$(imgc wait nice own deaf)" = $'5\n6\n137' ]
    [ "$(imgc logs nice)" = asked ]
    run imgc stop deaf # not an error, as in docker and podman
    [ "$status" -eq 0 ]
    run imgc stop missing
    [ "$status" -eq 1 ]
    [[ $output == *"no such container: missing"* ]]
}

@test "kill sends signals, and a container that does not run is an error" {
    imgc run -d --name job bb sh -c 'trap "echo got" HUP; echo ready; while :; do sleep 0.05; done'
    until_true has_line job ready
    imgc kill -s HUP job
    until_true has_line job got
    run imgc kill job
    [ "$output" = job ]
    [ "$(state_of job)" = exited ]
    [ "$(imgc wait job)" = 137 ]
    run imgc kill job
    [ "$status" -eq 1 ]
    [[ $output == *"container job is not running"* ]]
    run imgc kill -s NOPE job
    [ "$status" -eq 1 ]
    [[ $output == *"'NOPE': not a signal"* ]]
}

@test "wait tells the exit code of a container that is removed as it ends" {
    imgc run -d --rm --name job bb sh -c 'until [ -e /go ]; do sleep 0.05; done; exit 9'
    imgc wait job >"$BATS_TEST_TMPDIR/code" 3>&- &
    waiter=$!
    # the waiter is connected when its socket's other end is
    until_true grep -q "$RUNROOT/containers\|fd/.*attach" /proc/net/unix
    sleep 0.2
    imgc exec job touch /go
    wait "$waiter"
    [ "$(cat "$BATS_TEST_TMPDIR/code")" = 9 ]
    until_true test -z "$(imgc ps -aq)"
}

@test "restart and rename" {
    imgc run -d --name job bb sh -c 'echo up; sleep 1000'
    until_true has_line job up
    run imgc restart -t 0 job
    [ "$status" -eq 0 ]
    [ "$(state_of job)" = running ]
    imgc rename job other
    [ "$(state_of other)" = running ]
    imgc create --name taken bb
    run imgc rename other taken
    [ "$status" -eq 1 ]
    [[ $output == *"'taken' is taken"* ]]
    run imgc rename other 'no/name'
    [ "$status" -eq 1 ]
    imgc rm -f other
}

@test "rm refuses what runs, rm -f does not, and --replace takes a name over" {
    first=$(imgc run -d --name job bb sleep 1000)
    run imgc rm job
    [ "$status" -eq 2 ]
    [[ $output == *"container job is running"* ]]
    run imgc run --name job bb true
    [ "$status" -eq 125 ]
    [[ $output == *"the name 'job' is taken by container ${first:0:12}"* ]]
    second=$(imgc run -d --name job --replace bb sleep 1000)
    [ "$(imgc ps -aq --no-trunc)" = "$second" ]
    imgc create --name two bb
    run imgc rm -f job missing two
    [ "$status" -eq 0 ]
    [ "$output" = $'job\ntwo' ]
    run imgc rm missing
    [ "$status" -eq 1 ]
    until_true no_monitors
    [ -z "$(ls -A "$STORE/containers")" ]
    [ -z "$(ls -A "$RUNROOT/containers")" ]
}

@test "the ID goes to a new file" {
    id=$(imgc create --cidfile "$BATS_TEST_TMPDIR/cid" bb)
    [ "$(cat "$BATS_TEST_TMPDIR/cid")" = "$id" ]
    run imgc create --cidfile "$BATS_TEST_TMPDIR/cid" bb
    [ "$status" -eq 125 ]
    [[ $output == *"exists"* ]]
    [ "$(imgc ps -aq | wc -l)" = 1 ]
}

@test "a dead container whose cgroup cannot go keeps no other from starting" {
    require_root_mount
    imgc run -d --name job bb sleep 1000 >/dev/null
    id=$(imgc inspect -f '{{.Id}}' job)
    cgroup=$(find /sys/fs/cgroup -maxdepth 4 -name "imgc-$id" | head -n 1)
    [ -n "$cgroup" ] || skip "no cgroups"
    kill -KILL "$(monitors)"
    is_dead() { [ "$(state_of job)" = exited ]; }
    until_true is_dead
    # for the kernel it is in use
    run unshare -m --propagation private bash -c 'mount --bind "$1" "$1" && shift && exec "$@"' bash \
        "$cgroup" "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm bb echo next
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *next* && $output == *"warning: "*"remove the cgroup"* ]]
    [ -d "$cgroup" ]
    # Who waited for it has said so: the others try once. Each would have waited for two seconds.
    # shellcheck disable=SC2016
    run unshare -m --propagation private bash -c 'mount --bind "$1" "$1" && shift && SECONDS=0 &&
        for i in {1..10}; do "$@" || exit; done; echo "took $SECONDS"' bash \
        "$cgroup" "$IMGC" --root "$STORE" --runroot "$RUNROOT" create --name again --replace bb true
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c 'warning: .*remove the cgroup' <<<"$output")" -ge 10 ]
    [ "${output##*took }" -lt 15 ]
    [ -d "$cgroup" ]
    imgc run --rm bb true
    [ ! -d "$cgroup" ] # with the next, for which it can go
}

# A container $1 that ends while its cgroup is in use for the kernel, in a mount namespace. There imgc
# does $STILL then, which is not to forget it. Sets cgroup.
with_stuck_cgroup() {
    # shellcheck disable=SC2016
    unshare -m --propagation private bash -c '
        name=$1 store=$2 imgc=$3; shift 3
        "$imgc" "${@:1:4}" create --name "$name" $RM bb sh -c "until [ -e /go ]; do sleep 0.1; done; exit 7" >/dev/null
        "$imgc" "${@:1:4}" start "$name" >/dev/null
        id=$("$imgc" "${@:1:4}" inspect -f "{{.Id}}" "$name")
        cgroup=$(find /sys/fs/cgroup -maxdepth 4 -name "imgc-$id" | head -n 1)
        echo "$cgroup" >"$store.cgroup"
        [ -n "$cgroup" ] || exit 0
        mount --bind "$cgroup" "$cgroup"
        "$imgc" "${@:1:4}" exec "$name" touch /go
        while pgrep -f "^$imgc .*start $name" >/dev/null; do sleep 0.1; done
        "$imgc" "${@:1:4}" wait "$name" >"$store.status" 2>&1 || true
        "$imgc" "${@:1:4}" $STILL >/dev/null 2>&1 || true' \
        bash "$1" "$STORE" "$IMGC" --root "$STORE" --runroot "$RUNROOT"
    cgroup=$(cat "$STORE.cgroup")
    [ -n "$cgroup" ] || skip "no cgroups"
}

@test "the cgroup of a container that ended and could not go is removed later" {
    require_root_mount
    RM='' STILL='cp one:/go -' with_stuck_cgroup one
    [ "$(cat "$STORE.status")" = 7 ]
    until_true no_monitors
    [ -d "$cgroup" ]
    [ "$(state_of one)" = exited ]
    [ "$(imgc inspect -f '{{.State.ExitCode}}' one)" = 7 ]
    imgc rm one
    [ ! -d "$cgroup" ]

    RM='' STILL='start two' with_stuck_cgroup two
    until_true no_monitors
    [ -d "$cgroup" ]
    imgc run --rm bb true # whatever writes next
    [ ! -d "$cgroup" ]
    [ "$(imgc inspect -f '{{.State.ExitCode}}' two)" = 7 ] # which it has not forgotten
    [ "$(imgc start -a two >/dev/null 2>&1; echo $?)" = 7 ]

    RM=--rm STILL='prune -f' with_stuck_cgroup three
    until_true no_monitors
    [ -d "$cgroup" ]
    imgc prune -f >/dev/null
    [ ! -d "$cgroup" ]
    run imgc inspect three
    [ "$status" -eq 1 ]
}

@test "a container outlives the cgroup of the session that started it" {
    hierarchy=$(awk '$9 == "cgroup2" || $8 == "cgroup2" { print $5; exit }' /proc/self/mountinfo)
    session=$hierarchy/imgc-test-session-$$
    mkdir "$session" 2>/dev/null || skip "no cgroup v2 that can be written"
    [ -e "$session/cgroup.kill" ] || { rmdir "$session"; skip "this kernel has no cgroup.kill"; }
    bash -c 'echo $$ >"$3/cgroup.procs" && exec "$0" --root "$1" --runroot "$2" run -d --name job bb sleep 1000' \
        "$IMGC" "$STORE" "$RUNROOT" "$session"
    grep -q '^0::.*/imgc/monitors$' "/proc/$(monitors)/cgroup"
    echo 1 >"$session/cgroup.kill" # as systemd does
    is_empty() { [ -z "$(cat "$session/cgroup.procs")" ]; }
    until_true is_empty
    rmdir "$session"
    [ "$(state_of job)" = running ]
    imgc exec job true
    imgc rm -f job
    until_true no_monitors
}

@test "a killed monitor takes its container with it, is told, and can be cleared up" {
    imgc run -d --name job bb sh -c 'sleep 1000 & sleep 1000'
    monitor=$(monitors)
    kill -KILL "$monitor"
    is_exited() { [ "$(state_of job)" = exited ]; }
    until_true is_exited
    [[ $(imgc ps -a --format '{{.Status}}') == *"unknown"* ]]
    [ "$(imgc wait job)" = -1 ]
    imgc create --name other bb # whoever writes next notes it, once
    [[ $(imgc ps -a --format '{{.Status}}' --filter name=job) == *"unknown"* ]]
    finished=$(imgc inspect -f '{{.State.FinishedAt}}' job)
    [[ $finished == 20* ]]
    imgc create --name other2 bb
    [ "$(imgc inspect -f '{{.State.FinishedAt}}' job)" = "$finished" ]
    imgc rm other other2
    imgc stop job
    imgc start job
    [ "$(state_of job)" = running ]
    monitor=$(monitors)
    kill -KILL "$monitor"
    imgc rm -f job
    [ -z "$(imgc ps -aq)" ]
    [ -z "$(ls -A "$RUNROOT/containers")" ]
}

# With the host's processes its first one's end does not end the others.
@test "a start after a killed monitor ends what that left, and has a cgroup of its own" {
    local mark=31$$ # no other process's of this host
    imgc run -d --pid host --name job bb sh -c "sleep $mark & sleep 31338"
    until_true pgrep -x -f "sleep $mark"
    left=$(pgrep -x -f "sleep $mark")
    kill -KILL "$(monitors)"
    is_exited() { [ "$(state_of job)" = exited ]; }
    until_true is_exited
    kill -0 "$left"
    imgc start job
    [ "$(awk '{ print $3 }' "/proc/$left/stat" 2>/dev/null || echo Z)" = Z ]
    pid=$(imgc inspect --type container -f '{{.State.Pid}}' job)
    grep -q "imgc-$(imgc ps -q --no-trunc)" "/proc/$pid/cgroup"
}

@test "--restart is refused in words" {
    run imgc run -d --restart always bb true
    [ "$status" -eq 125 ]
    [[ $output == *"no daemon"* ]]
    imgc run --rm --restart no bb true
}

@test "ps filters, sorts and counts" {
    imgc create --name one -l team=a -l tier=web bb
    imgc run --name two --label-file <(printf '# marks\nteam=b\n') bb sh -c 'exit 4'  || true
    imgc run -d --name three -l team=a -v /tmp:/mnt bb sleep 1000
    names() { imgc ps --format '{{.Names}}' "$@"; }
    [ "$(names)" = three ]
    [ "$(names -a)" = $'three\ntwo\none' ]
    [ "$(names -a --sort names)" = $'one\nthree\ntwo' ]
    [ "$(names -n 2)" = $'three\ntwo' ]
    [ "$(names -l)" = three ]
    [ "$(names -a -f name=t)" = $'three\ntwo' ]
    [ "$(names -a -f name=^t.o\$)" = two ]
    [ "$(names -a -f label=team=a)" = $'three\none' ]
    [ "$(names -a -f label=team=a -f label=tier)" = one ]
    [ "$(names -a -f label=from=image)" = $'three\ntwo\none' ]
    [ "$(names -a -f label!=tier -f label=team)" = $'three\ntwo' ]
    [ "$(names -f status=exited)" = two ]
    [ "$(names -f status=exited -f status=created)" = $'two\none' ]
    [ "$(names -f exited=4)" = two ]
    [ -z "$(names -f exited=5)" ]
    [ "$(names -a -f before=two)" = one ]
    [ "$(names -a -f since=two)" = three ]
    [ "$(names -a -f ancestor=bb)" = $'three\ntwo\none' ]
    [ -z "$(names -a -f ancestor=other)" ]
    [ "$(names -a -f volume=/mnt)" = three ]
    [ "$(names -a -f network=none)" = $'three\ntwo\none' ]
    id=$(imgc ps -aq --no-trunc -f name=one)
    [ "$(names -a -f "id=${id:0:6}")" = one ]
    run imgc ps -f nonsense=1
    [ "$status" -eq 1 ]
    [[ $output == *"there are"*"ancestor="* ]]
    run imgc ps -f status=flying
    [ "$status" -eq 1 ]
    [ "$(imgc container ls -a | sed -n 1p | tr -s ' ')" = 'CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES' ]
}

@test "container prune takes what does not run" {
    imgc create --name one -l keep=no bb
    imgc run --name two bb true
    imgc run -d --name three bb sleep 1000
    run imgc container prune </dev/null
    [ "$status" -eq 1 ]
    run imgc container prune -f --filter label=keep
    [ "$status" -eq 0 ]
    [ "$(imgc ps -a --format '{{.Names}}')" = $'three\ntwo' ]
    run imgc container prune -f --filter until=1h
    [ "$(imgc ps -a --format '{{.Names}}')" = $'three\ntwo' ]
    run imgc container prune -f
    [ "$(imgc ps -a --format '{{.Names}}')" = three ]
}

@test "a reader that does not read holds up no run that is asked to end" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    exec 7<>"$BATS_TEST_TMPDIR/pipe" # never read from
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --name loud bb head -c 70000 /dev/zero >&7 3>&- &
    pid=$!
    for _ in $(seq 200); do
        [ "$(imgc ps -a --format '{{.Names}}')" != loud ] || [ -n "$(pgrep -P $pid)" ] || break
        sleep 0.05
    done
    [ -z "$(pgrep -P $pid)" ]
    kill $pid
    timeout 20 tail --pid=$pid -f /dev/null
    wait $pid
    exec 7<&-
    imgc rm loud
}
