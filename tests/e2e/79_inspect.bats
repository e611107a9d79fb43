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
        [ "$(imgc exec runs ps 2>/dev/null | grep -c 'root  *sleep [12]')" -lt 2 ] || break
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
    [[ ${lines[0]} =~ ^USER\ +PID\ +PPID\ +%CPU\ +ELAPSED\ +TTY\ +TIME\ +COMMAND$ ]]
    [[ ${lines[1]} =~ ^root\ +1\ +0\ +[0-9]+\.[0-9]{3}\ +[0-9hm.]+s\ +\?\ +[0-9hm.]+s\ +sh\ -c ]]
    [[ $output == *"sleep 1111"* && $output == *"sleep 2222"* ]]
    [ "${#lines[@]}" -eq 4 ]
    run imgc top runs pid,ppid hpid comm
    [[ ${lines[1]} =~ ^1\ +0\ +$(told '{{.State.Pid}}' runs)\ +sh$ ]]
    [[ ${lines[2]} =~ ^[0-9]+\ +1\ +[0-9]+\ +sleep$ ]]
    assert_fails 1 "no column 'nonsense'" imgc top runs nonsense
    assert_fails 1 "container over is not running" imgc top over
    assert_fails 1 "no such container: nobody" imgc top nobody
}

@test "top: each of podman's columns, and the options of ps that say what is shown" {
    run imgc top runs capamb,capbnd,capeff,capinh,capprm,seccomp,state,tty,nice,pgid
    read -r amb bnd eff inh prm seccomp state tty nice pgid <<<"${lines[1]}"
    [[ $amb == none && $bnd == *CHOWN,*SYS_CHROOT && $eff == "$bnd" && $inh == none && $prm == "$bnd" ]]
    [ "$seccomp $state $tty $nice $pgid" = "filter S ? $(ps -o ni= -p "$(told '{{.State.Pid}}' runs)" | tr -d ' ') 1" ]
    run imgc top runs user,ruser,group,rgroup,groups,uid,gid,huser,hgroup,hgroups,label,comm
    [[ ${lines[1]} =~ ^root\ +root\ +root\ +root\ +root\ +0\ +0\ +root\ +root\ +root\ +\?\ +sh$ ]]
    run imgc top runs rss,vsz,stime,args
    [[ ${lines[1]} =~ ^[1-9][0-9]*\ +[1-9][0-9]*\ +20[0-9]{2}-[0-9-]+\ [0-9:]{8}\ .*sh\ -c ]]
    [ "$(imgc top runs -o pid= -o comm= | head -n 1)" = "1   sh" ]
    run imgc top runs -ef
    [[ ${lines[0]} =~ ^UID\ +PID\ +PPID\ +C\ +STIME\ +TTY\ +TIME\ +CMD$ ]]
    [[ ${lines[1]} =~ ^root\ +1\ +0\ +[0-9]+\ +[0-9]{2}:[0-9]{2}\ +\?\ +[0-9]{2}:[0-9]{2}:[0-9]{2}\ +sh\ -c ]]
    run imgc top runs aux
    [[ ${lines[0]} =~ ^USER\ +PID\ +%CPU\ +%MEM\ +VSZ\ +RSS\ +TTY\ +STAT\ +START\ +TIME\ +COMMAND$ ]]
    [[ ${lines[1]} =~ ^root\ +1\ +[0-9.]+\ +[0-9.]+\ +[0-9]+\ +[0-9]+\ +\?\ +S[\<N]?s\ + ]]
    run imgc top runs -eo pid,etimes,user=WHO
    [[ ${lines[0]} =~ ^PID\ +ELAPSED\ +WHO$ && ${lines[1]} =~ ^1\ +[0-9]+\ +root$ ]]
    assert_fails 1 "'-p' is no option of ps that is known here" imgc top runs -p 1
}

@test "top names users as the container does, also in a user namespace, and no file of it harms" {
    # shellcheck disable=SC2016
    imgc run -d --name mapped --uidmap 0:300000:65536 -t bb sh -c \
        'echo "joe:x:7:8::/:" >>/etc/passwd; chmod 666 /etc/passwd; sleep 1000 & echo up; exec sleep 1001' >/dev/null || true
    if [ "$(imgc ps -q --filter name=mapped)" ]; then
        for _ in {1..200}; do [ -z "$(imgc logs mapped)" ] || break; sleep 0.05; done
        imgc exec -d -u 7:8 mapped sleep 1002
        for _ in {1..200}; do [[ $(imgc top mapped args) != *1002* ]] || break; sleep 0.05; done
        run imgc top mapped user,uid,gid,tty,args,huser
        [[ ${lines[1]} =~ ^root\ +0\ +0\ +pts/0\ +sleep\ 1001\ +300000$ ]]
        grep -qE '^joe +7 +8 +\? +sleep 1002 +300007$' <<<"$output"
    fi
    imgc rm -f -t 0 mapped >/dev/null
    # names made for a terminal, a pipe that nobody writes to, a file without end
    imgc run -d --name hostile bb sh -c 'printf "\033[2Jx:x:0:0::/:\n" >/etc/passwd; rm -f /etc/group
        mkfifo /etc/group; echo up; exec sleep 1000' >/dev/null
    for _ in {1..200}; do [ -z "$(imgc logs hostile)" ] || break; sleep 0.05; done
    run timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" top hostile user,group,pid
    [ "$status" -eq 0 ]
    [[ ${lines[1]} =~ ^.x1b.2Jx\ +0\ +1$ ]] || { echo "$output"; return 1; }
    imgc run -d --name endless bb sh -c 'ln -sf /dev/zero /etc/passwd; echo up; exec sleep 1000' >/dev/null
    for _ in {1..200}; do [ -z "$(imgc logs endless)" ] || break; sleep 0.05; done
    run timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" top endless user,pid
    [[ $status -eq 0 && ${lines[1]} =~ ^0\ +1$ ]]
    imgc rm -f hostile endless >/dev/null
}
