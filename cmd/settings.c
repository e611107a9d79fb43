/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/cleanup.h"
#include "schema/base/str.h"

#define SETTINGS_PATH_MAX 4096 /* PATH_MAX: no longer path can be opened */

const char *settings_env(const char *name)
{
    return secure_getenv(name);
}

/* The variable's value, or NULL where it is unset or empty. */
static const char *env_or_null(const char *name)
{
    const char *z = secure_getenv(name);
    return z && *z ? z : NULL;
}

static int parse_level(const char *z, enum log_level *ret, struct imgc_err *reterr)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {
        { "error", LOG_LEVEL_ERROR }, { "warn", LOG_LEVEL_WARN },   { "warning", LOG_LEVEL_WARN },
        { "info", LOG_LEVEL_INFO },   { "debug", LOG_LEVEL_DEBUG },
    };

    if (!z) {
        *ret = LOG_LEVEL_WARN;
        return 0;
    }
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(z, levels[i].name) == 0) {
            *ret = levels[i].level;
            return 0;
        }
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "--log-level is error, warn, info or debug, not '%s'",
                     z);
}

static int path_of(char **ret, struct imgc_err *reterr, const char *directory, const char *rest)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(SETTINGS_PATH_MAX);

    imgc_buf_puts(&b, directory);
    imgc_buf_puts(&b, rest);
    int r = imgc_buf_take(&b, ret, reterr);
    return r < 0 ? imgc_context(reterr, "the path of the store") : r;
}

unsigned settings_uid(void)
{
    return (unsigned)getauxval(AT_EUID); /* as it was at exec */
}

int settings_user_config(const char *below, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(SETTINGS_PATH_MAX);
    const char *config = env_or_null("XDG_CONFIG_HOME"), *home = env_or_null("HOME");

    *ret = NULL;
    if (config && *config == '/') {
        imgc_buf_printf(&b, "%s%s", config, below);
    } else if (home && *home == '/') {
        imgc_buf_printf(&b, "%s/.config%s", home, below);
    } else {
        return 0;
    }
    return imgc_buf_take(&b, ret, reterr);
}

static int default_root(char **ret, struct imgc_err *reterr)
{
    if (geteuid() == 0) {
        return path_of(ret, reterr, "/var/lib/imgc", "");
    }
    /* XDG Base Directory Specification: "All paths must be absolute. If [...] the path is relative
     * the implementation should consider the path invalid and ignore it." */
    const char *data = env_or_null("XDG_DATA_HOME");
    if (data && *data == '/') {
        return path_of(ret, reterr, data, "/imgc");
    }
    const char *home = env_or_null("HOME");
    if (home && *home == '/') {
        return path_of(ret, reterr, home, "/.local/share/imgc");
    }
    return imgc_fail(reterr, IMGC_E_HOST,
                     "no home directory is known: set HOME, or give --root DIR");
}

static int default_runroot(char **ret, struct imgc_err *reterr)
{
    if (geteuid() == 0) {
        return path_of(ret, reterr, "/run/imgc", "");
    }
    const char *runtime = env_or_null("XDG_RUNTIME_DIR");
    if (runtime && *runtime == '/') {
        return path_of(ret, reterr, runtime, "/imgc");
    }
    char rest[32]; /* "-run-" and a 32-bit number */
    (void)snprintf(rest, sizeof rest, "-run-%u", (unsigned)geteuid());
    return path_of(ret, reterr, "/tmp/imgc", rest);
}

static int choose(const char *option, const char *variable,
                  int (*otherwise)(char **ret, struct imgc_err *reterr), char **ret,
                  struct imgc_err *reterr)
{
    const char *z = option ? option : env_or_null(variable);

    if (z && !*z) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--root and --runroot need a directory, not ''");
    }
    return z ? path_of(ret, reterr, z, "") : otherwise(ret, reterr);
}

static int parse_form(const char *option, enum rootfs_form *ret, struct imgc_err *reterr)
{
    const char *z = option ? option : env_or_null("IMGC_LAYERS");

    *ret = ROOTFS_AUTO;
    if (!z || rootfs_form_parse(z, ret)) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "%s is auto, erofs or directory, not '%s'",
                     option ? "--layers" : "IMGC_LAYERS", z);
}

#define STALL_MAX_S 86400

static int parse_stall(unsigned *ret, struct imgc_err *reterr)
{
    const char *z = env_or_null("IMGC_STALL_TIMEOUT");
    uint64_t n = 0;

    if (z && (!imgc_str_u64(imgc_str_of(z), &n) || n == 0 || n > STALL_MAX_S)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "IMGC_STALL_TIMEOUT is 1 to %d seconds, not '%s'",
                         STALL_MAX_S, z);
    }
    *ret = (unsigned)n;
    return 0;
}

int settings_init(struct settings *s, const struct settings_options *options,
                  struct imgc_err *reterr)
{
    imgc_autofree char *r1 = NULL, *r2 = NULL;
    enum log_level l;
    enum rootfs_form form;
    unsigned stall_s;

    int r = parse_level(options->level, &l, reterr);
    if (r < 0) {
        return r;
    }
    r = parse_form(options->layers, &form, reterr);
    if (r < 0) {
        return r;
    }
    r = parse_stall(&stall_s, reterr);
    if (r < 0) {
        return r;
    }
    r = choose(options->root, "IMGC_ROOT", default_root, &r1, reterr);
    if (r < 0) {
        return r;
    }
    r = choose(options->runroot, "IMGC_RUNROOT", default_runroot, &r2, reterr);
    if (r < 0) {
        return r;
    }
    if (options->registries_conf &&
        setenv(SETTINGS_REGISTRIES_CONF, options->registries_conf, 1) < 0) {
        return imgc_fail_sys(reterr, errno, "set %s", SETTINGS_REGISTRIES_CONF);
    }
    *s = (struct settings){ .root = imgc_take(r1),
                            .runroot = imgc_take(r2),
                            .level = l,
                            .form = form,
                            .stall_s = stall_s };
    return 0;
}

void settings_done(struct settings *s)
{
    free(s->root);
    free(s->runroot);
    *s = (struct settings){ .root = NULL };
}
