#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The promise of the README, tried: a clean Debian with nothing but git and the network clones the
# repository and types `./dev demo` and `./dev test`.
#
#   run.sh chroot|podman [SUITE] [COMMAND...]
#
#   chroot   root with everything allowed, in own mount and pid namespaces
#   podman   a default, unprivileged podman container, where namespaces and mounts are forbidden
#   SUITE    bookworm (default) or trixie
#   COMMAND  instead of './dev demo; ./dev test'
#
# Not part of ./dev test: it installs everything anew and takes as long as all of it.
set -eu
how=$1
suite=${2:-bookworm}
shift "$(($# < 2 ? $# : 2))"
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/var/tmp}/imgc-cleanroom.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
command=${*:-'./dev demo && ./dev test'}

mmdebstrap --quiet --variant=minbase --include=git,ca-certificates "$suite" "$work/root.tar"
git clone -q --bare "$source" "$work/imgc.git"

# What is typed in the clean system.
cat >"$work/type.sh" <<EOF
set -eu
cd /root
git clone -q /imgc.git imgc
cd imgc
$command
EOF

case $how in
chroot)
    mkdir "$work/root"
    tar -C "$work/root" --numeric-owner -xpf "$work/root.tar"
    cp -r "$work/imgc.git" "$work/type.sh" "$work/root/"
    # shellcheck disable=SC2016 # expanded inside
    unshare -mpf --kill-child sh -eu -c '
        root=$1
        mount --make-rprivate /
        mount -t proc proc "$root/proc"
        mount --rbind /sys "$root/sys"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/run"
        cp /etc/resolv.conf "$root/etc/"
        exec chroot "$root" env -i HOME=/root TERM="${TERM:-dumb}" \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh /type.sh' \
        sh "$work/root"
    ;;
podman)
    podman import -q "$work/root.tar" imgc-cleanroom >/dev/null
    # Without podman's own ulimits: a host may lack the right to raise them.
    printf '[containers]\ndefault_ulimits = []\n' >"$work/containers.conf"
    # shellcheck disable=SC2086 # options for this host, such as --network host --runtime runc
    CONTAINERS_CONF=$work/containers.conf podman run --rm ${CLEANROOM_PODMAN:-} -v "$work/imgc.git:/imgc.git:ro" \
        -v "$work/type.sh:/type.sh:ro" imgc-cleanroom sh /type.sh
    ;;
*)
    echo "run.sh: chroot or podman" >&2
    exit 2
    ;;
esac
