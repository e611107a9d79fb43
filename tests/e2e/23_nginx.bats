# SPDX-License-Identifier: Apache-2.0
# What stands in front of registries: nginx, between imgc and Debian's docker-registry. It wants a password,
# keeps the blobs on another host that takes none, lets in only so many requests a second.

load lib/common

nginx_program() {
    PATH=$PATH:/usr/sbin command -v nginx
}

# server ADDRESS:PORT LINE...: one server of the configuration.
server() {
    printf 'server { listen %s; client_max_body_size 0;\n' "$1"
    shift
    printf '    %s\n' "$@"
    printf '}\n'
}

# shellcheck disable=SC2016 # the variables are nginx's
write_conf() {
    local pass="proxy_pass http://$REGISTRY; proxy_set_header Host \$http_host;"
    [ "$(id -u)" != 0 ] || echo 'user root;' # its workers read the files here
    printf '%s\n' 'worker_processes 1;' "pid $DIR/pid;" 'events {}' 'http {' "access_log $DIR/access combined;"
    for kind in client_body proxy fastcgi uwsgi scgi; do
        echo "${kind}_temp_path $DIR/$kind;"
    done
    printf '%s\n' 'limit_req_zone $server_port zone=few:1m rate=2r/s;' \
        "log_format seen '\$request_method \$uri \$status [\$http_authorization]';"
    server "$FRONT" "access_log $DIR/front.log seen;" 'auth_basic registry;' \
        "auth_basic_user_file $DIR/passwords;" \
        "location / { $pass proxy_set_header Authorization \"\"; }" \
        "location ~ ^/v2/.*/blobs/ { return 307 http://$STORAGE\$request_uri; }"
    server "$STORAGE" "access_log $DIR/storage.log seen;" \
        'if ($http_authorization) { return 400; }' "location / { $pass }"
    server "$BUSY" "access_log $DIR/busy.log seen;" 'limit_req zone=few;' 'limit_req_status 429;' \
        'add_header Retry-After $wait always;' "set \$wait 1;" "location / { $pass }"
    server "$ENCODED" "location / { $pass }" \
        "location ~ ^/v2/.*/blobs/ { $pass add_header Content-Encoding gzip; }"
    echo '}'
}

setup_file() {
    have_images busybox || return 0
    nginx_program >/dev/null || return 0
    start_registry
    push "$IMAGES/busybox:one" bb:1
    push "$IMAGES/busybox:three" bb:3
    export DIR=$BATS_FILE_TMPDIR/nginx
    mkdir "$DIR"
    export FRONT STORAGE BUSY ENCODED
    FRONT=127.0.0.1:$(free_port) STORAGE=127.0.0.2:$(free_port)
    BUSY=127.0.0.1:$(free_port) ENCODED=127.0.0.1:$(free_port)
    echo 'user:{PLAIN}secret' >"$DIR/passwords"
    write_conf >"$DIR/conf"
    "$(nginx_program)" -e "$DIR/errors" -p "$DIR" -c "$DIR/conf" 3>&-
    for _ in $(seq 100); do
        ! curl -s -o "$DIR/probe" "http://$ENCODED/v2/" || return 0
        sleep 0.1
    done
    cat "$DIR/errors" >&2
    return 1
}

teardown_file() {
    local pid
    if pid=$(cat "$BATS_FILE_TMPDIR/nginx/pid" 2>/dev/null); then
        kill "$pid"
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
    fi
    stop_registry
}

setup() {
    require_images busybox
    nginx_program >/dev/null || skip "needs nginx"
    new_store
}

@test "blobs behind a redirect to a host that refuses credentials" {
    # the storage does what S3 does with a signed address and an Authorization header
    [ "$(curl -s -o "$BATS_TEST_TMPDIR/answer" -w '%{http_code}' -u user:secret "http://$STORAGE/v2/")" = 400 ]
    : >"$DIR/storage.log"
    assert_fails 1 '' imgc pull -q "$FRONT/bb:3"
    imgc pull -q --creds user:secret "$FRONT/bb:3"
    [ "$(imgc images -q | wc -l)" -eq 1 ]
    imgc verify
    # the blobs came from there, all without credentials, which the front has seen
    [ "$(grep -c '^GET /v2/bb/blobs/.* 20[06] \[-\]$' "$DIR/storage.log")" -ge 4 ]
    ! grep -vE '\[-\]$' "$DIR/storage.log" || false
    grep -qE '^GET /v2/bb/manifests/.* 200 \[Basic ' "$DIR/front.log"
}

@test "a registry that counts requests: 429 with Retry-After is waited for" {
    imgc pull -q "$BUSY/bb:3"
    grep -q ' 429 ' "$DIR/busy.log"
    [ "$(imgc images -q | wc -l)" -eq 1 ]
    imgc verify
    # who does not wait is told what the registry said
    imgc rmi -a
    run imgc pull -q --retry 0 "$BUSY/bb:3"
    [ "$status" -eq 1 ]
    [[ $output == *429* || $output == *"too many"* || $output == *"come back"* ]]
}

@test "bytes that a server calls encoded once more are taken as they come" {
    imgc pull -q "$ENCODED/bb:1"
    imgc verify
    [ "$(imgc inspect --format '{{.Id}}' "$ENCODED/bb:1")" = "$(imgc pull -q "$REGISTRY/bb:1")" ]
}
