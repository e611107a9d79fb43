/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define FILE_BYTES (1u << 20) /* cgroup.procs of 100 000 processes */
#define REMOVE_TIMEOUT_MS 2000

static bool is_denied(int e)
{
    return e == EACCES || e == EPERM || e == EROFS;
}

static int fail(struct imgc_err *reterr, int e, const char *what, const char *path)
{
    int r = imgc_fail_sys(reterr, e, "%s '%s'", what, path);

    if (is_denied(e)) {
        reterr->code = IMGC_E_HOST;
        return -IMGC_E_HOST;
    }
    return r;
}

static int join(struct imgc_buf *b, const char *base, const char *name, char **ret,
                struct imgc_err *reterr)
{
    imgc_buf_puts(b, base);
    imgc_buf_puts(b, "/" CGROUP_DIR_PARENT);
    if (name) {
        imgc_buf_putc(b, '/');
        imgc_buf_puts(b, name);
    }
    return imgc_buf_take(b, ret, reterr);
}

static int make_both(const char *parent, const char *path, struct imgc_err *reterr)
{
    int e = 0;

    for (int tries = 0; tries < 3; tries++) {
        if (mkdir(parent, 0755) < 0 && errno != EEXIST) {
            return fail(reterr, errno, "create the cgroup", parent);
        }
        if (mkdir(path, 0755) == 0) {
            return 0;
        }
        e = errno;
        /* Again where somebody has just removed the empty parent, and where a crash has left the
         * cgroup and it is empty; one in use cannot go. */
        if (e != ENOENT && (e != EEXIST || rmdir(path) < 0)) {
            break;
        }
    }
    return fail(reterr, e, "create the cgroup", path);
}

int cgroup_dir_make(const char *base, const char *name, bool is_v2, struct cgroup_dir *ret,
                    struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    imgc_autobuf struct imgc_buf pb = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    cgroup_dir_auto struct cgroup_dir d = CGROUP_DIR_INIT;
    imgc_autofree char *parent = NULL;
    int r;

    d.is_v2 = is_v2;
    r = join(&pb, base, NULL, &parent, reterr);
    if (r < 0) {
        return r;
    }
    r = join(&b, base, name, &d.path, reterr);
    if (r < 0) {
        return r;
    }
    r = make_both(parent, d.path, reterr);
    if (r < 0) {
        return r;
    }
    d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d.fd < 0) {
        return fail(reterr, errno, "open the cgroup", d.path);
    }
    *ret = (struct cgroup_dir){ .fd = imgc_take_fd(d.fd),
                                .path = imgc_take(d.path),
                                .is_v2 = d.is_v2 };
    return 0;
}

static bool is_ours(struct imgc_str path)
{
    struct imgc_str rest = path, part, dir, name;

    if (!imgc_str_starts(path, IMGC_STR("/"))) {
        return false;
    }
    while (imgc_str_token(&rest, '/', &part)) {
        if (imgc_str_eq(part, IMGC_STR("..")) || imgc_str_eq(part, IMGC_STR("."))) {
            return false;
        }
    }
    return imgc_str_rsplit(path, '/', &dir, &name) && name.len > 0 &&
           imgc_str_ends(dir, IMGC_STR("/" CGROUP_DIR_PARENT));
}

int cgroup_dir_open(struct imgc_str path, struct cgroup_dir *ret, struct imgc_err *reterr)
{
    cgroup_dir_auto struct cgroup_dir d = CGROUP_DIR_INIT;
    struct statfs fs;
    int r;

    if (!is_ours(path)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'" IMGC_STR_FMT "' is not a cgroup of imgc",
                         IMGC_STR_ARG(path));
    }
    r = imgc_str_dup(path, &d.path, reterr);
    if (r < 0) {
        return r;
    }
    d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (d.fd < 0) {
        return errno == ENOENT ? CGROUP_DIR_GONE : fail(reterr, errno, "open", d.path);
    }
    if (fstatfs(d.fd, &fs) < 0) {
        return fail(reterr, errno, "look at", d.path);
    }
    if (fs.f_type != CGROUP_SUPER_MAGIC && fs.f_type != CGROUP2_SUPER_MAGIC) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is not on a cgroup file system", d.path);
    }
    d.is_v2 = fs.f_type == CGROUP2_SUPER_MAGIC;
    *ret = (struct cgroup_dir){ .fd = imgc_take_fd(d.fd),
                                .path = imgc_take(d.path),
                                .is_v2 = d.is_v2 };
    return 0;
}

void cgroup_dir_done(struct cgroup_dir *d)
{
    imgc_closep(&d->fd);
    d->fd = -1;
    free(d->path);
    d->path = NULL;
}

int cgroup_dir_write(const struct cgroup_dir *d, const char *file, const char *value,
                     struct imgc_err *reterr)
{
    imgc_autoclose int fd = openat(d->fd, file, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : write(fd, value, strlen(value)); /* these files take one write */

    if (n < 0) {
        (void)imgc_fail_sys(reterr, errno, "write '%s' to %s/%s", value, d->path, file);
        reterr->code = IMGC_E_HOST;
        return -IMGC_E_HOST;
    }
    return 0;
}

int cgroup_dir_write_number(const struct cgroup_dir *d, const char *file, int64_t value,
                            struct imgc_err *reterr)
{
    char text[24]; /* a 64-bit number has at most 20 digits and a sign */

    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return cgroup_dir_write(d, file, text, reterr);
}

bool cgroup_dir_has(const struct cgroup_dir *d, const char *file)
{
    return faccessat(d->fd, file, F_OK, 0) == 0;
}

static int read_file(int dir_fd, const char *file, struct imgc_buf *b, struct imgc_str *ret)
{
    struct imgc_err err;
    imgc_autoclose int fd = -1;
    int r;

    r = fd_open_at(dir_fd, file, O_RDONLY, 0, &fd, &err);
    if (r < 0) {
        return r;
    }
    r = fd_read_all(fd, b, &err);
    if (r < 0) {
        return r;
    }
    return imgc_buf_finish(b, ret, &err);
}

bool cgroup_dir_text(const struct cgroup_dir *d, const char *file, struct imgc_buf *b,
                     struct imgc_str *ret)
{
    if (read_file(d->fd, file, b, ret) < 0) {
        return false;
    }
    *ret = imgc_str_trim(*ret);
    return true;
}

bool cgroup_dir_number(const struct cgroup_dir *d, const char *file, int64_t *ret)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_str text;
    uint64_t n;

    if (!cgroup_dir_text(d, file, &b, &text)) {
        return false;
    }
    if (imgc_str_eq(text, IMGC_STR("max"))) {
        *ret = INT64_MAX;
        return true;
    }
    if (!imgc_str_u64(text, &n)) {
        return false;
    }
    *ret = n > INT64_MAX ? INT64_MAX : (int64_t)n;
    return true;
}

uint64_t cgroup_dir_count(const struct cgroup_dir *d, const char *file, const char *key)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_str text, line, name, number;
    uint64_t value;

    if (read_file(d->fd, file, &b, &text) < 0) {
        return 0;
    }
    while (imgc_str_token(&text, '\n', &line)) {
        if (imgc_str_split(line, ' ', &name, &number) && imgc_str_eq(name, imgc_str_of(key)) &&
            imgc_str_u64(number, &value)) {
            return value;
        }
    }
    return 0;
}

/* Whether /proc/PID/cgroup says that @pid is in this v2 cgroup: "0::.../imgc/NAME". */
static bool is_in(const struct cgroup_dir *d, pid_t pid)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_str text, line, dir, name;
    struct imgc_str path = imgc_str_of(d->path);
    char file[32]; /* "/proc/", a pid, "/cgroup" */

    (void)snprintf(file, sizeof file, "/proc/%d/cgroup", (int)pid);
    if (!d->is_v2 || read_file(AT_FDCWD, file, &b, &text) < 0 ||
        !imgc_str_rsplit(path, '/', &dir, &name)) {
        return false;
    }
    /* Of an inner one it is only the end of our name, and its own: @pid is a new process. */
    path = imgc_str_from(path, dir.len - strlen("/" CGROUP_DIR_PARENT));
    while (imgc_str_token(&text, '\n', &line)) {
        if (imgc_str_skip(&line, IMGC_STR("0::"))) {
            return imgc_str_ends(line, path);
        }
    }
    return false;
}

int cgroup_dir_add(const struct cgroup_dir *d, pid_t pid, struct imgc_err *reterr)
{
    return is_in(d, pid) ? 0 : cgroup_dir_write_number(d, "cgroup.procs", pid, reterr);
}

static void kill_listed(int dir_fd)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_str text, line;
    uint64_t pid;

    if (read_file(dir_fd, "cgroup.procs", &b, &text) < 0) {
        return;
    }
    while (imgc_str_token(&text, '\n', &line)) {
        /* 0 is a process of a foreign pid namespace, and to kill() our own group */
        if (imgc_str_u64(line, &pid) && pid > 1 && pid <= INT32_MAX && (pid_t)pid != getpid()) {
            (void)kill((pid_t)pid, SIGKILL);
        }
    }
}

static bool put(int dir_fd, const char *file, const char *value)
{
    imgc_autoclose int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, value, strlen(value)) > 0;
}

/* One round; the caller repeats until the directory can go. Freezing (v1) keeps processes from
 * forking faster than they are killed; they die when they thaw. */
static void kill_round(int dir_fd, bool is_v2)
{
    if (is_v2 && put(dir_fd, "cgroup.kill", "1")) { /* Linux 5.14, with everything below */
        return;
    }
    bool frozen = !is_v2 && put(dir_fd, "freezer.state", "FROZEN");

    kill_listed(dir_fd);
    if (frozen) {
        (void)put(dir_fd, "freezer.state", "THAWED");
    }
}

static bool rmdir_at(int parent_fd, const char *name, int *ret_errno)
{
    int r = unlinkat(parent_fd, name, AT_REMOVEDIR);

    *ret_errno = r < 0 ? errno : 0;
    return r == 0 || *ret_errno == ENOENT;
}

/* A way through cgroups that the container's processes made below theirs: as many and as deep as
 * they liked, so with one fd. Of each that is entered the stack has its name, NULL, and what in it
 * could not go at once. */
struct walk {
    int fd;
    char **names;
    size_t n, room;
};

static void walk_done(struct walk *w)
{
    imgc_closep(&w->fd);
    while (w->n > 0) {
        free(w->names[--w->n]);
    }
    free(w->names);
}

static bool push(struct walk *w, char *take_name)
{
    if (w->n == w->room) {
        size_t room = w->room ? 2 * w->room : 16;
        char **grown = reallocarray(w->names, room, sizeof *grown);
        if (!grown) {
            free(take_name);
            return false;
        }
        w->names = grown;
        w->room = room;
    }
    w->names[w->n++] = take_name;
    return true;
}

static bool push_children(struct walk *w)
{
    int fd = openat(w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool is_done = dir != NULL;
    int ignored;

    if (!dir) {
        imgc_closep(&fd);
        return false;
    }
    while (is_done && (entry = readdir(dir)) != NULL) {
        if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0 && !rmdir_at(w->fd, entry->d_name, &ignored)) {
            char *name = strdup(entry->d_name);
            is_done = name && push(w, name);
        }
    }
    (void)closedir(dir);
    return is_done;
}

static bool go(struct walk *w, const char *name)
{
    int fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    imgc_closep(&w->fd);
    w->fd = fd;
    return true;
}

/* @take_name  on its way from the stack. @return whether the walk can go on. */
static bool step(struct walk *w, char *take_name, bool is_v2)
{
    imgc_autofree char *name = take_name;
    int ignored;

    if (!name) { /* all of this one was tried */
        if (!go(w, "..")) {
            return false;
        }
        name = w->names[--w->n];
        (void)rmdir_at(w->fd, name, &ignored);
        return true;
    }
    if (rmdir_at(w->fd, name, &ignored) || !go(w, name)) {
        return true;
    }
    kill_round(w->fd, is_v2);
    return push(w, imgc_take(name)) && push(w, NULL) && push_children(w);
}

static void remove_children(int take_fd, bool is_v2)
{
    imgc_auto(walk_done) struct walk w = { .fd = take_fd };

    for (bool goes_on = push_children(&w); goes_on && w.n > 0;) {
        goes_on = step(&w, w.names[--w.n], is_v2);
    }
}

static bool try_remove(const char *path, bool is_v2, int *ret_errno)
{
    if (rmdir_at(AT_FDCWD, path, ret_errno)) {
        return true;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    kill_round(fd, is_v2);
    remove_children(fd, is_v2);
    return rmdir_at(AT_FDCWD, path, ret_errno);
}

/* The directory that we made in somebody's cgroup goes with our last one there. At the top of the
 * hierarchy it stays: the next container needs it. */
static void remove_parent(const struct cgroup_dir *d)
{
    struct imgc_str path = imgc_str_of(d->path), parent, base, name;
    char file[LIMIT_PATH_BYTES + 32];

    if (!imgc_str_rsplit(path, '/', &parent, &name) ||
        !imgc_str_rsplit(parent, '/', &base, &name) || base.len >= LIMIT_PATH_BYTES) {
        return;
    }
    /* Every cgroup but the root has the one (v2), only the root has the other (v1). */
    (void)snprintf(file, sizeof file, IMGC_STR_FMT "/%s", IMGC_STR_ARG(base),
                   d->is_v2 ? "cgroup.type" : "release_agent");
    if ((access(file, F_OK) == 0) == d->is_v2) {
        (void)snprintf(file, sizeof file, IMGC_STR_FMT, IMGC_STR_ARG(parent));
        (void)rmdir(file); /* in use by others, or gone */
    }
}

/* Version 2 takes the one of its directory's owner, version 1 only root's. Without either it is
 * waited for each time. */
static const char *const stuck_marks[] = { "user.imgc.stuck", "trusted.imgc.stuck" };

static bool is_marked_stuck(const char *path)
{
    return lgetxattr(path, stuck_marks[0], NULL, 0) >= 0 ||
           lgetxattr(path, stuck_marks[1], NULL, 0) >= 0;
}

static void mark_stuck(const char *path)
{
    if (lsetxattr(path, stuck_marks[0], "1", 1, 0) < 0) {
        (void)lsetxattr(path, stuck_marks[1], "1", 1, 0);
    }
}

int cgroup_dir_remove(struct cgroup_dir *d, bool patience, struct imgc_err *reterr)
{
    int timeout_ms = patience || !is_marked_stuck(d->path) ? REMOVE_TIMEOUT_MS : 0;
    int waited_ms = 0, step_ms = 1, e;

    while (!try_remove(d->path, d->is_v2, &e)) {
        struct timespec pause = { .tv_nsec = step_ms * 1000000L };

        if (waited_ms >= timeout_ms || is_denied(e)) {
            mark_stuck(d->path);
            return imgc_fail_sys(reterr, e, "remove the cgroup '%s'", d->path);
        }
        (void)nanosleep(&pause, NULL);
        waited_ms += step_ms;
        step_ms = step_ms < 32 ? step_ms * 2 : step_ms;
    }
    remove_parent(d);
    return 0;
}
