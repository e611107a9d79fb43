/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "store/db_migrate.h"
#include "store/paths.h"
#include "store/recover.h"
#include "store/spread.h"
#include "store/store_handle.h"

#define ROOT_PATH_MAX (2ul * PATH_MAX) /* working directory and a path below it */

static int make_absolute(const char *path, char **ret, struct imgc_err *reterr)
{
    char cwd[PATH_MAX];
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(ROOT_PATH_MAX);

    if (path[0] == '\0') {
        return imgc_fail(reterr, IMGC_E_USAGE, "the store directory has an empty name");
    }
    if (path[0] != '/') {
        if (!getcwd(cwd, sizeof cwd)) {
            return imgc_fail_sys(reterr, errno, "find the working directory");
        }
        imgc_buf_puts(&b, cwd);
        imgc_buf_putc(&b, '/');
    }
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    imgc_buf_add(&b, path, len);
    return imgc_buf_take(&b, ret, reterr);
}

/* A store holds set-uid files and becomes root file systems: nobody else may own or change it. */
static int check_owner(const struct store *s, struct imgc_err *reterr)
{
    struct stat st;

    if (fstat(s->root_fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at store '%s'", s->root);
    }
    if (st.st_uid != geteuid()) {
        return imgc_fail(
            reterr, IMGC_E_STORE,
            "store '%s' belongs to user %u, not to you (%u): choose another --root, or "
            "run as that user",
            s->root, (unsigned)st.st_uid, (unsigned)geteuid());
    }
    if ((st.st_mode & 022) != 0) {
        return imgc_fail(reterr, IMGC_E_STORE,
                         "others may write to store '%s' (mode %04o): run 'chmod 700 %s'", s->root,
                         (unsigned)st.st_mode & 07777, s->root);
    }
    return 0;
}

static int open_root(struct store *s, struct imgc_err *reterr)
{
    int r = fd_open_at(AT_FDCWD, s->root, O_RDONLY | O_DIRECTORY, 0, &s->root_fd, reterr);
    if (r < 0 && reterr->sys == ENOENT) {
        r = fd_mkdir_p(s->root, 0700, reterr);
        if (r == 0) {
            r = fd_open_at(AT_FDCWD, s->root, O_RDONLY | O_DIRECTORY, 0, &s->root_fd, reterr);
        }
        if (r == 0 && fchmod(s->root_fd, 0700) < 0) {
            r = imgc_fail_sys(reterr, errno, "set the mode of '%s'", s->root);
        }
    }
    return r < 0 ? imgc_context(reterr, "store '%s'", s->root) : check_owner(s, reterr);
}

/* Digests are lower case, so folding breaks none of our names, but a layer's files become files
 * of the store, and "a" and "A" must stay two. */
static int refuse_case_folding(const struct store *s, struct imgc_err *reterr)
{
    struct stat st;
    char upper[64], lower[64];

    (void)snprintf(upper, sizeof upper, PATHS_TMP "/.CASE-%d", (int)getpid());
    (void)snprintf(lower, sizeof lower, PATHS_TMP "/.case-%d", (int)getpid());
    if (mkdirat(s->root_fd, upper, 0700) < 0 && errno != EEXIST) {
        return imgc_fail_sys(reterr, errno, "write to store '%s'", s->root);
    }
    bool folds = fstatat(s->root_fd, lower, &st, AT_SYMLINK_NOFOLLOW) == 0;
    (void)unlinkat(s->root_fd, upper, AT_REMOVEDIR);
    if (folds) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "store '%s' is on a file system that ignores case: choose another --root",
                         s->root);
    }
    return 0;
}

/* What each run, pull or volume makes is its own. Otherwise all of it is in one block group of
 * ext4, and where that has no journal each new file there looks at all that were removed of late.
 */
static void spread(const struct store *s)
{
    static const char *const dirs[] = { PATHS_CONTAINERS, PATHS_TMP, PATHS_VOLUMES };

    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        spread_children(s->root_fd, dirs[i]);
    }
}

/* Make every directory that is missing. Modes do not depend on the umask. */
static int make_skeleton(const struct store *s, struct imgc_err *reterr)
{
    for (const char *const *p = paths_skeleton; *p; p++) {
        if (mkdirat(s->root_fd, *p, 0700) < 0) {
            if (errno == EEXIST) {
                continue;
            }
            return imgc_fail_sys(reterr, errno, "create '%s/%s'", s->root, *p);
        }
        if (fchmodat(s->root_fd, *p, 0700, 0) < 0) {
            return imgc_fail_sys(reterr, errno, "set the mode of '%s/%s'", s->root, *p);
        }
    }
    spread(s);
    return refuse_case_folding(s, reterr);
}

static int create_index(const struct store *s, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = fd_open_at(s->root_fd, PATHS_INDEX, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd, reterr);
    if (r < 0) {
        return imgc_context(reterr, "store '%s'", s->root);
    }
    /* SQLite gives its -wal and -shm files the same mode. */
    if (fchmod(fd, 0600) < 0) {
        return imgc_fail_sys(reterr, errno, "set the mode of '%s'", s->index_path);
    }
    return 0;
}

/* First open, or first by a newer program: one process at a time (the lock goes with the fd). */
static int create_or_migrate(struct store *s, struct imgc_err *reterr)
{
    imgc_autoclose int lock_fd = -1;

    int r = fd_open_at(s->root_fd, ".", O_RDONLY | O_DIRECTORY, 0, &lock_fd, reterr);
    if (r < 0) {
        return r;
    }
    if (flock(lock_fd, LOCK_EX) < 0) {
        return imgc_fail_sys(reterr, errno, "lock store '%s'", s->root);
    }
    r = make_skeleton(s, reterr);
    if (r < 0) {
        return r;
    }
    if (!s->db) {
        r = create_index(s, reterr);
        if (r < 0) {
            return r;
        }
        r = db_open(s->index_path, &s->db, reterr);
        if (r < 0) {
            return r;
        }
    }
    r = db_migrate_check(s->db, s->index_path, reterr);
    return r == DB_MIGRATE_NEEDED ? db_migrate_run(s->db, reterr) : r;
}

int store_attach(struct store *s, struct imgc_err *reterr)
{
    struct stat st;

    if (fstatat(s->root_fd, PATHS_INDEX, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT) {
            return imgc_fail_sys(reterr, errno, "look at '%s'", s->index_path);
        }
        return create_or_migrate(s, reterr);
    }
    if (!S_ISREG(st.st_mode)) {
        return imgc_fail(reterr, IMGC_E_STORE, "'%s' is not a regular file", s->index_path);
    }
    int r = db_open(s->index_path, &s->db, reterr);
    if (r < 0) {
        return r;
    }
    r = db_migrate_check(s->db, s->index_path, reterr);
    return r == DB_MIGRATE_NEEDED ? create_or_migrate(s, reterr) : r;
}

void store_detach(struct store *s)
{
    s->db = db_close(s->db);
}

/* The two directories that are used without going through the root's fd. */
static int open_dirs(struct store *s, struct imgc_err *reterr)
{
    int r = fd_open_at(s->root_fd, PATHS_LAYERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                       &s->layers_fd, reterr);
    if (r < 0) {
        return r;
    }
    return fd_open_at(s->root_fd, PATHS_CONTAINERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                      &s->containers_fd, reterr);
}

/* Everything that can fail; what was opened so far is closed by store_close(). */
static int open_parts(struct store *s, const struct store_args *args, struct imgc_err *reterr)
{
    int r = make_absolute(args->root, &s->root, reterr);
    if (r == 0 && args->runroot) {
        r = make_absolute(args->runroot, &s->runroot, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (asprintf(&s->index_path, "%s/" PATHS_INDEX, s->root) < 0) {
        s->index_path = NULL;
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    r = open_root(s, reterr);
    if (r < 0) {
        return r;
    }
    r = store_attach(s, reterr);
    if (r < 0) {
        return r;
    }
    r = open_dirs(s, reterr);
    if (r < 0 && reterr->sys == ENOENT) { /* somebody removed them, or a restore left them out */
        r = make_skeleton(s, reterr);
        if (r == 0) {
            r = open_dirs(s, reterr);
        }
    }
    return r < 0 ? imgc_context(reterr, "store '%s'", s->root) : 0;
}

int store_open(const struct store_args *args, struct store **ret, struct imgc_err *reterr)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    s->root_fd = s->layers_fd = s->containers_fd = -1;
    int r = open_parts(s, args, reterr);
    if (r < 0) {
        (void)store_close(s);
        return r;
    }
    struct imgc_err ignored; /* nothing is used unproven, so this may come later */
    (void)!recover_run(s, &ignored);
    *ret = s;
    return 0;
}

struct store *store_close(struct store *s)
{
    if (s) {
        store_detach(s);
        imgc_closep(&s->containers_fd);
        imgc_closep(&s->layers_fd);
        imgc_closep(&s->root_fd);
        free(s->index_path);
        free(s->runroot);
        free(s->root);
        free(s);
    }
    return NULL;
}

void store_closep(struct store **s)
{
    *s = store_close(*s);
}

int store_root_fd(const struct store *s)
{
    return s->root_fd;
}

int store_layers_fd(const struct store *s)
{
    return s->layers_fd;
}

int store_containers_fd(const struct store *s)
{
    return s->containers_fd;
}

const char *store_root_path(const struct store *s)
{
    return s->root;
}

const char *store_runroot_path(const struct store *s)
{
    return s->runroot;
}

int store_free_space(const struct store *s, uint64_t *ret, struct imgc_err *reterr)
{
    struct statvfs v;

    if (fstatvfs(s->root_fd, &v) < 0) {
        return imgc_fail_sys(reterr, errno, "ask for the free space of '%s'", s->root);
    }
    uint64_t blocks = geteuid() == 0 ? v.f_bfree : v.f_bavail;
    if (__builtin_mul_overflow(blocks, (uint64_t)v.f_frsize, ret)) {
        *ret = UINT64_MAX;
    }
    return 0;
}

int store_require_space(const struct store *s, uint64_t need_bytes, struct imgc_err *reterr)
{
    uint64_t free_bytes = 0;

    int r = store_free_space(s, &free_bytes, reterr);
    if (r < 0) {
        return r;
    }
    if (free_bytes < need_bytes) {
        return imgc_fail(reterr, IMGC_E_NOSPACE,
                         "store '%s' has %llu MiB free, and %llu MiB are needed", s->root,
                         (unsigned long long)(free_bytes >> 20),
                         (unsigned long long)((need_bytes + (1u << 20) - 1) >> 20));
    }
    return 0;
}
