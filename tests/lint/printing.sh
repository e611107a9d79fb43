#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Only cmd/ writes to stdout and stderr; nobody else exits.
. "$(dirname "$0")/lib.sh"

for file in $(sources 'schema/*.c' 'store/*.c' 'layers/*.c' 'fetch/*.c' 'runtime/*.c'); do
    # The child side of the launcher ends with _exit(), which the pattern leaves alone.
    grep -nE '(^|[^a-z_])(printf|fprintf|vfprintf|puts|putchar|perror|exit|abort)\(' "$file" |
        sed "s|^|$file:|" | grep . && found=1
done
verdict
