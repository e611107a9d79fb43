# SPDX-License-Identifier: Apache-2.0
# What an ordinary user can do: everything but run.

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
    setpriv --reuid=65534 --regid=65534 --clear-groups env -i PATH="$PATH" HOME="$HOME_DIR" \
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

@test "run says in one line what the host forbids" {
    user import "$HOME_DIR/busybox.tar" bb >/dev/null
    assert_fails 125 'root|privilege|CAP_SYS_ADMIN|namespace' user run --rm bb true
    [ -z "$(user ps -aq)" ]
}
