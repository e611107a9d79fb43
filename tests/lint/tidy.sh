#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy 14 (Debian 12's), one process per file: given several at once it reports false errors.
. "$(dirname "$0")/lib.sh"
build=${IMGC_BUILD_DIR:-build/asan}

case $(clang-tidy --version) in
*" 14."*) ;;
*) echo "skipped: clang-tidy is not version 14"; exit 77 ;;
esac
sources 'schema/*.c' 'store/*.c' 'layers/*.c' 'fetch/*.c' 'runtime/*.c' 'cmd/*.c' |
    xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p "$build" 2>/dev/null
