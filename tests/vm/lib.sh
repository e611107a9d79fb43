# SPDX-License-Identifier: Apache-2.0
# Shared by the tests in virtual machines: get the kernel, put a root together, boot.
# The caller sets here, imgc, cache, images and wrap, the words before the emulator.
# shellcheck shell=sh disable=SC2154

skip() {
    echo "skip: $*"
    exit 77
}

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# Everything that init.sh loads; those that a kernel has built in are no files.
MODULES="virtio virtio_ring virtio_pci virtio_pci_modern_dev virtio_pci_legacy_dev virtio_blk
    crc16 libcrc32c crc32c_generic mbcache jbd2 ext4 overlay
    llc stp bridge veth nfnetlink nf_tables nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack nf_nat nft_chain_nat
    nft_nat nft_masq nft_ct nft_fib nft_fib_ipv4 nft_fib_ipv6 nft_fib_inet ipv6"

kernel_package() {
    apt-cache depends "$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9]\)/\1/p' | head -n 1
}

# Debian's kernel for clouds, unpacked into $cache/kernel, once.
get_kernel() {
    [ ! -e "$cache/kernel/.done" ] || return 0
    rm -rf "$cache/kernel" "$cache/download"
    mkdir -p "$cache/kernel" "$cache/download"
    meta=linux-image-cloud-amd64
    package=$(kernel_package "$meta")
    if [ -z "$package" ] && [ "$(id -u)" = 0 ]; then # a new machine has no lists
        apt-get update -qq >"$cache/download.log" 2>&1 || true
        package=$(kernel_package "$meta")
    fi
    [ -n "$package" ] || skip "no package $meta is known here (apt-get update?)"
    (cd "$cache/download" && apt-get download -qq "$package") >"$cache/download.log" 2>&1 ||
        skip "$package cannot be fetched: $(tail -n 1 "$cache/download.log")"
    dpkg-deb -x "$cache"/download/*.deb "$cache/kernel"
    rm -rf "$cache/download"
    touch "$cache/kernel/.done"
}

# The first root: busybox, the modules and the program that goes on to the disk.
make_initramfs() {
    root=$work/initramfs
    mkdir -p "$root/bin" "$root/modules" "$root/dev" "$root/proc" "$root/sys" "$root/disk"
    cp /bin/busybox "$root/bin/busybox"
    cp "$here/init.sh" "$root/init"
    for name in $MODULES; do
        find "$cache/kernel" -name "$name.ko*" -exec cp {} "$root/modules" \;
    done
    find "$root/modules" -name '*.xz' -exec unxz {} +
    bsdtar --format newc --uid 0 --gid 0 -C "$root" -cf "$work/initramfs.cpio" .
}

# A program and the libraries that it needs, where it looks for them.
install_program() {
    install -D "$1" "$2"
    "$here/../lib/libraries.sh" "$1" | while read -r library; do
        install -D -m 755 "$library" "$work/disk$library"
    done
}

# The root of the machine, in $disk: busybox's tools, imgc, whoever root is.
make_root() {
    disk=$work/disk
    mkdir -p "$disk/bin" "$disk/dev" "$disk/proc" "$disk/sys" "$disk/tmp" "$disk/run" "$disk/root" \
        "$disk/etc" "$disk/srv" "$disk/images" "$disk/mnt"
    cp /bin/busybox "$disk/bin/busybox"
    for tool in $(/bin/busybox --list); do
        [ "$tool" = busybox ] || ln -s busybox "$disk/bin/$tool"
    done
    install_program "$imgc" "$disk/bin/imgc"
    echo 'root:x:0:0:root:/root:/bin/sh' >"$disk/etc/passwd"
    echo 'root:x:0:' >"$disk/etc/group"
}

# qemu ARGUMENT LOGS [OPTION...]: boot, in place of this shell; checks.sh gets the argument. Emulated, KVM or not: what is
# there differs between machines, and not all of it works. A processor without AVX, which libraries
# would use, is the faster one to emulate.
qemu() {
    argument=$1 results=$2
    shift 2
    # shellcheck disable=SC2086 # words
    exec $wrap qemu-system-x86_64 -accel tcg -cpu Nehalem -smp 2 -m 768 \
        -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$(echo "$cache"/kernel/boot/vmlinuz-*)" -initrd "$work/initramfs.cpio" \
        -append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr ARGUMENT=$argument" \
        -drive "file=$work/disk.ext4,format=raw,if=virtio,cache=unsafe" "$@" \
        -serial "file:$logs/console" -serial "file:$results/results" </dev/null
}

# prepare_machine NAME: $logs and $work, the kernel, the first root. Skips where that cannot be.
prepare_machine() {
    [ "$(uname -m)" = x86_64 ] || skip "the machine is made for x86_64 only"
    for program in qemu-system-x86_64 docker-registry mke2fs bsdtar dpkg-deb apt-get python3 unshare; do
        command -v "$program" >/dev/null || skip "no $program here"
    done
    logs=$cache/$1
    mkdir -p "$logs"
    [ -e "$images/busybox.tar" ] ||
        die "no images in $images (tests/e2e/lib/make-images.sh makes them)"
    work=$(mktemp -d "$cache/work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    exec 9>"$cache/.lock"
    flock 9
    get_kernel
    flock -u 9
    make_initramfs
}
