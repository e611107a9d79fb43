#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual pages format without a warning, and imgc(1) names each variable that imgc reads.
. "$(dirname "$0")/lib.sh"

command -v groff >/dev/null || {
    echo "groff is not installed"
    exit 77
}
pages=$(sources 'docs/man/*.1')
[ -n "$pages" ] || complain "docs/man holds no page"
for page in $pages; do
    warnings=$(groff -man -ww -z -Tutf8 "$page" 2>&1) || complain "$page: groff fails"
    [ -z "$warnings" ] || complain "$warnings"
done

for name in $(sources 'cmd/*.c' | xargs grep -hoE '(settings_env|env_or_null)\("[A-Za-z_]+"' |
    cut -d'"' -f2 | sort -u); do
    grep -q "$name" docs/man/imgc.1 || complain "cmd reads $name, which imgc(1) does not name"
done
verdict
