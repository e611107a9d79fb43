#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every source says its licence in its first lines.
. "$(dirname "$0")/lib.sh"

for file in $(sources '*.c' '*.h' '*.sh' '*.bats' '*.bash' dev .ci/run); do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || complain "$file: no SPDX line"
done
verdict
