#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A local with a cleanup attribute has an initializer, else the cleanup runs on garbage.
. "$(dirname "$0")/lib.sh"

for file in $(sources '*.c'); do
    grep -nE '^ +(imgc_auto(free|close|buf)?(\([a-z_]+\))?|[a-z]+_auto|[a-z]+_auto_free) [^=(]*;' \
        "$file" | sed "s|^|$file:|" | grep . && found=1
done
verdict
