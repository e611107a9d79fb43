# SPDX-License-Identifier: Apache-2.0
# imgc inside containers of imgc: three friends' containers in one of root's, as in the articles.

load lib/common
load lib/nested

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    pack_friends "$BATS_FILE_TMPDIR/friends.tar"
    imgc import "$BATS_FILE_TMPDIR/friends.tar" friends >/dev/null
    rm "$BATS_FILE_TMPDIR/friends.tar"
}

teardown_file() {
    imgc rm -af >/dev/null 2>&1 || true
}

setup() {
    require_containers
    require_images busybox
}

# inside OPTION... -- WORDS: a shell in a container with imgc; its store is a volume, since an overlay
# on an overlay has no whiteouts.
inside() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    imgc run --rm -v /var/lib/imgc -e IMGC_NETWORK=none -e ASAN_OPTIONS=detect_leaks=0 "${options[@]}" \
        friends sh -c "$2"
}

@test "in a privileged container: import, run, exec, stop, limits, and nothing leaks out" {
    run inside --privileged -- '
        imgc import /bb.tar bb >/dev/null
        imgc run --rm bb sh -c "echo pid \$\$; hostname inner && echo renamed; cat /data/one"
        imgc run --rm bb sh -c "exit 42"; echo "status $?"
        imgc run -d --name job bb sleep 1000 >/dev/null
        imgc exec job echo from exec
        imgc stop -t 1 job 2>/dev/null; imgc ps -a --format "{{.Names}} {{.State}}"
        imgc rm job'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [[ $output == *"pid 1"*one*"status 42"*"from exec"*"job"*exited*job* ]] || { echo "$output"; return 1; }
    ! grep -q 'friends\|/bb' /proc/self/mountinfo || false
    [ -z "$(imgc ps -q)" ]
}

@test "in an ordinary container: images yes, containers are refused in one line with the remedy" {
    run inside -- 'imgc import /bb.tar bb >/dev/null && imgc cat bb:/data/one
        imgc run --rm bb true 2>&1; echo "status $?"'
    [[ $output == one$'\n'*"Error: "*"status 125" ]] || { echo "$output"; return 1; }
    [ "$(grep -c Error: <<<"$output")" = 1 ]
    [[ $output == *'forbids new '*' namespaces'*'with --privileged, or run imgc outside of it'* ]] || { echo "$output"; return 1; }
}

@test "without a volume the store is on an overlay, where no container runs: the remedy is told" {
    run imgc run --rm --privileged -e IMGC_NETWORK=none friends sh -c '
        imgc import /bb.tar bb >/dev/null && imgc cat bb:/data/one
        imgc run --rm bb true 2>&1; echo "status $?"; imgc ps -aq
        imgc --root /dev/shm/store import /bb.tar bb >/dev/null
        imgc --root /dev/shm/store run --rm bb echo on a tmpfs'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "${#lines[@]}" -eq 4 ] || { echo "$output"; return 1; }
    [[ ${lines[1]} == "Error: the store is on an overlay, "*"-v /var/lib/imgc"* ]] || { echo "$output"; return 1; }
    [ "${lines[2]} ${lines[3]}" = "status 125 on a tmpfs" ]
}

@test "a container inside has its own limits" {
    run inside --privileged --pids-limit 200 -- '
        imgc import /bb.tar bb >/dev/null
        imgc run --rm --pids-limit 20 bb sh -c "
            i=0; while [ \$i -lt 40 ]; do sleep 3 & i=\$((i+1)); echo \$i; done" 2>/dev/null | tail -n 1'
    [ "$output" = 19 ] || { echo "$output"; return 1; }
}

@test "a bridge inside: names, addresses and rules of the container's own network namespace" {
    require_friends_bridge
    run inside --privileged -e IMGC_NETWORK= -- "$NESTED_BRIDGE"
    assert_nested_bridge
}

@test "a port published inside: over loopback, from another container, and gone with its container" {
    require_friends_bridge
    # shellcheck disable=SC2016
    run inside --privileged -e IMGC_NETWORK= -- 'PATH=$PATH:/usr/sbin
        imgc import /bb.tar bb >/dev/null
        imgc run -d --name web -p 8080:80 bb sh -c "mkdir /www; echo from web >/www/index.html; exec httpd -f -h /www" >/dev/null
        i=0; until wget -q -O - http://127.0.0.1:8080/ 2>/dev/null || [ $i = 100 ]; do sleep 0.1; i=$((i + 1)); done
        gateway=$(ip -4 -o addr show imgc0 | sed "s/.*inet \([0-9.]*\).*/\1/")
        imgc run --rm bb wget -q -O - "http://$gateway:8080/"
        imgc run --rm -p 8080:80 bb true 2>&1 | grep "port.*8080"
        imgc port web; imgc rm -f web >/dev/null
        wget -q -O - http://127.0.0.1:8080/ 2>/dev/null || echo closed'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    echo "$output"
    [ "${lines[0]},${lines[1]}" = "from web,from web" ]
    [[ ${lines[2]} == "Error: "*8080* ]]
    [[ ${lines[3]} == "80/tcp -> 0.0.0.0:8080" ]]
    [ "${lines[-1]}" = closed ]
}

@test "a user namespace inside, and an ordinary user inside" {
    run inside --privileged -- 'imgc import /bb.tar bb >/dev/null
        imgc run --rm --uidmap 0:5000:1000 --gidmap 0:6000:1000 bb sh -c "id -u; cat /proc/self/uid_map; stat -c %u:%g /data/one"
        mkdir -p /var/lib/imgc/home; chown 1000:1000 /var/lib/imgc/home; chmod 711 /var/lib/imgc'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "$(xargs <<<"$output")" = "0 0 5000 1000 0:0" ] || { echo "$output"; return 1; }
    # with one ID, for whom subordinate ones mean nothing here
    run inside --privileged -u 1000:1000 --tmpfs /home:mode=1777 -e HOME=/home/me -- '
        mkdir -m 700 /home/me; cd; imgc import /bb.tar bb >/dev/null 2>&1
        imgc run --rm bb sh -c "id -u; cat /proc/self/uid_map /data/one"; imgc ps -aq'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "$(xargs <<<"$output")" = "0 0 1000 1 one" ] || { echo "$output"; return 1; }
}

@test "pull inside, from a registry on loopback" {
    command -v docker-registry skopeo >/dev/null || skip "no registry, or no skopeo"
    start_registry
    push "$IMAGES/busybox:one" busybox
    run inside --network host -- "imgc pull -q $REGISTRY/busybox >/dev/null 2>&1 && imgc cat $REGISTRY/busybox:/data/one"
    stop_registry
    [ "$output" = one ] || { echo "$output"; return 1; }
}
