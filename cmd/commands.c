/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/commands.h"

const struct command *const commands[] = {
    &cmd_pull,
    &cmd_import,
    &cmd_run,
    &cmd_ps,
    &cmd_logs,
    &cmd_rm,
    &cmd_images,
    &cmd_inspect,
    &cmd_history,
    &cmd_tag,
    &cmd_untag,
    &cmd_rmi,
    &cmd_prune,
    &cmd_unpack,
    &cmd_verify,
    &cmd_df,
    &cmd_info,
    &cmd_version,
    &cmd_help,
    NULL,
};
