#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every path that a document names exists: `store/gc.c`, `tests/e2e/`, docs/architecture.md.
. "$(dirname "$0")/lib.sh"

for doc in $(sources '*.md'); do
    grep -oE '`?(cmd|store|fetch|layers|runtime|schema|tests|docs|cmake)/[A-Za-z0-9_./*-]+' "$doc" |
        sed 's/^`//; s/[.,:;]*$//' | sort -u | while read -r path; do
        case $path in
        *'*'* | *NAME* | *NN_* | *NNN*) continue ;;
        layers/sha256* | layers/'<'*) continue ;;
        esac
        [ -e "$path" ] || [ -e "$path.c" ] || [ -e "$path.h" ] || echo "$doc: no such path: $path"
    done
done | grep . && found=1
verdict
