#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-bats.sh SKIPS FILE: run one story; write what it skipped, with the reasons, to SKIPS. Exits with 77
# (ctest's "Skipped") when nothing of it could run here.
set -u
skips=$1
story=$2
out=$(mktemp)
trap 'rm -f "$out"' EXIT

bats --formatter tap --print-output-on-failure "$story" >"$out" 2>&1
status=$?
cat "$out"
mkdir -p "$(dirname "$skips")"
sed -n "s|^ok [0-9]* \(.*\) # skip|$(basename "$story" .bats): \1:|p" "$out" >"$skips"
if [ "$status" -eq 0 ] && ! grep '^ok' "$out" | grep -qv ' # skip'; then
    exit 77
fi
exit "$status"
