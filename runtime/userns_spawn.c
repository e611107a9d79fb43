/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/userns_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/become.h"
#include "runtime/idmap.h"
#include "runtime/mountfd.h"
#include "runtime/mounts_bind.h"
#include "runtime/overlay.h"
#include "runtime/spawn.h"
#include "runtime/user.h"
#include "runtime/userns.h"
#include "schema/base/fd.h"

#define SEEN_BYTES_MAX 16384 /* of a map as it is shown: 340 lines */
#define MAP_BYTES_MAX 4095   /* the kernel takes a map as one write of less than a page */

/* What the maker says before it ends; one write of less than PIPE_BUF. */
struct report {
    pid_t pid;           /* of the container's first process; 0: failed */
    struct imgc_err err; /* then */
};

/* A process that keeps a user namespace while it has no other one. */
struct holder {
    pid_t pid;
    int userns_fd;
    int go_fd;              /* its end is the holder's */
    struct idmap_ids owner; /* what 0 is in there, seen from here */
};

static void holder_done(struct holder *h)
{
    imgc_closep(&h->go_fd);
    imgc_closep(&h->userns_fd);
    while (h->pid > 0 && waitpid(h->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    h->pid = 0;
}

/* @said  the errno of a failure is its one word. */
_Noreturn static void hold(int join_fd, int said_fd, int go_fd)
{
    char word = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Who is in there already may have CAP_SYS_PTRACE there, and see us (--pid host). In a new one
     * is nobody; the files of a process that is not dumpable belong to the first namespace's root,
     * and the maps are still to be written. */
    (void)prctl(PR_SET_DUMPABLE, join_fd < 0);
    int r = join_fd >= 0 ? setns(join_fd, CLONE_NEWUSER) : unshare(CLONE_NEWUSER);
    if (r < 0) {
        word = (char)errno;
    }
    (void)prctl(PR_SET_DUMPABLE, join_fd < 0);
    if (write(said_fd, &word, 1) == 1) {
        (void)!read(go_fd, &word, 1); /* until the maker has seen all */
    }
    _exit(0);
}

static int start_holder(int join_fd, struct holder *h, struct imgc_err *reterr)
{
    imgc_autoclose int said_fd = -1, said_end = -1, go_end = -1;
    int said[2], go[2];
    char word = 0;

    if (pipe2(said, O_CLOEXEC) < 0) {
        return imgc_fail_sys(reterr, errno, "make a pipe");
    }
    said_fd = said[0];
    said_end = said[1];
    if (pipe2(go, O_CLOEXEC) < 0) {
        return imgc_fail_sys(reterr, errno, "make a pipe");
    }
    go_end = go[0];
    h->go_fd = go[1];
    pid_t pid = fork();
    if (pid < 0) {
        return imgc_fail_sys(reterr, errno, "fork");
    }
    if (pid == 0) {
        imgc_closep(&h->go_fd);
        hold(join_fd, said_end, go_end);
    }
    h->pid = pid;
    imgc_closep(&said_end);
    if (read(said_fd, &word, 1) != 1) {
        return imgc_fail(reterr, IMGC_E_SYS, "the user namespace's first process is gone");
    }
    if (word == 0) {
        return 0;
    }
    return join_fd >= 0
               ? imgc_fail(reterr, IMGC_E_HOST, "this host forbids joining that user namespace: %s",
                           strerrordesc_np((unsigned char)word))
               : userns_fail((unsigned char)word, reterr);
}

static int open_of_holder(const struct holder *h, const char *file, int flags, int *ret_fd,
                          struct imgc_err *reterr)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)h->pid, file);
    return fd_open_at(AT_FDCWD, path, flags, 0, ret_fd, reterr);
}

static int write_map(const struct holder *h, const char *file, const struct isolation_ids *ids,
                     size_t n, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(MAP_BYTES_MAX);
    imgc_autoclose int fd = -1;
    struct imgc_str text;

    for (size_t i = 0; i < n; i++) {
        imgc_buf_printf(&b, "%u %u %u\n", ids[i].inside, ids[i].outside, ids[i].count);
    }
    int r = imgc_buf_finish(&b, &text, reterr);
    if (r < 0) {
        return imgc_context(reterr, "the map of IDs has too many lines");
    }
    r = open_of_holder(h, file, O_WRONLY, &fd, reterr);
    if (r < 0) {
        return r;
    }
    if (write(fd, text.ptr, text.len) == (ssize_t)text.len) {
        return 0;
    }
    return errno == EPERM ? imgc_fail(reterr, IMGC_E_HOST,
                                      "this host does not give these IDs away: they are not all "
                                      "there where imgc runs (see /proc/self/uid_map)")
                          : imgc_fail_sys(reterr, errno, "map IDs");
}

static int read_owner(const struct holder *h, const char *file, uint32_t *ret,
                      struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(SEEN_BYTES_MAX);
    imgc_autoclose int fd = -1;

    int r = open_of_holder(h, file, O_RDONLY, &fd, reterr);
    r = r < 0 ? r : fd_read_all(fd, &b, reterr);
    if (r < 0) {
        return r;
    }
    return idmap_root((struct imgc_str){ b.ptr, b.len }, ret)
               ? 0
               : imgc_fail(reterr, IMGC_E_USAGE, "the user namespace has no ID 0");
}

/* The user namespace, with its maps. @join_fd  one that is there; or -1. */
static int make_holder(const struct isolation_users *u, int join_fd, struct holder *h,
                       struct imgc_err *reterr)
{
    int r = start_holder(join_fd, h, reterr);
    if (r == 0 && join_fd < 0) {
        r = write_map(h, "uid_map", u->uids, u->n_uids, reterr);
        r = r < 0 ? r : write_map(h, "gid_map", u->gids, u->n_gids, reterr);
    }
    r = r < 0 ? r : read_owner(h, "uid_map", &h->owner.uid, reterr);
    r = r < 0 ? r : read_owner(h, "gid_map", &h->owner.gid, reterr);
    if (r == 0 && join_fd >= 0) { /* its own file would be root's alone */
        h->userns_fd = fcntl(join_fd, F_DUPFD_CLOEXEC, 0);
        return h->userns_fd < 0 ? imgc_fail_sys(reterr, errno, "keep a user namespace") : 0;
    }
    return r < 0 ? r : open_of_holder(h, "ns/user", O_RDONLY, &h->userns_fd, reterr);
}

int userns_spawn_hold(const struct isolation_users *users, int *ret_fd, struct imgc_err *reterr)
{
    imgc_auto(holder_done) struct holder h = { .userns_fd = -1, .go_fd = -1 };

    int r = make_holder(users, -1, &h, reterr);
    if (r == 0) {
        *ret_fd = imgc_take_fd(h.userns_fd);
    }
    return r;
}

/* ---- what comes from the host ---- */

/* The generated files; with another container's network its names and name servers, too. */
static int take_file(const struct userns_spawn_args *args, int userns_fd, struct mounts *m,
                     const struct plan_step *s, struct imgc_err *reterr)
{
    const char *peer_dir = args->joins->peer_dir;
    bool is_own = !peer_dir || strcmp(s->source, "hostname") == 0;
    imgc_autoclose int dir_fd = -1, fd = -1;

    int r = fd_open_at(AT_FDCWD, is_own ? args->spec->state_dir : peer_dir, O_PATH | O_DIRECTORY, 0,
                       &dir_fd, reterr);
    r = r < 0 ? r : mountfd_clone(dir_fd, s->source, false, &fd, reterr);
    if (r == 0 && userns_fd >= 0) {
        r = mountfd_idmap(fd, userns_fd, false, reterr);
    }
    return r < 0 ? r : mounts_keep(m, s, &fd, reterr);
}

static int take_files(const struct userns_spawn_args *args, int userns_fd, struct mounts *m,
                      struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < args->plan->n && r == 0 && args->spec->state_dir; i++) {
        if (args->plan->steps[i].kind == PLAN_FILE) {
            r = take_file(args, userns_fd, m, &args->plan->steps[i], reterr);
        }
    }
    return r;
}

/* The top of the root is the upper directory's; and what the container opens as /dev/stdout. */
static int give_to_owner(const struct userns_spawn_args *args, const struct holder *h,
                         struct imgc_err *reterr)
{
    const char *dir = args->spec->isolation.users.mounts_stay ? NULL : args->spec->upper_dir;
    struct stat st;

    if (dir && stat(dir, &st) == 0 && st.st_uid != h->owner.uid &&
        chown(dir, h->owner.uid, h->owner.gid) < 0) {
        return imgc_fail_sys(reterr, errno, "give '%s' to the container", dir);
    }
    for (int i = 0; i < 3; i++) {
        if (args->std_fds[i] >= 0) {
            (void)!fchown(args->std_fds[i], h->owner.uid, h->owner.gid);
        }
    }
    return 0;
}

/* Option U of mounts whose owners are not mapped. */
static int give_sources(const struct userns_spawn_args *args, struct mounts *m,
                        struct imgc_err *reterr)
{
    const struct isolation_users *u = &args->spec->isolation.users;
    user_auto struct user user = USER_INIT;
    struct mounts_bind_owner owner;
    bool is_asked = false;

    for (size_t i = 0; i < args->spec->n_mounts; i++) {
        is_asked = is_asked || args->spec->mounts[i].chown;
    }
    if (!is_asked) {
        return 0;
    }
    int r = user_resolve(m->root_fd, args->spec->user ? args->spec->user : "", &user, reterr);
    if (r == 0 && (!isolation_map_id(u->uids, u->n_uids, user.uid, &owner.uid) ||
                   !isolation_map_id(u->gids, u->n_gids, user.gid, &owner.gid))) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "option 'U' of a volume: what user %u is outside is not known here",
                         (unsigned)user.uid);
    }
    return r < 0 ? r : mounts_bind_chown(m, &owner, reterr);
}

static int take_all(const struct userns_spawn_args *args, const struct holder *h, struct mounts *m,
                    struct imgc_err *reterr)
{
    int userns_fd = args->spec->isolation.users.mounts_stay ? -1 : h->userns_fd;

    int r = give_to_owner(args, h, reterr);
    r = r < 0 ? r : mounts_bind_connected(m, args->plan, reterr);
    if (r == 0 && unshare(CLONE_NEWNS) < 0) {
        r = imgc_fail_sys(reterr, errno, "make a mount namespace");
    }
    r = r < 0 ? r : mounts_make_private(m, reterr);
    r = r < 0 ? r : take_files(args, userns_fd, m, reterr);
    r = r < 0 ? r : mounts_bind_take(m, args->plan, userns_fd, reterr);
    imgc_closep(&m->nsroot_fd);
    r = r < 0 ? r : overlay_make_root(args->spec, userns_fd, &m->root_fd, reterr);
    return r < 0 ? r : give_sources(args, m, reterr);
}

/* ---- the two processes ---- */

static int join_all(const struct userns_spawn_args *args, const struct holder *h,
                    struct imgc_err *reterr)
{
    int r = 0;

    for (unsigned kind = 0; kind < ISOLATION_KINDS && r == 0; kind++) {
        r = nsjoin_enter(args->joins, kind, reterr);
    }
    if (r == 0 && setns(h->userns_fd, CLONE_NEWUSER) < 0) {
        r = imgc_fail_sys(reterr, errno, "enter the container's user namespace");
    }
    return r;
}

int userns_spawn_become_root(struct imgc_err *reterr)
{
    /* EPERM: a namespace in which the kernel lets nobody change groups. */
    if ((setgroups(0, NULL) < 0 && errno != EPERM) || setresgid(0, 0, 0) < 0 ||
        setresuid(0, 0, 0) < 0) {
        return imgc_fail_sys(reterr, errno, "become user 0 of the container");
    }
    return 0;
}

/* @return 0 in both of the maker (*ret_pid > 0) and the container's process (0). */
static int make(const struct userns_spawn_args *args, struct mounts *m, pid_t *ret_pid,
                struct imgc_err *reterr)
{
    imgc_auto(holder_done) struct holder h = { .userns_fd = -1, .go_fd = -1 };
    imgc_autoclose int pidfd = -1;

    bool is_initial = userns_is_initial(); /* later it is another one */

    /* While it may be lowered, and written to. */
    int r = become_oom_score(args->spec->isolation.oom_score_adj, reterr);
    r = r < 0 ? r : make_holder(&args->spec->isolation.users, args->joins->user_fd, &h, reterr);
    r = r < 0 ? r : take_all(args, &h, m, reterr);
    if (r == 0 && is_initial) {
        /* Nobody in there may look into this process, nor into the new one from its first
         * instruction on. An ordinary user's launcher could not guard that one then. */
        (void)prctl(PR_SET_DUMPABLE, 0);
    }
    r = r < 0 ? r : join_all(args, &h, reterr);
    r = r < 0 ? r : spawn_clone(args->namespaces | CLONE_PARENT, -1, ret_pid, &pidfd, reterr);
    if (r == 0 && *ret_pid == 0) {
        h.pid = 0; /* the maker's child, not this one's */
        return 0;
    }
    return r;
}

static int receive(int fd, pid_t maker, pid_t *ret_pid, int *ret_pidfd, struct imgc_err *reterr)
{
    struct report report = { .pid = 0 };
    ssize_t n;

    do {
        n = read(fd, &report, sizeof report);
    } while (n < 0 && errno == EINTR);
    while (waitpid(maker, NULL, 0) < 0 && errno == EINTR) {
    }
    if (n != (ssize_t)sizeof report) {
        return imgc_fail(reterr, IMGC_E_SYS, "the process that makes the container was killed");
    }
    if (report.pid <= 0) {
        *reterr = report.err;
        return -(int)report.err.code;
    }
    /* Our own child, not reaped yet: the number is its own. */
    *ret_pid = report.pid;
    *ret_pidfd = pidfd_open(report.pid, 0);
    return *ret_pidfd < 0 ? imgc_fail_sys(reterr, errno, "hold process %d", (int)report.pid) : 0;
}

int userns_spawn(const struct userns_spawn_args *args, struct mounts *ret_mounts, pid_t *ret_pid,
                 int *ret_pidfd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1, end_fd = -1;
    struct mounts mounts = MOUNTS_INIT;
    struct report report = { .pid = 0 };
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0) {
        return imgc_fail_sys(reterr, errno, "make a pipe");
    }
    fd = ends[0];
    end_fd = ends[1];
    pid_t maker = fork();
    if (maker < 0) {
        return imgc_fail_sys(reterr, errno, "fork");
    }
    if (maker > 0) {
        imgc_closep(&end_fd);
        return receive(fd, maker, ret_pid, ret_pidfd, reterr);
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int r = make(args, &mounts, &report.pid, &report.err);
    if (r == 0 && report.pid == 0) { /* the container's process */
        *ret_mounts = mounts;
        *ret_pid = 0;
        return 0;
    }
    (void)!write(end_fd, &report, sizeof report);
    _exit(0);
}
