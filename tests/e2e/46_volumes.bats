# SPDX-License-Identifier: Apache-2.0
# Volumes: named, anonymous, of the image; what is in new ones, and how long they stay.
# forms: both

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    imgc import -c 'VOLUME /data' -c 'VOLUME /new' "$IMAGES/busybox.tar" vol >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

volumes() {
    ls "$STORE/volumes"
}

# What belongs to a container that is gone goes in the background.
assert_no_anonymous() {
    local i
    for i in {1..200}; do
        volumes | grep -qE '^[0-9a-f]{64}$' || return 0
        sleep 0.05
    done
    volumes
    return 1
}

@test "a named volume keeps what is written, and is shared" {
    imgc run --rm -v keep:/v bb sh -c 'echo one >/v/f'
    run imgc run --rm -v keep:/other:ro bb cat /other/f
    [ "$output" = one ]
    run imgc run --rm -v keep:/v:ro bb touch /v/x
    [ "$status" -ne 0 ]
    run imgc run --rm --mount type=volume,src=keep,dst=/v bb cat /v/f
    [ "$output" = one ]
    run imgc run --rm --mount src=keep,dst=/v,ro bb touch /v/x
    [ "$status" -ne 0 ]
    run imgc run --rm -v keep:/a -v keep:/b bb cat /a/f /b/f
    [ "$output" = $'one\none' ]
    assert_fails 125 "no name of a volume" imgc run --rm -v 'bad name:/v' bb true
    assert_fails 125 "'a/b' includes invalid characters" imgc run --rm -v a/b:/v bb true
    assert_fails 125 "no name of a volume" imgc run --rm --mount 'src=a/b,dst=/v' bb true
}

@test "a new volume begins with what the image has there: owners, modes, links, times" {
    list='cd /data && find . | sort | xargs stat -c "%n %F %a %u:%g %Y" && find . ! -type d | sort | xargs stat -c "%h %s"'
    imgc run --rm bb sh -c "$list" >"$BATS_TEST_TMPDIR/want"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/want")" -gt 6 ]
    run imgc run --rm -v filled:/data bb sh -c "$list"
    [ "$output" = "$(cat "$BATS_TEST_TMPDIR/want")" ]
    run imgc run --rm -v filled:/data bb cat /data/one
    [ "$output" = one ]
    # only once, though it be emptied
    imgc run --rm -v filled:/data bb sh -c 'rm -rf /data/*'
    run imgc run --rm -v filled:/data bb ls -A /data
    [ -z "$output" ]
    # and not where it is not wanted, or was used before
    run imgc run --rm -v bare:/data:nocopy bb ls -A /data
    [ -z "$output" ]
    run imgc run --rm -v bare:/data bb ls -A /data
    [ -z "$output" ]
    run imgc run --rm --mount type=volume,src=bare2,dst=/data,volume-nocopy bb ls -A /data
    [ -z "$output" ]
    # the image has nothing, or no directory, there
    run imgc run --rm -v other:/not/there bb sh -c 'ls -A /not/there; stat -c "%a %u:%g" /not/there'
    [ "$output" = "755 0:0" ]
}

@test "an anonymous volume lasts as long as its --rm container, else it stays" {
    run imgc run --rm -v /v bb sh -c 'grep -c " /v " /proc/self/mounts; echo x >/v/f'
    [ "$output" = 1 ]
    assert_no_anonymous
    imgc run --name holder -v /v bb sh -c 'echo kept >/v/f'
    name=$(volumes | grep -E '^[0-9a-f]{64}$')
    [ "$(cat "$STORE/volumes/$name/data/f")" = kept ]
    imgc rm holder
    wait_idle
    [ "$(cat "$STORE/volumes/$name/data/f")" = kept ]
    # a container that never ran leaves nothing
    assert_fails 127 nosuch imgc run --name never -v /v bb nosuch
    imgc prune -f >/dev/null
    wait_idle
    [ "$(volumes | grep -cE '^[0-9a-f]{64}$')" = 1 ]
    rm -rf "${STORE:?}/volumes/$name" # the directory of a row: made again, never an error
    imgc run --rm -v "$name:/v" bb ls /v
}

@test "the image's VOLUMEs: anonymous, tmpfs, ignored, or what the user mounts there" {
    run imgc run --rm vol sh -c 'cat /data/one; for d in /data /new; do grep -c " $d " /proc/self/mounts; done'
    [ "$output" = $'one\n1\n1' ]
    run imgc run --rm --image-volume tmpfs vol sh -c 'ls /data; grep -c "^tmpfs /data" /proc/self/mounts'
    [ "$output" = 1 ]
    run imgc run --rm --image-volume ignore vol sh -c 'cat /data/one; grep -c " /data " /proc/self/mounts'
    [ "$output" = $'one\n0' ]
    run imgc run --rm -v mine:/data vol sh -c 'grep -c " /data " /proc/self/mounts; touch /data/mine'
    [ "$output" = 1 ]
    [ -e "$STORE/volumes/mine/data/mine" ]
    run imgc run --rm --read-only vol sh -c 'touch /new/x && echo ok'
    [ "$output" = ok ]
    assert_fails 125 'anonymous, tmpfs or ignore' imgc run --rm --image-volume no vol true
}

@test "an image's content cannot reach out of a new volume" {
    echo secret >"$BATS_TEST_TMPDIR/secret"
    python3 - "$BATS_TEST_TMPDIR" <<'PY'
import io, sys, tarfile
d = sys.argv[1]
base = tarfile.open(d + "/evil.tar", "w")
def add(name, type=tarfile.DIRTYPE, link="", mode=0o755, data=b"", major=0, minor=0, uid=0):
    t = tarfile.TarInfo(name); t.type = type; t.linkname = link; t.mode = mode; t.uid = uid
    t.size = len(data); t.devmajor = major; t.devminor = minor
    base.addfile(t, io.BytesIO(data))
add("evil", mode=0o1770, uid=42)
add("evil/abs", tarfile.SYMTYPE, d)
add("evil/up", tarfile.SYMTYPE, "../../../../../../../.." + d)
add("evil/disk", tarfile.BLKTYPE, major=8, minor=0)
add("evil/mem", tarfile.CHRTYPE, major=1, minor=1)
add("evil/suid", tarfile.REGTYPE, mode=0o4755, data=b"#!/bin/sh\n")
add("evil/fifo", tarfile.FIFOTYPE)
add("outside", tarfile.REGTYPE, data=b"out\n")
add("evil/hard", tarfile.LNKTYPE, "outside")
add("way", tarfile.SYMTYPE, d)
add("root", tarfile.SYMTYPE, "/")
base.close()
PY
    mkdir "$BATS_TEST_TMPDIR/tree"
    tar -C "$BATS_TEST_TMPDIR/tree" -xf "$IMAGES/busybox.tar"
    tar -C "$BATS_TEST_TMPDIR/tree" -xf "$BATS_TEST_TMPDIR/evil.tar"
    tar -C "$BATS_TEST_TMPDIR/tree" -cf "$BATS_TEST_TMPDIR/all.tar" .
    imgc import "$BATS_TEST_TMPDIR/all.tar" evil >/dev/null
    run imgc run --rm -v e1:/evil evil true
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    data=$STORE/volumes/e1/data
    [ "$(stat -c '%a %u' "$data")" = "1770 42" ]
    [ "$(readlink "$data/abs")" = "$BATS_TEST_TMPDIR" ]
    [ ! -e "$data/disk" ]
    [ ! -e "$data/mem" ]
    [ "$(stat -c %a "$data/suid")" = 4755 ]
    [ -p "$data/fifo" ]
    [ "$(cat "$data/hard")" = out ]
    # the place of the volume is a link: it is the image's own that is meant
    run imgc run --rm -v e2:/way/in evil sh -c 'ls /way/in'
    [ ! -e "$BATS_TEST_TMPDIR/in" ]
    [ -z "$(ls -A "$STORE/volumes/e2/data")" ]
    run imgc run --rm -v e3:/root/evil evil true
    [ "$(cat "$STORE/volumes/e3/data/hard")" = out ]
    [ "$(cat "$BATS_TEST_TMPDIR/secret")" = secret ]
}

@test "links in a volume are the container's: the host follows none of them" {
    mkdir "$BATS_TEST_TMPDIR/host"
    imgc run --rm -v tricky:/v bb sh -c "ln -s $BATS_TEST_TMPDIR/host /v/sub; ln -s /etc /v/etc"
    # a mount below a link of the volume ends in the container's own root
    run imgc run --rm -v tricky:/v --tmpfs /v/sub/below bb sh -c "grep -c below /proc/self/mounts; ls -d $BATS_TEST_TMPDIR/host/below"
    [ "$output" = $'1\n'"$BATS_TEST_TMPDIR/host/below" ]
    [ -z "$(ls -A "$BATS_TEST_TMPDIR/host")" ]
}

@test "a part of a volume: volume-subpath, subpath, and links in it that lead nowhere else" {
    imgc run --rm -v part:/v bb sh -c 'mkdir -p /v/a/b /v/etc; echo in >/v/a/b/f; echo mine >/v/etc/passwd; ln -s / /v/root; ln -s ../../../../etc /v/up; ln -s a/b /v/ab'
    [ "$(imgc run --rm --mount type=volume,src=part,dst=/m,volume-subpath=a/b bb cat /m/f)" = in ]
    [ "$(imgc run --rm --mount src=part,dst=/m/f,subpath=a/b/f bb cat /m/f)" = in ]
    [ "$(imgc run --rm --mount src=part,dst=/m,subpath=ab,ro bb cat /m/f)" = in ]
    [ "$(imgc run --rm --mount src=part,dst=/m,volume-subpath=up bb cat /m/passwd)" = mine ]
    [ "$(imgc run --rm --mount src=part,dst=/m,subpath=root/etc bb cat /m/passwd)" = mine ]
    assert_fails 125 "there is no 'none' in the volume" imgc run --rm --mount src=part,dst=/m,subpath=none bb true
    assert_fails 125 'without ..' imgc run --rm --mount src=part,dst=/m,subpath=a/../../x bb true
    assert_fails 125 'not relative' imgc run --rm --mount src=part,dst=/m,subpath=/etc bb true
    imgc create --name giver --mount src=part,dst=/m,subpath=a/b bb true >/dev/null
    [ "$(imgc run --rm --volumes-from giver bb cat /m/f)" = in ]
    imgc rm giver >/dev/null
    imgc volume rm part >/dev/null
}

@test "killed while it is filled, a volume is filled whole the next time" {
    mkdir "$BATS_TEST_TMPDIR/tree"
    tar -C "$BATS_TEST_TMPDIR/tree" -xf "$IMAGES/busybox.tar"
    mkdir "$BATS_TEST_TMPDIR/tree/big"
    for i in $(seq 400); do echo "$i" >"$BATS_TEST_TMPDIR/tree/big/$i"; done
    tar -C "$BATS_TEST_TMPDIR/tree" -cf "$BATS_TEST_TMPDIR/big.tar" .
    imgc import "$BATS_TEST_TMPDIR/big.tar" big >/dev/null
    for i in $(seq 12); do
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" run --rm -v "k$i:/big" big true &
        pid=$!
        sleep "0.0$((RANDOM % 6))$((RANDOM % 10))"
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
        run imgc run --rm -v "k$i:/big" big sh -c 'ls /big | wc -l; cat /big/400'
        [ "$output" = $'400\n400' ] || { echo "round $i: $output"; return 1; }
    done
    assert_store_clean
}

@test "two at once fill one volume once" {
    for i in 1 2 3 4; do
        imgc run --rm -v together:/data bb sh -c 'cat /data/one; echo x >>/data/mark' >"$BATS_TEST_TMPDIR/out$i" &
    done
    wait
    for i in 1 2 3 4; do [ "$(cat "$BATS_TEST_TMPDIR/out$i")" = one ]; done
    [ "$(wc -l <"$STORE/volumes/together/data/mark")" = 4 ]
}

@test "volume create, ls, inspect, rm" {
    run imgc volume create --label app=db --label empty data
    [ "$output" = data ]
    run imgc volume create data # there already: as it is
    [ "$output" = data ]
    run imgc volume create
    [[ $output =~ ^[0-9a-f]{64}$ ]]
    made=$output
    [ "$(imgc volume inspect -f '{{.Labels.app}}|{{.Labels.empty}}|{{.Driver}}|{{.Anonymous}}' data)" = "db||local|false" ]
    [ "$(imgc volume inspect -f '{{.Mountpoint}}' data)" = "$STORE/volumes/data/data" ]
    imgc volume inspect data "$made" | python3 -c 'import json,sys; d = json.load(sys.stdin); assert [v["Name"] for v in d][0] == "data" and d[1]["Anonymous"]'
    [ "$(imgc volume ls -q --filter label=app=db)" = data ]
    [ "$(imgc volume ls -q --filter name=dat --filter label!=app)" = "" ]
    [ "$(imgc volume ls --filter name=dat | tr -s ' ')" = $'DRIVER VOLUME NAME\nlocal data' ]
    [ "$(imgc volume ls --filter name=dat --format '{{.Name}} {{.Labels.app}}')" = "data db" ]
    run imgc volume rm data "$made"
    [ "$output" = "data"$'\n'"$made" ]
    run imgc volume ls -q --filter name=data
    [ -z "$output" ]
}

@test "volume: what is wrong is said in one line" {
    assert_fails 1 'no such volume: none' imgc volume inspect none
    assert_fails 1 'no such volume: none' imgc volume rm none
    run imgc volume rm -f none
    [ "$status" -eq 0 ]
    assert_fails 125 'no name of a volume' imgc run --rm -v 'a b:/v' bb true
    for bad in ../x .x 'a b' a/b ''; do
        run imgc volume create "$bad"
        [ "$status" -eq 1 ] || { echo "'$bad': $status $output"; return 1; }
    done
    assert_fails 1 'only one is local' imgc volume create -d nfs x
    assert_fails 1 'filter takes' imgc volume ls --filter colour=red
    assert_fails 1 'true or false' imgc volume ls --filter dangling=perhaps
    assert_fails 1 'there are: create' imgc volume frobnicate
    assert_fails 1 'no terminal' imgc volume prune </dev/null
}

@test "a volume that a container uses stays, whatever removes" {
    imgc run --name user -v used:/v bb true
    assert_fails 2 'used is used by user' imgc volume rm used
    [ "$(imgc volume ls -q --filter dangling=false --filter name=used)" = used ]
    imgc volume prune -af >/dev/null
    [ "$(imgc volume ls -q --filter name=used)" = used ]
    imgc rm user
    imgc volume rm used
    run imgc volume inspect used
    [ "$status" -eq 1 ]
}

@test "volume prune: anonymous ones, or all; df and info count them" {
    imgc volume prune -af >/dev/null
    imgc volume create named >/dev/null
    imgc volume create --label keep labelled >/dev/null
    imgc run --name left -v /v bb dd if=/dev/zero of=/v/f bs=64k count=16 2>/dev/null
    imgc rm left
    run imgc df --format '{{.Type}} {{.Total}} {{.Active}}'
    [[ $output == *"Local Volumes 3 0"* ]]
    [ "$(imgc info -f '{{.Volumes}}')" = 3 ]
    [ "$(imgc info -f '{{.VolumesSize}}')" -gt 1048576 ]
    run imgc volume prune -f
    [[ $output == "Deleted Volumes:"*"Total reclaimed space: 1."*MB* ]]
    [ "$(imgc volume ls -q | sort | tr '\n' ' ')" = "labelled named " ]
    run imgc volume prune -af --filter label!=keep
    [[ $output == "Deleted Volumes:"$'\n'named* ]]
    wait_idle
    [ "$(volumes)" = labelled ]
    run imgc volume prune -af
    run imgc volume prune -af
    [[ $output == "Total reclaimed space: 0B"* ]]
}

@test "volumes of containers that are created, started again and removed with -v" {
    imgc create --name c1 -v /anon -v fromc1:/data bb sh -c 'echo run >>/anon/log; wc -l </anon/log; cat /data/one' >/dev/null
    assert_fails 2 'fromc1 is used by c1' imgc volume rm fromc1 # though it never ran
    run imgc start -a c1
    [ "$output" = $'1\none' ]
    run imgc start -a c1
    [ "$output" = $'2\none' ]
    anonymous=$(imgc volume ls -q | grep -E '^[0-9a-f]{64}$')
    imgc rm -v c1
    run imgc volume inspect "$anonymous"
    [ "$status" -eq 1 ]
    imgc volume inspect fromc1 >/dev/null
    assert_no_anonymous
}

@test "--volumes-from: binds, names and anonymous ones, read-only where asked" {
    mkdir "$BATS_TEST_TMPDIR/host"
    imgc create --name giver -v /anon -v given:/given -v "$BATS_TEST_TMPDIR/host:/host" bb \
        sh -c 'echo a >/anon/f; echo g >/given/f; echo h >/host/f' >/dev/null
    imgc start -a giver
    run imgc run --rm --volumes-from giver bb cat /anon/f /given/f /host/f
    [ "$output" = $'a\ng\nh' ]
    run imgc run --rm --volumes-from giver:ro bb sh -c 'for d in anon given host; do touch /$d/x 2>/dev/null || echo no; done'
    [ "$output" = $'no\nno\nno' ]
    # one's own mount wins
    run imgc run --rm --volumes-from giver --tmpfs /given bb ls /given
    [ -z "$output" ]
    # what is shared stays as long as one has it
    run imgc run --rm --volumes-from giver bb cat /anon/f
    [ "$output" = a ]
    assert_fails 125 'no such container: nobody' imgc run --rm --volumes-from nobody bb true
    assert_fails 125 "option 'x'" imgc run --rm --volumes-from giver:x bb true
    # by force, with the container
    imgc volume rm -f given
    run imgc inspect giver
    [ "$status" -eq 1 ]
    imgc volume prune -f >/dev/null
}

@test "a path that another container keeps swapping for a link leads nowhere on the host" {
    mkdir "$BATS_TEST_TMPDIR/victim" "$BATS_TEST_TMPDIR/src"
    echo mounted >"$BATS_TEST_TMPDIR/src/f"
    imgc run --rm -v race:/v bb mkdir -p /v/a
    # shellcheck disable=SC2086
    imgc run --name swapper -v race:/v bb sh -c "
        while [ ! -e /v/stop ]; do
            mv /v/a /v/b; ln -s $BATS_TEST_TMPDIR/victim /v/a; : >/v/ready; rm -f /v/a; mv /v/b /v/a
        done" &
    for _ in $(seq 200); do [ -e "$STORE/volumes/race/data/ready" ] && break; sleep 0.05; done
    ran=0
    for _ in $(seq 15); do
        # where the name is gone for a moment it is made, or the mount fails: both are fine
        out=$(imgc run --rm -v race:/v -v "$BATS_TEST_TMPDIR/src:/v/a/deep/in" bb true 2>&1) && ran=$((ran + 1))
        [ -z "$(ls -A "$BATS_TEST_TMPDIR/victim")" ] || { ls -lR "$BATS_TEST_TMPDIR/victim"; return 1; }
        [ "$(ls "$BATS_TEST_TMPDIR/src")" = f ]
    done
    touch "$STORE/volumes/race/data/stop"
    imgc rm -f swapper
    wait || true
    echo "$ran of 15 ran, last: $out"
    [ "$ran" -gt 0 ]
}
