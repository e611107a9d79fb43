#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy 14 (Debian 12's), one process per file: given several at once it reports false errors.
# It takes what is left of the processors beside tests that wait or measure.
#
# IMGC_TIDY_NODES: how many states of a function the analyzer looks at before it gives up, by itself
# 225000. With a third of that (./dev test; ./dev lint looks at all) it takes two fifths of the time.
. "$(dirname "$0")/lib.sh"
build=${IMGC_BUILD_DIR:-build/asan}

case $(clang-tidy --version) in
*" 14."*) ;;
*) echo "skipped: clang-tidy is not version 14"; exit 77 ;;
esac
set -- --quiet -p "$build"
if [ -n "${IMGC_TIDY_NODES:-}" ]; then
    for word in -Xclang -analyzer-config -Xclang "max-nodes=$IMGC_TIDY_NODES"; do
        set -- "$@" --extra-arg="$word"
    done
fi
sources 'schema/*.c' 'store/*.c' 'layers/*.c' 'fetch/*.c' 'runtime/*.c' 'cmd/*.c' |
    xargs -P "$(nproc)" -n 1 nice clang-tidy "$@" 2>/dev/null
