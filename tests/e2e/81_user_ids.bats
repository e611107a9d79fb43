# SPDX-License-Identifier: Apache-2.0
# What an ordinary user is told where the host's ranges of IDs, or the programs that map them, are not as
# they should be: one line, the right exit code, and nothing left behind.

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
}

teardown_file() {
    remove_users
}

setup() {
    require_users
    require_images busybox
    export E2E_LIB
    OTHER=$(mktemp -d "$USERS_HOME/other.XXXXXX")
    chmod 755 "$OTHER"
    STORE=$USERS_HOME/$RANGED/.local/share/imgc
}

teardown() {
    [ -z "${OTHER:-}" ] || rm -rf "$OTHER"
    [ -z "${STORE:-}" ] || { wait_idle; imgc_as "$RANGED" unshare rm -rf "$STORE"; }
}

# with FILE... -- ARG...: imgc of the user with ranges, for whom the files of $OTHER are the host's.
with() {
    local files=()
    while [ "$1" != -- ]; do
        files+=("$1")
        shift
    done
    shift
    # shellcheck disable=SC2016 # for the shell inside
    unshare -m bash -c 'dir=$1; shift
        while [ "$1" != -- ]; do mount --bind "$dir/${1##*/}" "$1" || exit 77; shift; done
        shift; . "$E2E_LIB/users.bash"; imgc_as "$RANGED" "$@"' bash "$OTHER" "${files[@]}" -- "$@"
}

# ranges TEXT: what both files say.
ranges() {
    printf '%s\n' "$1" | tee "$OTHER/subuid" >"$OTHER/subgid"
    with /etc/subuid /etc/subgid -- info -f '{{.Version}}' >/dev/null || skip "/etc/subuid cannot be replaced here"
}

with_ranges() {
    with /etc/subuid /etc/subgid -- "$@"
}

# Each names the thing, and the next command finds a store in order.
said() {
    local pattern=$1
    shift
    assert_fails 125 "$pattern" "$@"
    [ -z "$(imgc_as "$RANGED" ps -aq)" ]
}

@test "without newuidmap there is one ID, which is said once" {
    : >"$OTHER/newuidmap"
    local tool
    tool=$(command -v newuidmap)
    run with "$tool" -- import "$USERS_HOME/owners.tar" bb
    [ "$status" -ne 77 ] || skip "$tool cannot be replaced here"
    [ "$status" -eq 0 ]
    [ "$(grep -c 'warning: .*other owners.*there is no newuidmap (install the package uidmap)' <<<"$output")" = 1 ]
    run with "$tool" -- run --rm bb sh -c 'id -u; stat -c %u:%g /data/of1234; cat /data/of1234'
    [ "$status" -eq 0 ]
    [ "$output" = $'0\n0:0\nsecret' ]
    run with "$tool" -- run --rm -u 70:71 bb sh -c 'id -u; id -g'
    [ "$output" = $'70\n71' ]
    # the owners are remembered: in the layer, and for the day on which there are ranges
    [ "$(with "$tool" -- ls --format json bb:/data/of1234 | jq -r '.[] | "\(.uid):\(.gid)"')" = 1234:4321 ]
}

@test "newuidmap that lacks its privilege" {
    setpriv --reuid="$RANGED" --regid="$RANGED" --clear-groups grep -q 'CapEff:.0*$' /proc/self/status
    local tool
    tool=$(command -v newuidmap)
    cat "$tool" >"$OTHER/newuidmap" # neither set-user-ID nor file capabilities
    chmod 755 "$OTHER/newuidmap"
    run with "$tool" -- info -f '{{.Version}}'
    [ "$status" -ne 77 ] || skip "$tool cannot be replaced here"
    imgc_as "$RANGED" import "$USERS_HOME/owners.tar" bb >/dev/null
    said 'newuidmap.*refused.*reinstall the package uidmap' with "$tool" -- run --rm bb true
}

@test "a range too small for the image, or for --user" {
    ranges "$RANGED:$RANGE_START:10"
    run with_ranges import "$USERS_HOME/owners.tar" small
    [ "$status" -eq 0 ]
    [ "$(grep -c 'warning: .*owners beyond the 11 users and 11 groups.*larger ranges' <<<"$output")" = 1 ] || { echo "$output"; return 1; }
    run with_ranges run --rm small sh -c 'id -u; stat -c %u:%g /data/of1234; cat /data/of1234'
    [ "$output" = $'0\n0:0\nsecret' ]
    said 'user 77 is not among the IDs.*a larger range in /etc/subuid and /etc/subgid is needed' \
        with_ranges run --rm -u 77 small true
}

@test "ranges of one kind only" {
    printf '%s:%s:65536\n' "$RANGED" "$RANGE_START" >"$OTHER/subuid"
    : >"$OTHER/subgid"
    run with_ranges import "$USERS_HOME/owners.tar" half
    [ "$status" -ne 77 ] || skip "/etc/subuid cannot be replaced here"
    grep -q "warning: .*no range for user $RANGED in /etc/subgid" <<<"$output"
    [ "$(with_ranges run --rm half id -u)" = 0 ]
}

@test "malformed lines of the user's own are named, others do not matter" {
    ranges "nobody-else:x:y"
    with_ranges import "$USERS_HOME/owners.tar" bb >/dev/null
    for line in "$RANGED:x:1" "$RANGED:1" "$RANGED:1:1:1" "$RANGED:-5:10"; do
        ranges "# a comment"$'\n'"$line"
        said '/etc/subuid: line 2: not OWNER:START:COUNT such as .*:100000:65536' with_ranges run --rm bb true
    done
    ranges "$RANGED:4294967295:10"
    said '/etc/subuid: line 1: IDs end at 4294967294' with_ranges run --rm bb true
    printf '%s:%s:65536\n' "$RANGED" "$RANGE_START" >"$OTHER/subuid"
    said '/etc/subgid: line 1: IDs end at' with_ranges run --rm bb true
    # nothing of images needs them
    with_ranges images -q >/dev/null
}
