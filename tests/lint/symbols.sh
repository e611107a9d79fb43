#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each object shows only symbols with its file's prefix, and has no mutable file-level variables.
# cmd/main.c is the only place that may have those; tables of commands and embedded files are const.
. "$(dirname "$0")/lib.sh"
build=${IMGC_BUILD_DIR:-build/asan}
[ -d "$build" ] || { echo "no build directory $build"; exit 1; }

for folder in schema schema/base store layers fetch runtime cmd; do
    library=${folder%%/*}
    for file in $(sources "$folder/*.c"); do
        [ "$(dirname "$file")" = "$folder" ] || continue
        object=$build/CMakeFiles/imgc_$library.dir/$file.o
        [ -f "$object" ] || continue
        base=$(basename "$file" .c)
        # store_db.c's symbols may start with db_, rootfs_verify.c's with rootfs_: any leading part
        # of the file name that ends at an underscore is a prefix too.
        first=${base%%_*}
        nm --defined-only "$object" | awk -v first="$first" -v base="$base" -v file="$file" '
            $2 ~ /^[TDBRC]$/ && $3 !~ /^(__|_GLOBAL_|asan\.|_sub_)/ {
                if (index($3, first) != 1 && index($3, "imgc_" first) != 1 &&
                    !(file ~ /^schema\/base\// && index($3, "imgc_") == 1) &&
                    !(file ~ /^cmd\//  && $3 == "commands"))
                    print file ": symbol " $3 " has not the prefix of its file"
            }
            $2 ~ /^[dDbBC]$/ && $3 !~ /^(__|\.|asan\.|_sub_|\.L|___asan)/ && $3 !~ /\.rel\.ro/ {
                print "MUTABLE " file " " $3 " " $2
            }' >"${TMPDIR:-/tmp}/symbols.$$"
        grep -v '^MUTABLE' "${TMPDIR:-/tmp}/symbols.$$" && found=1
        rm -f "${TMPDIR:-/tmp}/symbols.$$"
    done
done
verdict
