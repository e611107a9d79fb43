/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands, each at the end of its cmd_*.c. commands.c lists them.
 */
#ifndef IMGC_CMD_COMMANDS_H
#define IMGC_CMD_COMMANDS_H

#include "cmd/command.h"

extern const struct command cmd_attach;
extern const struct command cmd_cat;
extern const struct command cmd_container_prune;
extern const struct command cmd_commit;
extern const struct command cmd_cp;
extern const struct command cmd_export;
extern const struct command cmd_create;
extern const struct command cmd_df;
extern const struct command cmd_digest;
extern const struct command cmd_diff;
extern const struct command cmd_exec;
extern const struct command cmd_help;
extern const struct command cmd_history;
extern const struct command cmd_images;
extern const struct command cmd_import;
extern const struct command cmd_load;
extern const struct command cmd_save;
extern const struct command cmd_push;
extern const struct command cmd_info;
extern const struct command cmd_inspect;
extern const struct command cmd_kill;
extern const struct command cmd_login;
extern const struct command cmd_logout;
extern const struct command cmd_logs;
extern const struct command cmd_ls;
extern const struct command cmd_manifest_inspect;
extern const struct command cmd_mount;
extern const struct command cmd_network_connect;
extern const struct command cmd_network_create;
extern const struct command cmd_network_disconnect;
extern const struct command cmd_network_inspect;
extern const struct command cmd_network_ls;
extern const struct command cmd_network_prune;
extern const struct command cmd_network_reload;
extern const struct command cmd_network_rm;
extern const struct command cmd_pause;
extern const struct command cmd_port;
extern const struct command cmd_prune;
extern const struct command cmd_ps;
extern const struct command cmd_pull;
extern const struct command cmd_rename;
extern const struct command cmd_restart;
extern const struct command cmd_rm;
extern const struct command cmd_rmi;
extern const struct command cmd_run;
extern const struct command cmd_start;
extern const struct command cmd_stats;
extern const struct command cmd_stop;
extern const struct command cmd_tag;
extern const struct command cmd_tags;
extern const struct command cmd_top;
extern const struct command cmd_umount;
extern const struct command cmd_unpack;
extern const struct command cmd_unpause;
extern const struct command cmd_unshare;
extern const struct command cmd_untag;
extern const struct command cmd_update;
extern const struct command cmd_verify;
extern const struct command cmd_version;
extern const struct command cmd_wait;
extern const struct command cmd_volume_create;
extern const struct command cmd_volume_inspect;
extern const struct command cmd_volume_ls;
extern const struct command cmd_volume_prune;
extern const struct command cmd_volume_rm;

#endif
