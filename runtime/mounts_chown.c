/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts_chown.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/cleanup.h"
#include "schema/base/fd.h"

#define DEPTH_MAX 200 /* each level holds an fd */

struct owner {
    uid_t uid;
    gid_t gid;
    dev_t dev;
};

static void closedirp(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

/* Unchanged where it is right already: a change takes set-user-ID bits away. */
static int give(int dir_fd, const char *name, const struct stat *st, const struct owner *o,
                struct imgc_err *reterr)
{
    if ((st->st_uid != o->uid || st->st_gid != o->gid) &&
        fchownat(dir_fd, name, o->uid, o->gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0) {
        return imgc_fail_sys(reterr, errno, "change the owner of '%s'", name);
    }
    return 0;
}

static int give_dir(int dir_fd, const char *name, const struct owner *o, unsigned depth,
                    struct imgc_err *reterr);

static int give_entry(int dir_fd, const char *name, const struct owner *o, unsigned depth,
                      struct imgc_err *reterr)
{
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : imgc_fail_sys(reterr, errno, "look at '%s'", name);
    }
    if (st.st_dev != o->dev) {
        return 0;
    }
    int r = S_ISDIR(st.st_mode) ? give_dir(dir_fd, name, o, depth + 1, reterr) : 0;
    return r < 0 ? r : give(dir_fd, name, &st, o, reterr);
}

/* Recursion: DEPTH_MAX at most. */
static int give_dir(int dir_fd, const char *name, const struct owner *o, unsigned depth,
                    struct imgc_err *reterr)
{
    int fd = -1;

    if (depth > DEPTH_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "directories nested more than %d deep", DEPTH_MAX);
    }
    int r = fd_open_at(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    imgc_auto(closedirp) DIR *dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    while (r == 0) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e) { /* a directory of which only a part was given away is an error, too */
            return errno == 0 ? 0 : imgc_fail_sys(reterr, errno, "read the directory '%s'", name);
        }
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            r = give_entry(fd, e->d_name, o, depth, reterr);
        }
    }
    return r;
}

int mounts_chown(int mount_fd, uid_t uid, gid_t gid, struct imgc_err *reterr)
{
    struct owner o = { .uid = uid, .gid = gid };
    struct stat st;

    if (fstat(mount_fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at it");
    }
    o.dev = st.st_dev;
    int r = S_ISDIR(st.st_mode) ? give_dir(mount_fd, ".", &o, 0, reterr) : 0;
    return r < 0 ? r : give(mount_fd, "", &st, &o, reterr);
}
