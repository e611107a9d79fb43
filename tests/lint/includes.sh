#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Includes go by repository path and only downward: cmd -> runtime, fetch -> layers -> store -> schema.
. "$(dirname "$0")/lib.sh"

allowed() {
    case $1 in
    schema) echo "schema" ;;
    store) echo "store schema" ;;
    layers) echo "layers store schema" ;;
    fetch) echo "fetch layers store schema" ;;
    runtime) echo "runtime schema" ;;
    cmd) echo "cmd runtime fetch layers store schema" ;;
    esac
}

for folder in schema store layers fetch runtime cmd; do
    for file in $(sources "$folder/*.c" "$folder/*.h"); do
        # shellcheck disable=SC2013 # include paths hold no blanks
        for inc in $(sed -n 's/^ *# *include "\([^"]*\)".*/\1/p' "$file"); do
            top=${inc%%/*}
            case " $(allowed "$folder") " in
            *" $top "*) ;;
            *) complain "$file: may not include $inc" ;;
            esac
        done
        case $file in
        schema/base/*)
            grep -nE '^ *# *include "schema/[^b]' "$file" && complain "$file: base includes policy"
            ;;
        layers/rootfs* | layers/ingest* | layers/punch.*) ;;
        layers/*)
            grep -nE '^ *# *include "store/' "$file" &&
                complain "$file: only rootfs, ingest and punch know the store"
            ;;
        esac
    done
done
verdict
