/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/commands.h"

const struct command *const commands[] = {
    /* getting images */
    &cmd_pull,
    &cmd_import,
    &cmd_login,
    &cmd_logout,
    /* images at hand */
    &cmd_images,
    &cmd_inspect,
    &cmd_history,
    &cmd_tag,
    &cmd_untag,
    &cmd_rmi,
    &cmd_prune,
    &cmd_ls,
    &cmd_cat,
    &cmd_diff,
    &cmd_unpack,
    &cmd_mount,
    &cmd_umount,
    &cmd_verify,
    /* containers */
    &cmd_run,
    &cmd_create,
    &cmd_start,
    &cmd_stop,
    &cmd_restart,
    &cmd_kill,
    &cmd_wait,
    &cmd_exec,
    &cmd_ps,
    &cmd_logs,
    &cmd_stats,
    &cmd_update,
    &cmd_pause,
    &cmd_unpause,
    &cmd_rename,
    &cmd_rm,
    /* this host, this program */
    &cmd_unshare,
    &cmd_df,
    &cmd_info,
    &cmd_version,
    &cmd_help,
    NULL,
};
