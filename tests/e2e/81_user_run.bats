# SPDX-License-Identifier: Apache-2.0
# Containers of ordinary users: with ranges of subordinate IDs, and with their own ID alone.

load lib/common
load lib/users

setup_file() {
    have_users && have_images busybox || return 0
    make_users
    mkdir "$USERS_HOME/in"
    tar -C "$USERS_HOME/in" -xf "$IMAGES/busybox.tar"
    echo secret >"$USERS_HOME/in/data/of1234"
    chown 1234:4321 "$USERS_HOME/in/data/of1234"
    chmod 600 "$USERS_HOME/in/data/of1234"
    tar -C "$USERS_HOME/in" --numeric-owner -cf "$USERS_HOME/owners.tar" .
    rm -r "$USERS_HOME/in"
    for user in "$RANGED" "$SINGLE"; do
        imgc_as "$user" import "$USERS_HOME/owners.tar" bb >/dev/null 2>"$USERS_HOME/$user/said"
    done
}

teardown_file() {
    remove_users
}

setup() {
    require_users
    require_images busybox
}

# no_rest USER: what was run left nothing in the user's store.
no_rest() {
    local i dir=$USERS_HOME/$1/.local/share/imgc
    for i in {1..100}; do
        [ -n "$(ls -A "$dir/containers")" ] || return 0
        sleep 0.05
    done
    ls -lR "$dir/containers"
    return 1
}

@test "root inside is the user outside, the others are of the user's range" {
    run imgc_as "$RANGED" run --rm bb sh -c 'id -u; stat -c %u:%g /data/of1234; cat /proc/self/uid_map'
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = 1234:4321 ]
    read -r inside outside count <<<"${lines[2]}"
    [ "$inside $outside $count" = "0 $(id -u "$RANGED") 1" ]
    read -r inside outside count <<<"${lines[3]}"
    [ "$inside $outside $count" = "1 $RANGE_START 65536" ]
    # what it writes on the host
    mkdir "$USERS_HOME/$RANGED/out"
    chown "$RANGED" "$USERS_HOME/$RANGED/out"
    imgc_as "$RANGED" run --rm -v "$USERS_HOME/$RANGED/out:/out" bb \
        sh -c 'touch /out/root /out/other; chown 33:44 /out/other'
    [ "$(stat -c %U "$USERS_HOME/$RANGED/out/root")" = "$RANGED" ]
    [ "$(stat -c %u:%g "$USERS_HOME/$RANGED/out/other")" = "$((RANGE_START + 32)):$((RANGE_START + 43))" ]
    no_rest "$RANGED"
}

@test "without ranges images with other owners run, and it is said once" {
    grep -q 'warning: .*other owners.*no range for user.*subuid' "$USERS_HOME/$SINGLE/said"
    run --separate-stderr imgc_as "$SINGLE" run --rm bb sh -c 'id -u; stat -c %u:%g /data/of1234; cat /data/of1234'
    [ "$status" -eq 0 ]
    [ "$output" = $'0\n0:0\nsecret' ]
    [ -z "$stderr" ]
    # the layers know better
    [ "$(imgc_as "$SINGLE" ls --format json bb:/data/of1234 | jq -r '.[] | "\(.uid):\(.gid)"')" = 1234:4321 ]
    no_rest "$SINGLE"
}

@test "-u: with ranges any user of them, else the one ID has that number" {
    for user in "$RANGED" "$SINGLE"; do
        run imgc_as "$user" run --rm -u 77:88 bb sh -c 'id -u; id -g; touch /tmp/x; stat -c %u:%g /tmp/x; grep CapEff /proc/self/status'
        [ "$status" -eq 0 ]
        [ "${lines[0]} ${lines[1]} ${lines[2]}" = "77 88 77:88" ]
        [[ "${lines[3]}" =~ 0000000000000000$ ]]
    done
    assert_fails 125 'user 70000 is not among .*/etc/subuid' imgc_as "$RANGED" run --rm -u 70000:0 bb true
}

@test "exit codes, output, terminal and signals are as root's" {
    for user in "$RANGED" "$SINGLE"; do
        run imgc_as "$user" run --rm bb sh -c 'exit 42'
        [ "$status" -eq 42 ]
        assert_fails 127 nosuchcommand imgc_as "$user" run --rm bb nosuchcommand
        [ "$(echo in | imgc_as "$user" run --rm -i bb cat)" = in ]
        [ "$(imgc_as "$user" run --rm -t bb tty | tr -d '\r')" = /dev/pts/0 ]
        no_rest "$user"
    done
}

@test "network none and host, mounts, masks and capabilities" {
    for user in "$RANGED" "$SINGLE"; do
        run imgc_as "$user" run --rm --network none bb sh -c 'ls /sys/class/net; hostname; cat /etc/hostname; echo x >/dev/null; echo x >/dev/shm/y'
        [ "$status" -eq 0 ]
        [ "${lines[0]}" = lo ]
        [ "${lines[1]}" = "${lines[2]}" ]
        run imgc_as "$user" run --rm --network host bb cat /proc/net/dev
        [ "$status" -eq 0 ]
        [ "$(grep -c : <<<"$output")" -ge "$(grep -c : /proc/net/dev)" ]
        run imgc_as "$user" run --rm bb sh -c 'grep CapEff /proc/self/status; echo 1 >/proc/sys/kernel/panic; head -c1 /proc/kcore; touch /sys/x; mknod /d c 1 1; true'
        [[ "${lines[0]}" =~ 00000000a80425fb ]]
        [[ "$output" =~ "can't create /proc/sys/kernel/panic" ]]
        [[ "$output" =~ "/sys/x: Read-only" ]]
        [[ "$output" =~ "mknod: /d: Operation not permitted" ]]
    done
}

@test "changes of all kinds to the image's files; the container goes with all of them" {
    for user in "$RANGED" "$SINGLE"; do
        run imgc_as "$user" run --name change bb sh -c '
            rm /data/one; rm -r /data/old; mkdir /data/old; ls -A /data/old
            mv /bin /bin2; /bin2/busybox mkdir -m 0 /closed; /bin2/busybox chown 9:9 /closed
            /bin2/busybox ln -s x /link; /bin2/busybox ls /bin2 | /bin2/busybox head -n 1'
        [ "$status" -eq 0 ] || [ "$user" = "$SINGLE" ] # chown
        imgc_as "$user" rm change
        flock "$USERS_HOME/$user/.local/share/imgc/background" true
        no_rest "$user"
    done
}

@test "verify, df, punched layers, rmi and prune" {
    for user in "$RANGED" "$SINGLE"; do
        flock "$USERS_HOME/$user/.local/share/imgc/background" true
        imgc_as "$user" verify -q
        imgc_as "$user" df >/dev/null
        # from the tar with holes and the file of another owner
        [ "$(imgc_as "$user" cat bb:/data/of1234)" = secret ]
        imgc_as "$user" unpack bb "$USERS_HOME/$user/unpacked" 2>/dev/null
        [ -z "$(find "$USERS_HOME/$user/unpacked" ! -user "$user")" ]
        [ "$(as "$user" cat "$USERS_HOME/$user/unpacked/data/of1234")" = secret ]
        imgc_as "$user" import "$USERS_HOME/owners.tar" again >/dev/null 2>&1
        imgc_as "$user" rmi again >/dev/null
        imgc_as "$user" verify -q
    done
}

@test "root and users see only their own images and containers" {
    new_store
    [ -z "$(imgc images -q)" ]
    imgc_as "$RANGED" run --name mine bb true
    [ "$(imgc_as "$RANGED" ps -a --format '{{.Names}}')" = mine ]
    [ -z "$(imgc_as "$SINGLE" ps -aq)" ]
    [ -z "$(imgc ps -aq)" ]
    assert_fails 1 'Permission denied|belongs to' imgc_as "$SINGLE" \
        --root "$USERS_HOME/$RANGED/.local/share/imgc" images
    imgc_as "$RANGED" rm mine
}

@test "files of other users stay closed, and set-user-ID files give nothing" {
    echo host >"$USERS_HOME/secret"
    chmod 600 "$USERS_HOME/secret"
    for user in "$RANGED" "$SINGLE"; do
        run imgc_as "$user" run --rm -v "$USERS_HOME:/host" bb sh -c '
            cat /host/secret; echo x >/host/secret; chown 0 /host/secret; rm -f /host/secret; chmod 777 /host/secret'
        [ "$status" -ne 0 ]
        [ "$(cat "$USERS_HOME/secret")" = host ]
        [ "$(stat -c %u:%a "$USERS_HOME/secret")" = 0:600 ]
        # a set-user-ID root program of the container is the user's own on the host
        imgc_as "$user" run --name suid bb sh -c 'cp /bin/busybox /suid; chmod 4755 /suid'
        file=$(find "$USERS_HOME/$user/.local/share/imgc/containers" -name suid)
        [ "$(stat -c %U "$file")" = "$user" ]
        imgc_as "$user" rm suid
    done
    # and is out of the reach of others
    imgc_as "$RANGED" run --name suid bb sh -c 'cp /bin/busybox /suid; chown 5 /suid; chmod 4755 /suid'
    file=$(find "$USERS_HOME/$RANGED/.local/share/imgc/containers" -name suid)
    run as "$SINGLE" "$file" id
    [ "$status" -ne 0 ]
    imgc_as "$RANGED" rm suid
}

@test "a hostile environment does not choose newuidmap" {
    mkdir "$USERS_HOME/$RANGED/evil"
    printf '#!/bin/sh\ntouch %s\nexit 1\n' "$USERS_HOME/$RANGED/evil/ran" | tee \
        "$USERS_HOME/$RANGED/evil/newuidmap" "$USERS_HOME/$RANGED/evil/newgidmap" >/dev/null
    chmod -R 777 "$USERS_HOME/$RANGED/evil"
    AS_ENV=PATH=$USERS_HOME/$RANGED/evil:/usr/bin:/bin imgc_as "$RANGED" run --rm bb true
    AS_ENV=LD_LIBRARY_PATH=$USERS_HOME/$RANGED/evil imgc_as "$RANGED" run --rm bb true
    [ ! -e "$USERS_HOME/$RANGED/evil/ran" ]
}

@test "unshare: the host's commands with the IDs of containers" {
    run imgc_as "$RANGED" unshare sh -c 'id -u; cat /proc/self/uid_map'
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 0 ]
    read -r inside outside count <<<"${lines[2]}"
    [ "$inside $outside $count" = "1 $RANGE_START 65536" ]
    # what a container leaves behind in a volume can be removed
    mkdir "$USERS_HOME/$RANGED/left"
    chown "$RANGED" "$USERS_HOME/$RANGED/left"
    imgc_as "$RANGED" run --rm -v "$USERS_HOME/$RANGED/left:/v" bb \
        sh -c 'mkdir -m 700 /v/d; touch /v/d/f; chown -R 5:5 /v/d'
    run as "$RANGED" rm -rf "$USERS_HOME/$RANGED/left/d"
    [ "$status" -ne 0 ]
    imgc_as "$RANGED" unshare rm -rf "$USERS_HOME/$RANGED/left/d"
    [ ! -e "$USERS_HOME/$RANGED/left/d" ]
    # the user's images, and owners as in the layers
    [ "$(imgc_as "$RANGED" unshare "$USERS_HOME/$RANGED/imgc" images --format '{{.Repository}}')" = bb ]
    imgc_as "$RANGED" unshare "$USERS_HOME/$RANGED/imgc" unpack bb "$USERS_HOME/$RANGED/whole" 2>/dev/null
    [ "$(stat -c %u "$USERS_HOME/$RANGED/whole/data/of1234")" = $((RANGE_START + 1233)) ]
    imgc_as "$RANGED" unshare rm -r "$USERS_HOME/$RANGED/whole"
    # its mounts are its own, its exit status is ours
    imgc_as "$RANGED" unshare mount -t tmpfs none /mnt
    ! mountpoint -q /mnt || [ -n "$(ls /mnt)" ]
    run imgc_as "$RANGED" unshare sh -c 'exit 42'
    [ "$status" -eq 42 ]
    AS_ENV=PATH=/usr/bin:/bin assert_fails 127 nosuchcommand imgc_as "$RANGED" unshare nosuchcommand
    assert_fails 126 /etc imgc_as "$RANGED" unshare /etc
    assert_fails 1 'ordinary users' "$IMGC" unshare true
    run --separate-stderr imgc_as "$SINGLE" unshare id -u
    [ "$output" = 0 ]
    [[ "$stderr" =~ "only one ID" ]]
}

@test "exec joins a container of the user's own" {
    for user in "$RANGED" "$SINGLE"; do
        imgc_as "$user" run --name joined bb sh -c 'echo up >/tmp/up; sleep 1000' </dev/null >/dev/null 2>&1 3>&- &
        for _ in {1..200}; do
            ! imgc_as "$user" exec joined test -e /tmp/up 2>/dev/null || break
            sleep 0.05
        done
        run imgc_as "$user" exec joined sh -c 'id -u; for n in user mnt pid net; do [ "$(readlink /proc/self/ns/$n)" = "$(readlink /proc/1/ns/$n)" ] || echo $n; done; grep CapEff /proc/self/status; grep CapEff /proc/1/status'
        [ "$status" -eq 0 ] || { echo "$user: $output"; return 1; }
        [ "${lines[0]}" = 0 ]
        [ "${lines[1]}" = "${lines[2]}" ]
        imgc_as "$user" rm -f joined
        wait $! || true
    done
}

@test "exec: as root of the container and as others, whoever the container runs as" {
    local who
    for user in "$RANGED" "$SINGLE"; do
        for who in 0 77; do
            imgc_as "$user" run --name "job$who" -u "$who" bb sh -c 'echo up; exec sleep 60' \
                >"$USERS_HOME/$user/up" 3>&- &
            for _ in {1..200}; do [ ! -s "$USERS_HOME/$user/up" ] || break; sleep 0.05; done
            [ "$(imgc_as "$user" exec "job$who" id -u)" = "$who" ]
            [ "$(imgc_as "$user" exec -u 0 "job$who" id -u)" = 0 ]
            run imgc_as "$user" exec -u 5:6 "job$who" sh -c 'id -u; id -g; grep CapEff /proc/self/status'
            [ "$status" -eq 0 ]
            [ "${lines[0]} ${lines[1]}" = "5 6" ]
            [[ "${lines[2]}" =~ 0000000000000000$ ]]
            as "$user" kill -9 "$(imgc_as "$user" inspect --format '{{.State.Pid}}' "job$who")" ||
                kill -9 "$(imgc_as "$user" inspect --format '{{.State.Pid}}' "job$who")"
            wait $! || true
            imgc_as "$user" rm "job$who"
            rm "$USERS_HOME/$user/up"
        done
    done
}

@test "stop and rm -f reach a container that runs as another user" {
    for user in "$RANGED" "$SINGLE"; do
        imgc_as "$user" run -d --name other -u 77 bb \
            sh -c 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.1; done' >/dev/null 3>&-
        for _ in {1..200}; do
            [ -z "$(imgc_as "$user" logs other)" ] || break
            sleep 0.05
        done
        imgc_as "$user" stop other
        [ "$(imgc_as "$user" logs other | tail -n 1)" = bye ]
        [ "$(imgc_as "$user" inspect --format '{{.State.ExitCode}}' other)" = 3 ]
        imgc_as "$user" start other 3>&-
        imgc_as "$user" rm -f other
        [ -z "$(imgc_as "$user" ps -aq)" ]
    done
}

@test "a limit that the host does not let a user set is named, with what to do" {
    local option controller advice='systemd-run --user --scope -p Delegate=yes'
    grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null ||
        advice='cgroup v1, where only root can: .*systemd.unified_cgroup_hierarchy=1'
    while read -r controller option; do
        # shellcheck disable=SC2086 # an option and its value
        assert_fails 125 "cannot limit $controller \(.*$advice.*; or leave out the limit\)" \
            imgc_as "$RANGED" run --rm $option bb true
    done <<'END'
memory -m 64m
memory --memory-reservation 32m
cpu --cpus 0.5
cpu --cpu-shares 512
cpuset --cpuset-cpus 0
pids --pids-limit 20
END
    [ -z "$(imgc_as "$RANGED" ps -aq)" ]
    # no limit needs no controller
    imgc_as "$RANGED" run --rm --pids-limit -1 bb true
}
