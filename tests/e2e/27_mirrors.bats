# SPDX-License-Identifier: Apache-2.0
# registries.conf: mirrors that work, do not, or lie; other places; blocked registries; short names.
# And a docker-registry as the cache that a fleet pulls through.

load lib/common

# serve NAME [SECTION...]: a docker-registry with files of its own; its address is in addr.NAME.
serve() {
    local name=$1 port
    shift
    port=$(free_port)
    mkdir -p "$DIR/$name"
    printf '%s\n' 'version: 0.1' 'log: {level: info}' \
        "storage: {filesystem: {rootdirectory: $DIR/$name}}" "http: {addr: \"127.0.0.1:$port\"}" "$@" >"$DIR/$name.yml"
    env -u REGISTRY_LOG -u REGISTRY_DATA docker-registry serve "$DIR/$name.yml" >"$DIR/$name.log" 2>&1 3>&- &
    echo $! >"$DIR/pid.$name"
    echo "127.0.0.1:$port" >"$DIR/addr.$name"
    for _ in $(seq 200); do
        ! curl -s "http://127.0.0.1:$port/v2/" >/dev/null || return 0
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
    serve mirror
    serve private "auth: {htpasswd: {realm: test, path: $DIR/htpasswd}}"
    skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$IMAGES/busybox:three" \
        "docker://$(cat "$DIR/addr.mirror")/copy/bb:v1" >&2
    skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$IMAGES/busybox:one" \
        "docker://$(cat "$DIR/addr.mirror")/copy/bb:same" >&2
}

stop() {
    local pid
    pid=$(cat "$DIR/pid.$1" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
}

teardown_file() {
    for name in mirror private cache; do
        stop "$name"
    done
    stop_registry
}

setup() {
    require_images busybox
    new_store
    export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/runtime
    unset XDG_CONFIG_HOME DOCKER_CONFIG REGISTRY_AUTH_FILE CONTAINERS_REGISTRIES_CONF
    mkdir -p "$HOME/.config/containers" "$XDG_RUNTIME_DIR"
    cd "$BATS_TEST_TMPDIR"
    conf=$HOME/.config/containers/registries.conf
    mirror=$(cat "$DIR/addr.mirror")
    one=$(id_of busybox:one) three=$(id_of busybox:three)
}

# id_of NAME: the image ID of a test image.
id_of() {
    skopeo inspect --raw "oci:$IMAGES/$1" | jq -r .config.digest | cut -d: -f2
}

digest_of() {
    skopeo inspect --raw "oci:$IMAGES/$1" | sha256sum | cut -d' ' -f1
}

# pulls_id ID NAME: a pull gives this image. What it says is in $stderr.
pulls_id() {
    run --separate-stderr imgc pull "$2"
    [ "$status" -eq 0 ] && [ "$output" = "$1" ] || { echo "$status: $output: $stderr"; return 1; }
    imgc rmi -f "$1" >/dev/null
}

# mirror_conf LINE...: the registry under the name example.test/lib, with a mirror and its LINEs.
mirror_conf() {
    printf '%s\n' '[[registry]]' 'prefix = "example.test/lib"' "location = \"$REGISTRY/lib\"" '[[registry.mirror]]' \
        "location = \"$mirror/copy\"" "$@" >"$conf"
}

@test "an image is pulled from another place and keeps its name" {
    printf '%s\n' '[[registry]]' 'prefix = "example.test"' "location = \"$REGISTRY\"" >"$conf"
    imgc pull example.test/lib/bb:v1
    [ "$(imgc images --format '{{.Repository}}:{{.Tag}}')" = example.test/lib/bb:v1 ]
    rm "$conf"
    assert_fails 1 "example.test" imgc pull example.test/lib/bb:v3
    printf '%s\n' '[[registry]]' 'prefix = "*.example.test"' "location = \"$REGISTRY\"" >"$conf"
    pulls_id "$three" a.b.example.test/lib/bb:v3
    assert_fails 1 "example.test" imgc pull example.test/lib/bb:v3
}

@test "the longest prefix counts, and a prefix ends where a name's part does" {
    printf '%s\n' '[[registry]]' 'prefix = "example.test"' 'blocked = true' 'location = "example.test"' \
        '[[registry]]' 'prefix = "example.test/lib/bb"' "location = \"$REGISTRY/lib/bb\"" >"$conf"
    pulls_id "$one" example.test/lib/bb:v1
    assert_fails 1 "'example.test' is blocked in $conf" imgc pull example.test/lib/bbb:v1
    assert_fails 1 "blocked" imgc login -u a -p b example.test
}

@test "a mirror goes first, and serves what it has" {
    mirror_conf
    pulls_id "$three" example.test/lib/bb:v1 # the mirror's, which is another one here
    pulls_id "$three" example.test/lib/bb:v3 # it has none: the registry's
    [[ $stderr != *warning* ]]
    pulls_id "$one" "example.test/lib/bb@sha256:$(digest_of busybox:one)"
}

@test "a mirror answers tags only if it may" {
    for line in 'pull-from-mirror = "digest-only"' 'pull-from-mirror = "all"'; do
        mirror_conf "$line"
        requests=$(grep -c '"GET /v2/copy' "$DIR/mirror.log" || true)
        [[ $line == *all* ]] && want=$three || want=$one
        pulls_id "$want" example.test/lib/bb:v1
        [ "$(grep -c '"GET /v2/copy' "$DIR/mirror.log" || true)" -gt "$requests" ] || [[ $line != *all* ]]
        requests=$(grep -c '"GET /v2/copy' "$DIR/mirror.log" || true)
        pulls_id "$one" "example.test/lib/bb@sha256:$(digest_of busybox:one)"
        [ "$(grep -c '"GET /v2/copy' "$DIR/mirror.log" || true)" -gt "$requests" ]
    done
    mirror_conf 'pull-from-mirror = "tag-only"'
    requests=$(grep -c '"GET /v2/copy' "$DIR/mirror.log" || true)
    pulls_id "$one" "example.test/lib/bb@sha256:$(digest_of busybox:one)"
    [ "$(grep -c '"GET /v2/copy' "$DIR/mirror.log" || true)" -eq "$requests" ]
    mirror_conf
    sed -i '1a mirror-by-digest-only = true' "$conf"
    pulls_id "$one" example.test/lib/bb:v1
}

@test "a mirror that is down costs a warning" {
    mirror=127.0.0.1:$(free_port)
    mirror_conf
    pulls_id "$one" example.test/lib/bb:v1
    [[ $stderr == *"warning: mirror $mirror does not serve"* ]]
    # all of them down: what the registry itself says counts
    sed -i "s|^location = \"$REGISTRY|location = \"127.0.0.1:$(free_port)|" "$conf"
    assert_fails 1 "pull example.test/lib/bb:v1" imgc pull example.test/lib/bb:v1
    [[ $stderr != *"Error:"*"$mirror"* ]]
}

@test "a mirror that lies costs a warning, and what it gave before is kept" {
    local manifest layer blob
    mirror_conf
    manifest=$(digest_of busybox:one)
    layer=$(skopeo inspect --raw "oci:$IMAGES/busybox:one" | jq -r '.layers[0].digest' | cut -d: -f2)
    for hex in "$layer" "$manifest"; do
        blob=$DIR/mirror/docker/registry/v2/blobs/sha256/${hex:0:2}/$hex/data
        cp "$blob" good
        printf ' ' | dd of="$blob" bs=1 seek=40 conv=notrunc status=none
        run --separate-stderr imgc pull "example.test/lib/bb@sha256:$manifest"
        cp good "$blob"
        echo "$stderr"
        [ "$status" -eq 0 ] && [ "$output" = "$one" ]
        [[ $stderr == *"warning: mirror $mirror does not serve"* ]]
        imgc rmi -f "$one"
    done
    assert_store_clean
}

@test "a mirror that fills the disk with something else costs a warning, too" {
    local manifest layer blob size
    require_root
    mkdir small
    mount -t tmpfs -o size=60m,mode=0700 tmpfs small || skip "cannot mount a tmpfs"
    STORE=$PWD/small/store
    mirror_conf
    manifest=$(digest_of busybox:one)
    layer=$(skopeo inspect --raw "oci:$IMAGES/busybox:one" | jq -r '.layers[0].digest' | cut -d: -f2)
    blob=$DIR/mirror/docker/registry/v2/blobs/sha256/${layer:0:2}/$layer/data
    cp "$blob" good
    size=$(stat -c %s good)
    # as long as the layer, and 200 MB when inflated: only its digest would tell
    { yes | head -c 200000000 | gzip -9; head -c "$size" /dev/urandom; } 2>/dev/null | head -c "$size" >"$blob"
    run --separate-stderr imgc pull "example.test/lib/bb@sha256:$manifest"
    cp good "$blob"
    wait_idle
    imgc verify -q || status=$?
    STORE=$BATS_TEST_TMPDIR/store
    umount -l small
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$output" = "$one" ]
    [[ $stderr == *"warning: mirror $mirror does not serve"*"No space left"* ]]
}

@test "a mirror gets its own credentials, and not those of the registry" {
    mirror=$(cat "$DIR/addr.private")
    mirror_conf
    pulls_id "$one" example.test/lib/bb:v1
    [[ $stderr == *"warning: mirror $mirror"*401* ]]
    seen=$(wc -l <"$DIR/private.log")
    imgc pull -q --creds user:secret example.test/lib/bb:v1 # the command line's are the registry's
    [ "$(tail -n +$((seen + 1)) "$DIR/private.log" | grep -c 'auth.user.name=user')" -eq 0 ]
    printf secret | imgc login -u user --password-stdin "$mirror"
    imgc --log-level info pull example.test/lib/bb:v1 2>said
    cat said
    grep -q "mirror $mirror has no such image" said
    grep -q 'auth.user.name=user' "$DIR/private.log"
}

@test "insecure: plain HTTP and any certificate, for this place alone" {
    # 0.0.0.0 is this machine, too, but not by its name: TLS is wanted
    mirror=0.0.0.0:${mirror##*:}
    mirror_conf
    pulls_id "$one" example.test/lib/bb:v1
    [[ $stderr == *"warning: mirror $mirror"* ]]
    mirror_conf 'insecure = true'
    pulls_id "$three" example.test/lib/bb:v1
}

@test "short names: aliases, search registries, and Docker Hub without either" {
    printf '%s\n' '[aliases]' "bb = \"$REGISTRY/lib/bb\"" >"$conf"
    [ "$(imgc pull -q bb:v1)" = "$one" ]
    [ "$(imgc images --format '{{.Repository}}:{{.Tag}}')" = "$REGISTRY/lib/bb:v1" ]
    [ "$(imgc inspect -f '{{.Id}}' bb:v1)" = "sha256:$one" ] || [ "$(imgc inspect -f '{{.Id}}' bb:v1)" = "$one" ]
    imgc create --name c bb:v1 true
    imgc rm c
    imgc rmi bb:v1
    [ -z "$(imgc images -q)" ]

    printf '%s\n' "unqualified-search-registries = [\"$mirror\", \"$REGISTRY\"]" >"$conf"
    run --separate-stderr imgc pull lib/bb:v1 # the first one has none
    [ "$output" = "$one" ] && [[ $stderr == *"$REGISTRY/lib/bb:v1: pulled"* ]]
    run --separate-stderr imgc pull copy/bb:v1
    [ "$output" = "$three" ]
    assert_fails 1 "$REGISTRY/nosuch" imgc pull nosuch
    echo 'short-name-mode = "enforcing"' >>"$conf"
    assert_fails 1 "short-name-mode is enforcing: write HOST/NAME" imgc pull lib/nosuch
    echo 'unqualified-search-registries = []' >"$conf"
    assert_fails 1 "unqualified-search-registries is empty in $conf" imgc pull lib/nosuch
    printf '%s\n' '[[registry]]' 'location = "docker.io"' 'blocked = true' >"$conf"
    assert_fails 1 "'docker.io' is blocked" imgc pull lib/nosuch
}

@test "rmi of a short name stays with the image that it was found as" {
    imgc pull -q "$REGISTRY/lib/bb:v1"
    imgc pull -q "$REGISTRY/lib/bb:v3"
    imgc tag "$one" app
    imgc tag "$three" quay.example/app
    imgc rmi "$REGISTRY/lib/bb:v1" "$REGISTRY/lib/bb:v3"
    printf '%s\n' 'unqualified-search-registries = ["docker.io", "quay.example"]' >"$conf"
    imgc rmi app
    [ "$(imgc images --no-trunc -aq)" = "sha256:$three" ] || [ "$(imgc images --no-trunc -aq)" = "$three" ]
    # the next one is meant now, by the same word
    imgc untag app
    assert_fails 1 'app' imgc inspect app
    [ "$(imgc images --filter dangling=true -q)" = "${three:0:12}" ]
}

@test "files: drop-ins in order, --registries-conf, CONTAINERS_REGISTRIES_CONF, and what is wrong" {
    mkdir "$conf.d"
    printf '%s\n' '[[registry]]' 'prefix = "example.test"' "location = \"$mirror\"" >"$conf"
    printf '%s\n' '[[registry]]' 'prefix = "example.test"' "location = \"$REGISTRY\"" >"$conf.d/20.conf"
    printf '%s\n' '[[registry]]' 'prefix = "example.test"' 'blocked = true' 'location = "x.y"' >"$conf.d/10.conf"
    echo 'no TOML' >"$conf.d/30.txt"
    pulls_id "$one" example.test/lib/bb:v1
    rm "$conf.d/20.conf"
    assert_fails 1 "blocked in $conf.d/10.conf" imgc pull example.test/lib/bb:v1
    rm "$conf.d/10.conf"

    printf '%s\n' '[[registry]]' 'prefix = "example.test"' "location = \"$REGISTRY\"" >own.conf
    [ "$(imgc --registries-conf own.conf pull -q example.test/lib/bb:v1)" = "$one" ]
    [ "$(CONTAINERS_REGISTRIES_CONF=own.conf "$IMGC" --root "$STORE" --runroot "$RUNROOT" \
        pull -q example.test/lib/bb:v3)" = "$three" ]
    assert_fails 1 "missing.conf.*No such file" imgc --registries-conf missing.conf pull example.test/lib/bb:v1
    echo 'a = [' >own.conf
    assert_fails 1 "own.conf, line 2:" imgc --registries-conf own.conf pull example.test/lib/bb:v1
    printf '%s\n' '[registries.search]' 'registries = ["a.example"]' >own.conf
    assert_fails 1 "own.conf: .*version 1 of the format" imgc --registries-conf own.conf pull bb:v1
    assert_fails 1 "localhost/bb is a name for an image of this host" imgc pull localhost/bb
    # what is here already needs no file
    run --separate-stderr imgc --registries-conf own.conf inspect example.test/lib/bb:v1
    [ "$status" -eq 0 ]
}

@test "info shows what is in force" {
    mirror_conf 'pull-from-mirror = "digest-only"'
    printf '%s\n' '[aliases]' 'a = "b.example/c"' >>"$conf"
    run env https_proxy=http://me:hush@proxy.test:3128 "$IMGC" --root "$STORE" --runroot "$RUNROOT" info
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"$conf"* && $output == *"example.test/lib"* && $output == *"$mirror/copy"* ]]
    [[ $output == *"http://proxy.test:3128"* && $output != *hush* ]]
    [ "$(imgc info -f '{{json .Registries}}' | jq -r '.Prefixes[0].Mirrors[0].PullFromMirror')" = digest-only ]
    echo '= x' >"$conf"
    run imgc info
    [ "$status" -eq 0 ] && [[ $output == *"$conf, line 1"* ]]
}

@test "a fleet pulls through a cache, also when the registry is gone" {
    local origin
    serve origin
    origin=$(cat "$DIR/addr.origin")
    skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$IMAGES/busybox:three" "docker://$origin/fleet/bb:v1" >&2
    serve cache "proxy: {remoteurl: \"http://$origin\"}"
    printf '%s\n' '[[registry]]' "location = \"$origin\"" '[[registry.mirror]]' \
        "location = \"$(cat "$DIR/addr.cache")\"" >"$conf"
    [ "$(imgc pull -q "$origin/fleet/bb:v1")" = "$three" ]
    # one machine has pulled: the layers came from the registry once, and to us from the cache
    layer=$(skopeo inspect --raw "oci:$IMAGES/busybox:three" | jq -r '.layers[0].digest')
    grep -q "GET /v2/fleet/bb/blobs/$layer" "$DIR/cache.log"
    for _ in $(seq 100); do # it keeps them behind its answer's back
        [ "$(find "$DIR/cache" -path '*blobs*' -name data | wc -l)" -lt 5 ] || break
        sleep 0.1
    done
    fetched=$(grep -c "GET /v2/fleet/bb/blobs/$layer" "$DIR/origin.log")
    STORE=$BATS_TEST_TMPDIR/second
    [ "$(imgc pull -q "$origin/fleet/bb:v1")" = "$three" ]
    [ "$(grep -c "GET /v2/fleet/bb/blobs/$layer" "$DIR/origin.log")" -eq "$fetched" ]
    stop origin
    for STORE in "$BATS_TEST_TMPDIR/third" "$BATS_TEST_TMPDIR/fourth"; do
        [ "$(imgc pull -q "$origin/fleet/bb:v1")" = "$three" ]
    done
    assert_store_clean
}
