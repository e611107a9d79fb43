/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/child.h"

#include <errno.h>
#include <linux/close_range.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/become.h"
#include "runtime/devices.h"
#include "runtime/init_program.h"
#include "runtime/mountfd.h"
#include "runtime/mounts.h"
#include "runtime/mounts_bind.h"
#include "runtime/overlay.h"
#include "runtime/program.h"
#include "runtime/rlimits.h"
#include "runtime/rootpath.h"
#include "runtime/sync.h"
#include "runtime/tty.h"
#include "runtime/userns.h"
#include "runtime/userns_spawn.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define CGROUP_TEXT_BYTES \
    65536 /* of /proc/self/cgroup: a line for each of some dozen hierarchies */

struct child {
    const struct child_args *args;
    const struct spec *spec;
    struct mounts mounts;
    int cwd_fd;
    int null_fd;             /* /dev/null of the container; -1: its terminal is all it has */
    int master_fd, slave_fd; /* with a terminal, else -1 */
};

static int wait_for(struct child *c, enum sync_kind kind, struct imgc_err *reterr)
{
    struct sync_message m;

    int r = sync_receive(c->args->sync_fd, &m, NULL, reterr);
    if (r == SYNC_CLOSED || (r == 0 && m.kind != kind)) {
        return imgc_fail(reterr, IMGC_E_SYS, "the launcher is gone");
    }
    return r;
}

static int step_console(struct child *c, const struct plan_step *s, struct imgc_err *reterr)
{
    imgc_autoclose int pts_fd = -1, target_fd = -1, mount_fd = -1;

    int r = rootpath_open(c->mounts.root_fd, "/dev/pts", O_PATH | O_DIRECTORY, &pts_fd, reterr);
    if (r == ROOTPATH_MISSING) { /* a volume of the user's takes its place */
        return imgc_fail(reterr, IMGC_E_USAGE, "-t needs '/dev/pts' of the container for itself");
    }
    if (r == 0) {
        r = tty_open_pair(pts_fd, &c->master_fd, &c->slave_fd, reterr);
    }
    if (r == 0) {
        r = rootpath_create(c->mounts.root_fd, s->target, false, &target_fd, reterr);
    }
    if (r == 0) {
        r = mountfd_clone(c->slave_fd, "", false, &mount_fd, reterr);
    }
    return r != 0 ? r : mountfd_attach(mount_fd, target_fd, reterr);
}

static int step_devices(struct child *c, const struct plan_step *s, struct imgc_err *reterr)
{
    int r = devices_make(c->mounts.root_fd, s->options[0] != '\0', &c->mounts.null_fd, reterr);
    if (r == 0 && !c->spec->terminal) {
        r = rootpath_open(c->mounts.root_fd, "/dev/null", O_RDWR, &c->null_fd, reterr);
    }
    return r;
}

/* --cgroupns host: what the host sees, though nothing of it can be changed (CVE-2023-25809). */
static int bind_cgroups(struct child *c, const struct plan_step *s, struct imgc_err *reterr)
{
    imgc_autoclose int target_fd = -1, mount_fd = -1;

    int r = rootpath_open(c->mounts.root_fd, s->target, O_PATH | O_DIRECTORY, &target_fd, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    r = mountfd_clone(AT_FDCWD, "/sys/fs/cgroup", true, &mount_fd, reterr);
    if (r == 0) {
        r = mountfd_restrict(mount_fd, s->attr, true, reterr);
    }
    return r < 0 ? r : mountfd_attach(mount_fd, target_fd, reterr);
}

/* The kernel knows what it is; the other container's processes may have filled it. */
static int step_shm(struct child *c, const struct plan_step *s, struct imgc_err *reterr)
{
    imgc_autoclose int target_fd = -1;

    int r = rootpath_create(c->mounts.root_fd, s->target, true, &target_fd, reterr);
    return r < 0 ? r : mountfd_attach(c->args->joins->shm_fd, target_fd, reterr);
}

/* With another container's network its names and name servers, too. */
static int step_file(struct child *c, const struct plan_step *s, struct imgc_err *reterr)
{
    const char *peer_dir = c->args->joins->peer_dir;
    int own_fd = c->mounts.state_dir_fd;
    imgc_autoclose int peer_fd = -1;

    if (c->args->take_mounts || !peer_dir || strcmp(s->source, "hostname") == 0) {
        return mounts_file(&c->mounts, s, reterr);
    }
    int r = fd_open_at(AT_FDCWD, peer_dir, O_PATH | O_DIRECTORY, 0, &peer_fd, reterr);
    if (r == 0) {
        c->mounts.state_dir_fd = peer_fd;
        r = mounts_file(&c->mounts, s, reterr);
        c->mounts.state_dir_fd = own_fd;
    }
    return r;
}

static int step_bind(struct child *c, const struct plan_step *s, struct imgc_err *reterr)
{
    user_auto struct user user = USER_INIT;

    if (!mounts_bind_is_given(s, c->args->take_mounts != NULL)) {
        return mounts_bind(&c->mounts, s, NULL, reterr);
    }
    int r = user_resolve(c->mounts.root_fd, c->spec->user ? c->spec->user : "", &user, reterr);
    const struct mounts_bind_owner owner = { .uid = user.uid, .gid = user.gid };
    return r < 0 ? r : mounts_bind(&c->mounts, s, &owner, reterr);
}

static int step_cgroup(struct child *c, const struct plan_step *s, struct imgc_err *reterr)
{
    if (strcmp(s->options, "host") == 0) {
        return bind_cgroups(c, s, reterr);
    }

    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(CGROUP_TEXT_BYTES);
    imgc_autoclose int fd = -1;

    if (fd_open_at(AT_FDCWD, "/proc/self/cgroup", O_RDONLY, 0, &fd, reterr) < 0 ||
        fd_read_all(fd, &text, reterr) < 0) {
        return 0; /* a kernel without cgroups */
    }
    if (strcmp(s->options, "joined") != 0 && unshare(CLONE_NEWCGROUP) < 0) {
        if (errno == EINVAL) {
            return 0; /* a kernel without them: then no cgroup file system either */
        }
        return mountfd_fail(reterr, errno, "new cgroup namespace");
    }
    return mounts_cgroup(&c->mounts, s, (struct imgc_str){ text.ptr, text.len },
                         c->args->cgroup_name, reterr);
}

static int step_loopback(struct imgc_err *reterr)
{
    struct ifreq request = { .ifr_name = "lo" };
    imgc_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return errno == EAFNOSUPPORT ? 0 : imgc_fail_sys(reterr, errno, "open a socket");
    }
    request.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0) {
        return imgc_fail_sys(reterr, errno, "bring up the loopback interface");
    }
    return 0;
}

static int step_hostname(const struct plan_step *s, struct imgc_err *reterr)
{
    if (sethostname(s->options, strlen(s->options)) < 0) {
        return imgc_fail_sys(reterr, errno, "set the host name '%s'", s->options);
    }
    return 0;
}

static int step_domainname(const struct plan_step *s, struct imgc_err *reterr)
{
    if (setdomainname(s->options, strlen(s->options)) < 0) {
        return imgc_fail_sys(reterr, errno, "set the domain name '%s'", s->options);
    }
    return 0;
}

static int step_root_read_only(struct child *c, struct imgc_err *reterr)
{
    return mountfd_restrict(c->mounts.root_fd, MOUNT_ATTR_RDONLY, false, reterr);
}

static int step_directory(struct child *c, const struct plan_step *s, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    int r = rootpath_create(c->mounts.root_fd, s->target, true, &fd, reterr);
    return r < 0 ? imgc_context(reterr, "volume '%s' of the image", s->target) : 0;
}

static int step_workdir(struct child *c, const struct plan_step *s, struct imgc_err *reterr)
{
    int r = rootpath_create(c->mounts.root_fd, s->target, true, &c->cwd_fd, reterr);
    return r < 0 ? imgc_context(reterr, "working directory '%s'", s->target) : 0;
}

/* One that is there already goes where every host has a directory that anybody may reach. */
static int step_root(struct child *c, struct imgc_err *reterr)
{
    if (!c->args->take_mounts) {
        return overlay_mount_root(c->spec, &c->mounts.root_fd, reterr);
    }
    if (move_mount(c->mounts.root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0) {
        return mountfd_fail(reterr, errno, "mount the root");
    }
    return 0;
}

static int run_step(struct child *c, const struct plan_step *s, struct imgc_err *reterr)
{
    switch (s->kind) {
    case PLAN_JOIN:
        return c->args->take_mounts
                   ? 0
                   : nsjoin_enter(c->args->joins, (enum isolation_kind)s->attr, reterr);
    case PLAN_USERS:
        return 0; /* it is in it since it began */
    case PLAN_SHM:
        return step_shm(c, s, reterr);
    case PLAN_ROOT:
        return step_root(c, reterr);
    case PLAN_DIRECTORY:
        return step_directory(c, s, reterr);
    case PLAN_MOUNT:
        return mounts_new(&c->mounts, s, reterr);
    case PLAN_DEVICES:
        return step_devices(c, s, reterr);
    case PLAN_DEVICE:
        return devices_given_make(c->mounts.root_fd, c->args->devices, s->source, reterr);
    case PLAN_CONSOLE:
        return step_console(c, s, reterr);
    case PLAN_CGROUP:
        return step_cgroup(c, s, reterr);
    case PLAN_SYSCTL:
        return mounts_sysctl(&c->mounts, s, reterr);
    case PLAN_FILE:
        return step_file(c, s, reterr);
    case PLAN_BIND:
        return step_bind(c, s, reterr);
    case PLAN_MASK:
        return mounts_mask(&c->mounts, s->target, reterr);
    case PLAN_MASK_CPUS:
        return mounts_mask_cpus(&c->mounts, s->target, reterr);
    case PLAN_READ_ONLY:
        return mounts_read_only(&c->mounts, s->target, reterr);
    case PLAN_ROOT_READ_ONLY:
        return step_root_read_only(c, reterr);
    case PLAN_HOSTNAME:
        return step_hostname(s, reterr);
    case PLAN_DOMAINNAME:
        return step_domainname(s, reterr);
    case PLAN_LOOPBACK:
        return step_loopback(reterr);
    case PLAN_PIVOT:
        return mounts_pivot(&c->mounts, reterr);
    case PLAN_WORKDIR:
        return step_workdir(c, s, reterr);
    }
    return imgc_fail(reterr, IMGC_E_SYS, "unknown step %d of a plan", (int)s->kind);
}

static int furnish(struct child *c, struct imgc_err *reterr)
{
    const struct plan *plan = c->args->plan;

    int r = c->args->take_mounts ? 0 : mounts_bind_connected(&c->mounts, plan, reterr);
    r = r < 0 ? r : mounts_make_private(&c->mounts, reterr);
    if (r == 0 && c->spec->state_dir && !c->args->take_mounts) {
        r = fd_open_at(AT_FDCWD, c->spec->state_dir, O_PATH | O_DIRECTORY, 0,
                       &c->mounts.state_dir_fd, reterr);
    }
    for (size_t i = 0; i < plan->n && r == 0; i++) {
        r = run_step(c, &plan->steps[i], reterr);
    }
    /* Whatever a step means by another answer: with one left out there is no isolation. */
    return r <= 0 ? r
                  : imgc_fail(reterr, IMGC_E_SYS, "a step of the container's plan was not done");
}

static int rename_user(const struct user *user, struct imgc_err *reterr)
{
    imgc_autoclose int proc_fd = -1;

    if (userns_is_initial()) {
        return 0;
    }
    int r = fd_open_at(AT_FDCWD, "/proc/self", O_PATH | O_DIRECTORY, 0, &proc_fd, reterr);
    return r < 0 ? r : userns_rename(proc_fd, user->uid, user->gid, reterr);
}

/* Whose process it will be, and what that one finds: after the pivot "/" is the container's root,
 * for look-ups like any other. */
static int settle(struct child *c, struct user *user, char ***ret_env, struct imgc_err *reterr)
{
    const int *fds = c->args->std_fds;

    int r = user_resolve(c->mounts.root_fd, c->spec->user ? c->spec->user : "", user, reterr);
    if (r == 0) {
        r = user_add_groups(c->mounts.root_fd, c->spec->isolation.groups, user, reterr);
    }
    if (r == 0) {
        r = rename_user(user, reterr);
    }
    if (r == 0) {
        r = become_env(c->spec, user, ret_env, reterr);
    }
    if (r == 0) {
        r = become_workdir(c->cwd_fd, c->spec->cwd, reterr);
    }
    if (r == 0) {
        r = become_stdio(&(struct become_stdio){ .tty_fd = c->slave_fd,
                                                 .fds = { fds[0], fds[1], fds[2] },
                                                 .null_fd = c->null_fd,
                                                 .null = { !c->spec->interactive } },
                         user, reterr);
    }
    return r;
}

/* Give up what the container is not to have. */
static int drop(struct child *c, const struct user *user, struct imgc_err *reterr)
{
    const struct isolation *isolation = &c->spec->isolation;

    if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0) {
        return imgc_fail(reterr, IMGC_E_HOST, "this host lacks close_range (Linux 5.11 or later)");
    }
    /* Not earlier: they are meant for the container, and may be lower than what we need. */
    int r = rlimits_apply(isolation, reterr);
    if (isolation->has_umask) {
        (void)umask(isolation->umask);
    }
    return r < 0 ? r
                 : become_user(&(struct become_who){ .user = user,
                                                     .caps = c->spec->capabilities,
                                                     .no_new_privs = isolation->no_new_privs,
                                                     .filter = c->args->filter },
                               reterr);
}

static int become_container(struct child *c, struct imgc_err *reterr)
{
    user_auto struct user user = USER_INIT;
    char **env = NULL; /* lives until exec or _exit */

    /* The launcher's death is the container's. It sends SYNC_GO after this was set, and the socket
     * closes if it died before, so no window is left. */
    int r = become_dependent(reterr);
    if (r == 0) {
        r = wait_for(c, SYNC_PLACED, reterr);
    }
    if (r == 0 && c->args->take_mounts) {
        r = userns_spawn_become_root(reterr);
        r = r < 0 ? r : become_dependent(reterr); /* whoever changes his user is so no more */
    }
    if (r == 0) {
        /* Not earlier: the launcher may trace a process that is not dumpable only with
         * CAP_SYS_PTRACE, which it needs for nothing else. */
        become_separate();
        r = c->args->take_mounts ? 0 : become_oom_score(c->spec->isolation.oom_score_adj, reterr);
    }
    if (r == 0) {
        r = furnish(c, reterr);
    }
    if (r == 0) {
        r = settle(c, &user, &env, reterr);
    }
    if (r == 0) {
        r = sync_send(c->args->sync_fd, SYNC_READY, c->master_fd, reterr);
    }
    if (r == 0) {
        r = drop(c, &user, reterr);
    }
    if (r == 0) {
        r = wait_for(c, SYNC_GO, reterr);
    }
    if (r < 0) {
        return r;
    }
    become_default_signals();
    return c->args->init_fd >= 0
               ? init_program_exec(c->args->init_fd, !c->spec->isolation.init_path, c->spec->argv,
                                   env, reterr)
               : program_exec(c->spec->argv, env, reterr);
}

_Noreturn void child_main(const struct child_args *args)
{
    struct child c = {
        .args = args,
        .spec = args->spec,
        .mounts = args->take_mounts ? *args->take_mounts : (struct mounts)MOUNTS_INIT,
        .cwd_fd = -1,
        .null_fd = -1,
        .master_fd = -1,
        .slave_fd = -1,
    };
    struct imgc_err err;

    (void)close(args->launcher_fd);
    if (become_container(&c, &err) < 0) {
        sync_send_error(args->sync_fd, &err);
    }
    _exit(125);
}
