/* SPDX-License-Identifier: Apache-2.0 */
/* What container.h offers for what is there of a container while it runs: its run directory. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "store/container.h"

/* @return whether it fits, which a run directory of our own does. */
static bool run_path(const struct store *s, const char *id, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/containers/%s", store_runroot_path(s), id) < PATH_MAX;
}

/* Whoever else could write there could take the place of a container's process. */
static int check_owner(int fd, const char *path, struct imgc_err *reterr)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at '%s'", path);
    }
    return st.st_uid == geteuid() && (st.st_mode & 022) == 0
               ? 0
               : imgc_fail(reterr, IMGC_E_HOST,
                           "others may write to '%s': choose another --runroot", path);
}

int container_open_run_dir(struct store *s, const char *id, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    char path[PATH_MAX];

    if (!store_runroot_path(s) || !run_path(s, id, path)) {
        return imgc_fail(reterr, IMGC_E_HOST, "no run directory for container %.12s", id);
    }
    int r = fd_mkdir_p(path, 0700, reterr);
    r = r < 0 ? r : fd_open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, reterr);
    r = r < 0 ? r : check_owner(fd, path, reterr);
    if (r < 0) {
        return imgc_context(reterr, "run directory of container %.12s", id);
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

void container_remove_run_dir(struct store *s, const char *id)
{
    char path[PATH_MAX];
    struct imgc_err ignored;

    if (store_runroot_path(s) && run_path(s, id, path)) {
        (void)!fd_remove_tree(AT_FDCWD, path, NULL, &ignored);
    }
}
