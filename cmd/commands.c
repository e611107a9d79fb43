/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/commands.h"

const struct command *const commands[] = {
    &cmd_images, &cmd_history, &cmd_tag, &cmd_untag, &cmd_version, &cmd_help, NULL,
};
