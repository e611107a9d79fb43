# SPDX-License-Identifier: Apache-2.0
# Shared by the e2e tests: a store of its own for each test, a real registry on loopback, images
# made by Debian's tools. IMGC is the binary under test.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0
E2E_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE_DIR=${IMGC_SOURCE_DIR:-$(cd "$E2E_LIB/../../.." && pwd)}
IMAGES=${IMGC_TEST_IMAGES:-$SOURCE_DIR/build/test-images}
TEST_DATA=${IMGC_TEST_DATA:-$SOURCE_DIR/../shared/data}
IMGC=${IMGC:-$SOURCE_DIR/build/release/imgc}

# Containers get no network unless a test asks for one: the host's own stays as it is. 48_network.bats
# has hosts of its own.
export IMGC_NETWORK=none

# A store per test (call in setup), under bats' own temporary directory.
new_store() {
    STORE=$BATS_TEST_TMPDIR/store
    RUNROOT=$BATS_TEST_TMPDIR/run
}

imgc() {
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" "$@"
}

# Wait until the work after the answer is done: unlinking, syncing, punching (docs/store-format.md).
wait_idle() {
    [ ! -e "$STORE/background" ] || flock "$STORE/background" true
}

# What `run --rm` leaves to a process of its own goes away by itself, soon.
assert_no_containers() {
    local i
    for i in {1..100}; do
        [ -n "$(ls -A "$STORE/containers")" ] || return 0
        sleep 0.05
    done
    ls -lR "$STORE/containers"
    return 1
}

# One registry for a file of tests (call in setup_file); its address is in REGISTRY.
start_registry() {
    local dir=$BATS_FILE_TMPDIR/registry port
    mkdir -p "$dir"
    port=$(free_port)
    cat >"$dir/config.yml" <<EOF
version: 0.1
log: {level: info}
storage:
  filesystem: {rootdirectory: $dir/data}
  delete: {enabled: true}
http: {addr: "127.0.0.1:$port"}
EOF
    docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- &
    echo $! >"$dir/pid"
    export REGISTRY=127.0.0.1:$port REGISTRY_DATA=$dir/data REGISTRY_LOG=$dir/log
    for _ in $(seq 100); do
        curl -sf "http://$REGISTRY/v2/" >/dev/null && return 0
        sleep 0.1
    done
    cat "$dir/log" >&2
    return 1
}

stop_registry() {
    local pid
    [ -e "$BATS_FILE_TMPDIR/registry/pid" ] || return 0
    pid=$(cat "$BATS_FILE_TMPDIR/registry/pid")
    kill "$pid" 2>/dev/null || return 0
    # wait for it: its files are removed next
    for _ in $(seq 50); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# push LAYOUT:TAG NAME: put an image of make-images.sh, or any OCI layout, into the registry.
push() {
    skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$1" "docker://$REGISTRY/$2" >&2
}

require_root() {
    [ "$(id -u)" = 0 ] || skip "needs root"
}

# Containers need namespaces and mounts, which some hosts forbid (an unprivileged container). In
# setup_file, where bats cannot skip: `have_containers || return 0`; then require_containers in setup.
have_containers() {
    [ "$(id -u)" = 0 ] && unshare --propagation unchanged -mpf true 2>/dev/null
}

require_containers() {
    require_root
    have_containers || skip "this host forbids namespaces"
}

# For tests that change the mounts of a namespace of their own: in a chroot, where "/" is no mount,
# they could not be kept from the host's.
require_root_mount() {
    require_containers
    mountpoint -q / || skip "/ is not a mount (a chroot)"
}

# Which a chroot has not, even for root.
have_user_namespaces() {
    have_containers && unshare --propagation unchanged -Um true 2>/dev/null
}

require_user_namespaces() {
    require_containers
    have_user_namespaces || skip "this host forbids user namespaces here (as in a chroot)"
}

# Bridges and nftables, and `ip netns exec`, which mounts over "/" and so wants that to be a mount.
have_bridges() {
    have_containers && command -v nft ip >/dev/null && mountpoint -q / &&
        unshare -n sh -c 'ip link add b0 type bridge && ip link add v0 type veth peer name v1 &&
            nft add table inet probe &&
            nft "add chain inet probe c { type nat hook postrouting priority 100; }"' 2>/dev/null
}

require_bridges() {
    require_root_mount
    have_bridges || skip "this host has no bridges, or no nftables"
}

have_images() {
    "$E2E_LIB/make-images.sh" "$IMAGES" >&2
    [ -d "$IMAGES/$1" ]
}

# Root, and a kernel that mounts EROFS from files: what `auto` finds.
have_erofs() {
    local dir form
    dir=$(mktemp -d "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/erofs-XXXXXX")
    form=$(IMGC_LAYERS=auto "$IMGC" --root "$dir/store" --runroot "$dir/run" info -f '{{.Layers}}')
    rm -rf "$dir"
    [ "$form" = erofs ]
}

require_erofs() {
    [ "${IMGC_LAYERS:-auto}" != directory ] || skip "not in the directory form"
    have_erofs || skip "this host does not mount EROFS from files"
}

require_images() {
    have_images "$1" || skip "image $1 cannot be made here"
}

require_data() {
    [ -e "$TEST_DATA/$1" ] || skip "no $1 in the shared test data"
}

# The store is as it should be: everything verifies, nothing is left in the staging places.
assert_store_clean() {
    run imgc verify -q
    [ "$status" -eq 0 ] || { echo "verify: $output"; return 1; }
    run imgc prune -f
    [ "$status" -eq 0 ] || { echo "prune: $output"; return 1; }
    wait_idle
    [ -z "$(ls -A "$STORE/tmp")" ] || { ls -lR "$STORE/tmp"; return 1; }
}

# One line on stderr that says what went wrong, and the status: assert_fails STATUS PATTERN CMD...
assert_fails() {
    local want=$1 pattern=$2
    shift 2
    run --separate-stderr "$@"
    if [ "$status" -ne "$want" ]; then
        echo "status $status instead of $want: $stderr"
        return 1
    fi
    if [ "$(printf '%s\n' "$stderr" | grep -c '^Error: ')" -ne 1 ]; then
        echo "not one line of error: $stderr"
        return 1
    fi
    if ! printf '%s\n' "$stderr" | grep -qE -- "$pattern"; then
        echo "no '$pattern' in: $stderr"
        return 1
    fi
}
