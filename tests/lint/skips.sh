#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-bats.sh holds an ordinary user's run to tests/e2e/expected-skips: tried on stories of its own.
. "$(dirname "$0")/lib.sh"

command -v bats setpriv >/dev/null || {
    echo "bats or setpriv is not installed"
    exit 77
}
dir=$(mktemp -d /tmp/imgc-skips.XXXXXX)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/lib"
cp tests/e2e/lib/run-bats.sh "$dir/lib/"
cp tests/e2e/expected-skips "$dir/"
# shellcheck disable=SC2016 # for bats
printf '@test "a" {\n    skip "%s"\n}\n' "needs root" >"$dir/known.bats"
printf '@test "a" {\n    true\n}\n@test "b" {\n    skip "%s"\n}\n' "no reason that is known" >"$dir/unknown.bats"
printf '@test "a" {\n    true\n}\n@test "b" {\n    skip "%s"\n}\n' "needs root" >"$dir/some.bats"
chmod -R a+rX "$dir"
mkdir -m 777 "$dir/out"

# story STATUS NAME: the status that the run of an ordinary user has to end with.
story() {
    status=0
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$dir/out" TMPDIR="$dir/out" \
            "$dir/lib/run-bats.sh" "$dir/out/$2" "$dir/$2.bats" >"$dir/out/log" 2>&1 || status=$?
    else
        "$dir/lib/run-bats.sh" "$dir/out/$2" "$dir/$2.bats" >"$dir/out/log" 2>&1 || status=$?
    fi
    [ "$status" = "$1" ] || complain "$2.bats: status $status instead of $1: $(cat "$dir/out/log")"
}
story 77 known
story 1 unknown
story 0 some
grep -q 'b: needs root' "$dir/out/some" || complain "some.bats: its skip is not told"
verdict
