# SPDX-License-Identifier: Apache-2.0
# imgc in an image, for containers in containers. In a file: pack_friends in setup_file.
# shellcheck shell=bash

# pack_friends TAR: busybox with imgc, its libraries and an image to import; and nft where there is one.
pack_friends() {
    local root=$BATS_FILE_TMPDIR/friends program library
    mkdir "$root"
    tar -C "$root" -xf "$IMAGES/busybox.tar"
    cp "$IMGC" "$root/bin/imgc"
    cp "$IMAGES/busybox.tar" "$root/bb.tar"
    for program in "$IMGC" $(command -v nft); do
        "$E2E_LIB/../../lib/libraries.sh" "$program"
    done | sort -u | while read -r library; do
        install -D -m 755 "$library" "$root$library"
    done
    ! command -v nft >/dev/null || install -D "$(command -v nft)" "$root/usr/sbin/nft"
    tar -C "$root" -cf "$1" .
    rm -rf "$root"
}

require_friends_bridge() {
    command -v nft >/dev/null && unshare -n sh -c 'ip link add b0 type bridge && nft add table inet probe' 2>/dev/null ||
        skip "this host has no bridges, or no nftables"
}

# To type inside: a server and a client on the default network, and what is left then.
# shellcheck disable=SC2034,SC2016 # for the files that load this; expanded inside
NESTED_BRIDGE='PATH=$PATH:/usr/sbin
    imgc import /bb.tar bb >/dev/null
    imgc run -d --name one bb nc -l -p 80 -e echo from one >/dev/null
    imgc run --rm bb sh -c "ip route; until nc one 80; do sleep 0.1; done"
    imgc rm -f one; nft list tables'

assert_nested_bridge() {
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [[ $output == "default via 10."*" dev eth0"*"from one"$'\n'one$'\n'"table inet imgc" ]] || { echo "$output"; return 1; }
}
