# SPDX-License-Identifier: Apache-2.0
# Shared by the lints: go to the source root; `complain` prints a finding, `verdict` ends the lint.
# shellcheck shell=sh
set -eu
cd "${IMGC_SOURCE_DIR:-$(dirname "$0")/../..}"
found=0

complain() {
    printf '%s\n' "$*"
    found=1
}

verdict() {
    [ "$found" = 0 ] || exit 1
}

# Tracked files, or all files where the tree is no checkout (a source archive).
sources() {
    if git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files -- "$@"
    else
        for pattern in "$@"; do
            find . -path ./build -prune -o -path "./$pattern" -type f -print | sed 's|^\./||'
        done
    fi
}
