#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy 14 (Debian 12's), one process per file: given several at once it reports false errors.
# It takes what is left of the processors beside tests that wait or measure.
. "$(dirname "$0")/lib.sh"
build=${IMGC_BUILD_DIR:-build/asan}

case $(clang-tidy --version) in
*" 14."*) ;;
*) echo "skipped: clang-tidy is not version 14"; exit 77 ;;
esac
sources 'schema/*.c' 'store/*.c' 'layers/*.c' 'fetch/*.c' 'runtime/*.c' 'cmd/*.c' |
    xargs -P "$(nproc)" -n 1 nice clang-tidy --quiet -p "$build" 2>/dev/null
