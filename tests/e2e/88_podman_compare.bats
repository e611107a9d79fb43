# SPDX-License-Identifier: Apache-2.0
# builds: release
# The same command to imgc and to podman: the same exit code and, where it fails, both name the thing.
# Where imgc differs on purpose the table says so.

load lib/common

have_podman() {
    command -v podman runc >/dev/null
}

# podman with a store of its own; runc, because crun does not run on hosts with both cgroup versions.
podman() {
    CONTAINERS_CONF=$PODMAN_DIR/containers.conf command podman --root "$PODMAN_DIR/root" \
        --runroot "$PODMAN_DIR/run" --tmpdir "$PODMAN_DIR/tmp" --runtime runc \
        --cgroup-manager cgroupfs --events-backend none "$@"
}

setup_file() {
    have_containers && have_podman && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    export PODMAN_DIR=$BATS_FILE_TMPDIR/podman
    mkdir -p "$PODMAN_DIR"
    printf '[containers]\ndefault_ulimits = []\nnetns = "none"\n' >"$PODMAN_DIR/containers.conf"
    local root=$BATS_FILE_TMPDIR/root
    mkdir -p "$root"
    tar -C "$root" -xf "$IMAGES/busybox.tar"
    printf 'no program' >"$root/garbage"
    chmod 755 "$root/garbage"
    printf '#!/no/such/interpreter\n' >"$root/orphan"
    chmod 755 "$root/orphan"
    tar -C "$root" -cf "$root.tar" .
    imgc import -c 'CMD ["true"]' "$root.tar" bb >/dev/null
    podman import -q -c 'CMD ["true"]' "$root.tar" bb >/dev/null
    podman run --rm bb >/dev/null 2>&1 && export PODMAN_WORKS=1
    for tool in imgc podman; do
        $tool run -d --name up bb sleep 1000 >/dev/null
        $tool create --name made bb >/dev/null
        $tool run --name "done" bb sh -c 'exit 3' || true
    done
}

teardown_file() {
    [ -n "${PODMAN_DIR:-}" ] || return 0
    imgc rm -f -a >/dev/null 2>&1 || true
    podman rm -f -a -t 0 >/dev/null 2>&1 || true
    podman unmount -a >/dev/null 2>&1 || true
    umount "$PODMAN_DIR/root/overlay" 2>/dev/null || true
}

setup() {
    require_containers
    have_podman || skip "no podman, or no runc"
    require_images busybox
    [ -n "${PODMAN_WORKS:-}" ] || skip "podman runs no containers here"
}

# both WORDS...: run it with the one and the other.
both() {
    run --separate-stderr podman "$@" </dev/null
    theirs=$status theirs_said=$stderr
    # shellcheck disable=SC2154 # of bats
    run --separate-stderr imgc "$@" </dev/null
    ours=$status ours_said=$stderr
}

told() {
    printf '%s\n' "$*" "imgc: $ours $ours_said" "podman: $theirs $theirs_said"
    return 1
}

# same THING WORDS...: THING is a pattern that both say on stderr; "" for commands that do not fail.
same() {
    local thing=$1 ours ours_said theirs theirs_said
    shift
    both "$@"
    [ "$ours" = "$theirs" ] && names "$thing" "$ours_said" && names "$thing" "$theirs_said" || told "$@"
}

# differs CODE THING WORDS...: both fail and name the thing, and imgc has docker's code. Of podman it
# depends on the version.
differs() {
    local code=$1 thing=$2 ours ours_said theirs theirs_said
    shift 2
    both "$@"
    [ "$ours" = "$code" ] && [ "$theirs" != 0 ] && names "$thing" "$ours_said" &&
        names "$thing" "$theirs_said" || told "$@"
}

names() {
    [ -z "$1" ] || printf '%s' "$2" | grep -qiE -- "$1"
}

@test "commands that cannot be executed: 126 and 127" {
    same nosuchcommand run --rm bb nosuchcommand
    same /no/such run --rm bb /no/such
    same /etc/passwd run --rm bb /etc/passwd
    same /etc run --rm bb /etc
    differs 126 /garbage run --rm bb /garbage
    same nosuchcommand exec up nosuchcommand
    same /etc/passwd exec up /etc/passwd
}

@test "the command's own code: exits and signals" {
    same "" run --rm bb sh -c 'exit 7'
    same "" run --rm bb sh -c 'exit 255'
    same "" run --rm bb sh -c 'sh -c "kill -9 \$\$"'
    same "" run --rm bb sh -c 'sh -c "kill -15 \$\$"'
    same "" exec up sh -c 'exit 9'
    same "" exec up sh -c 'kill -9 $$'
    same "" exec up sh -c 'kill -15 $$'
    same "" wait "done"
    [ "$(imgc wait "done")" = "$(podman wait "done")" ]
    same "" start -a "done"
}

@test "what does not exist" {
    same nosuch run --rm --pull never nosuch true
    differs 125 nosuchuser run --rm -u nosuchuser bb true
    differs 125 nosuchgroup run --rm -u 0:nosuchgroup bb true
    same /no/such/dir run --rm --mount type=bind,src=/no/such/dir,dst=/x bb true
    same nosuch exec nosuch true
    same nosuch start nosuch
    differs 1 nosuch stop nosuch
    differs 1 nosuch kill nosuch
    same nosuch rm nosuch
    differs 1 nosuch logs nosuch
    differs 1 nosuch wait nosuch
    same nosuch rmi nosuch
    differs 125 nosuchuser exec -u nosuchuser up true
    same nosuch run --rm --network nosuch bb true
}

@test "states that do not fit" {
    same up run -d --name up bb true
    differs 125 "running" exec made true
    differs 125 "running" exec "done" true
    differs 1 running kill made
    same "running" rm up
    same "bb|in use|use" rmi bb
    differs 1 running pause made
}

@test "bad values" {
    same "memory|1z|size" run --rm -m 1z bb true
    same "port|99999" run --rm -p 99999:80 bb true
    same "port|abc" run --rm -p abc bb true
    same "nosuchoption|unknown" run --nosuchoption bb true
    same "NOSUCH" run --rm --cap-add NOSUCH bb true
    same "name|/x" run --rm --name /x bb true
    differs 1 NOSUCH kill --signal NOSUCH up
    same "ulimit|nosuch" run --rm --ulimit nosuch=1 bb true
    same "pull|sometimes" run --rm --pull sometimes bb true
    same "sysctl|nosuch" run --rm --sysctl nosuch.thing=1 bb true
    differs 125 relative run --rm -w relative bb true
}

@test "what is inside: working directory, read-only root, memory" {
    same "" run --rm -w /home bb pwd
    run imgc run --rm -w /made/here bb pwd # docker makes it, podman does not
    [ "$output" = /made/here ]
    same "" run --rm --read-only bb sh -c 'touch /x 2>/dev/null'
    same "" run --rm --read-only bb sh -c 'touch /dev/shm/x'
    same "" run --rm -u 1000 bb sh -c 'touch /root/x 2>/dev/null'
}
