# SPDX-License-Identifier: Apache-2.0
# Published ports. The host and another host are network namespaces, as in 48_network.bats: the ports
# below are those of that host, where nothing else listens.

load lib/common
load lib/hosts

setup_file() {
    have_bridges && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    export WWW=$BATS_FILE_TMPDIR/www
    mkdir "$WWW"
    echo hello >"$WWW/index.html"
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    make_hosts p
    # Whoever routes over this host may know its containers' addresses, too.
    ip -n "$OUTSIDE_NS" route add 10.64.0.0/10 via 192.0.2.1
    ip -n "$OUTSIDE_NS" -6 route add fd00::/8 via 2001:db8::1
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

# (A function in the background would be a shell whose death its command survives.)
teardown() {
    kill_started
    himgc rm -af >/dev/null 2>&1 || true
    host nft flush ruleset 2>/dev/null || true
}

pid_of() {
    himgc ps --format '{{.Names}} {{.Pid}}' | sed -n "s/^$1 //p"
}

# inside NAME COMMAND...: in the container's network, with this machine's programs.
inside() {
    local name=$1
    shift
    nsenter --net="/proc/$(pid_of "$name")/ns/net" "$@"
}

# serve NAME OPTION...: a container with a web server on port 80, once it answers.
serve() {
    local name=$1
    shift
    himgc run -d --name "$name" -v "$WWW:/www:ro" "$@" bb httpd -f -p 80 -h /www >/dev/null
    eventually inside "$name" curl -fs --max-time 5 http://127.0.0.1/
}

# get HOST:PORT, after `host`, `outside` or `inside NAME`.
fetch() {
    run "$@"
    if [ "$status" -ne 0 ] || [ "$output" != hello ]; then
        echo "$*: $status $output"
        return 1
    fi
}

CURL=(curl -gsS --max-time 10)

# Nobody has a port of the host.
no_sockets() {
    [ -z "$(host ss -Hltnu)" ]
}

no_leases() {
    python3 -c 'import sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("SELECT * FROM network_lease").fetchall()
sys.exit(str(rows) if rows else 0)' "$STORE/imgc.db"
}

# start_echo NAME: answers on port 5353 over UDP with who asks, and what; over TCP with what came.
start_echo() {
    cat >"$BATS_TEST_TMPDIR/echo.py" <<'END'
import socket, threading

def udp(family, address):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, 5353))
    while True:
        data, peer = s.recvfrom(65536)
        s.sendto(peer[0].encode() + b" " + data, peer)

def talk(c):
    kept = b""
    while data := c.recv(65536):
        kept += data
    c.sendall(kept)
    c.close()

def tcp():
    s = socket.create_server(("0.0.0.0", 5353))
    while True:
        threading.Thread(target=talk, args=(s.accept()[0],), daemon=True).start()

threading.Thread(target=udp, args=(socket.AF_INET, "0.0.0.0"), daemon=True).start()
threading.Thread(target=udp, args=(socket.AF_INET6, "::"), daemon=True).start()
tcp()
END
    nsenter --net="/proc/$(pid_of "$1")/ns/net" python3 "$BATS_TEST_TMPDIR/echo.py" 3>&- &
    STARTED="${STARTED:-} $!"
    eventually inside "$1" sh -c 'ss -Hltn | grep -q :5353'
}

# ask ADDRESS: what a UDP server there says; after `host` and the like as `python3 ... ASK`.
ASK='
import socket, sys
a = sys.argv[1]
s = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM)
s.connect((a, 53))
s.settimeout(2)
for i in range(5):
    s.send(b"hi")
    try:
        print(s.recv(100).decode())
        break
    except OSError:
        pass
'

@test "a web server is reached by other hosts, by the host, by containers and by itself" {
    serve web -p 8080:80
    himgc run -d --name other bb sleep 1000
    local gateway address
    gateway=$(host ip -4 -o addr show dev imgc0 | grep -oE '10\.[0-9]+\.0\.1' | head -1)
    for address in 192.0.2.1 '[2001:db8::1]'; do
        fetch outside "${CURL[@]}" "http://$address:8080/"
    done
    for address in 127.0.0.1 127.0.0.9 192.0.2.1 "$gateway" '[::1]' '[2001:db8::1]'; do
        fetch host "${CURL[@]}" "http://$address:8080/"
    done
    for address in 192.0.2.1 "$gateway" '[2001:db8::1]'; do
        fetch inside other "${CURL[@]}" "http://$address:8080/"
        fetch inside web "${CURL[@]}" "http://$address:8080/"
    done
    address=$(host ip -6 -o addr show dev up0 scope link | grep -oE 'fe80[0-9a-f:]+')
    fetch outside "${CURL[@]}" "http://[$address%25up0]:8080/"
}

@test "what is not published, and what is published on one address only" {
    serve web -p 127.0.0.1:8080:80 -p '[::1]:8081:80' -p 192.0.2.1:8082:80 -p 0.0.0.0:8083:80
    fetch host "${CURL[@]}" http://127.0.0.1:8080/
    fetch host "${CURL[@]}" 'http://[::1]:8081/'
    fetch outside "${CURL[@]}" http://192.0.2.1:8082/
    fetch host "${CURL[@]}" http://192.0.2.1:8082/
    fetch outside "${CURL[@]}" http://192.0.2.1:8083/
    fetch host "${CURL[@]}" http://127.0.0.1:8083/
    local url
    for url in http://192.0.2.1:8080/ 'http://[2001:db8::1]:8081/' 'http://[2001:db8::1]:8082/' \
        'http://[2001:db8::1]:8083/'; do
        run outside "${CURL[@]}" "$url"
        [ "$status" -eq 7 ] || { echo "$url: $output"; return 1; }
    done
    run host "${CURL[@]}" http://127.0.0.1:8082/
    [ "$status" -eq 7 ]
    # Nor by the container's own address, nor by a packet to 127.0.0.1 that comes from outside.
    run outside curl -s --max-time 1 "http://$(inside web ip -4 -o addr show eth0 | grep -oE '10\.[0-9.]+' | head -1)/"
    [ "$status" -eq 28 ]
    outside ip link set lo down
    outside ip addr del 127.0.0.1/8 dev lo || true
    outside sysctl -qw net.ipv4.conf.all.route_localnet=1
    outside ip route add 127.0.0.0/8 via 192.0.2.1 src 192.0.2.2
    run outside curl -s --max-time 1 http://127.0.0.1:8080/
    outside ip route del 127.0.0.0/8
    outside ip addr add 127.0.0.1/8 dev lo
    outside ip link set lo up
    [ "$status" -eq 28 ]
    [ "$(host cat /proc/sys/net/ipv4/conf/all/route_localnet /proc/sys/net/ipv4/conf/imgc0/route_localnet)" = $'0\n0' ]
}

@test "UDP, of both families; the container sees who asks from outside" {
    himgc run -d --name dns -p 53:5353/udp bb sleep 1000
    himgc run -d --name other bb sleep 1000
    start_echo dns
    [ "$(outside python3 -c "$ASK" 192.0.2.1)" = '192.0.2.2 hi' ]
    [ "$(outside python3 -c "$ASK" 2001:db8::1)" = '2001:db8::2 hi' ]
    local address
    for address in 127.0.0.1 127.0.0.9 192.0.2.1; do
        [[ $(host python3 -c "$ASK" "$address") == *.*' hi' ]]
    done
    for address in ::1 2001:db8::1; do
        [[ $(host python3 -c "$ASK" "$address") == *:*' hi' ]]
    done
    [[ $(inside other python3 -c "$ASK" 192.0.2.1) == 10.*' hi' ]]
    [[ $(inside dns python3 -c "$ASK" 192.0.2.1) == 10.*' hi' ]]
}

@test "a client over UDP that keeps asking finds the container that is there now" {
    local subnet
    himgc run -d --name dns -p 53:5353/udp bb sleep 1000
    subnet=$(inside dns ip -4 -o addr show eth0 | grep -oE '10\.[0-9]+\.0' | head -1)
    start_echo dns
    local log=$BATS_TEST_TMPDIR/asked
    nsenter --net="/run/netns/$OUTSIDE_NS" python3 -uc '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.2", 40000))
s.settimeout(0.05)
while True:
    try:
        s.sendto(b"hi", ("192.0.2.1", 53))
        s.recv(100)
        print("answer", flush=True)
    except OSError:
        print("none", flush=True)
    time.sleep(0.05)' >>"$log" 3>&- &
    STARTED="${STARTED:-} $!"
    eventually grep -q answer "$log"
    himgc rm -f dns
    himgc run -d --name dns --ip "$subnet.200" -p 53:5353/udp bb sleep 1000
    start_echo dns
    : >"$log"
    eventually grep -q answer "$log"
}

# What the host leads on for others, from an address that is not its own.
@test "a client over UDP of somebody else's address keeps what it asks" {
    local log=$BATS_TEST_TMPDIR/asked address
    himgc run -d --name theirs bb sleep 1000
    start_echo theirs
    address=$(inside theirs ip -4 -o addr show eth0 | grep -oE '10\.[0-9.]+' | head -1)
    host nft -f - <<END
table ip theirs { chain in { type nat hook prerouting priority -90; ip daddr 203.0.113.5 udp dport 53 dnat to $address:5353; }; }
END
    outside ip route add 203.0.113.5/32 via 192.0.2.1
    outside python3 -uc '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.2", 40001))
s.settimeout(0.05)
while True:
    try:
        s.sendto(b"hi", ("203.0.113.5", 53))
        s.recv(100)
        print("answer", flush=True)
    except OSError:
        print("none", flush=True)
    time.sleep(0.05)' >>"$log" 3>&- &
    STARTED="${STARTED:-} $!"
    eventually grep -q answer "$log"
    host nft delete table ip theirs # what goes on is remembered
    : >"$log"
    eventually grep -q answer "$log"
    himgc run -d --name dns -p 53:5353/udp bb sleep 1000
    : >"$log"
    eventually grep -q answer "$log"
    outside ip route del 203.0.113.5/32
    himgc rm -f dns theirs
}

@test "the relay for loopback: much at once, ends, and a server that is not there" {
    himgc run -d --name echo -p 5353:5353 -p 5354:5354 bb sleep 1000
    start_echo echo
    host python3 -c '
import hashlib, os, socket, struct, threading

def talk(n):
    s = socket.create_connection(("127.0.0.1", 5353), 30)
    data = os.urandom(n)
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
    got = b""
    while more := s.recv(65536):
        got += more
    assert got == data, (n, len(got))
    results.append(n)

results = []
threads = [threading.Thread(target=talk, args=(n,)) for n in [0, 1, 5000000] + [70000] * 40]
for t in threads:
    t.start()
for t in threads:
    t.join()
assert len(results) == len(threads)

s = socket.create_connection(("127.0.0.1", 5353), 30)
s.sendall(b"ab")
s.send(b"!", socket.MSG_OOB)
s.sendall(b"cd")
s.shutdown(socket.SHUT_WR)
got = b""
while more := s.recv(100):
    got += more
assert got == b"ab!cd", got

try:
    s = socket.create_connection(("127.0.0.1", 5354), 30)
    assert s.recv(1) == "nobody listens there"
except ConnectionResetError:
    pass
'
    # idle again: a relay that spins would use up its time
    local pid before after
    pid=$(host ss -Hltnp 'sport = :5353' | grep -oE 'pid=[0-9]+' | head -1 | tr -d 'pid=')
    before=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
    sleep 1
    after=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
    [ $((after - before)) -lt 20 ]
}

@test "ranges, free ports, --publish-all; port and ps show them" {
    serve web -p 7000-7002:80-82 -p 7010-7019:90 -p 100/udp
    himgc run -d --name all --expose 80 --expose 5353/udp -P bb sleep 1000
    run himgc port web
    [[ $output =~ ^"80/tcp -> 0.0.0.0:7000
81/tcp -> 0.0.0.0:7001
82/tcp -> 0.0.0.0:7002
90/tcp -> 0.0.0.0:7010
100/udp -> 0.0.0.0:"[0-9]+$ ]]
    [ "$(himgc port web 81)" = 0.0.0.0:7001 ]
    [ "$(himgc port web 90/tcp)" = 0.0.0.0:7010 ]
    [[ $(himgc ps --filter name=web --format '{{.Ports}}') =~ ^'0.0.0.0:7000-7002->80-82/tcp, 0.0.0.0:7010->90/tcp, 0.0.0.0:'[0-9]+'->100/udp'$ ]]
    [[ $(himgc ps --filter name=web --format json) == *'"Ports":'*'0.0.0.0:7010->90/tcp'* ]]
    run himgc port all
    [[ $output =~ ^"80/tcp -> 0.0.0.0:"[0-9]+"
5353/udp -> 0.0.0.0:"[0-9]+$ ]]
    run himgc port -a
    [ "${#lines[@]}" -eq 7 ]
    [[ ${lines[0]} =~ ^[0-9a-f]{12}$'\t''80/tcp -> 0.0.0.0:' ]]
    fetch outside "${CURL[@]}" "http://192.0.2.1:7000/"
    # of a container on several networks, those of one that is reached from outside
    himgc network create --internal inner
    himgc run -d --name both --network inner --network bridge -p 7020:80 bb httpd -f -p 80
    [ "$(himgc port both 80)" = 0.0.0.0:7020 ]
    [ "$(himgc ps --filter name=both --format '{{.Ports}}')" = '0.0.0.0:7020->80/tcp' ]
    himgc rm -f both
    himgc network rm inner
    # the next one of the range, as the first is taken
    himgc run -d --name second -p 7010-7019:90 bb sleep 1000
    [ "$(himgc port second 90)" = 0.0.0.0:7011 ]
    assert_fails 1 "publishes no port '83'" himgc port web 83
    assert_fails 1 "publishes no port '80/udp'" himgc port web 80/udp
    himgc stop -t 0 web
    [ -z "$(himgc port web)" ]
    [ -z "$(himgc ps -a --filter name=web --format '{{.Ports}}')" ]
}

@test "a port that is taken is an error, and nothing is left of the container" {
    nsenter --net="/run/netns/$HOST_NS" python3 -c '
import socket, time
t, u = socket.create_server(("127.0.0.1", 8080)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 8081))
time.sleep(1000)' 3>&- &
    STARTED=$!
    eventually host sh -c 'ss -Hlun | grep -q 8081'
    assert_fails 125 'port 8080/tcp of 0.0.0.0 is taken by another process' \
        himgc run --rm -p 9000:80 -p 8080:80 bb true
    assert_fails 125 'port 8080/tcp of 127.0.0.1 is taken' \
        himgc run -d --name web -p 127.0.0.1:8080:80 bb true
    assert_fails 125 'port 8081/udp of 0.0.0.0 is taken' himgc run --rm -p 8081:80/udp bb true
    assert_fails 125 'port 8080/tcp of 0.0.0.0 is taken' himgc run --rm -p 8078-8080:80-82 bb true
    himgc run --rm -p 8080-8081:80 -p 8080:90/udp -p 192.0.2.1:8080:80 bb true
    [ -z "$(himgc ps -aq)" ]
    eventually no_rules
    no_leases
    [ "$(host ss -Hltnu | wc -l)" -eq 2 ]
    serve web -p 9000:80
    assert_fails 125 'port 9000/tcp is published by container web' \
        himgc run --rm -p 127.0.0.1:9000:80 bb true
    # one that was made stays as it was, and starts when the port is free
    himgc create --name later -p 9000:80 bb sleep 1000
    assert_fails 125 'published by container web' himgc start later
    himgc rm -f web
    himgc start later
    [ "$(himgc port later 80)" = 0.0.0.0:9000 ]
}

@test "nobody else gets a port that is published" {
    serve web -p 8080:80 -p 8080:80/udp
    run host python3 -c 'import socket; socket.create_server(("192.0.2.1", 8080))'
    [[ $output == *'Address already in use'* ]]
    run host python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 8080))'
    [[ $output == *'Address already in use'* ]]
}

@test "ports that cannot be" {
    local bad
    for bad in 0:80 80:0 65536:80 80:65536 8082-8080:80 x 1.2.3.4.5:80:80 ::1:80:80 '' 80/; do
        assert_fails 125 "^Error: -p '$bad'" himgc run --rm -p "$bad" bb true
    done
    assert_fails 125 'different lengths' himgc run --rm -p 8080-8082:80-81 bb true
    assert_fails 125 'tcp and udp can be published' himgc run --rm -p 8080:80/sctp bb true
    assert_fails 125 '8080/tcp of the host is given twice' himgc run --rm -p 8080:80 -p 8080:81 bb true
    assert_fails 125 '8080/tcp of the host is given twice' \
        himgc run --rm -p 127.0.0.1:8080:80 -p 8080:80 bb true
    assert_fails 125 '203.0.113.7 is no address of this host' \
        himgc run --rm -p 203.0.113.7:8080:80 bb true
    assert_fails 125 'more than 4096' himgc run --rm -p 10000-20000:10000-20000 bb true
    himgc run --rm -p 8080:80 -p 8080:80 -p 8080:80/udp bb true
    assert_fails 125 'needs a network' himgc run --rm --network none -p 8080:80 bb true
    assert_fails 125 'needs a network' himgc run --rm --network none -P bb true
    himgc run -d --name peer bb sleep 1000
    assert_fails 125 'needs a network' himgc run --rm --network container:peer -p 8080:80 bb true
    run himgc run --rm --network host -p 8080:80 bb echo ran
    [[ $status -eq 0 && $output == *'no meaning with --network host'*ran ]]
    [ -z "$(himgc ps -aq --filter name=nobody)" ]
}

@test "stop, start and restart publish anew; rm leaves nothing" {
    serve web -p 8080:80 -p 90
    local old
    old=$(himgc port web 90)
    himgc stop -t 0 web
    no_sockets
    run host "${CURL[@]}" http://192.0.2.1:8080/
    [ "$status" -eq 7 ]
    himgc start web
    [ "$(himgc port web 80)" = 0.0.0.0:8080 ]
    [[ $(himgc port web 90) == 0.0.0.0:* ]] || { echo "was $old"; return 1; }
    eventually fetch outside "${CURL[@]}" http://192.0.2.1:8080/
    himgc restart -t 0 web
    eventually fetch outside "${CURL[@]}" http://192.0.2.1:8080/
    eventually fetch host "${CURL[@]}" http://127.0.0.1:8080/
    himgc rm -f web
    no_sockets
    no_leases
    eventually no_rules
}

@test "a killed monitor or launcher gives the ports back; its rules are swept" {
    serve web -p 8080:80
    kill -9 "$(ps -o ppid= -p "$(pid_of web)")"
    eventually no_sockets
    IMGC_NETWORK=none himgc run --rm bb true # any command that writes sweeps
    eventually no_rules
    no_leases
    himgc start web
    eventually fetch outside "${CURL[@]}" http://192.0.2.1:8080/
    himgc rm -f web
    nsenter --net="/run/netns/$HOST_NS" "$IMGC" --root "$STORE" --runroot "$RUNROOT" \
        run --rm --name fg -p 8080:80 bb sleep 1000 >/dev/null 2>&1 3>&- &
    STARTED=$!
    eventually himgc port fg 80
    kill -9 "$(ps -o ppid= -p "$(pid_of fg)")"
    eventually no_sockets
    himgc run --rm -p 8080:80 bb true
}

@test "the process that holds the ports can do nothing else" {
    serve web -p 80:80
    local pid
    pid=$(host ss -Hltnp 'sport = :80' | grep -oE 'pid=[0-9]+' | head -1 | tr -d 'pid=')
    [ "$(cat "/proc/$pid/comm")" = imgc-ports ]
    [ "$(readlink "/proc/$pid/cwd")" = / ]
    grep -q '^CapEff:.0*$' "/proc/$pid/status"
    grep -q '^CapBnd:.0*$' "/proc/$pid/status"
    run ! grep -vE 'socket:|/dev/null|eventpoll|^total' <(ls -l "/proc/$pid/fd")
    if [[ $IMGC == */release/imgc ]]; then # of a release: a sanitizer alone takes more
        local private
        private=$(awk '/^Private_(Clean|Dirty)/ { n += $2 } END { print n }' "/proc/$pid/smaps_rollup")
        echo "private memory: $private kB"
        [ "$private" -lt 2048 ]
    fi
}

forward_rules() {
    host nft list chain "$1" filter FORWARD | grep -c 'comment "forwarding of imgc' || true
}

@test "a host that forwards nothing of its own accord: docker's and ufw's policy" {
    host nft -f - <<'END'
table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; ip saddr 203.0.113.9 accept; }; }
table ip6 filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }
END
    serve web -p 8080:80
    fetch outside "${CURL[@]}" http://192.0.2.1:8080/
    fetch outside "${CURL[@]}" 'http://[2001:db8::1]:8080/'
    himgc exec web ping -c1 -W5 192.0.2.2
    himgc exec web ping -c1 -W5 2001:db8::2
    # still only what is published, and only from our bridge
    run outside curl -s --max-time 1 "http://$(inside web ip -4 -o addr show eth0 | grep -oE '10\.[0-9.]+' | head -1)/"
    [ "$status" -eq 28 ]
    himgc run --rm -p 8081:80 bb true
    [ "$(forward_rules ip)" -eq 2 ] # once, however often they are written
    [ "$(forward_rules ip6)" -eq 2 ]
    # somebody starts anew from what he knows
    host nft flush chain ip filter FORWARD
    himgc network reload --all
    fetch outside "${CURL[@]}" http://192.0.2.1:8080/
    # a policy that accepts needs none
    host nft 'chain ip filter FORWARD { policy accept; }'
    himgc run --rm -p 8081:80 bb true
    [ "$(forward_rules ip)" -eq 0 ]
    host nft 'chain ip filter FORWARD { policy drop; }'
    himgc rm -f web
    eventually sh -c "! nsenter --net=/run/netns/$HOST_NS nft list ruleset | grep -q imgc"
    host nft list ruleset | grep -q 'policy drop'
    host nft flush ruleset
}

@test "the same in iptables' legacy tables" {
    command -v iptables-legacy >/dev/null || skip "iptables-legacy is not installed"
    # Hosts of its own: once a network namespace has such tables, it keeps them.
    ip netns add "imgc-pl$$" || skip "this host forbids network namespaces"
    legacy() { nsenter --net="/run/netns/imgc-pl$$" "$@"; }
    if ! legacy iptables-legacy -P FORWARD DROP || ! legacy ip6tables-legacy -P FORWARD DROP; then
        ip netns del "imgc-pl$$"
        skip "this host's kernel has no legacy iptables"
    fi
    rules() { legacy "$1" -S FORWARD | grep -c 'comment "forwarding of imgc' || true; }
    limgc() { legacy "$IMGC" --root "$BATS_TEST_TMPDIR/store" --runroot "$BATS_TEST_TMPDIR/run" "$@"; }
    legacy iptables-legacy -A FORWARD -s 203.0.113.9 -j ACCEPT
    limgc import "$IMAGES/busybox.tar" bb >/dev/null
    limgc run -d --name one bb sleep 1000
    limgc run --rm -p 8080:80 bb true
    local in4 in6
    in4=$(rules iptables-legacy) in6=$(rules ip6tables-legacy)
    limgc rm -f one
    eventually sh -c "! nsenter --net=/run/netns/imgc-pl$$ iptables-legacy -S FORWARD | grep -q imgc"
    legacy iptables-legacy -S FORWARD | grep -q 203.0.113.9
    ip netns del "imgc-pl$$"
    [ "$in4 $in6" = '2 2' ]
}

@test "a firewall of somebody's own is left alone, and told of" {
    host nft -f - <<'END'
table inet mine { chain pass { type filter hook forward priority 0; policy drop; }; }
END
    run --separate-stderr himgc run --rm bb true
    [ "$status" -eq 0 ]
    local advice
    advice=$(sed -n "s/.*to allow it: nft '\(.*\)'/\1/p" <<<"$stderr")
    [ -n "$advice" ] || { echo "$stderr"; return 1; }
    host nft "$advice"
    run --separate-stderr himgc run --rm bb ping -c1 -W5 192.0.2.2
    [ "$status" -eq 0 ]
    [ -z "$stderr" ] || { echo "$stderr"; return 1; }
    host nft delete table inet mine
    eventually no_rules
}
