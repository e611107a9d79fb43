/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_inner.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

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

/* For programs that ask how much they may use. */
static void show_limits(const struct cgroup_dir *outer, const struct cgroup_dir *inner)
{
    static const char *const files[] = { "memory.max", "memory.swap.max", "pids.max", "cpu.max" };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);
        struct imgc_err ignored;
        struct imgc_str text;

        if (cgroup_dir_text(outer, files[i], &b, &text) &&
            !imgc_str_starts(text, IMGC_STR("max"))) {
            b.ptr[text.len] = '\0'; /* its newline was there: text begins where b does */
            (void)!cgroup_dir_write(inner, files[i], b.ptr, &ignored);
        }
    }
}

int cgroup_inner_make(const struct cgroup_dir *outer, struct cgroup_dir *ret,
                      struct imgc_err *reterr)
{
    cgroup_dir_auto struct cgroup_dir d = { .fd = -1, .is_v2 = true };
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);

    imgc_buf_printf(&b, "%s/%s", outer->path, CGROUP_INNER_NAME);
    int r = imgc_buf_take(&b, &d.path, reterr);
    if (r < 0) {
        return r;
    }
    pass_controllers(outer);
    if (mkdirat(outer->fd, CGROUP_INNER_NAME, 0755) < 0) {
        return imgc_fail_sys(reterr, errno, "create the cgroup '%s'", d.path);
    }
    r = fd_open_at(outer->fd, CGROUP_INNER_NAME, O_RDONLY | O_DIRECTORY, 0, &d.fd, reterr);
    if (r < 0) {
        return r;
    }
    show_limits(outer, &d);
    *ret = d;
    d = (struct cgroup_dir)CGROUP_DIR_INIT;
    return 0;
}
