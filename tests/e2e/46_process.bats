# SPDX-License-Identifier: Apache-2.0
# What the container's process is given and held to, seen from inside.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c "ENV FROM_IMAGE=1" "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

# inside OPTIONS -- COMMAND
inside() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    run --separate-stderr imgc run --rm "${options[@]}" bb sh -c "$1"
    [ "$status" -eq 0 ] || { echo "$output $stderr"; return 1; }
}

@test "--ulimit: soft and hard, and no more than the host allows, which is told" {
    inside --ulimit nofile=100:200 --ulimit core=0 --ulimit cpu=50 -- 'ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -t'
    [ "$(echo $output)" = "100 200 0 50" ] && [ -z "$stderr" ]
    inside --ulimit nofile=64 -- 'ulimit -Sn; ulimit -Hn'
    [ "$(echo $output)" = "64 64" ]
    inside --ulimit nofile=64 --ulimit nofile=32 -- 'ulimit -n' # the last one wins
    [ "$output" = 32 ]
    # as an ordinary user too, who could not set it himself
    inside -u 1000 --ulimit nproc=77 -- 'ulimit -u'
    [ "$output" = 77 ]
    hard=$(ulimit -Hn)
    inside --ulimit nofile=$((hard + 1)):$((hard + 1)) -- 'ulimit -Hn'
    if [ "$output" = "$hard" ]; then
        [[ $stderr == *"nofile"*"$hard"* ]]
    else
        [ "$output" = $((hard + 1)) ]
    fi
    for bad in nofile nofile= nofile=x nofile=5:4 bogus=1 nofile=1:2:3 nofile=-2; do
        assert_fails 125 "ulimit '$bad'" imgc run --rm --ulimit "$bad" bb true
    done
}

@test "--sysctl: those of the container's namespaces, and no others" {
    inside --sysctl net.ipv4.ip_forward=1 --sysctl kernel/msgmax=65530 --sysctl net/ipv4/conf/lo/forwarding=1 \
        --sysctl "net.ipv4.ping_group_range=0 5" -- \
        'cd /proc/sys; cat net/ipv4/ip_forward kernel/msgmax net/ipv4/conf/lo/forwarding net/ipv4/ping_group_range'
    [ "$(echo $output)" = "1 65530 1 0 5" ]
    before=$(cat /proc/sys/kernel/msgmax)
    [ "$before" != 65530 ]
    for bad in kernel.core_pattern=x kernel.hostname=x vm.swappiness=1 net kernel.shmmaxx=1 =1 \
        net..core=1 net.ipv4/../../../kernel/core_pattern=x net/../kernel/core_pattern=x fs.mqueue.=1 kernel.msgmax/x=1; do
        assert_fails 125 "sysctl" imgc run --rm --sysctl "$bad" bb true
    done
    # of what is shared nothing is changed
    assert_fails 125 "network namespace is shared" imgc run --rm --network host --sysctl net.ipv4.ip_forward=1 bb true
    assert_fails 125 "IPC namespace is shared" imgc run --rm --ipc host --sysctl kernel.msgmax=65530 bb true
    assert_fails 125 "no '/proc/sys/net/nosuch'" imgc run --rm --sysctl net.nosuch=1 bb true
    assert_fails 125 "msgmax" imgc run --rm --sysctl kernel.msgmax=many bb true
}

@test "--shm-size, --umask, --oom-score-adj, --domainname" {
    inside -- 'stat -f -c "%b * %S" /dev/shm; umask; cat /proc/self/oom_score_adj'
    [ $((${lines[0]})) -eq $((64 << 20)) ] && [ "${lines[1]}" = 0022 ]
    inside --shm-size 1m --umask 027 -- 'stat -f -c "%b * %S" /dev/shm; umask; : >/f; stat -c %a /f; mount | grep " /dev/shm "'
    [ $((${lines[0]})) -eq $((1 << 20)) ] && [ "${lines[1]}" = 0027 ] && [ "${lines[2]}" = 640 ]
    [[ ${lines[3]} == *nosuid*nodev*noexec* ]]
    inside --umask 0 -- umask
    [ "$output" = 0000 ]
    inside --oom-score-adj 500 -- 'cat /proc/self/oom_score_adj'
    [ "$output" = 500 ]
    inside --domainname example -- 'cat /proc/sys/kernel/domainname'
    [ "$output" = example ]
    assert_fails 125 "shm-size '0'" imgc run --rm --shm-size 0 bb true
    assert_fails 125 "shm-size 'x'" imgc run --rm --shm-size x bb true
    assert_fails 125 "umask '8'" imgc run --rm --umask 8 bb true
    assert_fails 125 "umask '1000'" imgc run --rm --umask 1000 bb true
    assert_fails 125 "oom-score-adj '1001'" imgc run --rm --oom-score-adj 1001 bb true
    assert_fails 125 "oom-score-adj '--5'" imgc run --rm --oom-score-adj=--5 bb true
}

@test "--group-add: names of the image, and numbers; none of the caller's" {
    root=$BATS_TEST_TMPDIR/root
    mkdir "$root"
    tar -C "$root" -xf "$IMAGES/busybox.tar"
    printf 'root:x:0:\naudio:x:29:\n' >"$root/etc/group"
    imgc import "$root" groups >/dev/null
    run setpriv --groups 4242 "$IMGC" --root "$STORE" --runroot "$RUNROOT" \
        run --rm -u 1000:1000 --group-add audio --group-add 77 --group-add 77 --group-add 1000 groups id -G
    [ "$output" = "1000 29 77" ] || { echo "$output"; return 1; }
    assert_fails 125 "no group 'nosuch'" imgc run --rm --group-add nosuch groups true
    assert_fails 125 "is over" imgc run --rm --group-add 4294967296 groups true
    assert_fails 125 "no group '-1'" imgc run --rm --group-add=-1 groups true
}

@test "--tz is a zone of the host" {
    [ -e /usr/share/zoneinfo/Asia/Tokyo ] || skip "no zones on this host"
    inside --tz Asia/Tokyo -- 'md5sum </etc/localtime'
    [ "$output" = "$(md5sum </usr/share/zoneinfo/Asia/Tokyo)" ]
    assert_fails 125 "no such zone" imgc run --rm --tz Mars/Phobos bb true
    assert_fails 125 "tz '/etc/passwd'" imgc run --rm --tz /etc/passwd bb true
    assert_fails 125 "tz '../../../etc/passwd'" imgc run --rm --tz ../../../etc/passwd bb true
}

@test "--read-only-tmpfs leaves places to write" {
    inside --read-only -- 'for d in / /run /tmp /var/tmp; do touch $d/x 2>/dev/null && echo $d; done; true'
    [ -z "$output" ]
    inside --read-only --read-only-tmpfs -- 'for d in / /run /tmp /var/tmp; do touch $d/x 2>/dev/null && echo $d; done; true'
    [ "$(echo $output)" = "/run /tmp /var/tmp" ]
}

@test "--unsetenv takes what imgc itself sets, too; --env-host" {
    run imgc run --rm --unsetenv HOME --unsetenv HOSTNAME bb /bin/busybox env
    [[ $output != *HOME=* && $output != *HOSTNAME=* && $output == *PATH=* ]]
    run imgc run --rm --unsetenv HOME -e HOME=/x bb /bin/busybox env
    [[ $output == *HOME=/x* ]]
    run env OF_HOST=1 OTHER=of-host "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm --env-host -e OTHER=mine bb /bin/busybox env
    [[ $output == *OF_HOST=1* && $output == *OTHER=mine* && $output != *of-host* ]]
}

@test "--unsetenv, --unsetenv-all" {
    inside -- 'echo $FROM_IMAGE'
    [ "$output" = 1 ]
    inside --unsetenv FROM_IMAGE -e OTHER=2 -- 'echo "$FROM_IMAGE-$OTHER"'
    [ "$output" = -2 ]
    run imgc run --rm --unsetenv-all -e OTHER=2 bb /bin/busybox env
    [[ $output == *OTHER=2* ]] && [[ $output != *FROM_IMAGE* ]] && [[ $output != *PATH=* ]]
    run imgc run --rm --unsetenv-all bb /bin/busybox env
    [ "$status" -eq 0 ]
}

@test "podman answers bad values with the same status" {
    command -v podman >/dev/null || skip "no podman"
    for options in "--ulimit bogus=1" "--sysctl vm.swappiness" "--shm-size x" "--umask 9" "--oom-score-adj x"; do
        # shellcheck disable=SC2086
        run podman run --pull never --rm $options nosuchimage true
        [ "$status" -eq 125 ]
        # shellcheck disable=SC2086
        run imgc run --rm $options bb true
        [ "$status" -eq 125 ]
    done
}
