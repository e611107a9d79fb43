#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-format 14 (Debian 12's); other versions format differently and are skipped (77).
. "$(dirname "$0")/lib.sh"

case $(clang-format --version) in
*" 14."*) ;;
*) echo "skipped: clang-format is not version 14"; exit 77 ;;
esac
sources '*.c' '*.h' | xargs clang-format --dry-run --Werror
