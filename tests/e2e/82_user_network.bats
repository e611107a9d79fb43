# SPDX-License-Identifier: Apache-2.0
# Networks of ordinary users: pasta and slirp4netns. The host that imgc runs on here, and another one
# outside, are network namespaces; a mount namespace gives users /dev/net/tun, which some hosts close
# to them.

load lib/common
load lib/hosts
load lib/users

have_user_networks() {
    have_users && command -v pasta ip nsenter >/dev/null &&
        unshare -n ip link add v0 type veth peer name v1 2>/dev/null &&
        head -c 0 /dev/net/tun 2>/dev/null
}

# What users see on this host: @1 a directory for its files.
prepare_mounts() {
    mount -t tmpfs -o mode=755 tmpfs /dev/net
    mknod /dev/net/tun c 10 200
    chmod 666 /dev/net/tun
    mount --bind "$1/resolv.conf" "$(readlink -f /etc/resolv.conf)"
}

setup_file() {
    have_user_networks && have_images busybox || return 0
    export IMGC_NETWORK=
    make_users
    export TAB=$'\t'
    local user
    make_hosts u
    echo 'nameserver 192.0.2.2' >"$BATS_FILE_TMPDIR/resolv.conf"
    nsenter --net="/run/netns/$HOST_NS" unshare -m bash -c "$(declare -f prepare_mounts)"'
        prepare_mounts "$1"; echo up >"$1/up"; exec sleep infinity' bash "$BATS_FILE_TMPDIR" \
        >/dev/null 2>&1 3>&- &
    export HOST_PID=$!
    eventually test -s "$BATS_FILE_TMPDIR/up"
    for user in "$RANGED" "$SINGLE"; do
        imgc_as "$user" import "$USERS_HOME/$user/busybox.tar" bb >/dev/null 2>&1
    done
}

teardown_file() {
    local user
    [ -n "${HOST_NS:-}" ] || return 0
    for user in "$RANGED" "$SINGLE"; do imgc_as "$user" rm -af >/dev/null 2>&1 || true; done
    kill "$HOST_PID" || true
    remove_hosts
    remove_users
}

setup() {
    require_users
    have_user_networks || skip "no pasta, veth or /dev/net/tun here"
    require_images busybox
    export IMGC_NETWORK=
}

teardown() {
    kill_started
    # a test that fails leaves its containers to none of the others
    uimgc "$RANGED" rm -f -a >/dev/null 2>&1 || true
}

host() {
    nsenter -t "$HOST_PID" --net --mount "$@"
}

# uimgc USER ARG...: on that host.
uimgc() {
    local user=$1
    shift
    # shellcheck disable=SC2016 # for the shell inside
    host sh -c 'cd / && exec "$@"' sh setpriv --reuid="$user" --regid="$user" --init-groups env -i \
        PATH="$PATH" HOME="$USERS_HOME/$user" ASAN_OPTIONS="${ASAN_OPTIONS:-}" \
        "$USERS_HOME/$user/imgc" "$@"
}

# serve NS-COMMAND ADDRESS PORT: HTTP that says "served".
serve() {
    "$1" python3 -c '
import http.server, socket, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"served\n")
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()' "$2" "$3" >/dev/null 2>&1 3>&- &
    STARTED="${STARTED:-} $!"
    eventually "$1" python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2]))).close()' "$2" "$3"
}

# A shell function for inside: get ADDRESS PORT. Debian's static busybox has no wget that works, and its
# nc would end the connection half with its input.
# shellcheck disable=SC2016,SC2089 # for the shell inside
GET='get() { mkfifo /tmp/f; exec 4<>/tmp/f; printf "GET / HTTP/1.0\r\n\r\n" >&4
    timeout 3 nc "$@" <&4 | grep served; rm /tmp/f; }'

# fetch NS-COMMAND ADDRESS PORT [udp]: what a server says.
fetch() {
    "$1" timeout 10 python3 -c '
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in host else socket.AF_INET
if len(sys.argv) > 3:
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(1)
    for _ in range(8):
        try:
            s.sendto(b"hello\n", (host, port))
            print(s.recvfrom(100)[0].decode(), end="")
            break
        except OSError:
            pass
    else:
        sys.exit(1)
else:
    for _ in range(3): # pasta may lose the first word of a connection
        try:
            s = socket.create_connection((host, port), 3)
            s.sendall(b"hello\n")
            print(s.makefile().readline(), end="")
            break
        except TimeoutError:
            pass
    else:
        sys.exit(1)' "${@:2}"
}

# answer CONTAINER tcp|udp PORT TEXT: to whoever says a word; a process of this host's in the network
# of the container. (pasta of 2023 passes nothing on to a client on another host that has not spoken
# itself.)
answer() {
    nsenter --net -t "$(uimgc "$RANGED" inspect --format '{{.State.Pid}}' "$1")" python3 -c '
import socket, sys
udp = sys.argv[1] == "udp"
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", int(sys.argv[2])))
text = sys.argv[3].encode() + b"\n"
if not udp:
    s.listen(16)
open(sys.argv[4], "w").close()
while True:
    if udp:
        s.sendto(text, s.recvfrom(100)[1])
    else:
        c, _ = s.accept()
        c.recv(100)
        c.sendall(text)
        c.close()' "$2" "$3" "$4" "$BATS_TEST_TMPDIR/listens.$2.$3" >/dev/null 2>&1 3>&- &
    STARTED="${STARTED:-} $!"
    eventually test -e "$BATS_TEST_TMPDIR/listens.$2.$3"
    rm "$BATS_TEST_TMPDIR/listens.$2.$3"
}

# Programs of networks that a user has running.
helpers() {
    local user
    for user in "$RANGED" "$SINGLE"; do pgrep -u "$user" -f '^pasta --fore|^slirp4netns --conf' || true; done
}

no_helpers() {
    [ -z "$(helpers)" ]
}

# What a container leaves: no program, lease or file of the network's.
no_rest() {
    eventually no_helpers
    local user
    for user in "$RANGED" "$SINGLE"; do
        [ -z "$(find "$USERS_HOME/$user/.local/share/imgc/containers" -name 'network-*')" ]
    done
}

@test "by default pasta: the host's addresses, out over both families, nothing left" {
    serve outside 192.0.2.2 7001
    serve outside 2001:db8::2 7001
    for user in "$RANGED" "$SINGLE"; do
        run --separate-stderr uimgc "$user" run --rm bb sh -c "$GET"'
            ip -4 -o addr show eth0; get 192.0.2.2 7001; get 2001:db8::2 7001
            cat /etc/resolv.conf'
        [ "$status" -eq 0 ] || { echo "$output $stderr"; return 1; }
        [[ $output == *"inet 192.0.2.1/24"*served*served*"nameserver 192.0.2.2"* ]]
        [ -z "$stderr" ] || { echo "$stderr"; return 1; }
    done
    no_rest
}

@test "what listens on the host's loopback alone stays closed, unless it is opened" {
    serve host 127.0.0.1 7002
    local address said=$BATS_TEST_TMPDIR/said pids=()
    for address in 127.0.0.1 192.0.2.1 192.0.2.2 169.254.1.1; do # at once: some take their time limit
        uimgc "$RANGED" run --rm bb sh -c "$GET; get $address 7002; echo tried" >"$said.$address" 2>&1 3>&- &
        pids+=("$!")
    done
    wait "${pids[@]}"
    for address in 127.0.0.1 192.0.2.1 192.0.2.2 169.254.1.1; do
        [ "$(grep -xE 'served|tried' "$said.$address")" = tried ] || { cat "$said.$address"; return 1; }
    done
    run uimgc "$RANGED" run --rm --network pasta:-T,7002 bb sh -c "$GET; get 127.0.0.1 7002"
    [[ $output == *served* ]] || { echo "$output"; return 1; }
    run uimgc "$RANGED" run --rm --network pasta:--map-gw bb sh -c "$GET; get 192.0.2.2 7002"
    [[ $output == *served* ]] || { echo "$output"; return 1; }
}

@test "nothing inside is reached from outside but published ports" {
    uimgc "$RANGED" run -d --name open bb sleep 1000 >/dev/null 3>&-
    answer open tcp 7003 inside
    [ "$(uimgc "$RANGED" exec -i open nc 127.0.0.1 7003 <<<hello)" = inside ]
    run fetch outside 192.0.2.1 7003
    [[ $output != *inside* ]]
    run fetch host 127.0.0.1 7003
    [[ $output != *inside* ]]
    uimgc "$RANGED" rm -f open
    no_rest
}

@test "-p: TCP, UDP, one address, ranges, any port, from outside and from the host" {
    uimgc "$RANGED" run -d --name web -p 7010:80 -p 127.0.0.1:7011:80 -p 7012-7013:82-83 \
        -p '[2001:db8::1]:7014:80' -p 7015:85/udp -p 80 --expose 80 -P bb sleep 1000 >/dev/null 3>&-
    answer web tcp 80 "port 80"
    answer web tcp 82 "port 82"
    answer web tcp 83 "port 83"
    answer web udp 85 datagram
    [ "$(fetch outside 192.0.2.1 7010)" = "port 80" ]
    [ "$(fetch host 127.0.0.1 7010)" = "port 80" ]
    [ "$(fetch outside 2001:db8::1 7010)" = "port 80" ]
    [ "$(fetch host 127.0.0.1 7011)" = "port 80" ]
    run fetch outside 192.0.2.1 7011
    [ "$status" -ne 0 ]
    [ "$(fetch outside 192.0.2.1 7012)" = "port 82" ]
    [ "$(fetch outside 192.0.2.1 7013)" = "port 83" ]
    [ "$(fetch outside 2001:db8::1 7014)" = "port 80" ]
    run fetch outside 192.0.2.1 7014
    [ "$status" -ne 0 ]
    [ "$(fetch outside 192.0.2.1 7015 udp)" = datagram ]
    # any port, as ps and port tell
    run uimgc "$RANGED" port web
    [[ $output == *"80/tcp -> 0.0.0.0:7010"*"85/udp -> 0.0.0.0:7015"* ]] || { echo "$output"; return 1; }
    [[ "$(uimgc "$RANGED" ps --format '{{.Ports}}')" == *"0.0.0.0:7010->80/tcp"* ]]
    local any
    any=$(uimgc "$RANGED" port web 80/tcp | sed -n 's/^0.0.0.0:\([0-9]*\)$/\1/p' | grep -v '^70' | head -n 1)
    [ "$(fetch outside 192.0.2.1 "$any")" = "port 80" ]
    uimgc "$RANGED" stop -t 1 web
    no_rest
    # started again, the ports are its own again
    uimgc "$RANGED" start web >/dev/null 3>&-
    answer web tcp 80 again
    [ "$(fetch outside 192.0.2.1 7010)" = again ]
    uimgc "$RANGED" rm -f web
    no_rest
}

@test "a taken port is told by its name, and nothing is left" {
    serve host 0.0.0.0 7020
    assert_fails 125 'port 7020/tcp .*is taken' uimgc "$RANGED" run --rm -p 7020:80 bb true
    assert_fails 125 7021 uimgc "$RANGED" run --rm -p 7021:80 -p 7021:81 bb true
    assert_fails 125 '203.0.113.1 is no address' uimgc "$RANGED" run --rm -p 203.0.113.1:80:80 bb true
    assert_fails 125 'port 80/tcp is root.s .*ip_unprivileged_port_start' \
        uimgc "$RANGED" run --rm -p 80:80 bb true
    run uimgc "$RANGED" run -d --name next -p 7020-7021:80 bb sleep 1000 3>&-
    [ "$status" -eq 0 ]
    assert_fails 125 'no port of 7020-7021/tcp' uimgc "$RANGED" run --rm -p 7020-7021:80 bb true
    uimgc "$RANGED" rm -f next
    no_rest
    [ -z "$(uimgc "$RANGED" ps -aq)" ]
}

@test "names are found where the host asks a server on its loopback" {
    # shellcheck disable=SC2016 # for the shell inside
    host python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.53", 53))
while True:
    q, a = s.recvfrom(512)
    end = q.index(b"\0", 12) + 5
    four = q[end - 3] == 1
    s.sendto(q[:2] + b"\x81\x80\0\1\0" + (b"\1" if four else b"\0") + b"\0\0\0\0" + q[12:end] +
             (b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x63" if four else b""), a)' >/dev/null 2>&1 3>&- &
    STARTED="${STARTED:-} $!"
    echo 'nameserver 127.0.0.53' >"$BATS_FILE_TMPDIR/resolv.conf"
    for network in pasta slirp4netns; do
        command -v "$network" >/dev/null || continue
        run uimgc "$RANGED" run --rm --network "$network" bb sh -c '
            cat /etc/resolv.conf; until nslookup some.name; do sleep 0.2; done'
        [[ $output == *"Address"*192.0.2.99* ]] || { echo "$network: $output"; return 1; }
    done
    echo 'nameserver 192.0.2.2' >"$BATS_FILE_TMPDIR/resolv.conf"
    run uimgc "$RANGED" run --rm --dns 9.9.9.9 bb cat /etc/resolv.conf
    [ "$output" = 'nameserver 9.9.9.9' ]
}

@test "a killed imgc takes the network with it, and the next command its lease" {
    uimgc "$RANGED" run --rm --name killed -p 7030:80 bb sh -c 'echo up; exec sleep 1000' \
        >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    eventually grep -q up "$BATS_TEST_TMPDIR/out"
    [ -n "$(helpers)" ]
    local pid
    pid=$(uimgc "$RANGED" ps --format '{{.Pid}}')
    kill -9 "$(ps -o ppid= -p "$pid")"
    no_rest
    uimgc "$RANGED" run --rm -p 7030:80 bb true
    # a detached one
    uimgc "$RANGED" run -d --name killed -p 7030:80 bb sleep 1000 >/dev/null 3>&-
    pid=$(uimgc "$RANGED" inspect --format '{{.State.Pid}}' killed)
    kill -9 "$(ps -o ppid= -p "$pid")"
    no_rest
    uimgc "$RANGED" rm -f killed
    [ -z "$(uimgc "$RANGED" ps -aq)" ]
}

@test "a killed pasta harms nobody else; the container goes on" {
    uimgc "$RANGED" run -d --name on bb sleep 1000 >/dev/null 3>&-
    # shellcheck disable=SC2046 # words
    kill -9 $(helpers)
    [ "$(uimgc "$RANGED" exec on echo alive)" = alive ]
    uimgc "$RANGED" rm -f on
    no_rest
}

@test "slirp4netns: out, and ports" {
    command -v slirp4netns >/dev/null || skip "no slirp4netns"
    serve outside 192.0.2.2 7040
    serve host 127.0.0.1 7041
    for user in "$RANGED" "$SINGLE"; do
        run uimgc "$user" run --rm --network slirp4netns:mtu=1500 bb sh -c "$GET"'
            ip link show eth0; get 192.0.2.2 7040; get 10.0.2.2 7041; true'
        [ "$status" -eq 0 ] || { echo "$output"; return 1; }
        [[ $output == *"mtu 1500"*served* ]] || { echo "$output"; return 1; }
        [ "$(grep -c served <<<"$output")" = 1 ]
    done
    uimgc "$RANGED" run -d --name slirp --network slirp4netns -p 7042:80 -p 7043:80/udp \
        bb sleep 1000 >/dev/null 3>&-
    answer slirp tcp 80 tcp
    answer slirp udp 80 udp
    [ "$(fetch outside 192.0.2.1 7042)" = tcp ]
    [ "$(fetch outside 192.0.2.1 7043 udp)" = udp ]
    assert_fails 125 'IPv6' uimgc "$RANGED" run --rm --network slirp4netns -p '[::1]:7044:80' bb true
    local pid
    pid=$(uimgc "$RANGED" inspect --format '{{.State.Pid}}' slirp)
    kill -9 "$(ps -o ppid= -p "$pid")"
    no_rest
    uimgc "$RANGED" rm -f slirp
}

# without PROGRAM... -- COMMAND...: where these are not installed.
without() {
    local script='mount -t tmpfs none /mnt; : >/mnt/none; '
    while [ "$1" != -- ]; do
        script+="mount --bind /mnt/none $(command -v "$1"); "
        shift
    done
    shift
    host unshare -m sh -c "$script"'exec "$@"' sh "$@"
}

@test "without pasta slirp4netns, without both one line of advice, once" {
    plain() {
        # shellcheck disable=SC2016 # for the shell inside
        without "${gone[@]}" -- sh -c 'cd / && exec "$@"' sh setpriv --reuid="$RANGED" --regid="$RANGED" \
            --init-groups env -i PATH="$PATH" HOME="$USERS_HOME/$RANGED" \
            ASAN_OPTIONS="${ASAN_OPTIONS:-}" "$USERS_HOME/$RANGED/imgc" "$@"
    }
    local gone=(pasta)
    if command -v slirp4netns >/dev/null; then
        run plain run --rm bb ip -4 -o addr show eth0
        [[ $output == *"inet 10.0.2.100/24"* ]] || { echo "$output"; return 1; }
        gone+=(slirp4netns)
    fi
    run --separate-stderr plain run --rm bb ls /sys/class/net
    [ "$status" -eq 0 ]
    [ "$output" = lo ]
    [[ $stderr == *"no network: "*"package passt"*"--network host"* ]] || { echo "$stderr"; return 1; }
    run --separate-stderr plain run --rm bb ls /sys/class/net
    [ "$output" = lo ]
    [ -z "$stderr" ]
    assert_fails 125 'pasta is not installed \(package passt\)' plain run --rm --network pasta bb true
    assert_fails 125 'package passt, or slirp4netns' plain run --rm -p 7050:80 bb true
}

@test "a closed /dev/net/tun is told with the remedy" {
    host chmod 600 /dev/net/tun
    assert_fails 125 'closed to you: .*chmod 666' uimgc "$SINGLE" run --rm --network pasta bb true
    run --separate-stderr uimgc "$SINGLE" run --rm bb ls /sys/class/net
    [ "$output" = lo ]
    [[ $stderr == *"chmod 666 /dev/net/tun"* ]]
    host chmod 666 /dev/net/tun
}

@test "what a user's network cannot be is one line" {
    assert_fails 125 'only root has networks with bridges' uimgc "$RANGED" run --rm --network bridge bb true
    assert_fails 125 'chosen by imgc' uimgc "$RANGED" run --rm --network pasta:--netns,/x bb true
    assert_fails 125 "'x=1': there are" uimgc "$RANGED" run --rm --network slirp4netns:x=1 bb true
    assert_fails 125 'needs a network' uimgc "$RANGED" run --rm --ip 10.1.2.3 bb true
    assert_fails 125 'pasta: .*nonsense' uimgc "$RANGED" run --rm --network pasta:--nonsense bb true
    new_store
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    assert_fails 125 'for ordinary users: root has bridge' imgc run --rm --network pasta bb true
    no_rest
}

@test "twenty at once, each with its port" {
    local i pids=()
    for i in {1..20}; do
        uimgc "$RANGED" run --rm -p 80 bb true >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
        pids+=("$!")
    done
    for i in "${pids[@]}"; do wait "$i" || { cat "$BATS_TEST_TMPDIR"/out.*; return 1; }; done
    no_rest
}
