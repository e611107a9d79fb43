# SPDX-License-Identifier: Apache-2.0
# --userns for ordinary users: what there is, and what is refused in one line.

load lib/common
load lib/users

setup_file() {
    have_users && have_images busybox || return 0
    make_users
    for user in "$RANGED" "$SINGLE"; do
        imgc_as "$user" import "$USERS_HOME/$user/busybox.tar" bb >/dev/null 2>&1
    done
}

teardown_file() {
    remove_users
}

setup() {
    require_users
    require_images busybox
}

@test "keep-id: the user is himself inside, and what he mounts is his" {
    for user in "$RANGED" "$SINGLE"; do
        id=$(id -u "$user")
        gid=$(id -g "$user")
        mkdir -p "$USERS_HOME/$user/src"
        chown "$user:$user" "$USERS_HOME/$user/src"
        run imgc_as "$user" run --rm --userns keep-id -v "$USERS_HOME/$user/src:/src" bb \
            sh -c 'id -u; id -g; touch /src/mine; stat -c %u:%g /src /src/mine'
        [ "$output" = "$id"$'\n'"$gid"$'\n'"$id:$gid"$'\n'"$id:$gid" ] || { echo "$user: $output"; return 1; }
        [ "$(stat -c %U "$USERS_HOME/$user/src/mine")" = "$user" ]
    done
    # others than himself, where there are ranges
    [ "$(imgc_as "$RANGED" run --rm --userns keep-id --user 0 bb sh -c 'id -u; touch /x; stat -c %u /x')" = $'0\n0' ]
    [ "$(imgc_as "$RANGED" run --rm --userns keep-id:uid=5000,gid=6000 bb sh -c 'id -u; id -g')" = $'5000\n6000' ]
    imgc_as "$RANGED" run -d --name one --userns keep-id bb sleep 1000 >/dev/null
    [ "$(imgc_as "$RANGED" exec one id -u)" = "$(id -u "$RANGED")" ]
    [ "$(imgc_as "$RANGED" exec -u 0 one sh -c 'id -u; touch /y; stat -c %u /y')" = $'0\n0' ]
    imgc_as "$RANGED" rm -f one >/dev/null
}

@test "host is what there is anyway; the rest needs root" {
    [ "$(imgc_as "$RANGED" run --rm --userns host bb id -u)" = 0 ]
    for mode in private auto container:x ns:/proc/self/ns/user; do
        assert_fails 125 '--userns needs root' imgc_as "$RANGED" run --rm --userns $mode bb true
    done
    assert_fails 125 '--uidmap needs root' imgc_as "$RANGED" run --rm --uidmap 0:1:1 bb true
    assert_fails 125 'nomap' imgc_as "$RANGED" run --rm --userns nomap bb true
    assert_fails 125 'uid=NUMBER' imgc_as "$RANGED" run --rm --userns keep-id:uid=x bb true
    assert_fails 125 "'idmap' needs a user namespace" imgc_as "$RANGED" run --rm --userns keep-id -v /tmp:/m:idmap bb true
}

@test "option U gives a source to the container's user, in the ranges that there are" {
    mkdir -p "$USERS_HOME/$RANGED/given"
    touch "$USERS_HOME/$RANGED/given/f"
    chown -R "$RANGED:$RANGED" "$USERS_HOME/$RANGED/given"
    imgc_as "$RANGED" run --rm -u 7:8 -v "$USERS_HOME/$RANGED/given:/m:U" bb touch /m/g
    [ "$(stat -c %u:%g "$USERS_HOME/$RANGED/given/f" "$USERS_HOME/$RANGED/given/g" | uniq)" = "$((RANGE_START + 6)):$((RANGE_START + 7))" ]
}
