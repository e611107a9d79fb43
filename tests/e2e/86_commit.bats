# SPDX-License-Identifier: Apache-2.0
# forms: both
# commit: what a container changed becomes a layer; the new image is what the container was.

load lib/common
load lib/users

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c 'CMD ["sh"]' -c 'ENV FIRST=1' -c 'LABEL from=base' "$IMAGES/busybox.tar" bb >/dev/null
    if have_users; then make_users; fi
}

teardown_file() {
    remove_users
}

setup() {
    require_containers
    require_images busybox
}

teardown() {
    have_containers && have_images busybox || return 0
    imgc rm -af >/dev/null
}

manifest() {
    python3 "$E2E_LIB/tree-manifest.py" "$1" exact | grep -vP '\t(dev|proc|sys|etc/(hosts|hostname|resolv\.conf))$'
}

# assert_same IMAGE CONTAINER: entry by entry.
assert_same() {
    local dir=$BATS_TEST_TMPDIR/same
    rm -rf "$dir" && mkdir -p "$dir/c"
    imgc export "$2" | tar -x --numeric-owner --xattrs --xattrs-include='*' -p -C "$dir/c"
    imgc unpack "$1" "$dir/i"
    # what the runtime mounts on is not the container's
    diff <(manifest "$dir/c") <(manifest "$dir/i")
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
    rm /bin/ls /bin/cat
    rm -rf /var
    echo "no directory any more" >/var
    chmod 1777 /etc
    chown 5:6 /bin
    rm -rf /root && mkdir /root && echo only >/root/mine'

@test "add, change, delete, replace, link: the new image is what the container was" {
    imgc import -c 'CMD ["sh"]' "$IMAGES/busybox.tar" base >/dev/null
    imgc run --name prep base sh -c 'mkdir -p /var/lib/x /root/a/b; echo 1 >/root/a/b/c; echo 2 >/root/mine; mkdir /gone; echo >/gone/f'
    imgc commit prep prepared
    imgc run -d --name on prepared sleep 10000
    imgc exec on sh -c "$CHANGE; rm -rf /gone"
    python3 - "$STORE" <<'EOF'
import os, glob, sys
f = glob.glob(sys.argv[1] + "/containers/*/upper/d/e/f")[0]
os.setxattr(f, "user.note", b"kept")
EOF
    id=$(imgc commit -a me -m 'what was done' on changed:1)
    [[ $id =~ ^[0-9a-f]{64}$ ]]
    [ "$(imgc ps -f name=on --format '{{.Status}}' | grep -ci paused)" = 0 ]
    assert_same changed:1 on
    [ "$(imgc run --rm changed:1 sh -c 'busybox cat /new /d/e/f /var /root/mine; echo /root/*; busybox stat -c "%u:%g %a" /d/e/f')" = \
        $'new\ndeep\nno directory any more\nonly\n/root/mine\n12:34 4711' ]
    imgc diff prepared changed:1 >"$BATS_TEST_TMPDIR/diff"
    for line in 'A /new' 'A /d/e/f' 'D /bin/ls' 'D /gone' 'C /var' 'D /root/a' 'C /etc'; do
        grep -qx -- "$line" "$BATS_TEST_TMPDIR/diff"
    done
    [ "$(grep -c ' /etc/hosts' "$BATS_TEST_TMPDIR/diff")" = 0 ]
    # stopped: the same layer, byte by byte
    imgc stop -t 0 on
    imgc commit on changed:2
    [ "$(imgc inspect -f '{{json .RootFS.Layers}}' changed:1)" = "$(imgc inspect -f '{{json .RootFS.Layers}}' changed:2)" ]
    # on top of it again
    imgc run --name more changed:2 sh -c 'echo 3 >/three; rm /new'
    imgc commit more changed:3
    assert_same changed:3 more
    [ "$(imgc inspect -f '{{len .RootFS.Layers}}' changed:3)" = 4 ]
    # others read it
    imgc save --format oci-archive -o "$BATS_TEST_TMPDIR/c.tar" changed:3
    if command -v skopeo; then
        skopeo inspect --config "oci-archive:$BATS_TEST_TMPDIR/c.tar" >/dev/null
    fi
    imgc rm prep on more
    assert_store_clean
}

@test "the config: what the container was told" {
    imgc create --name told -e MORE=2 -e FIRST=one -w /tmp -u 1:1 --label mine=l --expose 99/udp -t bb busybox true >/dev/null
    imgc commit told told:1 >/dev/null
    run -0 imgc inspect -f '{{json .Config.Env}} {{json .Config.Entrypoint}} {{json .Config.Cmd}} {{.Config.WorkingDir}} {{.Config.User}} {{json .Config.Labels}} {{json .Config.ExposedPorts}}' told:1
    [ "$output" = '["FIRST=one","MORE=2"] null ["busybox","true"] /tmp 1:1 {"from":"base","mine":"l"} {"99/udp":{}}' ]
    imgc create --name entry --entrypoint '["busybox","echo"]' told:1 a b >/dev/null
    imgc commit -c 'ENV FIRST=' entry told:2 >/dev/null
    run -0 imgc inspect -f '{{json .Config.Env}} {{json .Config.Entrypoint}} {{json .Config.Cmd}}' told:2
    [ "$output" = '["FIRST=","MORE=2"] ["busybox","echo"] ["a","b"]' ]
    run -0 imgc run --rm told:2 c
    [ "$output" = c ]
    # and nothing of what every container has
    imgc create --name plain bb >/dev/null
    imgc commit plain told:3 >/dev/null
    [ "$(imgc inspect -f '{{json .Config}}' told:3)" = "$(imgc inspect -f '{{json .Config}}' bb:latest)" ] # "bb" may begin a container's ID
    imgc rm told entry plain
}

@test "the config: the image's own, changes, author, message, history" {
    imgc create --name conf -e MORE=2 bb true
    imgc commit -c 'ENV SECOND=2' -c 'LABEL mine=yes' -a 'A. Uthor' -m 'a message' --iidfile "$BATS_TEST_TMPDIR/id" conf conf:new >"$BATS_TEST_TMPDIR/out"
    cmp <(cat "$BATS_TEST_TMPDIR/id"; echo) "$BATS_TEST_TMPDIR/out"
    [ "$(imgc inspect -f '{{json .Config.Env}} {{json .Config.Cmd}} {{.Config.Labels.from}} {{.Config.Labels.mine}} {{.Author}}' conf:new)" = \
        '["FIRST=1","MORE=2","SECOND=2"] ["true"] base yes A. Uthor' ]
    imgc history --no-trunc conf:new >"$BATS_TEST_TMPDIR/history"
    grep -q 'true.*a message' "$BATS_TEST_TMPDIR/history"
    assert_fails 1 'NONSENSE|nonsense' imgc commit -c 'NONSENSE x' conf
    assert_fails 1 'no such container' imgc commit nobody
    assert_fails 1 'digest' imgc commit conf "x@sha256:$(printf '%064d' 0)"
    imgc commit conf >/dev/null # without a name, and nobody holds the container any more
    imgc start conf
    imgc rm -f conf
}

@test "what a config says that imgc does not use stays" {
    mkdir "$BATS_TEST_TMPDIR/w" && cd "$BATS_TEST_TMPDIR/w"
    imgc save -o old.tar bb
    python3 - <<'EOF'
import hashlib, io, json, tarfile
old = tarfile.open("old.tar")
m = json.load(old.extractfile("manifest.json"))[0]
config = json.load(old.extractfile(m["Config"]))
config["config"]["Healthcheck"] = {"Test": ["CMD", "true"]}
text = json.dumps(config).encode()
with tarfile.open("new.tar", "w") as new:
    def add(name, data):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        new.addfile(info, io.BytesIO(data))
    add("c.json", text)
    add("l.tar", old.extractfile(m["Layers"][0]).read())
    add("manifest.json", json.dumps([{"Config": "c.json", "RepoTags": ["health:1"], "Layers": ["l.tar"]}]).encode())
EOF
    imgc load -i new.tar
    imgc create --name h health:1
    imgc commit h health:2
    imgc save -o two.tar health:2
    tar -xOf two.tar "$(tar -xOf two.tar manifest.json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["Config"])')" |
        grep -q '"Healthcheck":{"Test":\["CMD","true"\]}'
    imgc rm h
}

@test "nothing changed: an image all the same" {
    imgc create --name same bb true
    imgc commit same same:1
    assert_same same:1 same
    imgc run --rm same:1 true
    [ -z "$(imgc diff bb same:1 | grep -v '^C /$')" ]
    imgc start same
    imgc wait same
    imgc commit same same:2 # mount points came, and are left out
    [ -z "$(imgc diff bb same:2 | grep -vE '^C /(etc)?$')" ]
    imgc rm same
}

@test "owners are those that the container knows" {
    require_user_namespaces
    imgc run -d --name mapped --uidmap 0:300000:65536 bb sleep 10000
    imgc exec mapped sh -c 'echo x >/mine; echo y >/theirs; chown 7:8 /theirs; rm /bin/ls; rm -r /root; mkdir /root; echo >/root/f'
    # an ACL for user 9 and group 10 of the container, as its own root would set it
    python3 - "$STORE" <<'END'
import glob, os, struct, sys
f = glob.glob(sys.argv[1] + "/containers/*/upper/theirs")[0]
none = 0xffffffff
acl = [(1, 6, none), (2, 4, 300009), (4, 4, none), (8, 4, 300010), (16, 4, none), (32, 4, none)]
os.setxattr(f, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in acl))
END
    imgc commit mapped mapped:1
    imgc save --format oci-dir -o "$BATS_TEST_TMPDIR/acl" mapped:1
    python3 - "$BATS_TEST_TMPDIR/acl" <<'END'
import glob, struct, sys, tarfile
found = []
for path in glob.glob(sys.argv[1] + "/blobs/sha256/*"):
    try:
        t = tarfile.open(path, errors="surrogateescape", encoding="utf-8")
    except tarfile.ReadError:
        continue
    for m in t:
        for key, value in m.pax_headers.items():
            if m.name == "theirs" and "acl" in key.lower():
                found.append((key, value.encode("utf-8", "surrogateescape")))
print(found)
assert len(found) == 1
key, value = found[0]
if "xattr" in key:
    ids = [i for tag, perm, i in struct.iter_unpack("<HHI", value[4:]) if tag in (2, 8)]
    assert ids == [9, 10], ids
else:
    assert b"300009" not in value and b"9" in value and b"10" in value, value
END
    assert_same mapped:1 mapped
    [ "$(imgc run --rm mapped:1 stat -c %u:%g /mine /theirs | tr '\n' ' ')" = '0:0 7:8 ' ]
    imgc stop -t 0 mapped
    imgc rm mapped
}

@test "what a container writes cannot pass for notes of overlayfs" {
    imgc run -d --name notes bb sleep 10000
    imgc exec notes sh -c 'mkdir /home2; echo a >/etc/f; mkdir -p /etc/d; echo b >/etc/w'
    python3 - "$STORE" <<'EOF'
import os, glob, sys
up = glob.glob(sys.argv[1] + "/containers/*/upper")[0]
for name in ("etc", "home2"):
    os.setxattr(up + "/" + name, "user.overlay.opaque", b"y")
os.truncate(up + "/etc/w", 0)
os.setxattr(up + "/etc/w", "user.overlay.whiteout", b"")
EOF
    imgc commit notes notes:1
    imgc cat notes:1:/etc/passwd | grep -q root # not hidden
    [ "$(imgc ls notes:1:/etc | grep -cE '(^| )w$')" = 1 ]
    # the kernel's own are believed, and parts of files refused
    python3 - "$STORE" <<'EOF'
import os, glob, sys
up = glob.glob(sys.argv[1] + "/containers/*/upper")[0]
os.setxattr(up + "/etc/w", "trusted.overlay.whiteout", b"")
EOF
    imgc commit notes notes:2
    [ "$(imgc ls notes:2:/etc | grep -cE '(^| )w$')" = 0 ]
    python3 - "$STORE" <<'EOF'
import os, glob, sys
up = glob.glob(sys.argv[1] + "/containers/*/upper")[0]
os.setxattr(up + "/etc/f", "trusted.overlay.metacopy", b"")
EOF
    assert_fails 1 'etc/f.*part of a file' imgc commit notes
    [ "$(imgc exec notes echo on)" = on ] # it is not paused
    imgc rm -f notes
    imgc run --name wh bb touch /.wh.x
    assert_fails 1 '[.]wh[.]' imgc commit wh
    imgc rm wh
}

@test "an interrupted commit lets the container go on" {
    imgc run -d --name big bb sh -c 'for i in 1 2 3 4 5 6 7 8; do mkdir /d$i; for j in $(seq 400); do echo $i.$j >/d$i/$j; done; done; echo ready; exec sleep 10000'
    for _ in {1..300}; do
        imgc logs big | grep -q ready && break
        sleep 0.1
    done
    for t in 0.01 0.03 0.06 0.1; do
        timeout -s INT "$t" "$IMGC" --root "$STORE" --runroot "$RUNROOT" commit big big:1 || true
        for _ in {1..100}; do # timeout signals twice, and the second one kills
            [ "$(imgc exec big echo on)" != on ] || break
            sleep 0.1
        done
        [ "$(imgc exec big echo on)" = on ]
    done
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" commit big big:1 >/dev/null &
    for _ in {1..1000}; do
        imgc ps --format '{{.Status}}' | grep -qi paused && break
    done
    kill -9 $!
    wait $! || true
    for _ in {1..100}; do
        [ "$(imgc exec big echo on)" != on ] || break
        sleep 0.1
    done
    [ "$(imgc exec big echo on)" = on ]
    imgc pause big
    imgc commit big big:2
    imgc unpause big # as it was before
    imgc commit --pause=false big big:3
    [ "$(imgc inspect -f '{{json .RootFS.Layers}}' big:2)" = "$(imgc inspect -f '{{json .RootFS.Layers}}' big:3)" ]
    imgc rm -f big
    assert_store_clean
}

@test "an ordinary user's container, running and stopped" {
    require_users
    imgc_as "$RANGED" import "$USERS_HOME/$RANGED/busybox.tar" bb
    imgc_as "$RANGED" run -d --network none --name u bb sleep 10000
    imgc_as "$RANGED" exec u sh -c 'echo x >/theirs; chown 7:8 /theirs; rm /bin/ls; rm -r /root; mkdir /root'
    # a host without delegated cgroups has nothing to pause it by
    imgc_as "$RANGED" commit u u:1 || imgc_as "$RANGED" commit --pause=false u u:1
    [ "$(imgc_as "$RANGED" run --rm --network none u:1 stat -c %u:%g /theirs)" = 7:8 ]
    [ "$(imgc_as "$RANGED" ls u:1:/bin | grep -cE '(^| )ls$')" = 0 ]
    imgc_as "$RANGED" stop -t 0 u
    imgc_as "$RANGED" commit u u:2
    [ "$(imgc_as "$RANGED" inspect -f '{{json .RootFS.Layers}}' u:1)" = "$(imgc_as "$RANGED" inspect -f '{{json .RootFS.Layers}}' u:2)" ]
    imgc_as "$RANGED" rm u
}
