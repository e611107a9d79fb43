#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make the images that the benchmarks pull: OCI layouts of Debian bookworm, alone and with five more
# layers on top of it, each what one apt-get of a Dockerfile leaves.
#
#   make-images.sh DIR
#
#   DIR/debian.tar   mmdebstrap's minbase
#   DIR/debian       :bookworm   one layer, debian.tar
#                    :big        six layers, about 1.1 GB unpacked
set -eu
umask 022
out=$1
suite=bookworm
mkdir -p "$out"

step() { echo "make-images: $*"; }

# The host's apt works on the root file system $1: no name server, proxy or key of the host gets into it.
apt_in() {
    root=$1
    shift
    apt-get -qq -o Dir="$root" -o Dir::State::status="$root/var/lib/dpkg/status" \
        -o DPkg::Chroot-Directory="$root" -o APT::Sandbox::User=root \
        -o APT::Install-Recommends=false -o APT::Architecture="$(dpkg --print-architecture)" \
        -o Dpkg::Use-Pty=false -o Dpkg::Options::=--force-unsafe-io "$@"
}

# One layer: what installing these packages changes. /dev and /proc are mounted only while apt runs.
add_packages() {
    root=$1
    shift
    mount --bind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    apt_in "$root" update
    DEBIAN_FRONTEND=noninteractive LC_ALL=C apt_in "$root" install -y "$@"
    apt_in "$root" clean
    rm -rf "$root"/var/lib/apt/lists/* "$root"/var/log/*.log "$root"/var/log/apt \
        "$root"/var/cache/apt/*.bin "$root"/var/cache/ldconfig
}

# A private mount namespace for each step: nothing stays mounted, whatever happens.
if [ "${2:-}" = --step ]; then
    root=$out
    shift 2
    add_packages "$root" "$@"
    exit
fi

layer() {
    name=$1
    shift
    step "layer $name: $*"
    unshare -m "$0" "$out/bundle/rootfs" --step "$@"
    umoci repack --refresh-bundle --image "$out/debian:$name" "$out/bundle"
}

step "layer $suite: mmdebstrap"
rm -rf "$out/debian" "$out/bundle"
mmdebstrap --quiet --variant=minbase "$suite" "$out/debian.tar"
umoci init --layout "$out/debian"
umoci new --image "$out/debian:$suite"
umoci raw add-layer --image "$out/debian:$suite" "$out/debian.tar"
umoci config --image "$out/debian:$suite" --config.cmd bash \
    --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

umoci unpack --image "$out/debian:$suite" "$out/bundle"
layer python python3 python3-venv
layer gcc gcc g++ gfortran make libc6-dev gdb
layer node nodejs
layer git git openssh-client curl ca-certificates perl
layer big clang clangd clang-tools lld llvm
for tag in python gcc node git; do
    umoci rm --image "$out/debian:$tag"
done
umoci gc --layout "$out/debian"
rm -rf "$out/bundle"
