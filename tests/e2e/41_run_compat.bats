# SPDX-License-Identifier: Apache-2.0
# Options of run as docker and podman take them, in the corners that scripts meet.
# forms: both

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c 'CMD ["true"]' -c 'ENV FROM=image' "$IMAGES/busybox.tar" bb >/dev/null
}

teardown_file() {
    stop_registry # of the test that starts one, had it failed
}

setup() {
    require_containers
    require_images busybox
}

@test "env files: a byte order mark, blanks in a name, names without a value" {
    printf '\xef\xbb\xbfA=1\r\n  B=2\nUNSET_HERE\n' >"$BATS_TEST_TMPDIR/env"
    run imgc run --rm --env-file "$BATS_TEST_TMPDIR/env" bb sh -c 'echo "[$A][$B][${UNSET_HERE-none}]"'
    [ "$output" = "[1][2][none]" ]
    printf 'A=1\nB C=2\n' >"$BATS_TEST_TMPDIR/env"
    assert_fails 125 "line 2: .*'B C'" imgc run --rm --env-file "$BATS_TEST_TMPDIR/env" bb
}

@test "-e NAME without a value takes the image's variable away" {
    unset FROM
    run imgc run --rm -e FROM bb sh -c 'echo "${FROM-none}"'
    [ "$output" = none ]
    printf 'FROM\n' >"$BATS_TEST_TMPDIR/env"
    run imgc run --rm --env-file "$BATS_TEST_TMPDIR/env" bb sh -c 'echo "${FROM-none}"'
    [ "$output" = image ]
}

@test "limits of 0 are no limits, an empty -w is none" {
    run imgc run --rm -m 0 --memory-swap 0 --cpus 0 --pids-limit 0 -w '' bb pwd
    [ "$status" -eq 0 ]
    [ "$output" = / ]
    assert_fails 125 'needs --memory' imgc run --rm --memory-swap 1g bb
}

@test "--tmpfs takes an owner, a share of the memory and a number of inodes" {
    run imgc run --rm --tmpfs /t:uid=5,gid=6,size=50%,nr_inodes=64,mode=750 bb \
        sh -c 'stat -c "%u %g %a" /t; grep " /t " /proc/mounts'
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == "5 6 750" ]]
    [[ ${lines[1]} == *nr_inodes=64*uid=5,gid=6* ]]
    assert_fails 125 'mpol' imgc run --rm --tmpfs /t:mpol=x bb
}

@test "-v takes z and Z, and makes a directory that is not there" {
    run imgc run --rm -v "$BATS_TEST_TMPDIR/new/dir:/m:Z" bb touch /m/f
    [ "$status" -eq 0 ]
    [ -f "$BATS_TEST_TMPDIR/new/dir/f" ]
}

@test "an empty word is no command" {
    assert_fails 127 'empty word' imgc run --rm bb ''
}

@test "an image for another machine: a warning, and the kernel's refusal in words" {
    command -v docker-registry >/dev/null || skip "docker-registry is not installed"
    python3 - "$IMAGES/busybox" "$BATS_TEST_TMPDIR/layout" <<'PY'
import hashlib, json, os, shutil, sys
source, out = sys.argv[1:]
shutil.copytree(source, out)
index = json.load(open(out + "/index.json"))
d = next(m for m in index["manifests"] if m["annotations"]["org.opencontainers.image.ref.name"] == "one")
def path(digest): return f"{out}/blobs/{digest.replace(':', '/')}"
def put(document):
    data = json.dumps(document).encode()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    open(path(digest), "wb").write(data)
    return digest, len(data)
manifest = json.load(open(path(d["digest"])))
config = json.load(open(path(manifest["config"]["digest"])))
config["architecture"] = "s390x"
manifest["config"]["digest"], manifest["config"]["size"] = put(config)
d["digest"], d["size"] = put(manifest)
index["manifests"] = [d]
json.dump(index, open(out + "/index.json", "w"))
PY
    start_registry
    push "$BATS_TEST_TMPDIR/layout:one" far:one
    assert_fails 1 's390x' imgc pull --platform linux/arm64 "$REGISTRY/far:one"
    imgc pull -q "$REGISTRY/far:one"
    run --separate-stderr imgc run --rm "$REGISTRY/far:one" true
    [ "$status" -eq 0 ]
    [[ $stderr == *"warning: "*"linux/s390x"* ]]
    run --separate-stderr imgc run --rm --platform linux/s390x "$REGISTRY/far:one" true
    [ -z "$stderr" ]
    assert_fails 125 'for linux/s390x, not for linux/arm64' \
        imgc run --rm --pull never --platform linux/arm64 "$REGISTRY/far:one" true
    # a program of no known machine: another machine's programs may run here, by binfmt_misc
    { printf '\177ELF\2\1\1'; head -c 100 /dev/zero; } >"$BATS_TEST_TMPDIR/alien"
    chmod +x "$BATS_TEST_TMPDIR/alien"
    assert_fails 126 'neither a program' \
        imgc run --rm -v "$BATS_TEST_TMPDIR/alien:/alien:ro" bb /alien
    stop_registry
}

@test "two containers of one name: the second is refused, and the first goes on" {
    imgc run --rm --name twin bb sleep 2 &
    first=$!
    for _ in $(seq 100); do [ -n "$(imgc ps -q)" ] && break; sleep 0.1; done
    assert_fails 125 'twin' imgc run --rm --name twin bb true
    wait $first
    [ -z "$(imgc ps -aq)" ]
}

@test "thirty containers at once, and nothing is left" {
    for i in $(seq 30); do
        { imgc run --rm bb true; echo $? >"$BATS_TEST_TMPDIR/status.$i"; } &
    done
    wait
    [ "$(cat "$BATS_TEST_TMPDIR"/status.* | sort | uniq -c | tr -s ' ')" = " 30 0" ]
    [ -z "$(imgc ps -aq)" ]
    assert_no_containers
    [ -z "$(ls -A "$STORE/tmp")" ]
}

@test "a working directory that was removed" {
    mkdir "$BATS_TEST_TMPDIR/gone"
    cd "$BATS_TEST_TMPDIR/gone"
    rmdir "$BATS_TEST_TMPDIR/gone"
    run imgc run --rm bb echo fine
    [ "$output" = fine ]
    assert_fails 125 'current directory' imgc run --rm -v .:/m bb true
}

@test "a host whose cgroups are read-only: it runs, and limits are refused in words" {
    require_root_mount
    cat >"$BATS_TEST_TMPDIR/ro.sh" <<EOS
for d in /sys/fs/cgroup /sys/fs/cgroup/*; do
    mountpoint -q \$d && mount -o remount,bind,ro \$d
done
'$IMGC' --root '$STORE' --runroot '$RUNROOT' run --rm bb echo fine
'$IMGC' --root '$STORE' --runroot '$RUNROOT' run --rm -m 64m bb true || echo "status \$?"
EOS
    run unshare -m sh "$BATS_TEST_TMPDIR/ro.sh"
    [[ $output == *fine* ]]
    [[ $output == *"cannot limit memory"* ]]
    [[ $output == *"status 125"* ]]
}

@test "a container's terminal hangs up with the caller's" {
    cat >"$BATS_TEST_TMPDIR/hangup.py" <<EOS
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv("$IMGC", ["imgc", "--root", "$STORE", "--runroot", "$RUNROOT", "run", "--rm", "-it", "bb", "sh"])
os.write(fd, b"echo typed-\$((40+2))\n")
out = b""
while b"typed-42" not in out:
    out += os.read(fd, 1000)
os.close(fd)
for _ in range(100):
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        sys.exit(0)
    time.sleep(0.1)
os.kill(pid, 9)
sys.exit("imgc is still there")
EOS
    timeout 60 python3 "$BATS_TEST_TMPDIR/hangup.py"
    [ -z "$(imgc ps -aq)" ]
}

@test "logs keeps the order of stdout and stderr where both go to one place" {
    imgc run --name both bb sh -c 'for i in 1 2 3; do echo o$i; sleep 0.1; echo e$i >&2; sleep 0.1; done' \
        >/dev/null 2>&1
    [ "$(imgc logs both 2>&1 | tr '\n' ' ')" = "o1 e1 o2 e2 o3 e3 " ]
    imgc rm both
}

@test "mounts that cannot be: two on one place, a file on a directory" {
    assert_fails 125 "two mounts on '/t'" imgc run --rm -v /tmp:/t --tmpfs /t/ bb true
    assert_fails 125 "'/data': a file cannot be mounted on a directory" \
        imgc run --rm -v /etc/passwd:/data bb true
    assert_fails 125 "'/etc/passwd': a directory cannot be mounted on a file" \
        imgc run --rm -v /tmp:/etc/passwd bb true
}
