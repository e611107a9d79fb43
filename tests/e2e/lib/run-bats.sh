#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-bats.sh SKIPS FILE: run one story; write what it skipped, with the reasons, to SKIPS. Exits with 77
# (ctest's "Skipped") when nothing of it could run here. An ordinary user's run fails where it skips what
# is not on the list of ../expected-skips.
set -u
skips=$1
story=$2
expected=$(dirname "$0")/../expected-skips
# Debian's tools before others of their names: the stories start python3 a thousand times, and the one
# that pyenv finds takes ten times as long to start.
PATH=/usr/bin:$PATH
out=$(mktemp)
trap 'rm -f "$out"' EXIT

bats --formatter tap --print-output-on-failure "$story" >"$out" 2>&1
status=$?
cat "$out"
mkdir -p "$(dirname "$skips")"
sed -n "s|^ok [0-9]* \(.*\) # skip|$(basename "$story" .bats): \1:|p" "$out" >"$skips"
if [ "$(id -u)" != 0 ] && sed -n 's/^ok [0-9]* .* # skip *//p' "$out" |
    grep -vxE "$(sed '/^#/d' "$expected")"; then
    echo "unexpected skips in $(basename "$story"): not in tests/e2e/expected-skips"
    exit 1
fi
if [ "$status" -eq 0 ] && ! grep '^ok' "$out" | grep -qv ' # skip'; then
    exit 77
fi
exit "$status"
