# SPDX-License-Identifier: Apache-2.0
# imgc inspect and top of containers.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c 'ENV A=image' -c 'WORKDIR /data' "$IMAGES/busybox.tar" bb >/dev/null
    mkdir -p "$BATS_FILE_TMPDIR/source"
    imgc run --name over -m 64m -v "$BATS_FILE_TMPDIR/source:/target:ro" --tmpfs /scratch -e B=option \
        --cap-add net_admin --log-opt max-size=1m -u 12 bb sh -c 'exit 3' || [ $? -eq 3 ]
    imgc run --name runs bb sh -c 'sleep 1111 & sleep 2222 & wait' </dev/null >/dev/null 2>&1 3>&- &
    for _ in {1..200}; do
        [ "$(imgc exec runs pgrep -f 'sleep [12]' 2>/dev/null | wc -l)" -lt 2 ] || break
        sleep 0.05
    done
}

teardown_file() {
    [ -z "${STORE:-}" ] || imgc rm -f -a >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

told() {
    imgc inspect --type container -f "$1" "${2:-over}"
}

@test "a container that has ended: state, config, host config, mounts" {
    [ "$(told '{{.State.Status}} {{.State.Running}} {{.State.Pid}} {{.State.ExitCode}} {{.State.OOMKilled}}')" = "exited false 0 3 false" ]
    [[ $(told '{{.State.StartedAt}} {{.State.FinishedAt}}') =~ ^20[0-9-]+T.*Z\ 20[0-9-]+T.*Z$ ]]
    [ "$(told '{{.Path}} {{json .Args}} {{json .Config.Cmd}}')" = 'sh ["-c","exit 3"] ["sh","-c","exit 3"]' ]
    [[ $(told '{{json .Config.Env}}') == *'"A=image"'*'"B=option"'* ]]
    [ "$(told '{{.Config.User}} {{.Config.WorkingDir}} {{.Config.Image}}')" = "12 /data bb" ]
    [ "$(told '{{.HostConfig.Memory}} {{json .HostConfig.CapAdd}}')" = '67108864 ["CAP_NET_ADMIN"]' ]
    [ "$(told '{{index .HostConfig.LogConfig.Config "max-size"}}')" = 1048576 ]
    [ "$(told '{{range .Mounts}}{{.Type}} {{.Source}} {{.Destination}} {{.RW}};{{end}}')" = \
        "bind $BATS_FILE_TMPDIR/source /target false;tmpfs  /scratch true;" ]
    [ "$(told '{{.Image}}')" = "$(imgc inspect --type image -f '{{.Id}}' bb)" ]
    [ "$(imgc container inspect -f '{{.Name}}' over)" = over ]
}

@test "a container that runs: its process is what the kernel says" {
    pid=$(told '{{.State.Pid}}' runs)
    [ "$(told '{{.State.Status}} {{.State.Running}}' runs)" = "running true" ]
    grep -q "sleep 1111" "/proc/$pid/cmdline" || tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q 'sleep 1111'
    [ "$(told '{{.State.FinishedAt}}' runs)" = 0001-01-01T00:00:00Z ]
    imgc inspect runs | python3 -c 'import json, sys; d = json.load(sys.stdin)[0]; assert d["HostConfig"] and d["NetworkSettings"] and d["Mounts"] == []'
}

@test "a name that is no container, or no image" {
    assert_fails 1 'no such container: "bb:latest"' imgc inspect --type container bb:latest
    assert_fails 1 'no such image: "runs"' imgc inspect --type image runs
    [[ $(imgc inspect -f '{{.State.Status}}' runs) == running ]] # a container goes first
}

@test "top shows the container's processes by their own numbers" {
    run imgc top runs
    [[ ${lines[0]} == USER*PID*PPID*STATE*ELAPSED*TIME*COMMAND ]]
    [[ $output == *"sleep 1111"* && $output == *"sleep 2222"* ]]
    [ "${#lines[@]}" -eq 4 ]
    run imgc top runs pid,ppid hpid comm
    [[ ${lines[1]} =~ ^1\ +0\ +$(told '{{.State.Pid}}' runs)\ +sh$ ]]
    [[ ${lines[2]} =~ ^[0-9]+\ +1\ +[0-9]+\ +sleep$ ]]
    assert_fails 1 "no column 'nonsense'" imgc top runs nonsense
    assert_fails 1 "container over is not running" imgc top over
    assert_fails 1 "no such container: nobody" imgc top nobody
}
