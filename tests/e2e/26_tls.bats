# SPDX-License-Identifier: Apache-2.0
# TLS to registries: certs.d folders, --cert-dir, client certificates, what is said of bad ones; and
# proxies, with a real one.

load lib/common

# certificate NAME SUBJECT-ALT-NAME DAYS: $CA signs it.
certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
        -keyout "$DIR/$1.key" -out "$DIR/$1.csr" 2>/dev/null
    printf 'subjectAltName=%s\n' "$2" >"$DIR/ext"
    openssl x509 -req -in "$DIR/$1.csr" -CA "$DIR/ca.crt" -CAkey "$DIR/ca.key" -CAcreateserial -days "$3" \
        -extfile "$DIR/ext" -out "$DIR/$1.crt" 2>/dev/null
}

# serve_tls NAME CERTIFICATE [MORE]: a docker-registry with TLS on the open one's files; its port in port.NAME.
serve_tls() {
    local port
    port=$(free_port)
    printf '%s\n' 'version: 0.1' 'log: {level: info}' \
        "storage: {filesystem: {rootdirectory: $REGISTRY_DATA}}" \
        "http: {addr: \"127.0.0.1:$port\", tls: {certificate: $DIR/$2.crt, key: $DIR/$2.key${3:-}}}" >"$DIR/$1.yml"
    env -u REGISTRY_LOG -u REGISTRY_DATA docker-registry serve "$DIR/$1.yml" >"$DIR/$1.log" 2>&1 3>&- &
    echo $! >>"$DIR/pids"
    wait_port "$port"
    echo "$port" >"$DIR/port.$1"
}

wait_port() {
    for _ in $(seq 200); do
        ! (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || return 0
        sleep 0.1
    done
    echo "nobody listens on port $1"
    return 1
}

setup_file() {
    have_images busybox || return 0
    export DIR=$BATS_FILE_TMPDIR
    start_registry
    push "$IMAGES/busybox:one" bb:v1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=test CA" -days 30 \
        -keyout "$DIR/ca.key" -out "$DIR/ca.crt" 2>/dev/null
    certificate good "IP:127.0.0.1,IP:0.0.0.0,DNS:localhost" 30
    certificate expired "IP:127.0.0.1" -1
    certificate other "DNS:registry.example" 30
    certificate client "DNS:client" 30
    serve_tls good good
    serve_tls expired expired
    serve_tls other other
    serve_tls client good ", clientcas: [$DIR/ca.crt]"
}

teardown_file() {
    local pid
    for pid in $(cat "$BATS_FILE_TMPDIR/pids" 2>/dev/null); do
        kill "$pid" 2>/dev/null || true
    done
    stop_registry
}

setup() {
    require_images busybox
    new_store
    export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/runtime
    unset XDG_CONFIG_HOME DOCKER_CONFIG REGISTRY_AUTH_FILE SSL_CERT_FILE SSL_CERT_DIR
    unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY REQUEST_METHOD
    mkdir "$HOME" "$XDG_RUNTIME_DIR"
    cd "$BATS_TEST_TMPDIR"
    certs=$HOME/.config/containers/certs.d
}

# at NAME: the address of a server.
at() {
    echo "127.0.0.1:$(cat "$DIR/port.$1")"
}

# trust HOST: the folder for it, with the authority in it.
trust() {
    mkdir -p "$certs/$1"
    cp "$DIR/ca.crt" "$certs/$1/"
}

@test "an authority of one's own: unknown at first, then from certs.d and from --cert-dir" {
    local host
    host=$(at good)
    assert_fails 1 "$host is from an unknown authority .*/etc/containers/certs.d/$host/ca.crt.*--cert-dir" \
        imgc pull "$host/bb:v1"
    trust "$host"
    imgc pull "$host/bb:v1"
    imgc rmi "$host/bb:v1"

    rm -r "$certs"
    mkdir own
    cp "$DIR/ca.crt" own/any.crt
    imgc pull --cert-dir own "$host/bb:v1"
    imgc rmi "$host/bb:v1"
    imgc pull --tls-verify=false "$host/bb:v1"
    assert_fails 1 "missing.*No such file" imgc pull --cert-dir missing "$host/bb:v1"
    # plain HTTP is what a port of this machine speaks otherwise: with certificates it is not tried
    assert_fails 1 "127.0.0.1" imgc pull --cert-dir own "$REGISTRY/nosuch:v1"
}

@test "certs.d is for one host and port, and XDG_CONFIG_HOME moves it" {
    local host port
    host=$(at good) port=$(cat "$DIR/port.good")
    trust 127.0.0.1
    trust "localhost:$port"
    assert_fails 1 "unknown authority" imgc pull "$host/bb:v1"
    imgc pull "localhost:$port/bb:v1"
    export XDG_CONFIG_HOME=$PWD/config
    certs=$XDG_CONFIG_HOME/containers/certs.d
    trust "$host"
    imgc pull "$host/bb:v1"
}

@test "SSL_CERT_FILE names the host's authorities" {
    SSL_CERT_FILE=$DIR/ca.crt imgc pull "$(at good)/bb:v1"
    # beside it, certs.d still counts
    imgc rmi "$(at good)/bb:v1"
    trust "$(at good)"
    SSL_CERT_FILE=/dev/null imgc pull "$(at good)/bb:v1"
}

@test "each folder of the host: /etc/containers goes before /etc/docker, the user's before both" {
    require_root_mount
    local host
    host=$(at good)
    mkdir -p etc/containers/certs.d/"$host" etc/docker/certs.d/"$host"
    cp "$DIR/ca.crt" etc/docker/certs.d/"$host/"
    in_etc() {
        unshare --propagation private -m sh -c '
            mkdir -p /etc/containers /etc/docker
            mount -t tmpfs none /etc/containers && mount -t tmpfs none /etc/docker
            cp -r etc/containers/. /etc/containers; cp -r etc/docker/. /etc/docker
            exec "$@"' sh "$IMGC" --root "$STORE" --runroot "$RUNROOT" "$@"
    }
    # the first folder that there is counts, even if it is empty
    assert_fails 1 "unknown authority" in_etc pull "$host/bb:v1"
    rm -r etc/containers/certs.d
    in_etc pull "$host/bb:v1"
    imgc rmi "$host/bb:v1"
    mkdir -p "$certs/$host"
    assert_fails 1 "unknown authority" in_etc pull "$host/bb:v1"
}

@test "a certificate that has expired, and one for another name" {
    trust "$(at expired)"
    trust "$(at other)"
    assert_fails 1 "the certificate of $(at expired) has expired.*renew it.*clock" imgc pull "$(at expired)/bb:v1"
    assert_fails 1 "the certificate of $(at other) is for another name.*use the name" imgc pull "$(at other)/bb:v1"
    imgc pull --tls-verify=false "$(at expired)/bb:v1"
    imgc pull --tls-verify=false "$(at other)/bb:v1"
}

@test "client certificates: wanted, shown, and never one half of a pair" {
    local host
    host=$(at client)
    trust "$host"
    assert_fails 1 "$host ended TLS .*client certificate.*NAME.cert and NAME.key" imgc pull "$host/bb:v1"
    cp "$DIR/client.crt" "$certs/$host/me.cert"
    assert_fails 1 "me.cert without its key me.key; an authority's certificate ends in .crt" imgc pull "$host/bb:v1"
    cp "$DIR/client.key" "$certs/$host/me.key"
    imgc pull "$host/bb:v1"
    imgc rmi "$host/bb:v1"
    imgc pull --cert-dir "$certs/$host" "$host/bb:v1"
    rm "$certs/$host/me.cert"
    assert_fails 1 "key me.key without its certificate me.cert" imgc pull "$host/bb:v1"

    # a key with a passphrase is refused, nobody is asked
    cp "$DIR/client.crt" "$certs/$host/me.cert"
    openssl ec -in "$DIR/client.key" -aes128 -passout pass:x -out "$certs/$host/me.key" 2>/dev/null
    assert_fails 1 "client certificate for $host cannot be used" timeout 20 "$IMGC" --root "$STORE" \
        --runroot "$RUNROOT" pull "$host/bb:v1"
    printf 'no certificate\n' >"$certs/$host/ca.crt"
    assert_fails 1 "ca.crt' holds no certificate" imgc pull "$host/bb:v1"
}

@test "a client certificate is for its registry, not for a token server elsewhere" {
    local own far
    for name in own far; do
        "$E2E_LIB/tls-token-server.py" "$DIR" "$name.seen" >/dev/null 2>&1 3>&- &
        echo $! >>"$DIR/pids"
        for _ in $(seq 200); do
            [ ! -s "$DIR/$name.seen.port" ] || break
            sleep 0.1
        done
    done
    own=127.0.0.1:$(cat "$DIR/own.seen.port")
    far=127.0.0.1:$(cat "$DIR/far.seen.port")
    trust "$own"
    cp "$DIR/client.crt" "$certs/$own/me.cert"
    cp "$DIR/client.key" "$certs/$own/me.key"
    echo "https://$far/token" >"$DIR/own.seen.realm"
    imgc login -u me -p x "$own"
    grep -qx "GET /v2/ client" "$DIR/own.seen"
    grep -q "^GET /token.* nobody$" "$DIR/far.seen"
    ! grep -q " client$" "$DIR/far.seen" || false
    echo "https://$own/token" >"$DIR/own.seen.realm"
    imgc login -u me -p x "$own"
    grep -q "^GET /token.* client$" "$DIR/own.seen"
}

@test "login and run know the same options" {
    local host
    host=$(at good)
    mkdir own
    cp "$DIR/ca.crt" own/
    assert_fails 1 "log in to $host.*unknown authority" imgc login -u me -p x "$host"
    imgc login -u me -p x --cert-dir own "$host"
    imgc logout --tls-verify=false --cert-dir own "$host"
    trust "$host"
    imgc login -u me -p x "$host"
    assert_fails 125 "No such file" imgc create --cert-dir missing "$host/bb:v1"
    imgc create --cert-dir own "$host/bb:v1" true
}

# proxy [LINE...]: tinyproxy; its address in PROXY, its log in proxy.log.
proxy() {
    local port
    command -v tinyproxy >/dev/null || skip "needs tinyproxy"
    port=$(free_port)
    printf '%s\n' "Port $port" "Listen 127.0.0.1" "Timeout 60" "LogLevel Connect" "$@" >proxy.conf
    [ "$(id -u)" != 0 ] || printf 'User root\nGroup root\n' >>proxy.conf
    tinyproxy -d -c proxy.conf >proxy.log 2>&1 3>&- &
    echo $! >>"$DIR/pids"
    wait_port "$port"
    PROXY=127.0.0.1:$port
}

@test "proxies: each scheme's own, all_proxy, either case; this machine and no_proxy without" {
    local secure plain
    proxy
    # 0.0.0.0 is this machine, too, but not by its name
    secure=0.0.0.0:$(cat "$DIR/port.good") plain=0.0.0.0:${REGISTRY##*:}
    seen() { grep -c "CONNECT $1\|GET http://$1/v2" proxy.log || true; }
    trust "$secure"
    for name in https_proxy HTTPS_PROXY all_proxy ALL_PROXY; do
        before=$(seen "$secure")
        env "$name=http://$PROXY" "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull -q "$secure/bb:v1"
        [ "$(seen "$secure")" -gt "$before" ]
    done
    before=$(seen "$secure")
    http_proxy=http://$PROXY imgc pull -q "$secure/bb:v1" # for http alone
    for no in 0.0.0.0 "$secure" 0.0.0.0/8 '*' "a.example, 0.0.0.0"; do
        https_proxy=http://$PROXY no_proxy=$no imgc pull -q "$secure/bb:v1"
    done
    [ "$(seen "$secure")" -eq "$before" ]
    https_proxy=$PROXY no_proxy=0.0.0.0:1,10.0.0.0/8 imgc pull -q "$secure/bb:v1"
    [ "$(seen "$secure")" -gt "$before" ]

    for name in http_proxy HTTP_PROXY; do
        before=$(seen "$plain")
        env "$name=http://$PROXY" "$IMGC" --root "$STORE" --runroot "$RUNROOT" \
            pull -q --tls-verify=false "$plain/bb:v1"
        [ "$(seen "$plain")" -gt "$before" ]
    done
    before=$(seen "$plain")
    REQUEST_METHOD=GET HTTP_PROXY=http://$PROXY imgc pull -q --tls-verify=false "$plain/bb:v1"
    http_proxy=http://$PROXY imgc pull -q "$REGISTRY/bb:v1"
    [ "$(seen "$plain")" -eq "$before" ]
    ! grep -q "127.0.0.1:${REGISTRY##*:}" proxy.log || false
}

@test "a proxy that wants a password gets it, and nobody else sees it" {
    local host
    proxy "BasicAuth user s3cretAt1"
    host=0.0.0.0:$(cat "$DIR/port.good")
    trust "$host"
    # shellcheck disable=SC2031
    https_proxy="http://user:s3cret%41t1@$PROXY" run imgc --log-level debug pull "$host/bb:v1"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output != *s3cret* ]]
    https_proxy="http://user:wr0ng@$PROXY" assert_fails 1 "proxy does not connect.*HTTP 40[17]" \
        imgc pull "$host/bb:v1"
    [[ $stderr != *wr0ng* ]]
    https_proxy="http://$PROXY" assert_fails 1 "proxy does not connect" imgc pull "$host/bb:v1"
    https_proxy="ftp://user:wr0ng@$PROXY" assert_fails 1 "a proxy's address begins with" imgc pull "$host/bb:v1"
    [[ $stderr != *wr0ng* ]]
    https_proxy="http://user:wr0ng@127.0.0.1:$(free_port)" assert_fails 1 "cannot fetch" imgc pull "$host/bb:v1"
    [[ $stderr != *wr0ng* ]]
}
