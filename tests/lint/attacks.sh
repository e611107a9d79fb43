#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each test that docs/security.md and docs/spec-coverage.md name as `FILE` "NAME" (one or several, with
# commas between) is there: of bats by its title, of a unit test by its function.
. "$(dirname "$0")/lib.sh"

named=${TMPDIR:-/tmp}/imgc-attacks.$$
trap 'rm -f "$named"' EXIT

# shellcheck disable=SC2016 # backquotes of Markdown
tests_of() {
    grep -oE '`tests/[A-Za-z0-9_/.]+` "[^"]+"(, "[^"]+")*' "$1" |
        awk -F'`' '{ n = split($3, name, "\""); for (i = 2; i <= n; i += 2) print $2 "\t" name[i] }'
}

# check DOCUMENT MINIMUM: at least so many tests are named there, and each exists.
check() {
    tests_of "$1" >"$named"
    [ "$(wc -l <"$named")" -gt "$2" ] || complain "$1: the table of tests is gone"
    while IFS='	' read -r file name; do
        case $file in
        *.bats) grep -qF "@test \"$name\" {" "$file" ;;
        *) grep -qE "^(static )?void $name\\(" "$file" ;;
        esac || complain "$1: no test '$name' in $file"
    done <"$named"
}

check docs/security.md 40
check docs/spec-coverage.md 80
# Every trap has a row.
for row in $(seq -f T%g 36) $(seq -f M%g 32); do
    grep -q "^| $row | " docs/spec-coverage.md || complain "docs/spec-coverage.md: no row $row"
done
verdict
