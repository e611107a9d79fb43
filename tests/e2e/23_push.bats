# SPDX-License-Identifier: Apache-2.0
# Pushing: to docker-registry, open, with passwords, with tokens and with TLS; to one that has its own ways.

load lib/common

# serve NAME AUTH [HTTP]: a docker-registry of its own files with the section auth AUTH; prints its address.
serve() {
    local dir=$BATS_FILE_TMPDIR/$1 port
    mkdir -p "$dir"
    port=$(free_port)
    printf '%s\n' 'version: 0.1' 'log: {level: info}' "storage: {filesystem: {rootdirectory: $dir/data}}" \
        "http: {addr: \"127.0.0.1:$port\"${3:-}}" "${2:+auth: $2}" >"$dir/config.yml"
    env -u REGISTRY_LOG -u REGISTRY_DATA docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/pids"
    for _ in $(seq 200); do
        ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
        sleep 0.1
    done
    echo "127.0.0.1:$port"
}

# wait_file FILE: until a server has written where it is.
wait_file() {
    for _ in $(seq 200); do
        [ ! -s "$1" ] || return 0
        sleep 0.1
    done
    return 1
}

setup_file() {
    have_images busybox || return 0
    export DIR=$BATS_FILE_TMPDIR
    start_registry
    push "$IMAGES/busybox:one" lib/bb:v1
    push "$IMAGES/busybox:three" lib/bb:v3
    perl -e 'printf "user:%s\n", crypt("secret", "\$2b\$05\$abcdefghijklmnopqrstuu")' >"$DIR/htpasswd"
    BASIC=$(serve basic "{htpasswd: {realm: test, path: $DIR/htpasswd}}")
    "$E2E_LIB/token-server.py" "$DIR" 2>/dev/null 3>&- &
    echo $! >>"$DIR/pids"
    "$E2E_LIB/push-server.py" "$DIR" 3>&- &
    echo $! >>"$DIR/pids"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=test" -days 30 \
        -addext "subjectAltName=IP:127.0.0.1" -keyout "$DIR/tls.key" -out "$DIR/tls.crt" 2>/dev/null
    TLS=$(serve tls "" ", tls: {certificate: $DIR/tls.crt, key: $DIR/tls.key}")
    wait_file "$DIR/port"
    TOKEN=$(serve token "{token: {realm: \"http://127.0.0.1:$(cat "$DIR/port")/token\", service: test-service, issuer: test-issuer, rootcertbundle: $DIR/root.crt}}")
    wait_file "$DIR/push-port"
    OWN=127.0.0.1:$(cat "$DIR/push-port")
    export BASIC TOKEN TLS OWN
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
    export HOME=$BATS_TEST_TMPDIR/home
    unset XDG_CONFIG_HOME XDG_RUNTIME_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE
    mkdir "$HOME"
    cd "$BATS_TEST_TMPDIR"
    MARK=$(wc -l <"$REGISTRY_LOG")
    : >"$DIR/push-log"
}

# fails TEXT COMMAND...: one line that says so, without the password.
fails() {
    local text=$1
    shift
    assert_fails 1 "$text" "$@"
    [[ $stderr != *secret* && $stderr != *c2VjcmV0* ]]
}

# requests METHOD [URI]: how many of them the open registry has had in this test.
requests() {
    tail -n +$((MARK + 1)) "$REGISTRY_LOG" | grep -c "\"$1 [^ ]*${2:-}"
}

# were_requests N METHOD [URI]: there are so many, once the registry has logged what it has answered.
were_requests() {
    for _ in $(seq 100); do
        [ "$(requests "${@:2}")" != "$1" ] || return 0
        sleep 0.1
    done
    echo "$(requests "${@:2}") requests ${*:2}"
    return 1
}

remote_digest() {
    skopeo inspect --tls-verify=false --raw "docker://$1" | sha256sum | sed 's/^/sha256:/; s/ .*//'
}

remote_id() {
    skopeo inspect --tls-verify=false --raw "docker://$1" | jq -r .config.digest | sed 's/sha256://'
}

# noise: an image of 20 MB that no encoder makes smaller, several chunks.
noise() {
    mkdir noise
    head -c 20000000 /dev/urandom >noise/file
    imgc import noise localhost/noise >/dev/null
}

@test "pulled, and pushed to another repository of the registry: the same digest, and nothing is sent" {
    imgc pull "$REGISTRY/lib/bb:v3"
    want=$(remote_digest "$REGISTRY/lib/bb:v3")
    MARK=$(wc -l <"$REGISTRY_LOG")
    run --separate-stderr imgc push --digestfile digest "$REGISTRY/lib/bb:v3" "$REGISTRY/other/bb:v3"
    [ "$status" -eq 0 ]
    [[ $output == "v3: digest: $want size: "* ]]
    [ "$(cat digest)" = "$want" ]
    [ "$(remote_digest "$REGISTRY/other/bb:v3")" = "$want" ]
    [ "$(requests PATCH)" = 0 ]
    [ "$(requests PUT /blobs/)" = 0 ]
    were_requests 1 PUT /manifests/v3
    were_requests 4 POST mount=sha256 # three layers and the config

    MARK=$(wc -l <"$REGISTRY_LOG")
    [ "$(imgc push -q "$REGISTRY/lib/bb:v3" "docker://$REGISTRY/other/bb:v3" 2>&1)" = "$REGISTRY/other/bb:v3" ]
    [ "$(requests PUT)$(requests POST)$(requests PATCH)" = 000 ]
}

@test "to an empty registry: skopeo and podman read it, the ID stays, and a second push sends nothing" {
    imgc pull "$REGISTRY/lib/bb:v3"
    id=$(imgc images -q --no-trunc | sed s/sha256://)
    imgc tag "$REGISTRY/lib/bb:v3" "$TLS/a/b/c:1"
    imgc push --tls-verify=false "$TLS/a/b/c:1" >out
    [ "$(remote_digest "$TLS/a/b/c:1")" = "$(awk '{print $3}' out)" ]
    [ "$(remote_id "$TLS/a/b/c:1")" = "$id" ]
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$TLS/a/b/c:1" oci:layout:1
    n=$(grep -c 'method=P[AOU]' "$DIR/tls/log")
    imgc push --tls-verify=false "$TLS/a/b/c:1" >again
    cmp out again
    [ "$(grep -c 'method=P[AOU]' "$DIR/tls/log")" = "$n" ]
    imgc --root "$BATS_TEST_TMPDIR/new" pull --tls-verify=false "$TLS/a/b/c:1" >pulled
    [ "$(cat pulled)" = "$id" ]
    if command -v podman >/dev/null && [ "$(id -u)" = 0 ]; then
        podman --root podman/root --runroot podman/run --storage-driver vfs pull -q --tls-verify=false "$TLS/a/b/c:1" >got
        [ "$(cat got)" = "$id" ]
        podman --root podman/root --runroot podman/run --storage-driver vfs system reset -f >/dev/null 2>&1
    fi
}

@test "--compression: each format is read back, the same bytes each time, docker's manifest stays docker's" {
    imgc pull -q "$REGISTRY/lib/bb:v3"
    for format in none gzip zstd; do
        first=$(imgc push --compression $format "$REGISTRY/lib/bb:v3" "$BASIC/$format:1" --creds user:secret 2>/dev/null)
        skopeo copy -q --insecure-policy --src-tls-verify=false --src-creds user:secret "docker://$BASIC/$format:1" "oci:$format:1"
        imgc --root other pull -q "$REGISTRY/lib/bb:v3"
        [ "$(imgc --root other push --compression $format --creds user:secret "$REGISTRY/lib/bb:v3" "$BASIC/$format:1" 2>/dev/null)" = "$first" ]
    done
    skopeo inspect --tls-verify=false --creds user:secret --raw "docker://$BASIC/zstd:1" | jq -r '.layers[].mediaType' | sort -u >types
    [ "$(cat types)" = application/vnd.oci.image.layer.v1.tar+zstd ]
    fails "gzip is 1 to 9, not 10" imgc push --compression gzip --compression-level 10 "$REGISTRY/lib/bb:v3" "$BASIC/x"
    fails "takes gzip, zstd or none" imgc push --compression lz4 "$REGISTRY/lib/bb:v3" "$BASIC/x"

    skopeo copy -q --insecure-policy --dest-tls-verify=false --format v2s2 "oci:$IMAGES/busybox:three" "docker://$REGISTRY/docker/bb:1"
    imgc pull -q "$REGISTRY/docker/bb:1"
    imgc push -q --compression none "$REGISTRY/docker/bb:1" "$TLS/docker/bb:1" --tls-verify=false
    skopeo inspect --tls-verify=false --raw "docker://$TLS/docker/bb:1" >raw
    [ "$(jq -r '.mediaType, .layers[0].mediaType' raw)" = $'application/vnd.docker.distribution.manifest.v2+json\napplication/vnd.docker.image.rootfs.diff.tar' ]
    imgc push -q --compression zstd "$REGISTRY/docker/bb:1" "$TLS/docker/bb:2" --tls-verify=false
    skopeo inspect --tls-verify=false --raw "docker://$TLS/docker/bb:2" >raw
    [ "$(jq -r '.mediaType, .config.mediaType, .layers[0].mediaType' raw)" = $'application/vnd.oci.image.manifest.v1+json\napplication/vnd.oci.image.config.v1+json\napplication/vnd.oci.image.layer.v1.tar+zstd' ]
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$TLS/docker/bb:2" oci:again:2
}

@test "passwords: refused without, taken with" {
    imgc pull -q "$REGISTRY/lib/bb:v1"
    fails "refuses access to blob .*HTTP 401" imgc push "$REGISTRY/lib/bb:v1" "$BASIC/bb:1"
    fails "HTTP 401" imgc push --creds user:wrong "$REGISTRY/lib/bb:v1" "$BASIC/bb:1"
    imgc push --creds user:secret "$REGISTRY/lib/bb:v1" "$BASIC/bb:1"
    skopeo inspect --tls-verify=false --creds user:secret "docker://$BASIC/bb:1" >/dev/null
}

@test "tokens: asked for to push, and to read where layers are mounted from" {
    imgc pull -q "$REGISTRY/lib/bb:v1"
    : >"$DIR/token.log"
    imgc push --creds user:secret "$REGISTRY/lib/bb:v1" "$TOKEN/public/bb:1"
    [ "$(cat "$DIR/token.log")" = "GET repository:public/bb:pull,push user" ]
    fails "HTTP 401" imgc push "$REGISTRY/lib/bb:v1" "$TOKEN/public/bb:2"

    imgc pull -q "$TOKEN/public/bb:1"
    : >"$DIR/token.log"
    imgc push --creds user:secret "$TOKEN/public/bb:1" "$TOKEN/private/bb:1"
    [ "$(cat "$DIR/token.log")" = "GET repository:private/bb:pull,push,repository:public/bb:pull user" ]
    [ "$(grep -c 'method=POST .*mount=sha256.*http.response.status=201' "$DIR/token/log")" = 2 ]
}

@test "an upload that goes to another host: no password is shown there" {
    noise
    imgc push --creds user:secret localhost/noise "$OWN/elsewhere:1"
    [ "$(grep -c '^other ' "$DIR/push-log")" -gt 3 ]
    run ! grep '^other .* Basic' "$DIR/push-log"
    grep -q '^main POST .* Basic' "$DIR/push-log"
    run ! grep '^main P[AU]T.*uploads' "$DIR/push-log"
}

@test "who is redirected to another host believes it nothing: a token that it asks for is not bought" {
    fails "" imgc pull --retry 0 --creds user:secret "$OWN/asks:1"
    grep -q '^main GET .* Basic' "$DIR/push-log"
    grep -q '^other GET /v2/asks/manifests' "$DIR/push-log"
    run ! grep '^other .*token' "$DIR/push-log"
    run ! grep '^other .* Basic' "$DIR/push-log"
}

@test "a large layer goes in chunks, one behind the other; Location may be relative" {
    noise
    imgc push localhost/noise "$OWN/relative:1"
    [ "$(grep -c PATCH "$DIR/push-log")" = 3 ]
    [ "$(awk '/PATCH/ {print $4}' "$DIR/push-log" | head -2)" = $'0-8388607\n8388608-16777215' ]
    [ "$(imgc push localhost/noise "$OWN/relative:1" 2>&1 | head -1)" != "" ]
    [ "$(grep -c PATCH "$DIR/push-log")" = 3 ] # it is known now
    imgc push localhost/noise "$OWN/long:1"
}

@test "push ends at the first signal also while a layer that shrinks to nothing is compressed" {
    mkdir zeros
    truncate -s 1G zeros/file
    imgc import zeros localhost/zeros >/dev/null
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" push -q --compression zstd localhost/zeros "$OWN/zeros:1" 2>err &
    local pid=$! status=0
    for _ in $(seq 2000); do
        [ "$(awk '/^rchar/ {print $2}' "/proc/$pid/io")" -lt 50000000 ] || break
        sleep 0.005
    done
    kill -INT "$pid"
    wait "$pid" || status=$?
    [ "$status" -eq 130 ]
    grep -q interrupted err
    run ! grep PATCH "$DIR/push-log"
}

@test "a connection that breaks is tried again; a server that always breaks is one clear line" {
    noise
    imgc push --progress json --retry-delay 1ms localhost/noise "$OWN/flaky:1" 2>events
    grep -q '"event":"retry"' events
    fails "push .*layer 1 of 1: after 3 attempts: cannot send to" imgc push -q --retry 2 --retry-delay 1ms localhost/noise "$OWN/broken:1"
    [ "$(grep -c 'POST /v2/broken' "$DIR/push-log")" = 3 ]
    fails "the registry has 8388607" imgc push -q localhost/noise "$OWN/fewer:1"
    fails "does not say where an upload goes on" imgc push -q localhost/noise "$OWN/nowhere:1"
}

@test "the server is killed in the middle: one clear line" {
    noise
    "$E2E_LIB/push-server.py" "$BATS_TEST_TMPDIR" 3>&- &
    pid=$!
    wait_file push-port
    imgc push --retry 1 --retry-delay 1ms --progress json localhost/noise "127.0.0.1:$(cat push-port)/x" 2>events 3>&- &
    for _ in $(seq 200); do
        ! grep -q PATCH push-log 2>/dev/null || break
        sleep 0.02
    done
    kill -9 "$pid"
    status=0
    wait %+ || status=$?
    [ "$status" -eq 0 ] || [ "$(grep -c '^Error: ' events)" = 1 ]
}

@test "names: what has no tag needs one, a digest is none, what is not here cannot be pushed" {
    imgc pull -q "$REGISTRY/lib/bb:v1"
    id=$(imgc images -q)
    run imgc push "$id"
    [ "$status" -eq 125 ] || [ "$status" -eq 1 ] || [ "$status" -eq 2 ]
    [[ $output == *"say what to push it as"* ]]
    run imgc push "$REGISTRY/lib/bb:v1" "$REGISTRY/x@sha256:$(printf '0%.0s' {1..64})"
    [[ $output == *"no name with a tag"* ]]
    fails "nothere" imgc push nothere "$REGISTRY/x"
    imgc push "$id" "$REGISTRY/by/id:1"
    [ "$(remote_digest "$REGISTRY/by/id:1")" = "$(remote_digest "$REGISTRY/lib/bb:v1")" ]
}

@test "what does not change on the way: load, save, load, push, pull, unpack" {
    require_data images
    local archives=(
        "$TEST_DATA"/images/dive/test-{docker,kaniko}-image.tar
        "$TEST_DATA"/images/dive/test-oci-{gzip,zstd,estargz,uncompressed}-image.tar
        "$TEST_DATA"/images/ggcr/tarball/testdata/{test_bundle,test_link,hello-world-v25}.tar
        "$TEST_DATA"/images/ggcr/mutate/testdata/{source_image,whiteout_image,overwritten_file}.tar
        "$TEST_DATA"/images/container-libs/common/libimage/testdata/docker-two-{names,images}.tar.xz
    )
    local file n=0 id
    for file in "${archives[@]}"; do
        imgc --root one load -q -i "$file" >/dev/null || { echo "$file"; return 1; }
    done
    mapfile -t ids < <(imgc --root one images -aq --no-trunc | sed s/sha256:// | sort -u)
    [ "${#ids[@]}" -ge 10 ]
    imgc --root one save -o all.tar "${ids[@]}"
    imgc --root two load -q -i all.tar >/dev/null
    for id in "${ids[@]}"; do
        imgc --root two push -q "$id" "$REGISTRY/trip/n$n:1" 2>/dev/null
        [ "$(imgc --root three pull -q "$REGISTRY/trip/n$n:1")" = "$id" ]
        imgc --root one unpack "$id" a-$n
        imgc --root three unpack "$id" b-$n
        python3 "$E2E_LIB/tree-manifest.py" a-$n >a
        python3 "$E2E_LIB/tree-manifest.py" b-$n >b
        cmp a b
        n=$((n + 1))
    done
}
