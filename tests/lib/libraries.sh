#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# libraries.sh PROGRAM: paths of the libraries that PROGRAM needs, one per line: those that it is
# linked to, and those that it loads itself when they are first used (schema/base/library.h), which
# it names in its read-only data.
set -eu
program=$1

needed() {
    ldd "$1" | grep -oE '/[^ ]+'
}

{
    needed "$program"
    strings -a "$program" | grep -xE 'lib[a-z0-9_-]+\.so\.[0-9]+' | while read -r soname; do
        path=$(/sbin/ldconfig -p | awk -v name="$soname" '$1 == name { print $NF; exit }')
        [ -n "$path" ] || continue
        echo "$path"
        needed "$path"
    done
} | sort -u
