# SPDX-License-Identifier: Apache-2.0
# Attacks that have worked on other launchers, beside those of 47_attacks.bats (the table in
# docs/security.md has them all).

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
}

teardown_file() {
    [ -z "${STORE:-}" ] || imgc rm -f -a >/dev/null
}

setup() {
    require_containers
    require_images busybox
    ROOT=$BATS_TEST_TMPDIR/root
    VICTIM=$BATS_TEST_TMPDIR/victim
}

fresh_root() {
    mkdir -p "$ROOT"
    tar -C "$ROOT" -xf "$IMAGES/busybox.tar"
}

spoilt() {
    tar -C "$ROOT" -cf "$ROOT.tar" .
    imgc import "$ROOT.tar" "$1" >/dev/null
}

on_terminal() {
    script -qec "'$IMGC' --root '$STORE' --runroot '$RUNROOT' $*" /dev/null </dev/null
}

@test "a /dev/console that the image made is not where the terminal goes" {
    echo mine >"$VICTIM"
    for target in "$VICTIM" "/../../../../../..$VICTIM" pts/ptmx /proc/self/fd/0; do
        fresh_root
        mkdir -p "$ROOT/dev"
        ln -sfn "$target" "$ROOT/dev/console"
        spoilt console
        run on_terminal run --rm -t console sh -c "'test -c /dev/console && test ! -L /dev/console && echo written >/dev/console'"
        [ "$status" -eq 0 ]
        [[ $output == *written* ]]
    done
    [ "$(cat "$VICTIM")" = mine ]
    ! grep -q "$VICTIM" /proc/self/mountinfo || false
}

@test "no library of the image is loaded by imgc, whatever it looks up there" {
    fresh_root
    cat >"$BATS_TEST_TMPDIR/evil.c" <<'END'
#include <fcntl.h>
__attribute__((constructor)) static void evil(void)
{
    (void)open("/evil-was-here", O_CREAT | O_WRONLY, 0666);
}
END
    ${CC:-cc} -shared -fPIC -o "$BATS_TEST_TMPDIR/evil.so" "$BATS_TEST_TMPDIR/evil.c"
    for lib in libnss_files.so.2 libnss_compat.so.2 libnss_dns.so.2 libnss_systemd.so.2 libseccomp.so.2 libgcc_s.so.1 \
        $(ldd "$IMGC" | sed -n 's|.*=> /.*/\([^ /]*\) .*|\1|p'); do
        for dir in lib usr/lib "lib/$(uname -m)-linux-gnu" "usr/lib/$(uname -m)-linux-gnu" lib64 usr/lib64; do
            mkdir -p "$ROOT/$dir"
            cp "$BATS_TEST_TMPDIR/evil.so" "$ROOT/$dir/$lib"
        done
    done
    printf 'passwd: files systemd\ngroup: files compat\nhosts: files dns\n' >"$ROOT/etc/nsswitch.conf"
    spoilt nss
    printf '{"defaultAction":"SCMP_ACT_ALLOW"}' >"$BATS_TEST_TMPDIR/profile.json"
    imgc run -d --name nss -u user:extra --group-add user --security-opt seccomp="$BATS_TEST_TMPDIR/profile.json" \
        -m 64m nss sleep 1000 >/dev/null
    [ "$(imgc exec nss id -un)" = user ]
    [ "$(imgc exec -u root --privileged nss id -u)" = 0 ]
    assert_fails 125 "no user" imgc exec -u nobody-knows nss id
    assert_fails 127 "not found" imgc exec nss no-such-command
    run on_terminal exec -t nss true
    imgc top nss >/dev/null
    imgc stats --no-stream nss >/dev/null
    imgc exec nss test ! -e /evil-was-here
    assert_fails 125 "no user" imgc run --name nss2 -u nobody-knows nss id
    assert_fails 127 "not found" imgc run --name nss3 nss no-such-command
    [ -z "$(find "$STORE/containers" -name evil-was-here)" ]
    imgc rm -f nss >/dev/null
}

@test "top, stats, exec and logs run nothing of the container's on the host" {
    fresh_root
    for tool in ps top nsenter env sh; do
        rm -f "$ROOT/bin/$tool" "$ROOT/usr/bin/$tool"
        printf '#!/bin/busybox sh\necho "$0 ran as $$" >>/ran\n' >"$ROOT/bin/$tool"
        chmod 755 "$ROOT/bin/$tool"
    done
    spoilt tools
    imgc run -d --name tools tools busybox sleep 1000 >/dev/null
    imgc top tools >/dev/null
    imgc stats --no-stream tools >/dev/null
    imgc logs tools >/dev/null
    imgc inspect tools >/dev/null
    imgc exec tools busybox test ! -e /ran
    [ ! -e /ran ]
    imgc rm -f tools >/dev/null
}

@test "nothing of one container's environment is in another's" {
    SECRET=first imgc run --name env1 -e SECRET -e OTHER=first bb true
    run imgc run --rm bb env
    [[ $output != *first* ]]
    imgc run -d --name env2 bb sleep 1000 >/dev/null
    SECRET=first imgc exec -e SECRET env2 true
    run imgc exec env2 env
    [[ $output != *first* ]]
    run imgc exec env2 cat /proc/1/environ
    [[ $output != *first* ]]
    ! grep -q first "$STORE/containers/$(imgc inspect -f '{{.Id}}' env2)/config.json" || false
    imgc rm -f env1 env2 >/dev/null
}

@test "exec: who -u is, numbers and names" {
    fresh_root
    printf '1234:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n' >>"$ROOT/etc/passwd"
    printf 'app:x:1000:\nmore:x:2001:app\n77:x:0:\n' >>"$ROOT/etc/group"
    spoilt users
    imgc run -d --name users users sleep 1000 >/dev/null
    while read -r user want; do
        run imgc exec -u "$user" users sh -c 'echo $(id -u):$(id -g):$(id -G | tr " " ,)'
        echo "-u $user: $output"
        case $want in
        refused) [ "$status" -eq 125 ] ;;
        *) [ "$status" -eq 0 ] && [ "$output" = "$want" ] ;;
        esac
    done <<END
0 0:0:0
1 1:0:0
1234 1234:0:0
app 1000:1000:1000,2001
1:2 1:2:2
1:77 1:77:77
app:more 1000:2001:2001
4294967296 refused
-1 refused
1x refused
nobody-knows refused
END
    imgc rm -f users >/dev/null
}

@test "exec: capabilities and groups of the caller stay outside" {
    imgc run -d --name caps bb sleep 1000 >/dev/null
    run setpriv --inh-caps +sys_admin,+net_admin --ambient-caps +sys_admin,+net_admin --groups 4,4242 \
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" exec -u 1000:1000 caps grep -E '^(Cap(Inh|Prm|Eff|Amb)|Groups)' /proc/self/status
    [ "$status" -eq 0 ]
    [ "$(printf '%s\n' "$output" | grep -c 0000000000000000)" -eq 4 ]
    [[ $output != *4242* ]]
    run setpriv --inh-caps +sys_admin --ambient-caps +sys_admin \
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" exec caps grep -E '^Cap(Inh|Amb)' /proc/self/status
    [ "$(printf '%s\n' "$output" | grep -c 0000000000000000)" -eq 2 ]
    imgc rm -f caps >/dev/null
}

@test "a group that is denied a file stays denied" {
    fresh_root
    echo secret >"$ROOT/denied"
    chown 0:2000 "$ROOT/denied"
    chmod 604 "$ROOT/denied" # all but the group 2000, in which "user" is
    chown 0:1000 "$ROOT/data/two"
    chmod 604 "$ROOT/data/two" # all but his primary group
    spoilt negative
    run imgc run --rm -u 5 negative cat /denied /data/two
    [ "$status" -eq 0 ]
    imgc run -d --name negative negative sleep 1000 >/dev/null
    for file in /denied /data/two; do
        run imgc run --rm -u user negative cat "$file"
        [ "$status" -ne 0 ]
        run imgc exec -u user negative cat "$file"
        [ "$status" -ne 0 ]
    done
    run imgc run --rm -u user:2000 negative cat /denied
    [ "$status" -ne 0 ]
    run imgc run --rm -u 5 --group-add extra negative cat /denied
    [ "$status" -ne 0 ]
    imgc rm -f negative >/dev/null
}

@test "groups with many members, and many groups" {
    fresh_root
    { printf 'root:x:0:\nbig:x:5000:'; yes member | head -n 120000 | tr '\n' ','; echo user; } >"$ROOT/etc/group"
    [ "$(wc -c <"$ROOT/etc/group")" -lt 1000000 ]
    spoilt members
    run timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm -u user members id -G
    [ "$status" -eq 0 ] || [ "$status" -eq 125 ]
    seq 2 60000 | sed 's/.*/g&:x:&:user/' | head -c 1000000 >"$ROOT/etc/group"
    spoilt groups
    run timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm -u user groups id -u
    [ "$status" -eq 0 ] || [ "$status" -eq 125 ]
    [ "$status" -ne 0 ] || [ "$output" = 1000 ]
}

@test "imgc is not set-user-ID, and no new user namespace can be had in a container" {
    [ ! -u "$IMGC" ] && [ ! -g "$IMGC" ]
    run getcap "$IMGC"
    [ -z "$output" ]
    for user in 0 1000; do
        run imgc run --rm -u "$user" bb unshare -U true
        [ "$status" -ne 0 ]
        [[ $output == *"not permitted"* ]]
    done
}
