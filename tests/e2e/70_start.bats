# SPDX-License-Identifier: Apache-2.0
# What a command loads before it can begin. Loading takes most of the time of a short command, and it is
# counted here, since time itself cannot be on a busy machine.

load lib/common

setup() {
    require_images busybox
    new_store
    imgc import -c 'CMD ["true"]' "$IMAGES/busybox.tar" bb >/dev/null
}

# loaded COMMAND...: names of the libraries that imgc COMMAND loads, without the C library's and the
# sanitizers'.
loaded() {
    rm -f "$BATS_TEST_TMPDIR"/debug.*
    LD_DEBUG=files LD_DEBUG_OUTPUT=$BATS_TEST_TMPDIR/debug \
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" "$@" >&2
    # The first file is imgc's own process: what it starts has a higher number.
    find "$BATS_TEST_TMPDIR" -name 'debug.*' | sort -V | head -n 1 | xargs cat |
        sed -n 's|.*calling init: .*/\(lib[a-z0-9_+-]*\)\.so.*|\1|p' | sort -u |
        grep -vxE 'libm|libgcc_s|libresolv|librt|libdl|libpthread' | tr '\n' ' '
}

@test "what reads the index alone loads neither network, archives nor hashes" {
    run --separate-stderr loaded images -q
    [ "$status" -eq 0 ]
    echo "$output"
    [[ " $output" == *' libc '* ]] # something was seen; SQLite may be in the program
    [[ ! $output =~ libcurl|libssl|libcrypto|libarchive|libxml2|libicu|libstdc|libgnutls|libseccomp ]]
    [ "$(wc -w <<<"$output")" -le 8 ]
}

@test "run loads no more" {
    require_containers
    imgc run --rm bb true # what is made at the first use is there now
    run --separate-stderr loaded run --rm --network none bb true
    [ "$status" -eq 0 ]
    echo "$output"
    [[ " $output" == *' libc '* ]] # something was seen; SQLite may be in the program
    [[ ! $output =~ libcurl|libssl|libcrypto|libarchive|libxml2|libicu|libstdc|libgnutls|libseccomp ]]
    [ "$(wc -w <<<"$output")" -le 8 ]
}

@test "what hashes loads it then" {
    run --separate-stderr loaded verify -q
    [[ $output == *libcrypto* ]]
}
