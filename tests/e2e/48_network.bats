# SPDX-License-Identifier: Apache-2.0
# Networks. The host that imgc runs on here, and another host outside, are network namespaces: nothing
# of this machine's own network is changed.

load lib/common
load lib/hosts

setup_file() {
    have_bridges && have_images busybox || return 0
    export IMGC_NETWORK=
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    make_hosts n
}

teardown_file() {
    [ -n "${HOST_NS:-}" ] || return 0
    IMGC_NETWORK=none imgc rm -af >/dev/null 2>&1 || true
    remove_hosts
}

setup() {
    require_containers
    require_bridges
    require_images busybox
    export IMGC_NETWORK=
}

# Processes of a test that failed half way.
teardown() {
    kill_started
}

# start NAME OPTION... -- COMMAND...: a container in the background, once it runs.
start() {
    local name=$1 i
    local options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    himgc run --rm --name "$name" "${options[@]}" bb "$@" >"$BATS_TEST_TMPDIR/$name.log" 2>&1 3>&- &
    STARTED="${STARTED:-} $!"
    for i in {1..200}; do
        ! himgc ps --format '{{.Names}}' | grep -qx "$name" || return 0
        sleep 0.05
    done
    cat "$BATS_TEST_TMPDIR/$name.log"
    return 1
}

stop() {
    local name
    for name in "$@"; do
        himgc rm -f "$name" >/dev/null 2>&1 || true # --rm may be faster
        eventually no_container "$name"
    done
}

no_container() {
    ! himgc ps -a --format '{{.Names}}' | grep -qx "$1" || false
}

@test "an interface with addresses of both families, and the way out" {
    run himgc run --rm bb sh -c '
        ip -4 -o addr show eth0; ip -6 -o addr show eth0 scope global
        ip route; ip -6 route; ping -c1 -W5 192.0.2.2; ping -c1 -W5 2001:db8::2'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [[ $output == *"inet 10."*"inet6 fd"*"default via 10."*"default via fd"* ]]
    [[ $output == *"ttl=63"*"ttl=63"* ]]
}

@test "nothing is left after the last container" {
    himgc run --rm bb true
    eventually no_rules
    eventually no_bridge
    eventually no_veth
}

@test "hosts, hostname and resolv.conf" {
    run himgc run --rm --name web --hostname www --add-host 'db:10.1.2.3' --add-host 'gw:host-gateway' \
        --dns 9.9.9.9 --dns-search example.org --dns-option ndots:2 bb \
        sh -c 'cat /etc/hosts /etc/resolv.conf; hostname; ip -4 -o addr show eth0; ping -c1 -W5 gw'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    tab=$(printf '\t')
    [[ $output =~ 10\.[0-9.]+${tab}www\ web\ [0-9a-f]{12} ]]
    [[ $output == *$'10.1.2.3\tdb'* ]]
    [[ $output =~ 10\.[0-9]+\.0\.1${tab}gw ]]
    [[ $output == *$'search example.org\nnameserver 9.9.9.9\noptions ndots:2\nwww\n'* ]]
}

@test "addresses as asked for, and what cannot be" {
    himgc run --rm bb true
    local net
    net=$(himgc run --rm bb ip -4 -o addr show eth0 | grep -oE '10\.[0-9]+\.0' | head -1)
    run himgc run --rm --ip "$net.77" --mac-address 02:11:22:33:44:55 bb ip addr show eth0
    [[ $output == *"02:11:22:33:44:55"*"inet $net.77/"* ]]
    local net6
    net6=$(himgc run --rm bb ip -6 -o addr show eth0 scope global | grep -oE 'fd[0-9a-f:]*::' | head -1)
    if [ -n "$net6" ]; then # the host has IPv6
        run himgc run --rm --ip6 "${net6}77" bb ip -6 -o addr show eth0 scope global
        [[ $output == *"inet6 ${net6}77/"* ]] || { echo "$output"; return 1; }
        assert_fails 125 'not in the subnet' himgc run --rm --ip6 2001:db8::9 bb true
    fi
    assert_fails 125 'not an IPv6 address' himgc run --rm --ip6 10.0.0.7 bb true
    assert_fails 125 "$net.1 is reserved" himgc run --rm --ip "$net.1" bb true
    assert_fails 125 'not in the subnet' himgc run --rm --ip 203.0.113.9 bb true
    assert_fails 125 'not an IPv4 address' himgc run --rm --ip ::1 bb true
    assert_fails 125 'not a MAC' himgc run --rm --mac-address 01:00:00:00:00:00 bb true
    assert_fails 125 "'nosuchnet': no such network" himgc run --rm --network nosuchnet bb true
    assert_fails 125 'needs a network' himgc run --rm --network none -p 80 bb true
    assert_fails 125 'NAME:ADDRESS' himgc run --rm --add-host x bb true
    start first --ip "$net.78" -- sleep 1000
    assert_fails 125 "$net.78.* is taken" himgc run --rm --ip "$net.78" bb true
    stop first
}

@test "containers find each other by name and alias, also those that started earlier" {
    start one --network-alias uno -- sleep 1000
    start two -- sleep 1000
    run himgc run --rm bb sh -c 'ping -c1 -W5 one && ping -c1 -W5 uno && ping -c1 -W5 two'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    local pid
    pid=$(himgc ps --format '{{.Names}} {{.Pid}}' | sed -n 's/^one //p')
    grep -q two "/proc/$pid/root/etc/hosts"
    echo '10.9.9.9 mine' >>"/proc/$pid/root/etc/hosts"
    stop two
    eventually sh -c "! grep -q two /proc/$pid/root/etc/hosts"
    grep -q '10.9.9.9 mine' "/proc/$pid/root/etc/hosts"
    grep -q 'uno' "/proc/$pid/root/etc/hosts"
    stop one
}

@test "a killed launcher leaves nothing that the next command does not sweep" {
    start killed -- sleep 1000
    local pid
    pid=$(himgc ps --format '{{.Names}} {{.Pid}}' | sed -n 's/^killed //p')
    kill -9 "$(ps -o ppid= -p "$pid")"
    eventually no_veth
    IMGC_NETWORK=none himgc run --rm bb true # any command that writes sweeps
    eventually no_rules
    eventually no_bridge
    run himgc run --rm bb ip -4 -o addr show eth0
    [ "$status" -eq 0 ]
    [[ $output == *".0.2/"* ]] # the address is free again
}

@test "rules that somebody flushed are there again for the next container" {
    start keep -- sleep 1000
    host nft flush ruleset
    run himgc run --rm bb ping -c1 -W5 192.0.2.2
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    stop keep
}

# imgc speaks to the kernel itself: what it has said is asked of nft.
@test "nft shows the table of rules as it would its own" {
    local table want
    himgc run -d --name web --ip 10.250.0.2 --network "$(himgc network create --subnet 10.250.0.0/24 --subnet fd00:250::/64 shown)" \
        -p 8080:80 -p 192.0.2.1:53:5353/udp -p '[::]:99:98' bb sleep 1000 >/dev/null
    table=$(host nft list tables | sed -n 's/^table inet \(imgc.*\)/\1/p')
    host nft list table inet "$table" >"$BATS_TEST_TMPDIR/shown"
    want=$(cat <<'END'
elements = { 192.0.2.1 . udp . 53 : 10.250.0.2 . 5353 }
elements = { tcp . 8080 : 10.250.0.2 . 80 }
chain ports {
ip daddr 127.0.0.0/8 return
ip6 daddr ::1 return
ip6 daddr fe80::/10 return
dnat ip to ip daddr . meta l4proto . th dport map @named4
dnat ip6 to ip6 daddr . meta l4proto . th dport map @named6
dnat ip to meta l4proto . th dport map @any4
dnat ip6 to meta l4proto . th dport map @any6
chain nat_in {
fib daddr type local jump ports
chain nat_local {
fib daddr type local jump ports
chain nat_out {
ip saddr 10.250.0.0/24 ip daddr != 224.0.0.0/4 oifname != "BRIDGE" masquerade
ip saddr 10.250.0.0/24 oifname "BRIDGE" ct status dnat masquerade
ip6 saddr fd00:250::/64 ip6 daddr != ff00::/8 oifname != "BRIDGE" masquerade
ip6 saddr fd00:250::/64 oifname "BRIDGE" ct status dnat masquerade
chain forward {
iifname "BRIDGE" oifname "BRIDGE" accept
oifname "BRIDGE" ct state established,related accept
oifname "BRIDGE" ct status dnat accept
oifname "BRIDGE" drop
END
)
    diff <(sed -E 's/^[[:space:]]*//; s/"imgc[0-9]+"/"BRIDGE"/g' "$BATS_TEST_TMPDIR/shown" |
        grep -vE '^(table|comment|map|type|\}|$)' | grep -v 'elements = { tcp . [0-9]* : fd00\|^tcp') \
        <(grep -v '^elements = { tcp . [0-9]* : fd00' <<<"$want")
    # and what it shows means the same when it is read again
    host nft delete table inet "$table"
    host nft -f "$BATS_TEST_TMPDIR/shown"
    diff <(host nft list table inet "$table" | tr -d ' \t\n' | sed 's/elements={[^}]*}//g') \
        <(tr -d ' \t\n' <"$BATS_TEST_TMPDIR/shown" | sed 's/elements={[^}]*}//g')
    himgc rm -f web >/dev/null
    himgc network rm shown >/dev/null
    eventually no_rules
}

@test "the subnet is none that the host uses" {
    local i
    eventually no_bridge
    for i in $(seq 64 87); do host ip route add "10.$i.0.0/16" via 192.0.2.2; done
    assert_fails 125 'uses all subnets' himgc run --rm --network bridge bb true
    run himgc run --rm bb ls /sys/class/net # not asked for: without
    [ "$output" = lo ]
    for i in $(seq 64 87); do host ip route del "10.$i.0.0/16"; done
    host ip route add 10.87.0.0/16 via 192.0.2.2
    run himgc run --rm bb ip -4 -o addr show eth0
    [ "$status" -eq 0 ]
    [[ $output == *"inet 10."* && $output != *"inet 10.87."* ]]
    host ip route del 10.87.0.0/16
}

@test "forty at once, each with its own address" {
    local i pids=()
    for i in {1..40}; do
        himgc run --rm bb ip -4 -o addr show eth0 >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
        pids+=("$!")
    done
    for i in "${pids[@]}"; do wait "$i" || { cat "$BATS_TEST_TMPDIR"/out.*; return 1; }; done
    eventually no_rules
    eventually no_bridge
    [ -z "$(himgc ps -aq)" ]
}
