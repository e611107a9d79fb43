#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each field of struct spec, and of the structs in it, has its row in runtime/spec_json.c and its line
# in the test of the round trip: what is not written is forgotten between `create` and `start`.
. "$(dirname "$0")/lib.sh"

# The names of a struct's fields: what stands before ',' or ';', comments taken out.
fields() {
    awk -v want="struct $1 {" '
        index($0, want) == 1 { inside = 1; next }
        inside && /^}/ { exit }
        inside' runtime/spec.h |
        tr '\n' ' ' | sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' | tr ',' ';' | tr ';' '\n' |
        grep -oE '[a-z_0-9]+(\[[^]]*\])? *$' | sed 's/\[.*//; s/ *$//'
}

# The structs of the header that are part of a spec: all but what the command line says.
structs=$(sed -n 's/^struct \([a-z_0-9]*\) {.*/\1/p' runtime/spec.h | grep -vx spec_options)
for struct in $structs; do
    found_fields=$(fields "$struct")
    [ -n "$found_fields" ] || complain "runtime/spec.h: no fields found in struct $struct"
    for field in $found_fields; do
        grep -qE "[( ]${field}[,)]" runtime/spec_json.c ||
            complain "runtime/spec_json.c: no row for $field of struct $struct"
        grep -qE "[.>]$field\\>" tests/unit/runtime/test_spec_json.c ||
            complain "tests/unit/runtime/test_spec_json.c: nothing of $field of struct $struct"
    done
done
verdict
