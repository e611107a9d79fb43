#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each option of run and create is used by an end-to-end test, by its long name or its letter. The pages of
# docs/man list them all: the test cmd/manual holds them to the tables.
. "$(dirname "$0")/lib.sh"

stories=$(sources 'tests/e2e/*.bats' 'tests/e2e/lib/*.bash' 'tests/vm/*.sh')
for command in run create; do
    count=0
    # "-l, --label K" as "label:-l", without a letter as "label:"
    # shellcheck disable=SC2013 # no blanks in them
    for option in $(sed -n 's/\\f[BRI]//g; s/\\-/-/g; s/^\(\(-.\), \)\{0,1\}--\([a-z0-9-]*\).*/\3:\2/p' \
        "docs/man/imgc-$command.1"); do
        count=$((count + 1))
        name=${option%%:*}
        letter=${option#*:}
        # shellcheck disable=SC2086 # file names of ours
        grep -qE -- "--$name([^a-z0-9-]|\$)" $stories ||
            { [ -n "$letter" ] && grep -qE -- "imgc.* $letter([^a-z0-9-]|\$)" $stories; } ||
            complain "no end-to-end test uses $command --$name"
    done
    [ "$count" -gt 60 ] || complain "docs/man/imgc-$command.1: only $count options are found"
done
verdict
