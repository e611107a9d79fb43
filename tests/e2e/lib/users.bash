# SPDX-License-Identifier: Apache-2.0
# Ordinary users for a file of tests: RANGED has subordinate IDs, SINGLE has none. Each has a home
# with a copy of imgc. In a file: have_users && make_users in setup_file, require_users in setup,
# remove_users in teardown_file; then as USER COMMAND..., and imgc_as USER ARG....
# shellcheck shell=bash

have_users() {
    [ "$(id -u)" = 0 ] && command -v useradd setpriv newuidmap newgidmap >/dev/null &&
        setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Ur true 2>/dev/null
}

require_users() {
    require_root
    command -v useradd setpriv >/dev/null || skip "no useradd"
    command -v newuidmap newgidmap >/dev/null || skip "no newuidmap"
    have_users || skip "this host forbids user namespaces to ordinary users"
}

make_users() {
    local user
    USERS_HOME=$(mktemp -d /tmp/imgc-users.XXXXXX)
    chmod 711 "$USERS_HOME"
    # names that no other file of tests has at the same time
    RANGED=imgcr$BASHPID SINGLE=imgcs$BASHPID
    export USERS_HOME RANGED SINGLE
    # system users get no subordinate IDs by themselves
    for user in "$RANGED" "$SINGLE"; do
        useradd -r -U -M -d "$USERS_HOME/$user" -s /bin/sh "$user"
        mkdir -m 700 "$USERS_HOME/$user"
        cp "$IMGC" "$USERS_HOME/$user/imgc"
        cp "$IMAGES/busybox.tar" "$USERS_HOME/$user/"
        chown -R "$user:$user" "$USERS_HOME/$user"
    done
    RANGE_START=$(free_range)
    export RANGE_START
    usermod -v "$RANGE_START-$((RANGE_START + 65535))" -w "$RANGE_START-$((RANGE_START + 65535))" "$RANGED"
}

# Behind all ranges that there are.
free_range() {
    cat /etc/subuid /etc/subgid 2>/dev/null | awk -F: 'BEGIN { end = 700000 }
        $2 + $3 > end { end = $2 + $3 } END { print end }'
}

remove_users() {
    local user
    [ -n "${USERS_HOME:-}" ] || return 0
    for user in "$RANGED" "$SINGLE"; do
        flock "$USERS_HOME/$user/.local/share/imgc/background" true 2>/dev/null || true
        # another file of tests may hold the lock, a last process may be ending
        userdel -f "$user" || { sleep 1; userdel -f "$user"; } || true
    done
    rm -rf "$USERS_HOME"
}

# As if the user had logged in, without anything of ours.
as() {
    local user=$1
    shift
    (cd / && exec setpriv --reuid="$user" --regid="$user" --init-groups env -i PATH="$PATH" \
        HOME="$USERS_HOME/$user" IMGC_NETWORK="${IMGC_NETWORK:-}" ASAN_OPTIONS="${ASAN_OPTIONS:-}" \
        ${AS_ENV:+"$AS_ENV"} "$@")
}

imgc_as() {
    local user=$1
    shift
    as "$user" "$USERS_HOME/$user/imgc" "$@"
}
