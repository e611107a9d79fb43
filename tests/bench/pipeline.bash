#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The least that a pull has to do, by the fastest tools that a shell has: fetch, hash, inflate, hash
# again, write. Two layers at once, the largest first; openssl hashes with the CPU's instructions for
# it, which coreutils' sha256sum does not.
#
#   pipeline.bash URL OUT igzip|zstd DIGEST...
#
#   URL     http://HOST/v2/NAME/blobs
#   OUT     an empty directory; gets DIGEST.tar, and DIGEST.sums: of the blob, of the tar
set -euo pipefail

layer() {
    url=$1 out=$2 inflate=$3 digest=$4
    curl -sSf "$url/$digest" | tee >(openssl dgst -r -sha256 >"$out/$digest.blob") |
        "$inflate" -dc | tee "$out/$digest.tar" | openssl dgst -r -sha256 >"$out/$digest.sums"
}

if [ "$1" = --layer ]; then
    shift
    layer "$@"
    exit
fi
url=$1 out=$2 inflate=$3
shift 3
printf '%s\n' "$@" | xargs -P 2 -I '{}' "$0" --layer "$url" "$out" "$inflate" '{}'
for digest in "$@"; do # what was hashed is what was asked for
    [ "sha256:$(cut -d ' ' -f 1 "$out/$digest.blob")" = "$digest" ]
done
