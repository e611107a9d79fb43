/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec_child.h"

#include <errno.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/become.h"
#include "runtime/idmap.h"
#include "runtime/program.h"
#include "runtime/rlimits.h"
#include "runtime/rootpath.h"
#include "runtime/sync.h"
#include "runtime/tty.h"
#include "runtime/userns.h"
#include "schema/base/fd.h"

#define MAP_BYTES 16384 /* of /proc/PID/uid_map: 340 lines at most */
#define SYNC_FD 3       /* where it is once everything else is closed */

struct joiner {
    const struct exec_child_args *args;
    const struct spec *spec;
    int sync_fd;
    int proc_fd; /* /proc/self of the host */
    int root_fd, cwd_fd;
    int master_fd, slave_fd; /* with a terminal, else -1 */
    char **env;              /* lives until exec or _exit */
};

static int wait_until_placed(struct joiner *j, struct imgc_err *reterr)
{
    struct sync_message m;

    int r = sync_receive(j->sync_fd, &m, NULL, reterr);
    if (r == SYNC_CLOSED || (r == 0 && m.kind != SYNC_PLACED)) {
        return imgc_fail(reterr, IMGC_E_SYS, "imgc is gone");
    }
    return r;
}

/* So that it can open /dev/stdout again: later nobody could give it away. */
static void give_pipes(const struct joiner *j)
{
    imgc_autobuf struct imgc_buf uids = IMGC_BUF_INIT(MAP_BYTES), gids = IMGC_BUF_INIT(MAP_BYTES);
    const struct join *c = j->args->container;
    struct imgc_err ignored;
    uint32_t uid, gid;

    if (c->shares_user_namespace || join_read(c, "uid_map", &uids, &ignored) != 0 ||
        join_read(c, "gid_map", &gids, &ignored) != 0 ||
        !idmap_root((struct imgc_str){ uids.ptr, uids.len }, &uid) ||
        !idmap_root((struct imgc_str){ gids.ptr, gids.len }, &gid)) {
        return;
    }
    for (int i = 0; i < 3; i++) {
        if (j->args->std_fds[i] >= 0) {
            (void)!fchown(j->args->std_fds[i], uid, gid);
        }
    }
}

/* A user that is none in there would make files that are nobody's. */
static void become_root(const struct joiner *j)
{
    if (!j->args->container->shares_user_namespace && geteuid() != 0) {
        (void)!setresgid(0, 0, 0);
        (void)!setresuid(0, 0, 0);
    }
}

static int enter(struct joiner *j, struct imgc_err *reterr)
{
    int r = join_enter(j->args->container, reterr);
    if (r == JOIN_GONE) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "the container has ended");
    }
    if (r < 0) {
        return r;
    }
    become_root(j);
    return fd_open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, &j->root_fd, reterr);
}

static int find_workdir(struct joiner *j, struct imgc_err *reterr)
{
    const char *cwd = j->spec->cwd;

    int r = rootpath_open(j->root_fd, cwd, O_PATH | O_DIRECTORY, &j->cwd_fd, reterr);
    if (r == ROOTPATH_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOCOMMAND, "no working directory '%s' in the container",
                         cwd);
    }
    return r < 0 ? imgc_context(reterr, "working directory '%s'", cwd)
                 : become_workdir(j->cwd_fd, cwd, reterr);
}

/* The container had the time to put something else there (CVE-2025-52565): only the node that
 * devpts itself makes is a terminal's other end, and nothing may be mounted over it. */
static int open_terminal(struct joiner *j, struct imgc_err *reterr)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };
    imgc_autoclose int pts_fd = -1, node_fd = -1;
    struct statfs fs;
    struct stat st;

    int r = rootpath_open(j->root_fd, "/dev/pts", O_PATH | O_DIRECTORY, &pts_fd, reterr);
    if (r < 0) {
        return r;
    }
    if (r == 0) {
        node_fd = (int)syscall(SYS_openat2, pts_fd, "ptmx", &how, sizeof how);
    }
    if (node_fd < 0 || fstatfs(node_fd, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC ||
        fstat(node_fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "no terminal can be had: '/dev/pts' of the container is not devpts");
    }
    /* Whoever mounts something over it now gets no terminal from us: TIOCGPTPEER needs a master. */
    return tty_open_pair(pts_fd, &j->master_fd, &j->slave_fd, reterr);
}

/* The container had the time to put something else there, too. */
static int open_null(const struct joiner *j)
{
    imgc_autoclose int fd = -1;
    struct imgc_err ignored;

    int r = rootpath_open(j->root_fd, "/dev/null", O_RDWR | O_NONBLOCK | O_NOCTTY, &fd, &ignored);
    return r == 0 && become_is_null(fd) ? imgc_take_fd(fd) : -1;
}

static int connect_stdio(struct joiner *j, const struct user *user, struct imgc_err *reterr)
{
    bool has_terminal = j->slave_fd >= 0, detach = j->args->detach;
    imgc_autoclose int null_fd = detach || !has_terminal ? open_null(j) : -1;
    struct become_stdio stdio = {
        .tty_fd = -1,
        .null_fd = null_fd,
        .null = { !has_terminal && (detach || !j->spec->interactive), detach, detach },
    };

    for (int i = 0; i < 3; i++) {
        stdio.fds[i] = has_terminal ? j->slave_fd : j->args->std_fds[i];
    }
    return become_stdio(&stdio, user, reterr);
}

/* What the container's processes could get at if they could look into this one: fds of the host,
 * and the caller's environment. */
static int forget_host(struct joiner *j, struct imgc_err *reterr)
{
    if (j->sync_fd != SYNC_FD && dup3(j->sync_fd, SYNC_FD, O_CLOEXEC) < 0) {
        return imgc_fail_sys(reterr, errno, "keep a socket");
    }
    j->sync_fd = SYNC_FD;
    if (close_range(SYNC_FD + 1, ~0u, 0) < 0) {
        return imgc_fail(reterr, IMGC_E_HOST, "this host lacks close_range (Linux 5.9 or later)");
    }
    for (char **e = environ; e && *e; e++) {
        explicit_bzero(*e, strlen(*e));
    }
    return 0;
}

static int drop_privileges(struct joiner *j, const struct user *user, struct imgc_err *reterr)
{
    const struct isolation *isolation = &j->spec->isolation;

    int r = rlimits_apply(isolation, reterr);
    if (isolation->has_umask) {
        (void)umask(isolation->umask);
    }
    return r < 0 ? r
                 : become_user(&(struct become_who){ .user = user,
                                                     .caps = j->spec->capabilities,
                                                     .no_new_privs = isolation->no_new_privs,
                                                     .filter = j->args->filter },
                               reterr);
}

static int prepare(struct joiner *j, struct imgc_err *reterr)
{
    const struct isolation *isolation = &j->spec->isolation;
    user_auto struct user user = USER_INIT;

    int r = become_dependent(reterr);
    r = r < 0 ? r : wait_until_placed(j, reterr);
    if (r < 0) {
        return r;
    }
    become_separate();
    /* While /proc is the host's. */
    r = become_oom_score(isolation->oom_score_adj, reterr);
    r = r < 0 ? r
              : fd_open_at(AT_FDCWD, "/proc/self", O_PATH | O_DIRECTORY, 0, &j->proc_fd, reterr);
    give_pipes(j);
    r = r < 0 ? r : enter(j, reterr);
    r = r < 0 ? r : user_resolve(j->root_fd, j->spec->user ? j->spec->user : "", &user, reterr);
    r = r < 0 ? r : user_add_groups(j->root_fd, isolation->groups, &user, reterr);
    if (r == 0 && j->args->container->denies_groups) {
        user.n_groups = 0;
    }
    r = r < 0 ? r : userns_rename(j->proc_fd, user.uid, user.gid, reterr);
    r = r < 0 ? r : become_env(j->spec, &user, &j->env, reterr);
    r = r < 0 ? r : find_workdir(j, reterr);
    if (r == 0 && j->spec->terminal) {
        r = open_terminal(j, reterr);
    }
    r = r < 0 ? r : connect_stdio(j, &user, reterr);
    r = r < 0 ? r : sync_send(j->sync_fd, SYNC_READY, j->master_fd, reterr);
    r = r < 0 ? r : forget_host(j, reterr);
    return r < 0 ? r : drop_privileges(j, &user, reterr);
}

/* In the container's pid namespace, with nothing left to take away. */
static int execute(struct joiner *j, struct imgc_err *reterr)
{
    int r = j->args->detach ? 0 : become_dependent(reterr);
    if (r < 0) {
        return r;
    }
    (void)setsid();
    if (j->spec->terminal) {
        r = tty_control(STDIN_FILENO, reterr);
    }
    if (r < 0) {
        return r;
    }
    become_default_signals();
    return program_exec(j->spec->argv, j->env, reterr);
}

/* The caller's child, so that it can wait for it; clone3() is not for containers. */
static int clone_into(struct imgc_err *reterr)
{
    pid_t tid = 0; /* which only the kernel writes, in the new process */

    /* Where it stands among the arguments depends on the machine; the other is not looked at. */
    long pid = syscall(SYS_clone, CLONE_PARENT | CLONE_CHILD_SETTID | SIGCHLD, 0, NULL, &tid, &tid);

    if (pid == 0 && *(volatile pid_t *)&tid == 0) { /* we are not in the container's namespace */
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "no process can be started under this seccomp profile: it makes clone "
                         "succeed without doing anything");
    }
    if (pid < 0) {
        return errno == EAGAIN
                   ? imgc_fail(reterr, IMGC_E_SYS, "the container may have no more processes")
               : errno == ENOMEM ? imgc_fail(reterr, IMGC_E_NOTFOUND, "the container has ended")
                                 : imgc_fail_sys(reterr, errno, "start a process in the container");
    }
    return pid > 0;
}

_Noreturn void exec_child_main(const struct exec_child_args *args)
{
    struct joiner j = { .args = args,
                        .spec = args->spec,
                        .sync_fd = args->sync_fd,
                        .proc_fd = -1,
                        .root_fd = -1,
                        .cwd_fd = -1,
                        .master_fd = -1,
                        .slave_fd = -1 };
    struct imgc_err err;

    (void)close(args->launcher_fd);
    int r = prepare(&j, &err);
    if (r == 0) {
        r = clone_into(&err);
        if (r > 0) { /* the first of the two: it has done its part */
            _exit(0);
        }
        r = r < 0 ? r : execute(&j, &err);
    }
    if (r < 0) {
        sync_send_error(j.sync_fd, &err);
    }
    _exit(125);
}
