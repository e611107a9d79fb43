#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every script through shellcheck; bats files are read as bash.
. "$(dirname "$0")/lib.sh"
sources '*.sh' dev .ci/run | xargs shellcheck -x -P SCRIPTDIR || found=1
stories=$(sources '*.bash' '*.bats')
# shellcheck disable=SC2086 # file names without blanks
[ -z "$stories" ] ||
    shellcheck -x -S warning -s bash -e SC1091,SC2030,SC2031,SC2034,SC2154,SC2164,SC2314,SC2317 $stories || found=1
# A "!" does not end a test that is not its last line, whatever it finds.
# shellcheck disable=SC2086
[ -z "$stories" ] ||
    ! grep -nE '^ *! [^|]*(\|[^|]+)*$' $stories | sed 's/$/    # bats does not see this fail: add "|| false"/' | grep . || found=1
verdict
