/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of this process: global options first, then environment, then defaults. The only place
 * that reads the environment, through secure_getenv().
 */
#ifndef IMGC_CMD_SETTINGS_H
#define IMGC_CMD_SETTINGS_H

#include "layers/rootfs_form.h"
#include "schema/base/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct settings {
    char *root;    /* --root, IMGC_ROOT; /var/lib/imgc, or $XDG_DATA_HOME/imgc for ordinary users */
    char *runroot; /* --runroot, IMGC_RUNROOT; /run/imgc, or $XDG_RUNTIME_DIR/imgc */
    enum log_level level;  /* --log-level; warn */
    enum rootfs_form form; /* --layers, IMGC_LAYERS; auto */
    unsigned stall_s;      /* IMGC_STALL_TIMEOUT: seconds without a byte after which a connection is
                              given up; 0: the usual */
};

/* What the command line says; NULL: nothing. */
struct settings_options {
    const char *root, *runroot, *level, *layers;
    const char *registries_conf; /* put into the environment, where every part finds it */
};

#define SETTINGS_REGISTRIES_CONF "CONTAINERS_REGISTRIES_CONF" /* podman's variable, too */

/** @return 0; -USAGE for a bad level or form; -NOTFOUND where no home directory is known; -NOMEM.
 */
IMGC_CHECK int settings_init(struct settings *s, const struct settings_options *options,
                             struct imgc_err *reterr);
void settings_done(struct settings *s);

/** "$XDG_CONFIG_HOME@below", else "~/.config@below". @ret caller frees; NULL where no home is
 * known. @return 0; -LIMIT; -NOMEM. */
IMGC_CHECK int settings_user_config(const char *below, char **ret, struct imgc_err *reterr);

/** The user who started imgc: 0 for root alone, also in a user namespace that imgc made. */
unsigned settings_uid(void);

/** One variable of the caller's environment, for `run -e NAME`. Borrowed; NULL where unset. */
const char *settings_env(const char *name);

#endif
