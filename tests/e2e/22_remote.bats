# SPDX-License-Identifier: Apache-2.0
# Questions to registries that leave nothing here: tags, digest, manifest inspect, inspect --remote.

load lib/common

setup_file() {
    have_images busybox || return 0
    start_registry
    push "$IMAGES/busybox:one" lib/bb:v1
    push "$IMAGES/busybox:three" lib/bb:v3
    python3 "$E2E_LIB/push-index.py" "$REGISTRY" multi:1 "$IMAGES/busybox:one" amd64 "$IMAGES/busybox:three" arm64
    "$E2E_LIB/tags-server.py" "$BATS_FILE_TMPDIR/port" "$BATS_FILE_TMPDIR/log" 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/pid"
    for _ in $(seq 200); do
        [ ! -s "$BATS_FILE_TMPDIR/port" ] || break
        sleep 0.1
    done
    TAGS=127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")
    export TAGS
}

teardown_file() {
    kill "$(cat "$BATS_FILE_TMPDIR/pid" 2>/dev/null)" 2>/dev/null || true
    stop_registry
}

setup() {
    require_images busybox
    new_store
    export HOME=$BATS_TEST_TMPDIR/home
    unset XDG_CONFIG_HOME XDG_RUNTIME_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE
    mkdir "$HOME"
    : >"$BATS_FILE_TMPDIR/log"
    export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/registries.conf
    : >"$CONTAINERS_REGISTRIES_CONF"
    cd "$BATS_TEST_TMPDIR"
}

teardown() {
    # nothing of it went into a store: none was made
    [ ! -e "$STORE" ] || { ls -lR "$STORE"; return 1; }
}

# assert_fails TEXT COMMAND...
assert_fails() {
    local text=$1
    shift
    run "$@"
    [ "$status" -eq 1 ] && [[ $output == *"$text"* ]] || { echo "$status: $output"; return 1; }
    [[ $output != *$'\033'* ]]
}

remote_digest() {
    skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$1" | sha256sum | sed 's/^/sha256:/; s/ .*//'
}

@test "tags: what docker-registry has, as lines and as JSON" {
    [ "$(imgc tags "$REGISTRY/lib/bb")" = $'v1\nv3' ]
    [ "$(imgc tags --limit 1 "$REGISTRY/lib/bb")" = v1 ]
    [ "$(imgc tags --format json "$REGISTRY/lib/bb" | jq -c .)" = "{\"Repository\":\"$REGISTRY/lib/bb\",\"Tags\":[\"v1\",\"v3\"]}" ]
    [ "$(imgc tags -f '{{join .Tags ","}}' "$REGISTRY/lib/bb")" = v1,v3 ]
    assert_fails "no such list of tags" imgc tags "$REGISTRY/lib/nope"
    assert_fails "names an image, not a repository" imgc tags "$REGISTRY/lib/bb:v1"
}

@test "tags: all pages, in the order as sent, and no more of them than needed" {
    [ "$(imgc tags "$TAGS/pages")" = "$(seq -f t%.0f 0 249)" ]
    [ "$(wc -l <"$BATS_FILE_TMPDIR/log")" = 3 ]
    [ "$(imgc tags --limit 150 "$TAGS/pages" | tail -1)" = t149 ]
    [ "$(wc -l <"$BATS_FILE_TMPDIR/log")" = 5 ]
    [ "$(imgc tags --limit 7 "$TAGS/pages" | wc -l)" = 7 ]
    grep -q 'pages/tags/list?n=7 ' "$BATS_FILE_TMPDIR/log"
    [ "$(imgc tags "$TAGS/unsorted")" = $'b\na\nc' ]
    [ -z "$(imgc tags "$TAGS/null")" ]
}

@test "tags: a link to another host or repository asks neither, and shows nobody the password" {
    [ "$(imgc tags "$TAGS/elsewhere" | wc -l)" = 250 ]
    [ "$(cut -d'?' -f1 "$BATS_FILE_TMPDIR/log" | sort -u)" = /v2/elsewhere/tags/list ]
    [ "$(imgc tags --creds user:secret "$TAGS/secret" | wc -l)" = 250 ]
    [ "$(grep -c '/v2/secret/tags/list?.* Basic dXNlcjpzZWNyZXQ=' "$BATS_FILE_TMPDIR/log")" = 3 ]
}

@test "tags: hostile lists end in an error" {
    assert_fails "more than 5000 pages" imgc tags "$TAGS/endless"
    assert_fails "leads to itself" imgc tags "$TAGS/loop"
    assert_fails "cannot be asked for" imgc tags "$TAGS/nowhere"
    assert_fails "is longer than" imgc tags "$TAGS/huge"
    assert_fails "more than 250000 tags" imgc tags "$TAGS/many"
    assert_fails "is longer than" imgc tags "$TAGS/heavy"
    assert_fails "a tag that is none" imgc tags "$TAGS/escape"
    assert_fails "is no object" imgc tags "$TAGS/list"
    assert_fails "list of tags" imgc tags "$TAGS/html"
}

@test "digest: of the image, of the index, of one platform in it" {
    [ "$(imgc digest "$REGISTRY/lib/bb:v1")" = "$(remote_digest lib/bb:v1)" ]
    [ "$(imgc digest "$REGISTRY/multi:1")" = "$(remote_digest multi:1)" ]
    [ "$(imgc digest --platform linux/arm64 "$REGISTRY/multi:1")" = "$(remote_digest lib/bb:v3)" ]
    [ "$(imgc digest "$REGISTRY/multi@$(remote_digest multi:1)")" = "$(remote_digest multi:1)" ]
    assert_fails "no such image" imgc digest "$REGISTRY/lib/bb:v2"
    assert_fails "linux/amd64" imgc digest --platform linux/s390x "$REGISTRY/multi:1"
}

@test "manifest inspect: the same bytes with --raw, the same document without" {
    imgc manifest inspect --raw "$REGISTRY/multi:1" >raw
    skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/multi:1" | cmp - raw
    [ "$(imgc manifest inspect "$REGISTRY/multi:1" | jq -S .)" = "$(jq -S . raw)" ]
    imgc manifest inspect --raw --platform linux/arm64 "$REGISTRY/multi:1" >raw
    skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/lib/bb:v3" | cmp - raw
}

@test "inspect --remote: what skopeo says" {
    fields='{Name, Digest, Created, Architecture, Os, Layers, Env, Labels}'
    for name in lib/bb:v1 lib/bb:v3 multi:1; do
        imgc inspect --remote --platform linux/amd64 "$REGISTRY/$name" | jq -S "$fields" >ours
        skopeo inspect --override-arch amd64 --tls-verify=false "docker://$REGISTRY/$name" | jq -S "$fields" >theirs
        diff theirs ours
    done
    imgc inspect --remote "$REGISTRY/lib/bb:v1" | jq -c '[.LayersData[] | [.MIMEType, .Digest, .Size]]' >ours
    imgc manifest inspect "$REGISTRY/lib/bb:v1" | jq -c '[.layers[] | [.mediaType, .digest, .size]]' | diff - ours
    imgc inspect --remote --raw "$REGISTRY/multi:1" >raw
    skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/multi:1" | cmp - raw
    imgc inspect --remote --config --raw --platform linux/arm64 "$REGISTRY/multi:1" >config
    skopeo inspect --tls-verify=false --config --raw "docker://$REGISTRY/lib/bb:v3" | cmp - config
    [ "$(imgc inspect --remote --config "$REGISTRY/lib/bb:v3" | jq -S .)" = "$(jq -S . config)" ]
    [ "$(imgc inspect --remote -f '{{.Digest}}' "$REGISTRY/lib/bb:v1")" = "$(remote_digest lib/bb:v1)" ]
    assert_fails "needs --remote" imgc inspect --raw "$REGISTRY/lib/bb:v1"
    assert_fails "for one image" imgc inspect --remote --type container "$REGISTRY/lib/bb:v1"
    assert_fails "for one image" imgc inspect --remote a b
}

@test "registries.conf says where; a mirror that is down is passed over" {
    cat >"$CONTAINERS_REGISTRIES_CONF" <<EOF
[[registry]]
prefix = "images.example/team"
location = "$REGISTRY/lib"
insecure = true
[[registry.mirror]]
location = "127.0.0.1:$(free_port)/lib"
insecure = true
[[registry]]
location = "blocked.example"
blocked = true
EOF
    run --separate-stderr imgc digest images.example/team/bb:v1
    [ "$status" -eq 0 ] && [ "$output" = "$(remote_digest lib/bb:v1)" ]
    [ "$(imgc tags images.example/team/bb)" = $'v1\nv3' ]
    [ "$(imgc inspect --remote -f '{{.Name}}' images.example/team/bb:v1)" = images.example/team/bb ]
    assert_fails "is blocked in" imgc tags blocked.example/x
}
