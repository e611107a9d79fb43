#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make the images that the e2e tests use, once per build tree: OCI layouts of what Debian's own tools
# produce.
#
#   make-images.sh DIR
#
#   DIR/busybox   :one     busybox-static and a few files, one layer
#                 :three   deleted, replaced and re-created files and directories, hard links
#   DIR/debian    :bookworm   mmdebstrap's minbase, one layer
#                 :layers     three layers on top of it (umoci repack)
#
# debian is left out, visibly, where mmdebstrap cannot work (no root, no mounts, no mirror).
set -eu
umask 022
out=$1
mkdir -p "$out"
exec 9>"$out/.lock"
flock 9
[ ! -e "$out/.done" ] || exit 0
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

step() { echo "make-images: $*"; }

# A root file system of one static program.
busybox_rootfs() {
    mkdir -p "$1/bin" "$1/etc" "$1/tmp" "$1/root" "$1/home/user" "$1/data/old" "$1/usr/bin"
    cp /bin/busybox "$1/bin/busybox"
    for tool in $(/bin/busybox --list); do
        [ "$tool" = busybox ] || ln -sf busybox "$1/bin/$tool"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$1/etc/passwd"
    printf 'root:x:0:\nuser:x:1000:\nextra:x:2000:user\n' >"$1/etc/group"
    echo one >"$1/data/one"
    echo two >"$1/data/two"
    ln "$1/data/two" "$1/data/two.link"
    echo old >"$1/data/old/file"
    ln -s /data/one "$1/data/link"
    mkdir -p "$1/real" && ln -s real "$1/linked"
    chmod 1777 "$1/tmp"
}

new_layout() {
    umoci init --layout "$1"
    umoci new --image "$1:$2"
}

# repack LAYOUT FROM TO FUNCTION: FUNCTION changes the unpacked root, the difference is a layer.
repack() {
    rm -rf "$work/bundle"
    # shellcheck disable=SC2086 # empty or one option
    umoci unpack $rootless --image "$1:$2" "$work/bundle" >/dev/null 2>&1
    "$4" "$work/bundle/rootfs"
    umoci repack --image "$1:$3" "$work/bundle" >/dev/null 2>&1
}

second_layer() {
    rm -rf "$1/data/old" "$1/data/one"
    echo replaced >"$1/data/two"
    echo new >"$1/data/new"
    echo through >"$1/real/file"
}

third_layer() {
    mkdir -p "$1/data/old"
    echo again >"$1/data/old/again"
    ln "$1/data/new" "$1/data/new.link"
    rm "$1/data/link"
    mkdir "$1/data/link"
    echo dir >"$1/data/link/now-a-directory"
}

debian_second() {
    rm -rf "$1/usr/share/doc" "$1/usr/share/man"
    echo changed >"$1/etc/motd"
    mkdir -p "$1/opt/tool"
    seq 10000 >"$1/opt/tool/numbers"
    ln "$1/opt/tool/numbers" "$1/opt/tool/hard"
}

debian_third() {
    mkdir -p "$1/usr/share/doc/new"
    echo doc >"$1/usr/share/doc/new/README"
    rm "$1/opt/tool/numbers"
    rm -rf "$1/var/cache/apt"
    chmod 4755 "$1/usr/bin/env"
}

debian_fourth() {
    mv "$1/opt/tool" "$1/opt/renamed"
    rm "$1/etc/motd"
    ln -s /etc/hostname "$1/etc/motd"
}

rootless=
[ "$(id -u)" = 0 ] || rootless=--rootless

step busybox
mkdir "$work/busybox"
busybox_rootfs "$work/busybox"
tar -C "$work/busybox" --owner=0 --group=0 --numeric-owner --sort=name -cf "$work/busybox.tar" .
rm -rf "$out/busybox" "$out/debian"
new_layout "$out/busybox" one
umoci raw add-layer --image "$out/busybox:one" "$work/busybox.tar"
umoci config --image "$out/busybox:one" --config.cmd sh --config.env FROM=image \
    --config.workingdir /data
repack "$out/busybox" one two second_layer
repack "$out/busybox" two three third_layer
cp "$work/busybox.tar" "$out/busybox.tar"

step debian
if [ "$(id -u)" = 0 ] &&
    mmdebstrap --quiet --variant=minbase bookworm "$work/debian.tar" >"$out/mmdebstrap.log" 2>&1; then
    new_layout "$out/debian" bookworm
    umoci raw add-layer --image "$out/debian:bookworm" "$work/debian.tar"
    umoci config --image "$out/debian:bookworm" --config.cmd bash
    repack "$out/debian" bookworm second debian_second
    repack "$out/debian" second third debian_third
    repack "$out/debian" third layers debian_fourth
    mv "$work/debian.tar" "$out/debian.tar"
else
    step "debian is left out: mmdebstrap does not work here (see $out/mmdebstrap.log)"
    rm -rf "$out/debian"
fi
touch "$out/.done"
