/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_inner.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/cgroup_host.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define FILE_BYTES 4096 /* a list of controllers, a limit */
#define NAME_BYTES 32   /* of a controller, with its sign */

static void pass_controllers(const struct cgroup_dir *outer)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_str list, one;
    struct imgc_err ignored; /* one that is taken elsewhere is not there */
    char text[NAME_BYTES];

    if (!cgroup_dir_text(outer, "cgroup.controllers", &b, &list)) {
        return;
    }
    while (imgc_str_token(&list, ' ', &one)) {
        if (one.len + 2 <= sizeof text) {
            (void)snprintf(text, sizeof text, "+" IMGC_STR_FMT, IMGC_STR_ARG(one));
            (void)!cgroup_dir_write(outer, "cgroup.subtree_control", text, &ignored);
        }
    }
}

/* For programs that ask how much they may use. They hold there, too. */
static const struct {
    const char *file;
    unsigned controller;
} limits[] = {
    { "memory.max", CGROUP_HOST_MEMORY },
    { "memory.swap.max", CGROUP_HOST_MEMORY },
    { "pids.max", CGROUP_HOST_PIDS },
    { "cpu.max", CGROUP_HOST_CPU },
};

/* @return 0, where either has no such file, too; -HOST. */
static int show(const struct cgroup_dir *outer, const struct cgroup_dir *inner, const char *file,
                struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_str text;

    if (!cgroup_dir_text(outer, file, &b, &text) || !cgroup_dir_has(inner, file)) {
        return 0;
    }
    b.ptr[text.len] = '\0'; /* its newline was there: text begins where b does */
    return cgroup_dir_write(inner, file, b.ptr, reterr);
}

static int open_inner(const struct cgroup_dir *outer, struct cgroup_dir *ret,
                      struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);

    ret->is_v2 = true;
    imgc_buf_printf(&b, "%s/%s", outer->path, CGROUP_INNER_NAME);
    int r = imgc_buf_take(&b, &ret->path, reterr);
    return r < 0 ? r
                 : fd_open_at(outer->fd, CGROUP_INNER_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                              &ret->fd, reterr);
}

int cgroup_inner_make(const struct cgroup_dir *outer, struct cgroup_dir *ret,
                      struct imgc_err *reterr)
{
    cgroup_dir_auto struct cgroup_dir d = CGROUP_DIR_INIT;

    pass_controllers(outer);
    if (mkdirat(outer->fd, CGROUP_INNER_NAME, 0755) < 0) {
        return imgc_fail_sys(reterr, errno, "create the cgroup '%s/%s'", outer->path,
                             CGROUP_INNER_NAME);
    }
    int r = open_inner(outer, &d, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct imgc_err ignored; /* what is not shown holds above */
        (void)!show(outer, &d, limits[i].file, &ignored);
    }
    *ret = d;
    d = (struct cgroup_dir)CGROUP_DIR_INIT;
    return 0;
}

int cgroup_inner_update(const struct cgroup_dir *outer, unsigned controllers,
                        struct imgc_err *reterr)
{
    cgroup_dir_auto struct cgroup_dir d = CGROUP_DIR_INIT;

    int r = open_inner(outer, &d, reterr);
    if (r < 0) {
        return reterr->sys == ENOENT ? 0 : r;
    }
    pass_controllers(outer);
    for (size_t i = 0; i < sizeof limits / sizeof *limits && r == 0; i++) {
        r = limits[i].controller & controllers ? show(outer, &d, limits[i].file, reterr) : 0;
    }
    return r;
}
