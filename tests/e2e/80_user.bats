# SPDX-License-Identifier: Apache-2.0
# What a user without a name or a range of IDs can do. More about run: 81_user_run.bats.

load lib/common

setup() {
    require_root # to become somebody else; as an ordinary user the other files show the same
    require_images busybox
    HOME_DIR=$(mktemp -d /tmp/imgc-user.XXXXXX)
    cp "$IMGC" "$HOME_DIR/imgc"
    cp "$IMAGES/busybox.tar" "$HOME_DIR/"
    chown -R 65534:65534 "$HOME_DIR"
}

teardown() {
    rm -rf "$HOME_DIR"
}

user() {
    setpriv --reuid=65534 --regid=65534 --clear-groups env -i PATH="$PATH" HOME="$HOME_DIR" IMGC_NETWORK="${IMGC_NETWORK:-}" \
        ASAN_OPTIONS="${ASAN_OPTIONS:-}" "$HOME_DIR/imgc" "$@"
}

@test "import, list, inspect, unpack, verify, prune" {
    user import "$HOME_DIR/busybox.tar" bb
    [ -d "$HOME_DIR/.local/share/imgc" ]
    [ "$(user images --format '{{.Repository}}')" = bb ]
    user inspect bb >/dev/null
    user unpack bb "$HOME_DIR/out" 2>"$HOME_DIR/warnings"
    [ "$(cat "$HOME_DIR/out/data/one")" = one ]
    [ "$(stat -c %u "$HOME_DIR/out/data/one")" = 65534 ]
    user verify -q
    user rmi bb
    user prune -af
    flock "$HOME_DIR/.local/share/imgc/background" true
    [ -z "$(ls -A "$HOME_DIR/.local/share/imgc/layers")" ]
}

@test "ls, cat and diff read what only root could unpack whole" {
    mkdir "$HOME_DIR/in"
    mknod "$HOME_DIR/in/null" c 1 3
    echo secret >"$HOME_DIR/in/closed"
    chown 12345:54321 "$HOME_DIR/in/closed"
    chmod 0 "$HOME_DIR/in/closed"
    tar -C "$HOME_DIR/in" --numeric-owner -cf "$HOME_DIR/closed.tar" .
    user import "$HOME_DIR/busybox.tar" bb
    user import "$HOME_DIR/closed.tar" closed
    [ "$(user ls --format json closed | jq -r '.[] | "\(.path) \(.type) \(.uid):\(.gid) \(.mode)"')" = \
        $'/closed file 12345:54321 0000\n/null char 0:0 '"$(stat -c 0%a "$HOME_DIR/in/null")" ]
    [ "$(user cat closed:/closed)" = secret ]
    [ "$(user cat bb:/data/one)" = one ]
    user diff bb closed >"$HOME_DIR/diff"
    grep -qx 'A /closed' "$HOME_DIR/diff"
    grep -qx 'D /bin' "$HOME_DIR/diff"
}

@test "run says in one line what the host forbids" {
    user import "$HOME_DIR/busybox.tar" bb >/dev/null
    unshare -U true || skip "this host forbids user namespaces"
    # a namespace like a host of its own, whose setting harms nobody else
    forbidden() {
        # shellcheck disable=SC2016 # for the shells inside
        unshare -U sh -c 'until [ "$(id -u)" = 0 ]; do sleep 0.01; done
            exec sh -c "echo 0 >/proc/sys/user/max_user_namespaces && exec \"\$@\"" sh "$@"' sh \
            setpriv --reuid=65534 --regid=65534 --clear-groups env -i PATH="$PATH" \
            HOME="$HOME_DIR" IMGC_NETWORK="${IMGC_NETWORK:-}" ASAN_OPTIONS="${ASAN_OPTIONS:-}" "$HOME_DIR/imgc" "$@" &
        until ! [ "/proc/$!/ns/user" -ef /proc/self/ns/user ]; do sleep 0.01; done
        echo '0 0 100000' >"/proc/$!/uid_map"
        echo '0 0 100000' >"/proc/$!/gid_map"
        wait $!
    }
    assert_fails 125 'sysctl user.max_user_namespaces=' forbidden run --rm bb true
    [ -z "$(user ps -aq)" ]
    # what needs none works
    [ "$(forbidden cat bb:/data/one)" = one ]
}
