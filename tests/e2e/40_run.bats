# SPDX-License-Identifier: Apache-2.0
# Running containers: what the command sees and what the caller gets back.
# forms: both

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    # one store for the file: importing is tested elsewhere
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c 'CMD ["sh","-c","echo default"]' -c 'ENV FROM=image' -c 'WORKDIR /data' \
        "$IMAGES/busybox.tar" bb >/dev/null
    imgc import -c 'ENTRYPOINT ["echo","entry"]' -c 'CMD ["cmd"]' -c 'USER user' \
        "$IMAGES/busybox.tar" bb:entry >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

@test "the image's command, environment and working directory" {
    run imgc run --rm bb
    [ "$status" -eq 0 ]
    [ "$output" = default ]
    run imgc run --rm bb sh -c 'echo $FROM $PWD $HOME $PATH'
    [ "$output" = "image /data /root /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" ]
}

@test "arguments replace Cmd, --entrypoint replaces both" {
    run imgc run --rm bb:entry
    [ "$output" = "entry cmd" ]
    run imgc run --rm bb:entry more words
    [ "$output" = "entry more words" ]
    run imgc run --rm --entrypoint id bb:entry -un
    [ "$output" = user ]
    run imgc run --rm --entrypoint '' bb:entry id -u
    [ "$output" = 1000 ]
}

@test "exit codes are the command's; 125, 126, 127 and 128+n are told apart" {
    run imgc run --rm bb sh -c 'exit 42'
    [ "$status" -eq 42 ]
    # PID 1 cannot kill itself: the host does
    imgc run --name victim bb sh -c 'echo up; exec sleep 100' >"$BATS_TEST_TMPDIR/up" &
    pid=$!
    for _ in $(seq 100); do [ -s "$BATS_TEST_TMPDIR/up" ] && break; sleep 0.1; done
    kill -9 "$(imgc inspect --format '{{.State.Pid}}' victim)"
    code=0
    wait $pid || code=$?
    [ "$code" -eq 137 ]
    [ "$(imgc inspect --format '{{.State.ExitCode}}' victim)" = 137 ]
    imgc rm victim
    assert_fails 127 'nosuchcommand' imgc run --rm bb nosuchcommand
    assert_fails 127 '/no/such/path' imgc run --rm bb /no/such/path
    assert_fails 126 '/etc/passwd' imgc run --rm bb /etc/passwd
    assert_fails 126 '/data' imgc run --rm bb /data
    assert_fails 125 'nosuchoption' imgc run --nosuchoption bb
    assert_fails 125 'nosuchimage' imgc run --rm --pull never nosuchimage
    [ -z "$(imgc ps -aq)" ]
}

@test "-e, --env-file and values passed from the caller" {
    printf '# comment\nA=1\nB=two words\nC=3\n\nPASSED\n' >"$BATS_TEST_TMPDIR/env"
    PASSED=through run imgc run --rm --env-file "$BATS_TEST_TMPDIR/env" -e C=over -e FROM=cli \
        bb sh -c 'echo $A,$B,$C,$FROM,$PASSED'
    [ "$output" = "1,two words,over,cli,through" ]
    run env -u NOTSET "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm -e NOTSET bb \
        sh -c 'echo ${NOTSET-unset}'
    [ "$output" = unset ]
    # nothing of the caller's environment comes in by itself
    SECRET=x run imgc run --rm bb env
    [[ $output != *SECRET* ]]
}

@test "-u takes names and numbers, with and without a group" {
    run imgc run --rm -u user bb sh -c 'id -u; id -g; id -G'
    [ "$output" = $'1000\n1000\n1000 2000' ]
    run imgc run --rm -u 1234 bb sh -c 'id -u; id -g; id -G'
    [ "$output" = $'1234\n0\n0' ]
    run imgc run --rm -u user:extra bb sh -c 'id -u; id -g; id -G'
    [ "$output" = $'1000\n2000\n2000' ]
    run imgc run --rm -u 5:6 bb sh -c 'echo $(id -u) $(id -g) $(id -G)'
    [ "$output" = "5 6 6" ]
    assert_fails 125 'nobodyknows' imgc run --rm -u nobodyknows bb true
    assert_fails 125 '4294967296' imgc run --rm -u 4294967296 bb true
}

@test "-w, --hostname, --read-only" {
    run imgc run --rm -w /new/dir bb pwd
    [ "$output" = /new/dir ]
    run imgc run --rm --hostname box bb hostname
    [ "$output" = box ]
    run imgc run --rm --read-only bb touch /x
    [ "$status" -ne 0 ]
    run imgc run --rm --read-only --tmpfs /scratch bb sh -c 'touch /scratch/x /dev/shm/y && echo ok'
    [ "$output" = ok ]
}

@test "-v binds, also read-only, and the host sees what is written" {
    mkdir "$BATS_TEST_TMPDIR/src"
    echo hello >"$BATS_TEST_TMPDIR/src/file"
    run imgc run --rm -v "$BATS_TEST_TMPDIR/src:/mnt/deep" bb \
        sh -c 'cat /mnt/deep/file; echo back >/mnt/deep/new'
    [ "$output" = hello ]
    [ "$(cat "$BATS_TEST_TMPDIR/src/new")" = back ]
    run imgc run --rm -v "$BATS_TEST_TMPDIR/src:/mnt:ro" bb touch /mnt/x
    [ "$status" -ne 0 ]
    [ ! -e "$BATS_TEST_TMPDIR/src/x" ]
    # a file over a file
    run imgc run --rm -v "$BATS_TEST_TMPDIR/src/file:/data/one:ro" bb cat /data/one
    [ "$output" = hello ]
    assert_fails 125 'volume' imgc run --rm -v relative bb true
}

@test "a VOLUME of the image is there, with what the image has in it, and never on the host" {
    imgc import -c 'VOLUME /data' -c 'VOLUME /var/lib/new' -c 'VOLUME /mnt/below' \
        -c 'VOLUME /proc/odd' "$IMAGES/busybox.tar" vol >/dev/null
    run imgc run --rm vol sh -c 'stat -c "%F %a %u:%g" /var/lib/new; cat /data/one; echo x >/var/lib/new/x'
    [ "$status" -eq 0 ]
    [ "$output" = $'directory 755 0:0\none' ]
    # also where nothing can be made any more when the command starts
    run imgc run --rm --read-only vol ls -d /var/lib/new
    [ "$output" = /var/lib/new ]
    # in the container's own root, not in what the user mounts over it
    mkdir "$BATS_TEST_TMPDIR/src"
    run imgc run --rm -v "$BATS_TEST_TMPDIR/src:/mnt" vol ls /mnt
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ -z "$(ls "$BATS_TEST_TMPDIR/src")" ]
    # what cannot be is said
    imgc import -c 'VOLUME /data/one/below' "$IMAGES/busybox.tar" bad >/dev/null
    assert_fails 125 "volume '/data/one/below' of the image" imgc run --rm bad true
}

@test "a container's changes do not reach the image or the next container" {
    imgc run --rm bb sh -c 'echo changed >/data/one; rm /data/two; touch /root/new'
    run imgc run --rm bb sh -c 'cat /data/one /data/two; ls /root'
    [ "$output" = $'one\ntwo' ]
}

@test "only a container that is kept writes its changes out when it ends" {
    run imgc run --rm bb grep ' / overlay ' /proc/mounts
    [[ $output == *volatile* ]]
    run imgc run --name kept bb grep ' / overlay ' /proc/mounts
    [[ $output != *volatile* ]]
    imgc rm kept >/dev/null
}

@test "standard input needs -i" {
    run bash -c "echo in | '$IMGC' --root '$STORE' --runroot '$RUNROOT' run --rm -i bb cat"
    [ "$output" = in ]
    run bash -c "echo in | '$IMGC' --root '$STORE' --runroot '$RUNROOT' run --rm bb cat"
    [ "$output" = "" ]
}

@test "large output and input come through whole" {
    head -c 20000000 /dev/urandom >"$BATS_TEST_TMPDIR/big"
    imgc run --rm -i bb cat <"$BATS_TEST_TMPDIR/big" | cmp - "$BATS_TEST_TMPDIR/big"
    imgc run -i --name big bb cat <"$BATS_TEST_TMPDIR/big" | cmp - "$BATS_TEST_TMPDIR/big"
    imgc rm big
}

@test "stdout and stderr stay apart, logs keeps both, ps shows the container" {
    run --separate-stderr imgc run --name talker bb sh -c 'echo out; echo err >&2; exit 3'
    [ "$status" -eq 3 ]
    [ "$output" = out ]
    [ "$stderr" = err ]
    run --separate-stderr imgc logs talker
    [ "$output" = out ]
    [ "$stderr" = err ]
    run imgc ps -a --format '{{.Names}} {{.Status}}'
    [[ $output == *"talker Exited (3)"* ]]
    [ -z "$(imgc ps -q)" ]
    assert_fails 125 'talker' imgc run --name talker bb true
    imgc rm talker
    assert_fails 1 'talker' imgc logs talker
}

@test "signals are forwarded, and the exit status comes back" {
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm --name sig bb \
        sh -c 'trap "echo got; exit 7" TERM; echo ready; while :; do sleep 0.1; done' \
        >"$BATS_TEST_TMPDIR/out" &
    pid=$!
    for _ in $(seq 100); do grep -q ready "$BATS_TEST_TMPDIR/out" && break; sleep 0.1; done
    kill -TERM $pid
    code=0
    wait $pid || code=$?
    [ "$code" -eq 7 ]
    grep -q got "$BATS_TEST_TMPDIR/out"
}

@test "a container does not outlive a killed imgc, and the next command cleans up" {
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm --name orphan bb sleep 1234 &
    pid=$!
    for _ in $(seq 100); do [ -n "$(imgc ps -q)" ] && break; sleep 0.1; done
    id=$(imgc ps -q --no-trunc)
    [ -n "$id" ]
    find /sys/fs/cgroup -name "imgc-$id" 2>/dev/null | grep -q . # else the check below shows nothing
    kill -9 $pid
    wait $pid || true
    for _ in $(seq 50); do pgrep -f 'sleep 1234' >/dev/null || break; sleep 0.1; done
    ! pgrep -f 'sleep 1234' || false
    [ -z "$(imgc ps -q)" ]
    imgc run --rm bb true # sweeps
    [ -z "$(imgc ps -aq)" ]
    ! find /sys/fs/cgroup -name "imgc-$id" 2>/dev/null | grep . || false
}

@test "rm refuses a running container, and -f kills it" {
    imgc run --name busy bb sleep 100 &
    for _ in $(seq 100); do [ -n "$(imgc ps -q)" ] && break; sleep 0.1; done
    assert_fails 2 busy imgc rm busy
    assert_fails 2 'busy|in use' imgc rmi bb
    imgc rm -f busy
    wait || true
    [ -z "$(imgc ps -aq)" ]
}

@test "-t gives a terminal with the caller's size, and the caller's terminal is restored" {
    cat >"$BATS_TEST_TMPDIR/tty.sh" <<EOF
stty rows 33 cols 99
before=\$(stty -g)
'$IMGC' --root '$STORE' --runroot '$RUNROOT' run --rm -it bb sh -c 'tty; stty size; test -t 0 && test -t 1 && echo both; echo \$TERM'
[ "\$before" = "\$(stty -g)" ] && echo restored
EOF
    run script -qec "bash $BATS_TEST_TMPDIR/tty.sh" /dev/null
    [[ $output == *"/dev/"* ]]
    [[ $output == *"33 99"* ]]
    [[ $output == *both* ]]
    [[ $output == *xterm* ]]
    [[ $output == *restored* ]]
}

@test "a shell on a terminal takes typed commands" {
    cat >"$BATS_TEST_TMPDIR/type.py" <<EOF
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv("$IMGC", ["imgc", "--root", "$STORE", "--runroot", "$RUNROOT", "run", "--rm", "-it", "bb", "sh"])
out = b""
os.write(fd, b"echo typed-\$((40+2))\n")
deadline = time.time() + 20
while b"typed-42" not in out and time.time() < deadline:
    out += os.read(fd, 1000)
os.write(fd, b"exit 5\n")
try:
    while True:
        if not os.read(fd, 1000): break
except OSError:
    pass
_, status = os.waitpid(pid, 0)
sys.exit(0 if b"typed-42" in out and os.waitstatus_to_exitcode(status) == 5 else 1)
EOF
    python3 "$BATS_TEST_TMPDIR/type.py"
}

@test "--rootfs runs on a directory" {
    mkdir "$BATS_TEST_TMPDIR/root"
    tar -C "$BATS_TEST_TMPDIR/root" -xf "$IMAGES/busybox.tar"
    run imgc run --rm --rootfs "$BATS_TEST_TMPDIR/root" cat /data/one
    [ "$output" = one ]
    assert_fails 125 'no/such' imgc run --rm --rootfs "$BATS_TEST_TMPDIR/no/such" true
}

@test "debian: os-release, apt-get, dpkg, a multi-layer root" {
    require_images debian
    imgc import -c 'CMD ["bash"]' "$IMAGES/debian.tar" debian:bookworm >/dev/null
    run imgc run --rm debian:bookworm cat /etc/os-release
    [ "$status" -eq 0 ]
    [[ $output == *'VERSION_CODENAME=bookworm'* ]]
    run imgc run --rm debian:bookworm apt-get --version
    [ "$status" -eq 0 ]
    [[ $output == apt\ * ]]
    run imgc run --rm debian:bookworm sh -c 'dpkg -l | grep -c ^ii'
    [ "$output" -gt 50 ]
    run imgc run --rm debian:bookworm perl -e 'print "perl\n"'
    [ "$output" = perl ]
}

@test "imgc in a chroot: containers run, and what is outside the chroot stays out of reach" {
    require_root_mount
    require_images debian
    root=$BATS_TEST_TMPDIR/chroot
    mkdir "$root"
    tar -C "$root" -xf "$IMAGES/debian.tar"
    mkdir "$root/lib-of-imgc" # the host's libraries, its loader among them
    "$E2E_LIB/../../lib/libraries.sh" "$IMGC" | xargs cp -L -t "$root/lib-of-imgc"
    loader=/lib-of-imgc/$(basename "$root"/lib-of-imgc/ld-linux*)
    cp "$IMGC" "$root/imgc"
    cp "$IMAGES/debian.tar" "$root/"
    touch "$BATS_TEST_TMPDIR/marker"
    # the way out of a chroot that CAP_SYS_CHROOT opens, tried from the container
    cat >"$root/escape.pl" <<EOF
mkdir "/jail"; chroot "/jail"; chdir ".." for 1 .. 50; chroot ".";
print -e "$BATS_TEST_TMPDIR/marker" || -e "/escape.pl" ? "out" : "contained", "\\n";
EOF
    [ "$(chroot "$root" perl /escape.pl)" = out ] # it is a way out
    run unshare -mpf --kill-child sh -ec '
        mount --make-rprivate /
        mount -t proc proc "$1/proc"; mount --rbind /sys "$1/sys"; mount --rbind /dev "$1/dev"
        mount -t tmpfs none "$1/run"
        imgc="chroot $1 $2 --library-path /lib-of-imgc /imgc"
        $imgc import /debian.tar deb >/dev/null
        $imgc run --rm -v /escape.pl:/tmp/e.pl:ro deb perl /tmp/e.pl' sh "$root" "$loader"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "$output" = contained ]
}
