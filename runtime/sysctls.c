/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sysctls.h"

#include "runtime/plan.h"

#define ROOT "/proc/sys/"

static const struct {
    const char *path; /* below /proc/sys; with '/' at its end: all below it */
    enum isolation_kind kind;
} allowed[] = {
    { "kernel/msgmax", ISOLATION_IPC }, { "kernel/msgmnb", ISOLATION_IPC },
    { "kernel/msgmni", ISOLATION_IPC }, { "kernel/sem", ISOLATION_IPC },
    { "kernel/shmall", ISOLATION_IPC }, { "kernel/shmmax", ISOLATION_IPC },
    { "kernel/shmmni", ISOLATION_IPC }, { "kernel/shm_rmid_forced", ISOLATION_IPC },
    { "fs/mqueue/", ISOLATION_IPC },    { "net/", ISOLATION_NET },
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* @return the row of @path, or COUNT(allowed). */
static size_t find(struct imgc_str path)
{
    for (size_t i = 0; i < COUNT(allowed); i++) {
        struct imgc_str row = imgc_str_of(allowed[i].path), rest = path;
        if (imgc_str_eq(row, path) ||
            (imgc_str_ends(row, IMGC_STR("/")) && imgc_str_skip(&rest, row) && rest.len > 0)) {
            return i;
        }
    }
    return COUNT(allowed);
}

/* As sysctl(8): the first separator says which one separates; the other is then a '.' of a name
 * ("net.ipv4.conf.eth0/100.forwarding"). */
static void to_path(char *name)
{
    bool dots = name[strcspn(name, "./")] == '.';

    for (; *name && dots; name++) {
        if (*name == '.') {
            *name = '/';
        } else if (*name == '/') {
            *name = '.';
        }
    }
}

static bool is_clean(struct imgc_str path)
{
    struct imgc_str part;

    while (imgc_str_token(&path, '/', &part)) {
        if (part.len == 0 || imgc_str_eq(part, IMGC_STR(".")) ||
            imgc_str_eq(part, IMGC_STR(".."))) {
            return false;
        }
    }
    return true;
}

int sysctls_parse(struct imgc_str s, struct isolation_sysctl *ret, struct imgc_err *reterr)
{
    imgc_autofree char *path = NULL, *value_copy = NULL;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT((size_t)2 * PLAN_OPTIONS_MAX);
    struct imgc_str name, value;

    if (!imgc_str_split(s, '=', &name, &value) || name.len == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--sysctl '" IMGC_STR_FMT "': NAME=VALUE",
                         IMGC_STR_ARG(s));
    }
    if (value.len >= PLAN_OPTIONS_MAX || name.len >= PLAN_OPTIONS_MAX) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--sysctl: a name or value over %d bytes",
                         PLAN_OPTIONS_MAX - 1);
    }
    imgc_buf_printf(&b, ROOT IMGC_STR_FMT, IMGC_STR_ARG(name));
    int r = imgc_buf_take(&b, &path, reterr);
    if (r < 0) {
        return r;
    }
    to_path(path + strlen(ROOT));
    struct imgc_str below = imgc_str_of(path + strlen(ROOT));
    if (find(below) == COUNT(allowed) || !is_clean(below)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--sysctl '" IMGC_STR_FMT
                         "': only net.*, fs.mqueue.*, kernel.msg*, kernel.sem and kernel.shm* are "
                         "a container's own; all others are the host's",
                         IMGC_STR_ARG(name));
    }
    r = imgc_str_dup(value, &value_copy, reterr);
    if (r == 0) {
        ret->path = imgc_take(path);
        ret->value = imgc_take(value_copy);
    }
    return r;
}

static bool is_own(const struct spec *spec, enum isolation_kind kind)
{
    return kind == ISOLATION_NET ? spec_owns_network(spec)
                                 : spec->isolation.ipc.mode == ISOLATION_PRIVATE;
}

int sysctls_check(const struct spec *spec, struct imgc_err *reterr)
{
    for (size_t i = 0; i < spec->isolation.n_sysctls; i++) {
        const char *path = spec->isolation.sysctls[i].path;
        size_t row = path && strncmp(path, ROOT, strlen(ROOT)) == 0
                         ? find(imgc_str_of(path + strlen(ROOT)))
                         : COUNT(allowed);
        if (row == COUNT(allowed) || !spec->isolation.sysctls[i].value ||
            !is_clean(imgc_str_of(path + 1)) ||
            strlen(spec->isolation.sysctls[i].value) >= PLAN_OPTIONS_MAX ||
            !is_own(spec, allowed[row].kind)) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "--sysctl: '%s' is not the container's own here (its %s namespace is "
                             "shared)",
                             path,
                             row < COUNT(allowed) && allowed[row].kind == ISOLATION_NET ? "network"
                                                                                        : "IPC");
        }
    }
    return 0;
}
