# SPDX-License-Identifier: Apache-2.0
# docs/by-hand.md: each command of imgc's that stands in its tables does its work.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    cd "$BATS_FILE_TMPDIR" || return
    mkdir files root
    echo hello >files/hi.txt
    tar -C root -xf "$IMAGES/busybox.tar"
    gzip -c "$IMAGES/busybox.tar" >rootfs.tar.gz
}

setup() {
    require_containers
    require_images busybox
    new_store
    cd "$BATS_FILE_TMPDIR" || return
    imgc import -c 'CMD ["sh"]' "$IMAGES/busybox.tar" box >/dev/null
}

teardown() {
    [ ! -e "${STORE:-}" ] || "$IMGC" --root "$STORE" --runroot "$RUNROOT" rm -f -a >/dev/null
}

# The commands of the right column, below a heading.
commands() {
    sed -n "/^## $1/,/^## [^$1]/p" "$SOURCE_DIR/docs/by-hand.md" | awk -F' \\| ' '/^\| / { print $NF }' |
        grep -oE '`imgc [^`]+`' | tr -d '`'
}

# As a script would type it: no terminal, real values for what the text leaves open.
typed() {
    local hex
    hex=$(sha256sum rootfs.tar.gz | cut -d' ' -f1)
    sed -e 's/ -dit / -di /; s/ -it / /' -e "s/HEX/$hex/; s/ DIR / root /" <<<"$1"
}

each_works() {
    local line n=0
    while read -r line; do
        echo "# $line"
        (eval "$(typed "$line")" </dev/null) || return 1
        n=$((n + 1))
    done < <(commands "$1" | grep -v ' pull ')
    [ "$n" -ge "$2" ] # the text is still read
}

start_box1() {
    imgc run -d --name box1 "$@" box sleep 1000
}

@test "a root file system" {
    each_works "A root file system" 6
}

@test "namespaces" {
    start_box1
    each_works "Namespaces" 9
}

@test "files of the host" {
    run each_works "Files of the host" 1
    [ "$status" -eq 0 ]
    [[ $output == *hi.txt* ]]
}

@test "limits" {
    start_box1 -m 300m
    each_works "Limits" 5
}

@test "what root may do" {
    each_works "What root may do" 4
}

@test "a network" {
    command -v nft ip >/dev/null || skip "nft or ip is not installed"
    # Of its own: this machine's is left alone.
    ip netns add "imgc-hand-$$" || skip "this host forbids network namespaces"
    imgc() { nsenter --net="/run/netns/imgc-hand-$$" "$IMGC" --root "$STORE" --runroot "$RUNROOT" "$@"; }
    export IMGC_NETWORK=
    run each_works "A network" 5
    ip netns del "imgc-hand-$$"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [[ $output == *eth0* && $output == *"default via"* && $output == *web* && $output == *"80/tcp -> 0.0.0.0:8000"* ]]
}

@test "containers in containers" {
    each_works "Containers in containers" 2
}
