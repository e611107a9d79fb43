/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/userns.h"

#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/cleanup.h"
#include "schema/base/fd.h"

#define INITIAL_INODE 0xEFFFFFFDu /* of the first user namespace, in all kernels since 3.8 */

#define PASSWD_BYTES 16384 /* of one entry, as much as name services give */

struct maps {
    struct idmap uids, gids;
    struct idmap_tools tools;
};

bool userns_is_initial(void)
{
    struct stat st;
    return stat("/proc/self/ns/user", &st) < 0 || st.st_ino == INITIAL_INODE;
}

/* Whether the kernel lets nobody change groups there. */
static bool denies_groups(int proc_fd)
{
    char text[8] = "";
    imgc_autoclose int fd = openat(proc_fd, "setgroups", O_RDONLY | O_CLOEXEC);

    return fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strncmp(text, "deny", 4) == 0;
}

/* A user that no service knows has no name, and may be in the files by number. */
static void find_name(uint32_t uid, char *buf, size_t size, struct imgc_str *ret)
{
    struct passwd entry, *found = NULL;

    *ret = (struct imgc_str){ "", 0 };
    if (getpwuid_r(uid, &entry, buf, size, &found) == 0 && found) {
        *ret = imgc_str_of(found->pw_name);
    }
}

static int read_ranges(const struct userns *u, struct maps *maps, char *why, size_t why_size,
                       struct imgc_err *reterr)
{
    imgc_autofree char *buf = malloc(PASSWD_BYTES);
    struct subid_owner owner = { .uid = u->uid };
    struct subid uids, gids;

    if (!buf) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    find_name(u->uid, buf, PASSWD_BYTES, &owner.name);
    int r = subid_read("/etc/subuid", &owner, &uids, reterr);
    r = r < 0 ? r : subid_read("/etc/subgid", &owner, &gids, reterr);
    if (r < 0) {
        return r;
    }
    if (uids.n == 0 || gids.n == 0) {
        (void)snprintf(why, why_size, "there is no range for user %.40s in %s",
                       owner.name.len > 0 ? owner.name.ptr : "of this ID",
                       uids.n == 0 ? "/etc/subuid" : "/etc/subgid");
    }
    idmap_make(u->uid, &uids, &maps->uids);
    idmap_make(u->gid, &gids, &maps->gids);
    return 0;
}

static int plan_maps(struct userns *u, struct maps *maps, struct imgc_err *reterr)
{
    *u = (struct userns){ .kind = USERNS_RANGES, .uid = geteuid(), .gid = getegid() };
    int r = read_ranges(u, maps, u->why_single, sizeof u->why_single, reterr);
    if (r < 0) {
        return r;
    }
    if (!u->why_single[0]) {
        idmap_find_tools(&maps->tools);
        if (!maps->tools.uid || !maps->tools.gid) {
            (void)snprintf(u->why_single, sizeof u->why_single,
                           "there is no %s (install the package uidmap)",
                           maps->tools.uid ? "newgidmap" : "newuidmap");
        }
    }
    u->n_uids = idmap_total(&maps->uids);
    u->n_gids = idmap_total(&maps->gids);
    if (u->why_single[0]) {
        u->kind = USERNS_SINGLE;
        u->n_uids = u->n_gids = 1;
    }
    return 0;
}

int userns_look(struct userns *ret, struct imgc_err *reterr)
{
    struct maps maps = { .tools = { .uid = NULL } };
    return plan_maps(ret, &maps, reterr);
}

/* The number in a file of /proc/sys, or -1 where there is none. */
static long setting(const char *path)
{
    char text[32] = "";
    imgc_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) {
        return -1;
    }
    return strtol(text, NULL, 10);
}

static bool is_restricted_by_apparmor(void)
{
    return setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1;
}

int userns_fail(int errnum, struct imgc_err *reterr)
{
    if (setting("/proc/sys/user/max_user_namespaces") == 0) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host allows no user namespaces: root has to run "
                         "'sysctl user.max_user_namespaces=15000'");
    }
    if (setting("/proc/sys/kernel/unprivileged_userns_clone") == 0) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host forbids user namespaces to ordinary users: root has to run "
                         "'sysctl kernel.unprivileged_userns_clone=1'");
    }
    if (is_restricted_by_apparmor()) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "AppArmor of this host forbids user namespaces to this program: root has "
                         "to add a profile with 'userns,' for it, or run "
                         "'sysctl kernel.apparmor_restrict_unprivileged_userns=0'");
    }
    switch (errnum) {
    case ENOSPC:
    case EUSERS:
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host allows no more user namespaces (see "
                         "/proc/sys/user/max_user_namespaces; 32 levels are the most)");
    case EINVAL:
    case ENOSYS:
        return imgc_fail(reterr, IMGC_E_HOST, "this host's kernel lacks user namespaces");
    case EPERM:
    case EACCES:
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host forbids user namespaces here (in a chroot, or by the system "
                         "call filter of a container: run outside of it, or as root)");
    default:
        return imgc_fail_sys(reterr, errnum, "make a user namespace");
    }
}

/* Under AppArmor's restriction the namespace comes about, but gives no privilege inside. */
static int check_privilege(struct imgc_err *reterr)
{
    int status = 0;

    if (!is_restricted_by_apparmor()) {
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0) {
        _exit(unshare(CLONE_NEWUTS) < 0);
    }
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status != 0) {
        return userns_fail(EPERM, reterr);
    }
    return 0;
}

int userns_own_mounts(struct imgc_err *reterr)
{
    if (unshare(CLONE_NEWNS) < 0) {
        return imgc_fail_sys(reterr, errno, "make a mount namespace");
    }
    /* EINVAL: "/" is no mount, in a chroot. */
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 && errno != EINVAL) {
        return imgc_fail_sys(reterr, errno, "make the mounts private");
    }
    return 0;
}

static void free_words(char ***words)
{
    for (char **w = *words; w && *w; w++) {
        free(*w);
    }
    free(*words);
}

int userns_exec(const char *const *argv, struct imgc_err *reterr)
{
    size_t n = 1;

    while (argv[n]) {
        n++;
    }
    imgc_auto(free_words) char **words = calloc(n + 1, sizeof *words);
    for (size_t i = 0; words && i < n; i++) {
        words[i] = strdup(argv[i]);
        if (!words[i]) {
            free_words(&words);
            words = NULL;
        }
    }
    if (!words) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    /* What imgc ignores for itself would stay ignored. */
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGXFSZ, SIG_DFL);
    (void)execvp(argv[0], words);
    return errno;
}

int userns_rename(int proc_fd, uint32_t uid, uint32_t gid, struct imgc_err *reterr)
{
    const struct idmap_ids own = { .uid = geteuid(), .gid = getegid() };

    if ((uid == own.uid && gid == own.gid) || !denies_groups(proc_fd)) {
        return 0;
    }
    if (unshare(CLONE_NEWUSER) < 0) {
        return userns_fail(errno, reterr);
    }
    /* The files of a process that is not dumpable belong to the first namespace's root. Nobody
     * can look at this one: the container has no other process yet, or does not see it. */
    (void)prctl(PR_SET_DUMPABLE, 1);
    int r = idmap_write_single(proc_fd, (struct idmap_ids){ uid, gid }, own, reterr);
    (void)prctl(PR_SET_DUMPABLE, 0);
    return r;
}

static int map_own(const struct userns *u, struct imgc_err *reterr)
{
    imgc_autoclose int proc_fd = -1;

    int r = fd_open_at(AT_FDCWD, "/proc/self", O_PATH | O_DIRECTORY, 0, &proc_fd, reterr);
    return r < 0 ? r
                 : idmap_write_single(proc_fd, (struct idmap_ids){ 0, 0 },
                                      (struct idmap_ids){ u->uid, u->gid }, reterr);
}

int userns_enter(struct userns *ret, struct imgc_err *reterr)
{
    idmap_helpers_auto struct idmap_helpers helpers = IDMAP_HELPERS_INIT;
    struct maps maps = { .tools = { .uid = NULL } };
    struct userns u;

    int r = plan_maps(&u, &maps, reterr);
    if (r == 0 && u.kind == USERNS_RANGES) {
        r = idmap_helpers_begin(&helpers, &maps.tools, &maps.uids, &maps.gids, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (unshare(CLONE_NEWUSER) < 0) {
        return userns_fail(errno, reterr);
    }
    r = u.kind == USERNS_RANGES ? idmap_helpers_run(&helpers, reterr) : map_own(&u, reterr);
    r = r < 0 ? r : check_privilege(reterr);
    if (r == 0) {
        *ret = u;
    }
    return r;
}
