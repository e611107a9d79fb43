# SPDX-License-Identifier: Apache-2.0
# The network commands, several networks for a container, and what inspect and ps tell of them. As in
# 48_network.bats the host and what is outside are network namespaces.

load lib/common
load lib/hosts

setup_file() {
    have_bridges && have_images busybox || return 0
    export IMGC_NETWORK=
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    make_hosts c
}

teardown_file() {
    [ -n "${HOST_NS:-}" ] || return 0
    himgc rm -af >/dev/null 2>&1 || true
    remove_hosts
}

setup() {
    require_containers
    require_bridges
    require_images busybox
    export IMGC_NETWORK=
}

teardown() {
    [ -n "${HOST_NS:-}" ] || return 0
    himgc rm -af >/dev/null 2>&1 || true
    himgc network prune -f >/dev/null 2>&1 || true
}

# start NAME OPTION...: a container that only waits.
start() {
    local name=$1
    shift
    himgc run -d --name "$name" "$@" bb sleep 1000 >/dev/null
}

# reaches FROM TO...
reaches() {
    local from=$1 to
    shift
    for to in "$@"; do
        himgc exec "$from" ping -c1 -W5 "$to" >/dev/null || { echo "$from does not reach $to"; return 1; }
    done
}

# reaches_not FROM ADDRESS [FROM ADDRESS]...: at once, as each takes a second.
reaches_not() {
    local pids=() pid
    while [ $# -gt 0 ]; do
        himgc exec "$1" sh -c "ping -c1 -W1 $2 >/dev/null 2>&1 && echo $1 reaches $2; test -e /bin/sh" 3>&- &
        pids+=("$!")
        shift 2
    done >"$BATS_TEST_TMPDIR/reached" 2>&1
    for pid in "${pids[@]}"; do wait "$pid" || { cat "$BATS_TEST_TMPDIR/reached"; return 1; }; done
    cat "$BATS_TEST_TMPDIR/reached"
    [ ! -s "$BATS_TEST_TMPDIR/reached" ]
}

address() {
    himgc inspect -f "{{.NetworkSettings.Networks.$2.IPAddress}}" "$1"
}

@test "create, ls, inspect, rm: as podman shows them" {
    run himgc network create --subnet 10.200.1.0/24 --gateway 10.200.1.254 --ip-range 10.200.1.128/25 \
        --label tier=back --opt mtu=1400 -o com.docker.network.bridge.name=nb0 --internal --disable-dns one
    [ "$status" -eq 0 ] && [ "$output" = one ]
    [ "$(himgc network create --ipv6 two)" = two ]
    [ "$(himgc network create --ignore two)" = two ]
    run himgc network ls --noheading --no-trunc
    [[ ${lines[0]} =~ ^[0-9a-f]{64}\ +bridge\ +bridge ]]
    [[ ${lines[1]} =~ \ one\ +bridge ]]
    [ "$(himgc network ls -q | tr '\n' ' ')" = "bridge one two " ]
    [ "$(himgc network ls -q --filter label=tier=back)" = one ]
    [ "$(himgc network ls -q --filter name=tw)" = two ]
    run himgc network inspect one
    [ "$(jq -r '.[0] | "\(.subnets[0].subnet) \(.subnets[0].gateway) \(.subnets[0].lease_range.start_ip)"' <<<"$output")" = \
        "10.200.1.0/24 10.200.1.254 10.200.1.128" ]
    [ "$(jq -r '.[0] | "\(.network_interface) \(.internal) \(.dns_enabled) \(.labels.tier) \(.options.mtu)"' <<<"$output")" = \
        "nb0 true false back 1400" ]
    [ "$(himgc network inspect -f '{{.Name}} {{.Driver}} {{(index .IPAM.Config 0).Gateway}}' one)" = "one bridge 10.200.1.254" ]
    run himgc network inspect -f '{{len .Subnets}} {{.IPv6Enabled}}' two
    [ "$output" = "2 true" ]
    [ "$(himgc info -f '{{.Networks}}')" = 3 ]
    run himgc run --rm --network one bb sh -c 'ip -4 -o addr show eth0; cat /sys/class/net/eth0/mtu; ip route'
    [[ $output == *"inet 10.200.1.128/24"*1400* && $output != *default* ]]
    local id
    id=$(himgc network inspect -f '{{.ID}}' one)
    [ "$(himgc network rm "${id:0:12}" two | wc -l)" = 2 ]
    [ "$(himgc network ls -q)" = bridge ]
    assert_fails 1 'no such network: one' himgc network inspect one
    assert_fails 1 'default network' himgc network rm bridge
}

@test "what cannot be made is one line that names it" {
    himgc network create --subnet 10.200.2.0/24 one >/dev/null
    assert_fails 125 "network named 'one' exists" himgc network create one
    assert_fails 125 "10.200.2.128/25 overlaps 10.200.2.0/24 of network 'one'" himgc network create --subnet 10.200.2.128/25 two
    assert_fails 125 '192.0.2.0/25 is in use on this host' himgc network create --subnet 192.0.2.0/25 two
    assert_fails 125 "'10.200.3.0': not a subnet" himgc network create --subnet 10.200.3.0 two
    assert_fails 125 "'10.200.3.0/33': not a subnet" himgc network create --subnet 10.200.3.0/33 two
    assert_fails 125 '8 to 30 bits' himgc network create --subnet 10.200.3.0/31 two
    assert_fails 125 'reserved' himgc network create --subnet 127.1.0.0/16 two
    assert_fails 125 'one of IPv4' himgc network create --subnet 10.200.3.0/24 --subnet 10.200.4.0/24 two
    assert_fails 125 'not in the subnet' himgc network create --subnet 10.200.3.0/24 --gateway 10.200.4.1 two
    assert_fails 125 'broadcast' himgc network create --subnet 10.200.3.0/24 --gateway 10.200.3.255 two
    assert_fails 125 'only with a --subnet' himgc network create --gateway 10.200.4.1 two
    assert_fails 125 'not in an IPv4 --subnet' himgc network create --subnet 10.200.3.0/24 --ip-range 10.200.4.0/25 two
    assert_fails 125 'over 15 characters' himgc network create --interface-name a-name-too-long- two
    assert_fails 125 "interface named 'up0'" himgc network create -o com.docker.network.bridge.name=up0 two
    assert_fails 125 'mtu .*68 to 65535' himgc network create -o mtu=67 two
    assert_fails 125 'kept apart' himgc network create -o isolate=false two
    assert_fails 125 "there are mtu=" himgc network create -o nosuch=1 two
    assert_fails 125 "the only one is bridge" himgc network create -d macvlan two
    assert_fails 125 'means something else' himgc network create none
    assert_fails 125 "letters, digits" himgc network create 'a b'
    [ "$(himgc network ls -q | tr '\n' ' ')" = "bridge one " ]
    assert_fails 125 "'two': no such network" himgc run --rm --network two bb true
    assert_fails 125 'given twice' himgc run --rm --network one --network one bb true
    assert_fails 125 'not beside other networks' himgc run --rm --network one --network host bb true
    assert_fails 125 'ip=, ip6=, mac= and alias=' himgc run --rm --network one:nosuch=1 bb true
    assert_fails 125 'addresses go with the name' himgc run --rm --network one --network bridge --ip 10.200.2.9 bb true
}

@test "a network of four addresses has one container" {
    himgc network create --subnet 10.200.5.0/30 tiny >/dev/null
    start only --network tiny
    [ "$(address only tiny)" = 10.200.5.2 ]
    assert_fails 125 "'tiny' has no free address in 10.200.5.0/30" himgc run --rm --network tiny bb true
    assert_fails 125 '10.200.5.2.* is taken' himgc run --rm --network tiny:ip=10.200.5.2 bb true
}

@test "containers of one network find each other by name; those of another are not reached, nor known" {
    himgc network create front >/dev/null
    himgc network create back >/dev/null
    start web --network front --network-alias www
    start app --network front --network back:alias=logic,mac=02:11:22:33:44:55
    start sql --network back
    start alone
    reaches web app app www
    reaches app web sql www
    reaches sql app logic
    reaches web 192.0.2.2
    run himgc exec web cat /etc/hosts
    [[ $output != *sql* && $output != *logic* && $output != *alone* ]]
    run himgc exec sql cat /etc/hosts
    [[ $output != *web* && $output != *www* ]]
    reaches_not web "$(address sql back)" sql "$(address web front)" \
        alone "$(address web front)" web "$(address alone bridge)"
    [ "$(himgc exec app cat /sys/class/net/eth1/address)" = 02:11:22:33:44:55 ]
}

@test "a renamed container is found by its new name, on each of its networks" {
    himgc network create front >/dev/null
    himgc network create back >/dev/null
    start web --network front
    start app --network front --network back:alias=logic
    start sql --network back
    himgc rename app engine
    reaches web engine
    reaches sql engine logic
    reaches engine web sql
    run himgc exec web cat /etc/hosts
    [[ $output != *app* ]]
    start late --network back
    reaches late engine logic
}

@test "an internal network has no way out, and no way in" {
    himgc network create --internal --subnet 10.200.6.0/24 cell >/dev/null
    start a --network cell
    start b --network cell
    reaches a b
    reaches_not a 192.0.2.2
    himgc exec a ip route add default via 10.200.6.1 2>/dev/null || true # needs NET_ADMIN
    himgc run --rm --network cell --cap-add NET_ADMIN bb sh -c \
        'ip route add default via 10.200.6.1 && ! ping -c1 -W1 192.0.2.2'
    # with a second network that has one, that is the way
    run himgc run --rm --network cell --network bridge bb sh -c 'ping -c1 -W5 a && ping -c1 -W5 192.0.2.2'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

@test "a network that a container is for stays, unless by force" {
    himgc network create mine >/dev/null
    himgc create --name later --network mine bb true >/dev/null
    start now --network mine
    assert_fails 2 'network mine is used by .*now.*later|network mine is used by .*later.*now' himgc network rm mine
    run himgc network prune -f
    [ -z "$output" ]
    [ "$(himgc network ls -q --filter dangling=false)" = mine ]
    himgc rm -f now >/dev/null
    assert_fails 2 'used by later' himgc network rm mine
    himgc network rm -f mine
    [ -z "$(himgc ps -aq)" ]
    [ "$(himgc network ls -q)" = bridge ]
    himgc network create x >/dev/null
    [[ $(himgc network prune -f) == *"Deleted Networks:"*x* ]]
    assert_fails 1 'there is no terminal' himgc network prune
}

@test "reload puts back a flushed firewall and a deleted bridge" {
    himgc network create --subnet 10.200.7.0/24 --interface-name rl0 one >/dev/null
    start a --network one --network bridge
    start b --network one
    host nft flush ruleset
    run himgc network reload a
    [ "$output" = "$(himgc inspect -f '{{.Id}}' a)" ]
    reaches a 192.0.2.2 b
    host ip link del rl0
    reaches_not a b
    himgc network reload --all
    reaches a b 192.0.2.2
    host ip link del "$(host ip -o link show master rl0 | sed -n '1s/^[0-9]*: \([^@:]*\).*/\1/p')"
    himgc network reload --all
    reaches a b 192.0.2.2
    reaches b a 192.0.2.2
    himgc network reload --all # nothing to do
    reaches a b
    assert_fails 1 'takes containers, or --all' himgc network reload
    assert_fails 1 'no such container' himgc network reload nosuch
}

@test "connect and disconnect: containers that run, and ones that do not" {
    himgc network create --subnet 10.200.8.0/24 one >/dev/null
    start a
    start b --network one
    reaches_not a "$(address b one)"
    run himgc exec a grep -w b /etc/hosts # by name it would ask a server that is not there
    [ "$status" -eq 1 ]
    himgc network connect --ip 10.200.8.77 --alias late one a
    reaches a b
    reaches b late
    reaches a 192.0.2.2
    [ "$(address a one)" = 10.200.8.77 ]
    [ "$(himgc ps --filter name=a --format '{{.Networks}}')" = bridge,one ]
    assert_fails 1 'already' himgc network connect one a
    himgc restart -t 0 a >/dev/null
    reaches b late
    himgc network disconnect bridge a
    reaches a b 192.0.2.2 # the way out is the network that is left
    assert_fails 1 'only network' himgc network disconnect one a
    assert_fails 1 'not on network bridge' himgc network disconnect bridge a
    himgc create --name c bb ip -4 -o addr >/dev/null
    himgc network connect one c
    run himgc start -a c
    [[ $output == *eth0*eth1*"inet 10.200.8."* ]]
    himgc create --name h --network host bb true >/dev/null
    assert_fails 1 'made without a network' himgc network connect one h
    assert_fails 1 'no such network' himgc network connect nosuch c
}

@test "inspect and ps tell the networks" {
    himgc network create --ipv6 --subnet 10.200.9.0/24 one >/dev/null
    start a --network one:ip=10.200.9.20,mac=02:00:00:00:00:20 --network bridge -p 127.0.0.1::80
    himgc create --name later --network one bb true >/dev/null
    run himgc inspect a
    local j=$output pid
    [ "$(jq -r '.[0].NetworkSettings | "\(.IPAddress)/\(.IPPrefixLen) \(.Gateway) \(.MacAddress)"' <<<"$j")" = \
        "10.200.9.20/24 10.200.9.1 02:00:00:00:00:20" ]
    [[ $(jq -r '.[0].NetworkSettings.GlobalIPv6Address' <<<"$j") == fd*::* ]]
    [ "$(jq -r '.[0].NetworkSettings.Networks | keys | join(",")' <<<"$j")" = bridge,one ]
    [ "$(jq -r '.[0].NetworkSettings.Networks.one.NetworkID' <<<"$j")" = "$(himgc network inspect -f '{{.Id}}' one)" ]
    [ "$(jq -r '.[0].NetworkSettings.Ports["80/tcp"][0].HostIp' <<<"$j")" = 127.0.0.1 ]
    [ "$(jq -r '.[0].HostConfig.PortBindings["80/tcp"][0].HostIp' <<<"$j")" = 127.0.0.1 ]
    [ "$(jq -r '.[0].HostConfig.NetworkMode' <<<"$j")" = one ]
    pid=$(jq -r '.[0].State.Pid' <<<"$j")
    [ "$(jq -r '.[0].NetworkSettings.SandboxKey' <<<"$j")" = "/proc/$pid/ns/net" ]
    [ "$(himgc inspect -f '{{.NetworkSettings.IPAddress}}|{{len .NetworkSettings.Networks}}' later)" = "|1" ]
    [ "$(himgc ps -a --filter network=one --format '{{.Names}} {{.Networks}}' | sort | tr '\n' ' ')" = "a one,bridge later one " ]
    local id
    id=$(himgc network inspect -f '{{.ID}}' one)
    [ "$(himgc ps -q --filter "network=${id:0:12}")" = "$(himgc ps -q --filter name=a)" ]
    [ "$(himgc network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}' one)" = "a 10.200.9.20/24" ]
    himgc inspect a | jq -e --arg id "$(himgc inspect -f '{{.Id}}' a)" '.[0].Id == $id' >/dev/null
}

@test "twenty on a network of their own, and nothing is left of it" {
    himgc network create crowd >/dev/null
    local i pids=()
    for i in {1..20}; do
        himgc run --rm --network crowd --network bridge bb ip -4 -o addr >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
        pids+=("$!")
    done
    for i in "${pids[@]}"; do wait "$i" || { cat "$BATS_TEST_TMPDIR"/out.*; return 1; }; done
    eventually no_rules
    eventually no_bridge
    eventually no_veth
    himgc network rm crowd
}
