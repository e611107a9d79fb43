# SPDX-License-Identifier: Apache-2.0
# forms: both
# cp: files out of containers and into them, by docker's rules, past whatever a container puts there.

load lib/common
load lib/users

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    imgc run -d --name on -v vol:/vol -v "$BATS_FILE_TMPDIR:/host" bb sleep 10000
    imgc create --name off -v vol2:/vol bb true
}

teardown_file() {
    have_containers && have_images busybox || return 0
    imgc rm -af >/dev/null
}

setup() {
    require_containers
    require_images busybox
    W=$BATS_TEST_TMPDIR/w
    mkdir -p "$W/dir/sub"
    echo one >"$W/one"
    echo two >"$W/dir/two"
    echo three >"$W/dir/sub/three"
    ln -s two "$W/dir/link"
    cd "$W"
}

# in_c CONTAINER FILE: print a file of the container.
in_c() {
    imgc cp "$1:$2" - | tar -xO
}

@test "docker's rules: what is there, how it is written, running or not" {
    local c
    for c in on off; do
        imgc cp one $c:/tmp/t1 # a new name
        [ "$(in_c $c /tmp/t1)" = one ]
        imgc cp one $c:/tmp # into a directory
        [ "$(in_c $c /tmp/one)" = one ]
        echo other >other
        imgc cp other $c:/tmp/t1 # onto a file
        [ "$(in_c $c /tmp/t1)" = other ]
        assert_fails 1 'No such file' imgc cp one $c:/tmp/none/
        assert_fails 1 'No such file' imgc cp one $c:/tmp/none/x
        assert_fails 1 'Not a directory' imgc cp one $c:/tmp/t1/
        imgc cp dir $c:/tmp/new # a directory under a new name
        [ "$(in_c $c /tmp/new/sub/three)" = three ]
        imgc cp dir $c:/tmp/new # into one that is there
        [ "$(in_c $c /tmp/new/dir/two)" = two ]
        imgc cp dir/. $c:/tmp/new/dir/sub # what is in it
        [ "$(in_c $c /tmp/new/dir/sub/sub/three)" = three ]
        assert_fails 1 'onto a file' imgc cp dir $c:/tmp/t1
        imgc cp --overwrite dir $c:/tmp/t1
        [ "$(in_c $c /tmp/t1/two)" = two ]
        mkdir -p trees/a
        echo file >trees/b
        mkdir -p twisted/b
        echo file >twisted/a
        imgc cp trees/. $c:/tmp/tree || imgc cp trees $c:/tmp/tree
        assert_fails 1 overwrite imgc cp twisted/. $c:/tmp/tree
        imgc cp --overwrite twisted/. $c:/tmp/tree
        [ "$(in_c $c /tmp/tree/a)" = file ]
        # and out
        rm -rf out && mkdir out
        imgc cp $c:/tmp/new/two out
        imgc cp $c:/tmp/new out/all
        imgc cp $c:/tmp/new/dir/. out
        [ "$(cat out/two out/all/sub/three out/sub/three)" = $'two\nthree\nthree' ]
        [ "$(readlink out/link)" = two ]
        assert_fails 1 'No such file' imgc cp $c:/tmp/nothing out
        assert_fails 1 'Not a directory' imgc cp $c:/tmp/new/two/ out
    done
    assert_fails 1 'CONTAINER:PATH' imgc cp one two
    assert_fails 1 'no such container' imgc cp one nobody:/
    assert_fails 1 'names no path' imgc cp one on:
    cp one ./a:b
    imgc cp ./a:b on:/tmp/
    [ "$(in_c on /tmp/a:b)" = one ]
}

@test "links: kept, followed with -L and at the target, inside of the container's root" {
    imgc exec on sh -c 'mkdir -p /ln/real; echo real >/ln/real/f; ln -s /ln/real /ln/dir; ln -s real/f /ln/file;
        ln -s ../../../../../../etc /ln/up; ln -s /nowhere/new /ln/dangling; mkdir /nowhere'
    imgc cp on:/ln/file f1
    [ "$(readlink f1)" = real/f ]
    imgc cp -L on:/ln/file f2
    [ "$(cat f2)" = real ]
    imgc cp on:/ln/dir/ d1 # a slash follows
    [ "$(cat d1/f)" = real ]
    imgc cp on:/ln/up/hostname h1
    [ "$(cat h1)" = "$(imgc exec on hostname)" ]
    imgc cp one on:/ln/dir
    imgc cp one on:/ln/file
    imgc cp one on:/ln/dangling
    [ "$(imgc exec on cat /ln/real/one /ln/real/f /nowhere/new)" = $'one\none\none' ]
    # hard links stay links
    ln dir/two dir/again
    imgc cp dir on:/ln/real
    [ "$(imgc exec on stat -c %h /ln/real/dir/two)" = 2 ]
    imgc cp on:/ln/real/dir back
    [ back/two -ef back/again ]
}

@test "owners, modes and times: the target's root or the caller; as they were with -a" {
    touch -d '2001-02-03 04:05:06 UTC' one
    chown 1234:2345 one
    chmod 4751 one
    imgc cp one on:/tmp/o1
    [ "$(imgc exec on stat -c '%u:%g %a %Y' /tmp/o1)" = '0:0 751 981173106' ]
    imgc cp -a one on:/tmp/o2
    [ "$(imgc exec on stat -c '%u:%g %a' /tmp/o2)" = '1234:2345 4751' ]
    imgc exec on sh -c 'mkdir -m 2770 /tmp/od; echo x >/tmp/od/f; chown -R 77:88 /tmp/od; chmod 6755 /tmp/od/f; mknod /tmp/od/n c 1 3'
    run --separate-stderr imgc cp on:/tmp/od o3
    [[ $stderr == *"1 device nodes were left out: --archive"* ]]
    [ "$(stat -c '%u:%g %a' o3 o3/f | tr '\n' ' ')" = '0:0 770 0:0 755 ' ]
    imgc cp -a on:/tmp/od o4
    [ "$(stat -c '%u:%g %a' o4 o4/f | tr '\n' ' ')" = '77:88 2770 77:88 6755 ' ] ||
        [ "$(stat -c '%u:%g %a' o4 o4/f | tr '\n' ' ')" = '77:88 770 77:88 6755 ' ]
    [ -c o4/n ]
}

@test "streams: a tar out, a tar in, compressed too; - alone is none" {
    imgc cp dir on:/tmp/s1
    [ "$(imgc cp on:/tmp/s1 - | tar -t | sort | tr '\n' ' ')" = 's1/ s1/link s1/sub/ s1/sub/three s1/two ' ]
    [ "$(imgc cp on:/tmp/s1/. - | tar -t | sort | head -2 | tr '\n' ' ')" = './ link ' ]
    mkdir -p more/lib/deep && echo deep >more/lib/deep/f
    imgc exec on sh -c 'mkdir -p /s2/usr/lib; ln -s usr/lib /s2/lib'
    (cd more && tar -cz lib/deep/f) | imgc cp - on:/s2 # the link that is there is followed
    [ "$(imgc exec on cat /s2/usr/lib/deep/f)" = deep ]
    imgc cp off:/bin/busybox - | imgc cp - on:/s2
    imgc exec on /s2/busybox true
    tar -cf one.tar one
    assert_fails 1 'Not a directory' imgc cp - on:/etc/passwd <one.tar
    assert_fails 1 'standard input' imgc cp - on:/tmp <one
    run bash -c "exec script -qec \"'$IMGC' --root '$STORE' --runroot '$RUNROOT' cp on:/etc -\" /dev/null"
    [[ $output == *"takes no tar"* ]]
    # a name of a layer's whiteout is a name like others
    mkdir wh && echo x >wh/.wh.two
    tar -c -C wh .wh.two | imgc cp - on:/tmp/s1
    [ "$(imgc exec on ls -A /tmp/s1 | tr '\n' ' ')" = '.wh.two link sub two ' ]
}

@test "volumes and binds are seen, by name and on the way" {
    imgc cp one on:/vol/v
    [ "$(cat "$STORE/volumes/vol/data/v")" = one ]
    imgc cp one off:/vol/v
    [ "$(cat "$STORE/volumes/vol2/data/v")" = one ]
    imgc cp one on:/host/h
    [ "$(cat "$BATS_FILE_TMPDIR/h")" = one ]
    rm "$BATS_FILE_TMPDIR/h"
    imgc cp on:/ - | tar -t >names
    grep -qx vol/v names
    grep -qx bin/busybox names
    run ! grep -m 3 -E '^(proc|sys|dev)/.' names
    # a file that is a mount gets the bytes
    echo '192.0.2.1 copied' >hosts
    imgc cp hosts on:/etc/hosts
    [ "$(imgc exec on cat /etc/hosts)" = '192.0.2.1 copied' ]
}

@test "between containers, running and not; one that is copied from can be started at once" {
    imgc cp one off:/first
    imgc cp off:/first on:/second
    imgc cp on:/second off:/third
    imgc create --name last bb cat /fourth
    imgc cp off:/third last:/fourth
    run imgc start -a last
    [ "$output" = one ]
    [ "$(imgc ps -a --filter name=off --format '{{.State}}')" = created ]
}

@test "what a hostile container does to paths stays inside" {
    echo secret >"$BATS_TEST_TMPDIR/secret"
    # links and directories that change places all the time, on the way to both ends
    imgc run -d --name evil bb sh -c 'mkdir -p /a/real /keep; echo mine >/a/real/f; echo mine >/keep/f
        while :; do
            mv /a/real /a/x; ln -s "$0" /a/real; rm /a/real; ln -s /../../../../../../../../"$0" /a/real; rm /a/real; mv /a/x /a/real
        done' "$BATS_TEST_TMPDIR"
    cp one f
    for i in {1..60}; do
        imgc cp evil:/a/real/secret stolen 2>/dev/null || true
        imgc cp f evil:/a/real/f 2>/dev/null || true
        imgc cp dir evil:/a/real/ 2>/dev/null || true
    done
    [ ! -e stolen ] || run ! grep -q secret stolen
    [ "$(ls -A "$BATS_TEST_TMPDIR" | sort | tr '\n' ' ')" = 'secret w ' ]
    [ "$(cat "$BATS_TEST_TMPDIR/secret")" = secret ]
    imgc rm -f evil >/dev/null
    # its processes' links, and files that show others
    imgc exec on sh -c 'ln -s /proc/1/root /tmp/r1; ln -s /proc/self/root /tmp/r2'
    assert_fails 1 'symbolic links|No such file' imgc cp "on:/tmp/r2$BATS_TEST_TMPDIR/secret" stolen
    [ ! -e stolen ]
}

@test "a local link is not followed into by what comes out" {
    imgc exec on sh -c 'mkdir -p /out/d; echo evil >/out/d/f'
    mkdir -p target/out "$W/elsewhere"
    ln -s "$W/elsewhere" target/out/d
    assert_fails 1 overwrite imgc cp on:/out target
    [ -z "$(ls -A elsewhere)" ]
    imgc cp --overwrite on:/out target
    [ "$(cat target/out/d/f)" = evil ]
    [ -z "$(ls -A elsewhere)" ]
}

@test "nothing of the image is loaded or run, and nothing is left behind" {
    imgc create --name bare bb /no/such/program
    imgc cp one bare:/x
    [ "$(in_c bare /x)" = one ]
    [ -z "$(find "$STORE/tmp" -type f)" ]
    run ! grep -q "$STORE" /proc/self/mounts
    imgc exec on sh -c 'ls -A / /tmp' >names
    run ! grep imgc-cp names
}

@test "ordinary users: running and stopped, with and without a range of IDs" {
    require_users
    make_users
    local user home
    for user in "$RANGED" "$SINGLE"; do
        home=$USERS_HOME/$user
        imgc_as "$user" import "$home/busybox.tar" bb >/dev/null
        imgc_as "$user" run -d --name on bb sleep 1000 || { remove_users; skip "no containers for users here"; }
        imgc_as "$user" create --name off bb true
        as "$user" sh -c "mkdir $home/d; echo one >$home/d/one"
        for c in on off; do
            imgc_as "$user" cp "$home/d" $c:/tmp/new
            imgc_as "$user" cp $c:/tmp/new "$home/$c"
            [ "$(stat -c %U:%G "$home/$c/one")" = "$user:$user" ]
            [ "$(cat "$home/$c/one")" = one ]
        done
        [ "$(imgc_as "$user" exec on stat -c %u:%g /tmp/new/one)" = 0:0 ]
        imgc_as "$user" cp on:/tmp/new/one off:/between
        imgc_as "$user" cp off:/between - | tar -t | grep -qx between
        imgc_as "$user" rm -af
    done
    remove_users
}
