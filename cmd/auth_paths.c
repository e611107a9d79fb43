/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/auth_paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/settings.h"
#include "schema/base/buf.h"
#include "schema/limits.h"

void auth_paths_done(struct auth_paths *p)
{
    for (size_t i = 0; i < AUTH_PATHS_MAX; i++) {
        free(p->items[i]);
        p->items[i] = NULL;
    }
}

/* The variable's value where it is an absolute path, else NULL. */
static const char *directory(const char *variable)
{
    const char *z = settings_env(variable);
    return z && *z == '/' ? z : NULL;
}

static int join(const char *dir, const char *rest, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);

    imgc_buf_printf(&b, "%s%s", dir, rest);
    return imgc_buf_take(&b, ret, reterr);
}

static int runtime_path(char **ret, struct imgc_err *reterr)
{
    const char *dir = directory("XDG_RUNTIME_DIR");
    char usual[32];

    (void)snprintf(usual, sizeof usual, "/run/containers/%u", settings_uid());
    return dir ? join(dir, "/containers/auth.json", ret, reterr)
               : join(usual, "/auth.json", ret, reterr);
}

/* A file below $@variable, or below home. */
static int user_path(const char *variable, const char *below, const char *below_home, char **ret,
                     struct imgc_err *reterr)
{
    const char *dir = directory(variable), *home = directory("HOME");

    if (dir) {
        return join(dir, below, ret, reterr);
    }
    return home ? join(home, below_home, ret, reterr) : 0;
}

int auth_paths_to_read(const char *authfile, struct auth_paths *ret, struct imgc_err *reterr)
{
    const char *alone = authfile ? authfile : settings_env("REGISTRY_AUTH_FILE");
    char **next = ret->items;

    if (authfile && access(authfile, F_OK) < 0) {
        return imgc_fail_sys(reterr, errno, "--authfile '%s'", authfile);
    }
    if (alone && *alone) {
        return join(alone, "", next, reterr);
    }
    int r = runtime_path(next, reterr);
    if (r == 0) {
        r = user_path("XDG_CONFIG_HOME", "/containers/auth.json", "/.config/containers/auth.json",
                      ++next, reterr);
    }
    if (r == 0) {
        next += *next ? 1 : 0;
        r = user_path("DOCKER_CONFIG", "/config.json", "/.docker/config.json", next, reterr);
    }
    return r;
}

int auth_paths_to_write(const char *authfile, char **ret, struct imgc_err *reterr)
{
    const char *alone = authfile ? authfile : settings_env("REGISTRY_AUTH_FILE");

    return alone && *alone ? join(alone, "", ret, reterr) : runtime_path(ret, reterr);
}
