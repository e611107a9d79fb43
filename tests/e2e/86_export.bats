# SPDX-License-Identifier: Apache-2.0
# forms: both
# export: a container's root as a tar, running or not, without what is mounted in it.

load lib/common
load lib/users

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    if have_users; then make_users; fi
}

teardown_file() {
    remove_users
    have_containers && have_images busybox || return 0
    imgc rm -af >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

manifest() {
    python3 "$E2E_LIB/tree-manifest.py" "$1" exact
}

# export_to CONTAINER DIR: exported and unpacked by GNU tar.
export_to() {
    mkdir -p "$2"
    imgc export "$1" | tar -x --numeric-owner --xattrs --xattrs-include='*' -p -C "$2"
}

CHANGE='set -e
    echo new >/new
    ln /new /hard
    ln -s new /soft
    mkdir -p /d/e
    echo deep >/d/e/f
    chown 12:34 /d/e/f
    chmod 4711 /d/e/f
    mknod /d/null c 1 3
    mkfifo /d/fifo
    rm /bin/ls
    rm -rf /var
    echo "no directory any more" >/var
    touch -d "2001-02-03 04:05:06" /d/e/f /new'

@test "export is the root that the container sees, running and stopped the same" {
    imgc run -d --name on bb sleep 10000
    imgc exec on sh -c "$CHANGE"
    python3 - "$STORE" <<'EOF'
import os, glob, sys
f = glob.glob(sys.argv[1] + "/containers/*/upper/d/e/f")[0]
os.setxattr(f, "user.note", b"kept")
EOF
    imgc export on >"$BATS_TEST_TMPDIR/on.tar"
    export_to on "$BATS_TEST_TMPDIR/x"
    cd "$BATS_TEST_TMPDIR/x"
    [ "$(cat new)" = new ]
    [ new -ef hard ]
    [ "$(readlink soft)" = new ]
    [ "$(stat -c '%u:%g %a %Y' d/e/f)" = '12:34 4711 981173106' ]
    [ "$(getfattr --only-values -n user.note d/e/f)" = kept ]
    [ "$(stat -c '%F %t,%T' d/null)" = 'character special file 1,3' ]
    [ -p d/fifo ]
    [ ! -e bin/ls ]
    [ -f var ]
    # nothing of what is mounted
    [ ! -s etc/hosts ]
    [ -z "$(find proc sys dev -mindepth 1)" ]
    imgc stop -t 0 on
    imgc export -o "$BATS_TEST_TMPDIR/off.tar" on
    cmp "$BATS_TEST_TMPDIR/on.tar" "$BATS_TEST_TMPDIR/off.tar"
    # and what imgc makes of it is the same again
    imgc import "$BATS_TEST_TMPDIR/off.tar" flat
    imgc unpack flat "$BATS_TEST_TMPDIR/y"
    diff <(manifest "$BATS_TEST_TMPDIR/x") <(manifest "$BATS_TEST_TMPDIR/y")
    imgc rm on
}

@test "what volumes hold stays out, what lies below them is in it" {
    mkdir "$BATS_TEST_TMPDIR/host"
    echo host >"$BATS_TEST_TMPDIR/host/secret"
    imgc run -d --name vols -v vol:/bin2 -v "$BATS_TEST_TMPDIR/host:/etc" --tmpfs /tmp bb sleep 10000
    imgc exec vols sh -c 'echo v >/bin2/v; echo t >/tmp/t; echo e >/etc/e'
    imgc export vols | tar -t >"$BATS_TEST_TMPDIR/list"
    grep -qx bin2/ "$BATS_TEST_TMPDIR/list"
    [ "$(grep -cE '^(bin2|tmp)/.|secret|^etc/e$' "$BATS_TEST_TMPDIR/list")" = 0 ]
    grep -qx etc/passwd "$BATS_TEST_TMPDIR/list"
    imgc stop -t 0 vols
    rm -r "$BATS_TEST_TMPDIR/host" # a source that is gone is none of its business
    imgc export vols | tar -t | diff "$BATS_TEST_TMPDIR/list" -
    imgc rm -v vols
}

@test "owners are those that the container knows" {
    require_user_namespaces
    imgc run -d --name mapped --uidmap 0:300000:65536 bb sleep 10000
    imgc exec mapped sh -c 'echo x >/mine; echo y >/theirs; chown 7:8 /theirs'
    imgc export mapped >"$BATS_TEST_TMPDIR/on.tar"
    [ "$(tar -tv --numeric-owner -f "$BATS_TEST_TMPDIR/on.tar" | awk '{ print $2 }' | sort -u | tr '\n' ' ')" = '0/0 7/8 ' ]
    tar -tf "$BATS_TEST_TMPDIR/on.tar" | grep -qx theirs
    imgc stop -t 0 mapped
    imgc export mapped | cmp - "$BATS_TEST_TMPDIR/on.tar"
    imgc rm mapped
}

@test "files appear whole or not at all, terminals get none" {
    imgc create --name c bb true
    echo old >"$BATS_TEST_TMPDIR/out.tar"
    imgc export -o "$BATS_TEST_TMPDIR/out.tar" c
    tar -tf "$BATS_TEST_TMPDIR/out.tar" | grep -q bin/busybox
    [ -z "$(find "$BATS_TEST_TMPDIR" -name "*imgc-*")" ]
    imgc export c >/dev/null
    imgc export -o /dev/null c
    assert_fails 1 'No such file' imgc export -o "$BATS_TEST_TMPDIR/none/x" c
    assert_fails 1 'no such container' imgc export nobody
    run bash -c "exec script -qec \"'$IMGC' --root '$STORE' --runroot '$RUNROOT' export c\" /dev/null"
    [[ $output == *terminal* ]]
    if [ -w /dev/full ]; then
        assert_fails 1 'No space left' imgc export -o /dev/full c
    fi
    imgc start c # nobody holds it any more
    imgc rm -f c
}

@test "an ordinary user's container, running and stopped" {
    require_users
    imgc_as "$RANGED" import "$USERS_HOME/$RANGED/busybox.tar" bb
    imgc_as "$RANGED" run -d --network none --name u bb sleep 10000
    imgc_as "$RANGED" exec u sh -c 'echo x >/theirs; chown 7:8 /theirs; rm /bin/ls'
    imgc_as "$RANGED" export u >"$BATS_TEST_TMPDIR/on.tar"
    [ "$(tar -tv --numeric-owner -f "$BATS_TEST_TMPDIR/on.tar" theirs | awk '{ print $2 }')" = 7/8 ]
    [ "$(tar -tf "$BATS_TEST_TMPDIR/on.tar" | grep -cE '^(proc|sys|dev)/.|^bin/ls$')" = 0 ]
    imgc_as "$RANGED" stop -t 0 u
    imgc_as "$RANGED" export u | cmp - "$BATS_TEST_TMPDIR/on.tar"
    imgc_as "$RANGED" rm u
}
