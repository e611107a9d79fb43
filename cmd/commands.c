/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/commands.h"

const struct command *const commands[] = {
    &cmd_version,
    &cmd_help,
    NULL,
};
