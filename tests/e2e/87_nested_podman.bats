# SPDX-License-Identifier: Apache-2.0
# builds: release
# imgc inside containers of podman: privileged ones run containers, ordinary ones handle images.

load lib/common
load lib/nested

have_podman() {
    command -v podman runc >/dev/null
}

# podman with a store of its own; runc, because crun does not run on hosts with both cgroup versions.
podman() {
    CONTAINERS_CONF=$PODMAN_DIR/containers.conf command podman --root "$PODMAN_DIR/root" \
        --runroot "$PODMAN_DIR/run" --tmpdir "$PODMAN_DIR/tmp" --storage-driver vfs --runtime runc \
        --cgroup-manager cgroupfs --events-backend none "$@"
}

setup_file() {
    have_containers && have_podman && have_images busybox || return 0
    export PODMAN_DIR=$BATS_FILE_TMPDIR/podman
    mkdir -p "$PODMAN_DIR"
    printf '[containers]\ndefault_ulimits = []\nnetns = "none"\n' >"$PODMAN_DIR/containers.conf"
    pack_friends "$BATS_FILE_TMPDIR/friends.tar"
    podman import -q "$BATS_FILE_TMPDIR/friends.tar" friends >/dev/null
    rm "$BATS_FILE_TMPDIR/friends.tar"
    podman run --rm friends true >/dev/null 2>&1 && export PODMAN_WORKS=1
}

teardown_file() {
    [ -n "${PODMAN_DIR:-}" ] || return 0
    podman rm -f -a -t 0 >/dev/null 2>&1 || true
    podman unmount -a >/dev/null 2>&1 || true
}

setup() {
    require_containers
    have_podman || skip "no podman, or no runc"
    require_images busybox
    [ -n "${PODMAN_WORKS:-}" ] || skip "podman runs no containers here"
}

# inside OPTION... -- WORDS: a shell in a container of podman with imgc, whose store is a tmpfs.
inside() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    podman run --rm --tmpfs /var/lib/imgc:mode=700 -e IMGC_NETWORK=none -e ASAN_OPTIONS=detect_leaks=0 \
        "${options[@]}" friends sh -c "$2"
}

@test "in a privileged one: import, run, exec, stop, limits, and nothing leaks out" {
    run inside --privileged -- '
        imgc import /bb.tar bb >/dev/null
        imgc run --rm bb sh -c "echo pid \$\$; cat /data/one"
        imgc run --rm bb sh -c "exit 42"; echo "status $?"
        imgc run -d --name job bb sleep 1000 >/dev/null
        imgc exec job echo from exec
        imgc stop -t 1 job 2>/dev/null; imgc ps -a --format "{{.Names}} {{.State}}"
        imgc rm job
        imgc run --rm --pids-limit 20 bb sh -c "
            i=0; while [ \$i -lt 40 ]; do sleep 3 & i=\$((i+1)); echo \$i; done" 2>/dev/null | tail -n 1'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "$(xargs <<<"$output")" = "pid 1 one status 42 from exec job job exited job 19" ] || { echo "$output"; return 1; }
    ! grep -q friends /proc/self/mountinfo || false
    [ -z "$(podman ps -aq)" ]
}

@test "a bridge inside a privileged one" {
    require_friends_bridge
    run inside --privileged -e IMGC_NETWORK= -- "$NESTED_BRIDGE"
    assert_nested_bridge
}

@test "in an ordinary one: images, pulled too; containers are refused in one line with the remedy" {
    run inside -- 'imgc import /bb.tar bb >/dev/null && imgc images --format "{{.Repository}}" && imgc unpack bb /o && cat /o/data/one
        imgc run --rm bb true 2>&1; echo "status $?"; imgc ps -aq'
    [ "${#lines[@]}" -eq 4 ] || { echo "$output"; return 1; }
    [ "${lines[0]} ${lines[1]} ${lines[3]}" = "bb one status 125" ] || { echo "$output"; return 1; }
    [[ ${lines[2]} == "Error: this host forbids new "*" namespaces "*"with --privileged, or run imgc outside of it" ]] || { echo "$output"; return 1; }
    command -v docker-registry skopeo >/dev/null || return 0
    start_registry
    push "$IMAGES/busybox:one" busybox
    run inside --network host -- "imgc pull -q $REGISTRY/busybox >/dev/null 2>&1 && imgc cat $REGISTRY/busybox:/data/one"
    stop_registry
    [ "$output" = one ] || { echo "$output"; return 1; }
}

@test "an ordinary user in an ordinary one: the same" {
    run inside -u 1000:1000 --tmpfs /tmp:mode=1777 -e HOME=/tmp/me -- 'mkdir -m 700 /tmp/me; cd
        imgc import /bb.tar bb >/dev/null 2>&1 && imgc cat bb:/data/one
        imgc run --rm bb true 2>&1; echo "status $?"; imgc ps -aq'
    [ "${#lines[@]}" -eq 3 ] || { echo "$output"; return 1; }
    [ "${lines[0]} ${lines[2]}" = "one status 125" ] || { echo "$output"; return 1; }
    [[ ${lines[1]} == "Error: "*"this host "*"outside of it"* ]] || { echo "$output"; return 1; }
}

@test "a tmpfs that all may write to is no store: the remedy is told" {
    run podman run --rm --tmpfs /var/lib/imgc:mode=1777 -e ASAN_OPTIONS=detect_leaks=0 friends imgc images
    [ "$status" -eq 1 ]
    [[ $output == "Error: "*"chmod 700 /var/lib/imgc"* ]] || { echo "$output"; return 1; }
}
