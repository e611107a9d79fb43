# SPDX-License-Identifier: Apache-2.0
# Registries that want to know who asks: docker-registry with passwords and with tokens.

load lib/common

# serve NAME AUTH: a docker-registry with the auth section AUTH in front of the files of the open one.
serve() {
    local dir=$BATS_FILE_TMPDIR/$1 port
    mkdir -p "$dir"
    port=$(free_port)
    printf '%s\n' 'version: 0.1' 'log: {level: info}' \
        "storage: {filesystem: {rootdirectory: $REGISTRY_DATA}}" "http: {addr: \"127.0.0.1:$port\"}" \
        "auth: $2" >"$dir/config.yml"
    # its own variables of that name would go before the file
    env -u REGISTRY_LOG -u REGISTRY_DATA docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/pids"
    for _ in $(seq 100); do
        ! curl -s "http://127.0.0.1:$port/v2/" >/dev/null || break
        sleep 0.1
    done
    echo "127.0.0.1:$port"
}

setup_file() {
    have_images busybox || return 0
    start_registry
    push "$IMAGES/busybox:one" private/bb:v1
    push "$IMAGES/busybox:one" public/bb:v1
    perl -e 'printf "user:%s\n", crypt("secret", "\$2b\$05\$abcdefghijklmnopqrstuu")' >"$BATS_FILE_TMPDIR/htpasswd"
    BASIC=$(serve basic "{htpasswd: {realm: test, path: $BATS_FILE_TMPDIR/htpasswd}}")
    "$E2E_LIB/token-server.py" "$BATS_FILE_TMPDIR" 2>/dev/null 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/pids"
    for _ in $(seq 100); do
        [ ! -s "$BATS_FILE_TMPDIR/port" ] || break
        sleep 0.1
    done
    TOKEN=$(serve token "{token: {realm: \"http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")/token\", service: test-service, issuer: test-issuer, rootcertbundle: $BATS_FILE_TMPDIR/root.crt}}")
    export BASIC TOKEN
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
    unset XDG_CONFIG_HOME DOCKER_CONFIG REGISTRY_AUTH_FILE
    mkdir "$HOME" "$XDG_RUNTIME_DIR"
    cd "$BATS_TEST_TMPDIR"
    auth=$XDG_RUNTIME_DIR/containers/auth.json
}

# assert_fails STATUS TEXT COMMAND...
assert_fails() {
    local want=$1 text=$2
    shift 2
    run "$@"
    [ "$status" -eq "$want" ] && [[ $output == *"$text"* ]] || { echo "$status: $output"; return 1; }
    [[ $output != *secret* && $output != *c2VjcmV0* ]] # nor in base64
}

login() {
    printf '%s\n' "$3" | imgc login -u "$2" --password-stdin "${@:4}" "$1"
}

@test "passwords: refused without, once with --creds, kept by login, forgotten by logout" {
    assert_fails 1 "HTTP 401" imgc pull "$BASIC/private/bb:v1"
    assert_fails 1 "HTTP 401" imgc pull --creds user:wrong "$BASIC/private/bb:v1"
    imgc pull --creds user:secret "$BASIC/private/bb:v1"
    [ ! -e "$auth" ]
    imgc rmi "$BASIC/private/bb:v1"

    [ "$(login "$BASIC" user secret)" = "Login Succeeded!" ]
    [ "$(stat -c %a "$auth")" = 600 ]
    [ "$(jq -r ".auths[\"$BASIC\"].auth" "$auth" | base64 -d)" = user:secret ]
    [ "$(imgc login --get-login "$BASIC")" = user ]
    imgc pull "$BASIC/private/bb:v1"
    imgc pull "$REGISTRY/private/bb:v1" # another host: nothing is sent there, and nothing needed

    [ "$(imgc logout "$BASIC")" = "Removed login credentials for $BASIC" ]
    [ "$(jq -c .auths "$auth")" = '{}' ]
    assert_fails 1 "not logged into" imgc logout "$BASIC"
    assert_fails 1 "not logged into" imgc login --get-login "$BASIC"
    assert_fails 1 "HTTP 401" imgc pull "$BASIC/private/bb:v1"
}

@test "login keeps nothing that the registry refuses, and nothing else is lost" {
    mkdir -p "$(dirname "$auth")"
    echo '{"auths": {"other.example": {"auth": "dTpw"}}, "unknown": [1]}' >"$auth"
    assert_fails 1 "HTTP 401" login "$BASIC" user wrong
    [ "$(jq -c .auths "$auth")" = '{"other.example":{"auth":"dTpw"}}' ]
    login "$BASIC" user secret
    [ "$(jq -c '.auths["other.example"], .unknown' "$auth")" = $'{"auth":"dTpw"}\n[1]' ]
    login "https://$BASIC/v2/" user secret # as people paste it
    [ "$(jq -c '.auths | keys | length' "$auth")" = 2 ]
    login "$BASIC" user secret --authfile new/dir/file
    [ "$(stat -c '%a %a' new/dir new/dir/file)" = $'700 700\n600 600' ]
    imgc pull -q --authfile new/dir/file "$BASIC/private/bb:v1"
    imgc logout --all
    [ "$(jq -c . "$auth")" = '{"unknown":[1]}' ]
}

@test "tokens: anonymous where that is enough, else for the user" {
    imgc pull "$TOKEN/public/bb:v1"
    assert_fails 1 "HTTP 401" imgc pull "$TOKEN/private/bb:v1"
    assert_fails 1 "no such user" imgc pull --creds user:wrong "$TOKEN/private/bb:v1"
    imgc pull --creds user:secret "$TOKEN/private/bb:v1"
    grep -qx 'GET repository:private/bb:pull user' "$BATS_FILE_TMPDIR/token.log"

    assert_fails 1 "no such user" login "$TOKEN" user wrong
    login "$TOKEN" user secret
    grep -qx 'GET - user' "$BATS_FILE_TMPDIR/token.log"
    imgc rmi "$TOKEN/private/bb:v1"
    imgc pull "$TOKEN/private/bb:v1"
}

@test "identity tokens are exchanged, not shown to the registry" {
    jq -n --arg k "$TOKEN" '{auths: {($k): {auth: "PHRva2VuPjo=", identitytoken: "refresh-me"}}}' >file
    imgc pull --authfile file "$TOKEN/private/bb:v1"
    grep -qx 'POST repository:private/bb:pull user' "$BATS_FILE_TMPDIR/token.log"
    jq -n --arg k "$TOKEN" '{auths: {($k): {auth: "PHRva2VuPjo=", identitytoken: "other"}}}' >file
    assert_fails 1 "no such user" imgc pull --authfile file "$TOKEN/private/bb:v1"
}

@test "the files of podman and docker, in their order, and the most specific key" {
    entry() { jq -n --arg k "$1" --arg p "$2" '{auths: {($k): {auth: ("user:" + $p | @base64)}}}'; }
    mkdir -p "$HOME/.docker" "$HOME/.config/containers" "$XDG_RUNTIME_DIR/containers"
    entry "http://$BASIC/v1/" secret >"$HOME/.docker/config.json"
    imgc pull "$BASIC/private/bb:v1"
    entry "$BASIC" wrong >"$HOME/.config/containers/auth.json"
    assert_fails 1 "HTTP 401" imgc pull "$BASIC/private/bb:v1"
    entry "$BASIC" secret >"$auth"
    imgc pull "$BASIC/private/bb:v1"
    jq -s '.[0].auths + .[1].auths | {auths: .}' <(entry "$BASIC" wrong) <(entry "$BASIC/private" secret) >"$auth"
    imgc pull "$BASIC/private/bb:v1"
    assert_fails 1 "HTTP 401" imgc pull "$BASIC/public/bb:v1"
    entry "$BASIC" secret >other
    REGISTRY_AUTH_FILE=other imgc pull "$BASIC/public/bb:v1"
    assert_fails 1 "No such file" imgc pull --authfile missing "$BASIC/public/bb:v1"
    echo '{"auths": {' >"$auth"
    assert_fails 1 "$auth" imgc pull "$BASIC/public/bb:v1"
    # a registry that does not ask is not told, and no file is read for it
    imgc pull "$REGISTRY/public/bb:v1"
}

@test "credential helpers: get, store, erase" {
    mkdir bin
    cat >bin/docker-credential-test <<EOF
#!/bin/sh
read -r line
echo "\$1 \$line" >>$BATS_TEST_TMPDIR/helper.log
while [ -e endless ]; do echo "a line that nobody has asked for"; done 2>/dev/null
case \$1 in
get) [ -e kept ] || { echo "credentials not found in native keychain"; exit 1; }
     echo '{"ServerURL":"x","Username":"user","Secret":"secret"}' ;;
store) echo "\$line" >kept ;;
erase) rm kept ;;
esac
EOF
    chmod +x bin/docker-credential-test
    mkdir -p "$(dirname "$auth")"
    jq -n --arg k "$BASIC" '{credHelpers: {($k): "test"}}' >"$auth"
    assert_fails 1 "docker-credential-test', which is not in PATH" imgc pull "$BASIC/private/bb:v1"
    PATH=$PWD/bin:$PATH
    assert_fails 1 "HTTP 401" imgc pull "$BASIC/private/bb:v1"
    login "$BASIC" user secret
    [ "$(jq -r .Secret kept)" = secret ]
    ! grep -q auths "$auth" || false
    imgc pull "$BASIC/private/bb:v1"
    [ "$(tail -n 1 helper.log)" = "get $BASIC" ]
    # one that never ends talking ends where nobody listens
    touch endless
    assert_fails 1 "docker-credential-test get" timeout 30 "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull "$BASIC/private/bb:v2"
    rm endless
    imgc logout "$BASIC"
    [ ! -e kept ]
    jq -n '{credsStore: "../../bin/sh"}' >"$auth" # no name of a helper: not run
    assert_fails 1 "HTTP 401" imgc pull "$BASIC/private/bb:v1"
}

@test "login: what is missing is said" {
    assert_fails 1 "no registry" imgc login -u user -p secret 'a b'
    assert_fails 1 "needs --username" imgc login --password-stdin "$BASIC"
    assert_fails 1 "no terminal" imgc login "$BASIC" </dev/null
    assert_fails 1 "nothing was entered" imgc login -u user --password-stdin "$BASIC" </dev/null
}

@test "login asks on a terminal, without echo" {
    run python3 - "$IMGC" "$BASIC" <<'EOF'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "login", sys.argv[2]])
seen = b""
def until(text):
    global seen
    while text not in seen:
        seen += os.read(fd, 1000)
until(b"Username:")
os.write(fd, b"user\n")
until(b"Password:")
os.write(fd, b"hush\nsecret\n"[5:])
until(b"\n")
try:
    while True:
        more = os.read(fd, 1000)
        if not more:
            break
        seen += more
except OSError:
    pass
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output != *secret* ]]
    [[ $output == *Username:*Password:*"Login Succeeded!"* ]]
    [ "$(jq -r ".auths[\"$BASIC\"].auth" "$auth" | base64 -d)" = user:secret ]
}

@test "credentials and the tokens for them never go over plain HTTP, but on this machine" {
    local far_token=0.0.0.0:${TOKEN#*:} far_basic=0.0.0.0:${BASIC#*:} # no loopback by its name
    : >"$BATS_FILE_TMPDIR/token.log"
    assert_fails 1 "speaks plain HTTP: credentials are not sent to it" \
        imgc pull --tls-verify=false --creds user:secret "$far_token/private/bb:v1"
    assert_fails 1 "speaks plain HTTP: credentials are not sent to it" \
        imgc pull --tls-verify=false --creds user:secret "$far_basic/private/bb:v1"
    [ ! -s "$BATS_FILE_TMPDIR/token.log" ]
    # what anybody gets is no secret
    imgc pull --tls-verify=false "$far_token/public/bb:v1"
    grep -q "GET repository:public/bb:pull anonymous" "$BATS_FILE_TMPDIR/token.log"
    imgc pull --creds user:secret "$TOKEN/private/bb:v1"
}
