#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each test that docs/security.md names as `FILE` "NAME" is there: of bats by its title, of a unit test by
# its function.
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2016 # backquotes of Markdown
grep -oE '`tests/[A-Za-z0-9_/.]+` "[^"]+"' docs/security.md |
    sed 's/^`\(.*\)` "\(.*\)"$/\1	\2/' >"${TMPDIR:-/tmp}/imgc-attacks.$$"
trap 'rm -f "${TMPDIR:-/tmp}/imgc-attacks.$$"' EXIT
[ "$(wc -l <"${TMPDIR:-/tmp}/imgc-attacks.$$")" -gt 40 ] || complain "docs/security.md: the table of tests is gone"
while IFS='	' read -r file name; do
    case $file in
    *.bats) grep -qF "@test \"$name\" {" "$file" ;;
    *) grep -qE "^(static )?void $name\\(" "$file" ;;
    esac || complain "docs/security.md: no test '$name' in $file"
done <"${TMPDIR:-/tmp}/imgc-attacks.$$"
verdict
