# SPDX-License-Identifier: Apache-2.0
# A host for containers with networks, and another one outside, are network namespaces: nothing of this
# machine's own network is changed. In a file: make_hosts in setup_file, remove_hosts in teardown_file.
# shellcheck shell=bash

# make_hosts LETTER: 192.0.2.1 and 2001:db8::1 are the host's, .2 and ::2 those of the one outside,
# which is the way out. LETTER tells files that run at once apart.
make_hosts() {
    export HOST_NS=imgc-${1}h$$ OUTSIDE_NS=imgc-${1}o$$
    ip netns add "$HOST_NS"
    ip netns add "$OUTSIDE_NS"
    ip -n "$HOST_NS" link add up0 type veth peer name up0 netns "$OUTSIDE_NS"
    local n=1 ns
    for ns in "$HOST_NS" "$OUTSIDE_NS"; do
        ip -n "$ns" -batch - <<END
link set lo up
addr add 192.0.2.$n/24 dev up0
addr add 2001:db8::$n/64 dev up0 nodad
link set up0 up
END
        n=$((n + 1))
    done
    ip -n "$HOST_NS" route add default via 192.0.2.2
    ip -n "$HOST_NS" -6 route add default via 2001:db8::2
}

remove_hosts() {
    ip netns del "$HOST_NS" || true
    ip netns del "$OUTSIDE_NS" || true
}

# On the host. `ip netns exec` would put another /sys in front of the cgroups.
host() {
    nsenter --net="/run/netns/$HOST_NS" "$@"
}

outside() {
    nsenter --net="/run/netns/$OUTSIDE_NS" "$@"
}

himgc() {
    host "$IMGC" --root "$STORE" --runroot "$RUNROOT" "$@"
}

# Processes in the background of a test that failed half way: their numbers are in STARTED. (A function
# in the background would be a shell whose death its command survives.)
kill_started() {
    local pid
    for pid in ${STARTED:-}; do
        kill -9 "$pid" 2>/dev/null || true
    done
}

# Until COMMAND succeeds, 15 seconds long.
eventually() {
    local i
    for i in {1..300}; do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.05
    done
    echo "never: $*"
    "$@"
}

no_rules() {
    [ -z "$(host nft list ruleset)" ]
}

# Interfaces of containers, and bridges.
no_veth() {
    ! host ip -o link show type veth | grep -Eq '^[0-9]+: im[0-9a-v]' || false
}

no_bridge() {
    [ -z "$(host ip -o link show type bridge)" ]
}
