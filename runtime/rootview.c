/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/rootview.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/join.h"
#include "runtime/mountfd.h"
#include "runtime/mounts_bind.h"
#include "runtime/overlay.h"
#include "runtime/sync.h"
#include "runtime/userns_spawn.h"
#include "schema/base/fd.h"

/* An overlay, and the EROFS image below it. */
#define MOUNTS_MAX 2

static int open_root(const struct join *j, int *ret_fd, struct imgc_err *reterr)
{
    int r = fd_open_at(j->proc_fd, "root", O_PATH | O_DIRECTORY, 0, ret_fd, reterr);

    return r < 0 && (reterr->sys == ENOENT || reterr->sys == ESRCH) ? ROOTVIEW_GONE : r;
}

/* A mount is copied where it is mounted: by a process that is in its namespace. The copy has
 * nothing mounted on it. No program of the container can look into that process, and its file
 * system is not looked at but by the kernel. */
static int clone_root(const struct join *j, int *ret_fd, struct imgc_err *reterr)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
        return imgc_fail_sys(reterr, errno, "hide from the container");
    }
    if (setns(j->pid_fd, CLONE_NEWNS) < 0) {
        return errno == ESRCH
                   ? ROOTVIEW_GONE
                   : mountfd_fail(reterr, errno, "join the mount namespace of the container");
    }
    return mountfd_clone(AT_FDCWD, "/", false, ret_fd, reterr);
}

static bool is_reachable(const struct join *j)
{
    return j->shares_user_namespace || geteuid() == 0;
}

static _Noreturn void send_root(const struct join *j, enum rootview_scope scope, int sync_fd)
{
    imgc_autoclose int fd = -1;
    struct imgc_err err;
    int r = 0;

    if (!is_reachable(j) && setns(j->pid_fd, CLONE_NEWUSER) < 0) {
        r = imgc_fail_sys(&err, errno, "join the user namespace of the container");
    }
    if (r == 0) {
        r = scope == ROOTVIEW_BARE ? clone_root(j, &fd, &err) : open_root(j, &fd, &err);
    }
    if (r == 0) {
        r = sync_send(sync_fd, SYNC_READY, fd, &err);
    }
    if (r < 0) {
        sync_send_error(sync_fd, &err);
    }
    _exit(0);
}

/* What an ordinary user may do to a container of theirs they may do in its user namespace; an fd of
 * there is good everywhere. */
static int fetch_root(const struct join *j, enum rootview_scope scope, int *ret_fd,
                      struct imgc_err *reterr)
{
    imgc_autoclose int own_fd = -1, child_fd = -1;
    struct sync_message m;

    int r = sync_pair(&own_fd, &child_fd, reterr);
    if (r < 0) {
        return r;
    }
    pid_t pid = fork();
    if (pid < 0) {
        return imgc_fail_sys(reterr, errno, "fork");
    }
    if (pid == 0) {
        send_root(j, scope, child_fd);
    }
    imgc_closep(&child_fd);
    r = sync_receive(own_fd, &m, ret_fd, reterr);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (r == SYNC_CLOSED) {
        return ROOTVIEW_GONE;
    }
    if (r == 0 && m.kind == SYNC_ERROR) {
        *reterr = m.err;
        return -(int)reterr->code;
    }
    return r;
}

int rootview_open(const struct process_id *init, enum rootview_scope scope, int *ret_fd,
                  struct imgc_err *reterr)
{
    join_auto struct join j = JOIN_INIT;

    int r = join_open(init, &j, reterr);
    if (r == JOIN_GONE) {
        return ROOTVIEW_GONE;
    }
    if (r < 0) {
        return r;
    }
    return scope == ROOTVIEW_ALL && is_reachable(&j) ? open_root(&j, ret_fd, reterr)
                                                     : fetch_root(&j, scope, ret_fd, reterr);
}

/* The user's own mounts; not what an empty container would not show either. */
static int bind_volumes(struct mounts *m, const struct plan *plan, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < plan->n && r == 0; i++) {
        if (plan->steps[i].kind == PLAN_BIND && plan->steps[i].mount) {
            r = mounts_bind(m, &plan->steps[i], NULL, reterr);
        }
    }
    return r;
}

int rootview_mount(const struct spec *spec, enum rootview_scope scope, int *ret_fd,
                   struct imgc_err *reterr)
{
    mounts_auto struct mounts m = MOUNTS_INIT;
    plan_auto struct plan plan = PLAN_INIT;
    const struct isolation_users *u = &spec->isolation.users;
    imgc_autoclose int userns_fd = -1;

    int r = plan_make(spec, &plan, reterr);
    if (r == 0 && unshare(CLONE_NEWNS) < 0) {
        r = mountfd_fail(reterr, errno, "new mount namespace");
    }
    r = r < 0 ? r : mounts_make_private(&m, reterr);
    if (r == 0 && u->mode == ISOLATION_USERS_MAPPED && !u->mounts_stay) {
        r = userns_spawn_hold(u, &userns_fd, reterr);
        if (r == 0 && scope == ROOTVIEW_ALL) {
            r = mounts_bind_take(&m, &plan, userns_fd, reterr);
        }
    }
    r = r < 0 ? r : overlay_mount_mapped(spec, userns_fd, &m.root_fd, reterr);
    if (r == 0 && scope == ROOTVIEW_BARE) { /* a directory as root brings along what is in it */
        return mountfd_clone(m.root_fd, "", false, ret_fd, reterr);
    }
    r = r < 0 ? r : bind_volumes(&m, &plan, reterr);
    if (r == 0) {
        *ret_fd = imgc_take_fd(m.root_fd);
    }
    return r;
}

void rootview_unmount(const struct spec *spec)
{
    for (int i = 0; i < (spec->erofs_image ? MOUNTS_MAX : 1); i++) {
        (void)umount2(spec->mountpoint, MNT_DETACH);
    }
}
