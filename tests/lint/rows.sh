#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Whoever deletes a container's row has first let go of the volumes that follow it, in the same
# function: volume_leave(). The cascade of the database would leave them without an owner.
. "$(dirname "$0")/lib.sh"

for file in $(sources '*.c' 'schema/sql/*.sql'); do
    case $file in tests/*) continue ;; esac
    awk -v file="$file" '
        /^[a-z}]/ { left = 0 }
        /volume_leave\(/ { left = 1 }
        /DELETE FROM container([" ]|$)/ && !left { print file ":" NR ": no volume_leave() before it" }
    ' "$file" | grep . && found=1
done
verdict
