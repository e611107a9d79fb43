/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files hold the user's credentials, as podman and docker look for them.
 *
 * Source: containers-auth.json(5).
 */
#ifndef IMGC_CMD_AUTH_PATHS_H
#define IMGC_CMD_AUTH_PATHS_H

#include "schema/base/err.h"

#define AUTH_PATHS_MAX 3

struct auth_paths {
    char *items[AUTH_PATHS_MAX + 1]; /* NULL-terminated, the first one goes first */
};

void auth_paths_done(struct auth_paths *p);
#define auth_paths_auto imgc_auto(auth_paths_done)

/**
 * Where to look: @authfile alone if given, or REGISTRY_AUTH_FILE alone if set, else
 * $XDG_RUNTIME_DIR/containers/auth.json, $XDG_CONFIG_HOME/containers/auth.json and
 * ~/.docker/config.json, with the usual places where a variable is not set. Whether they are there
 * is not asked.
 * @authfile  --authfile, or NULL. @ret  zeroed; caller frees, on failure too.
 * @return 0; -SYS where @authfile is not there; -NOMEM.
 */
IMGC_CHECK int auth_paths_to_read(const char *authfile, struct auth_paths *ret,
                                  struct imgc_err *reterr);

/** The one that login writes: the first of them; it may be missing. @ret caller frees. */
IMGC_CHECK int auth_paths_to_write(const char *authfile, char **ret, struct imgc_err *reterr);

#endif
