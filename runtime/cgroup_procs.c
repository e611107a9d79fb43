/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_procs.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "schema/base/fd.h"

#define LIST_BYTES (1u << 20) /* of the names of cgroups, of the processes of one */

/* Append its processes. One whose threads are spread over cgroups below has none to list: they are
 * in the list of the one above. */
static bool add_listed(int dir_fd, struct imgc_buf *b)
{
    imgc_autobuf struct imgc_buf own = IMGC_BUF_INIT(LIST_BYTES);
    imgc_autoclose int fd = -1;
    struct imgc_err err;
    struct imgc_str text;

    int r = fd_open_at(dir_fd, "cgroup.procs", O_RDONLY, 0, &fd, &err);
    r = r < 0 ? r : fd_read_all(fd, &own, &err);
    r = r < 0 ? r : imgc_buf_finish(&own, &text, &err);
    if (r == 0) {
        imgc_buf_str(b, text);
        return true;
    }
    return r == -(int)IMGC_E_SYS &&
           (err.sys == EOPNOTSUPP || err.sys == ENOENT || err.sys == ENODEV);
}

/* Append the paths of the cgroups in @fd, which is at @path. The kernel allows no newline in one.
 */
static bool add_children(int fd, const char *path, struct imgc_buf *paths)
{
    int again_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again_fd < 0 ? NULL : fdopendir(again_fd);
    const struct dirent *entry;

    if (!dir) {
        bool is_gone = again_fd < 0 && errno == ENOENT;
        imgc_closep(&again_fd);
        return is_gone;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0) {
            imgc_buf_printf(paths, "%s/%s\n", path, entry->d_name);
        }
    }
    (void)closedir(dir);
    return paths->state == IMGC_BUF_OK;
}

/* Take the first of @paths' lines from @at on. @return whether there was one. */
static bool next_path(const struct imgc_buf *paths, size_t *at, char **ret)
{
    struct imgc_str rest = imgc_str_from((struct imgc_str){ paths->ptr, paths->len }, *at), line;
    struct imgc_err ignored;

    if (!imgc_str_token(&rest, '\n', &line)) {
        return false;
    }
    *at += line.len + 1;
    return imgc_str_dup(line, ret, &ignored) == 0;
}

bool cgroup_procs_list(const struct cgroup_dir *d, struct imgc_buf *b, struct imgc_str *ret)
{
    imgc_autobuf struct imgc_buf paths = IMGC_BUF_INIT(LIST_BYTES);
    struct imgc_err err;
    size_t at = 0;

    imgc_buf_puts(&paths, ".\n");
    while (at < paths.len) {
        cgroup_dir_auto struct cgroup_dir one = CGROUP_DIR_INIT;

        if (!next_path(&paths, &at, &one.path)) {
            return false;
        }
        if (fd_open_at(d->fd, one.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &one.fd, &err) <
            0) {
            if (err.sys != ENOENT || strcmp(one.path, ".") == 0) {
                return false;
            }
            continue; /* gone meanwhile */
        }
        if (!add_listed(one.fd, b) || !add_children(one.fd, one.path, &paths)) {
            return false;
        }
    }
    return imgc_buf_finish(b, ret, &err) == 0;
}
