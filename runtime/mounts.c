/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/mountfd.h"
#include "runtime/nsroot.h"
#include "runtime/rootpath.h"
#include "schema/base/fd.h"

void mounts_done(struct mounts *m)
{
    imgc_closep(&m->root_fd);
    imgc_closep(&m->null_fd);
    imgc_closep(&m->mask_fd);
    imgc_closep(&m->state_dir_fd);
    imgc_closep(&m->nsroot_fd);
    for (size_t i = 0; i < m->n_connected; i++) {
        imgc_closep(&m->connected[i].mount_fd);
    }
    free(m->connected);
    m->connected = NULL;
    m->n_connected = 0;
}

bool mounts_taken(struct mounts *m, const struct plan_step *s, int *ret_fd)
{
    for (size_t i = 0; i < m->n_connected; i++) {
        if (m->connected[i].step == s && m->connected[i].mount_fd >= 0) {
            *ret_fd = imgc_take_fd(m->connected[i].mount_fd);
            return true;
        }
    }
    return false;
}

int mounts_keep(struct mounts *m, const struct plan_step *s, int *take_fd, struct imgc_err *reterr)
{
    struct mounts_connected *p = reallocarray(m->connected, m->n_connected + 1, sizeof *p);

    if (!p) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    m->connected = p;
    p[m->n_connected++] =
        (struct mounts_connected){ .step = s, .mount_fd = imgc_take_fd(*take_fd) };
    return 0;
}

int mounts_make_private(struct mounts *m, struct imgc_err *reterr)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
        return 0;
    }
    return errno == EINVAL ? nsroot_make_private(&m->nsroot_fd, reterr)
                           : mountfd_fail(reterr, errno, "make the mounts private");
}

static int open_target(struct mounts *m, const struct plan_step *s, int *ret_fd,
                       struct imgc_err *reterr)
{
    return s->system ? rootpath_system_dir(m->root_fd, s->target, ret_fd, reterr)
                     : rootpath_create(m->root_fd, s->target, true, ret_fd, reterr);
}

int mounts_check_not_proc(int fd, const char *target, struct imgc_err *reterr)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0) {
        return imgc_fail_sys(reterr, errno, "look at '%s'", target);
    }
    if (fs.f_type == PROC_SUPER_MAGIC) {
        return imgc_fail(reterr, IMGC_E_LAYER, "'%s' of the image leads into /proc", target);
    }
    return 0;
}

/* Whether the host's /proc is of this process's own process namespace. */
static bool is_host_process(void)
{
    char text[16] = "";

    return readlink("/proc/self", text, sizeof text - 1) > 0 &&
           strtol(text, NULL, 10) == (long)getpid();
}

/* What a user namespace may not mount anew, for it does not own what the file system shows: as the
 * host sees it, restricted all the way down. */
static int bind_instead(const struct plan_step *s, int *ret_fd, struct imgc_err *reterr)
{
    bool is_proc = strcmp(s->fstype, "proc") == 0;

    if (is_proc && !is_host_process()) {
        if (getpid() == 1) { /* the processes are ours, but the /proc around us has masks */
            return imgc_fail(reterr, IMGC_E_HOST,
                             "this host hides parts of /proc, as ordinary containers do, and so "
                             "lets no user mount a new one: start the container around imgc with "
                             "--privileged, or run imgc outside of it");
        }
        return imgc_context(reterr, "these processes belong to another user namespace (join that "
                                    "one, too: --userns container:NAME)");
    }
    int r = mountfd_clone(AT_FDCWD, is_proc ? "/proc" : "/sys", true, ret_fd, reterr);
    return r < 0 ? r : mountfd_restrict(*ret_fd, s->attr, true, reterr);
}

int mounts_new(struct mounts *m, const struct plan_step *s, struct imgc_err *reterr)
{
    imgc_autoclose int target_fd = -1, mount_fd = -1;

    int r = open_target(m, s, &target_fd, reterr);
    if (r == 0 && !s->system) {
        r = mounts_check_not_proc(target_fd, s->target, reterr);
    }
    if (r < 0) {
        return r;
    }
    r = mountfd_new(s->fstype, s->options, s->attr, &mount_fd, reterr);
    if (r < 0 && s->optional) {
        return 0;
    }
    if (r < 0 && reterr->sys == EINVAL && strcmp(s->fstype, "devpts") == 0) {
        /* A user namespace without a group 5: terminals then belong to the user's own group. */
        r = mountfd_new(s->fstype, "newinstance,ptmxmode=0666,mode=0620", s->attr, &mount_fd,
                        reterr);
    }
    if (r < 0 && (strcmp(s->fstype, "sysfs") == 0 ||
                  (strcmp(s->fstype, "proc") == 0 && reterr->sys == EPERM))) {
        r = bind_instead(s, &mount_fd, reterr);
    }
    if (r == 0) {
        r = mountfd_attach(mount_fd, target_fd, reterr);
    }
    return r < 0 ? imgc_context(reterr, "'%s'", s->target) : 0;
}

int mounts_sysctl(struct mounts *m, const struct plan_step *s, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    struct statfs fs;

    int r = rootpath_open(m->root_fd, s->target, O_WRONLY | O_NOFOLLOW, &fd, reterr);
    if (r != 0 && s->optional) {
        return 0;
    }
    if (r == ROOTPATH_MISSING) {
        return imgc_fail(reterr, IMGC_E_HOST, "this host's kernel has no '%s' (leave it out)",
                         s->target);
    }
    if (r < 0) {
        return r;
    }
    if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC) {
        return imgc_fail(reterr, IMGC_E_HOST, "'%s' is not on procfs", s->target);
    }
    r = fd_write_all(fd, s->options, strlen(s->options), reterr);
    return r < 0 && !s->optional ? imgc_context(reterr, "'%s'", s->target) : 0;
}

int mounts_file(struct mounts *m, const struct plan_step *s, struct imgc_err *reterr)
{
    imgc_autoclose int parent_fd = -1, mount_fd = -1, target_fd = -1;
    struct imgc_str parent, base;
    char path[64];

    bool is_taken = mounts_taken(m, s, &mount_fd);
    if (m->state_dir_fd < 0 && !is_taken) {
        return 0;
    }
    (void)imgc_str_rsplit(imgc_str_of(s->target), '/', &parent, &base);
    (void)snprintf(path, sizeof path, IMGC_STR_FMT, IMGC_STR_ARG(parent));
    int r = rootpath_open(m->root_fd, path, O_PATH | O_DIRECTORY, &parent_fd, reterr);
    if (r != 0) {
        return r < 0 ? r : 0; /* an image without /etc does not look there either */
    }
    r = rootpath_create(m->root_fd, s->target, false, &target_fd, reterr);
    if (r == 0) {
        r = mounts_check_not_proc(target_fd, s->target, reterr);
    }
    if (r == 0 && !is_taken) {
        r = mountfd_clone(m->state_dir_fd, s->source, false, &mount_fd, reterr);
    }
    if (r == 0) {
        r = mountfd_restrict(mount_fd, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, false, reterr);
    }
    if (r == 0) {
        r = mountfd_attach(mount_fd, target_fd, reterr);
    }
    return r < 0 ? imgc_context(reterr, "'%s'", s->target) : 0;
}

/* All masked directories show one empty read-only tmpfs; it can only be cloned once attached. */
static int mask_dir(struct mounts *m, int target_fd, struct imgc_err *reterr)
{
    imgc_autoclose int clone_fd = -1;

    if (m->mask_fd >= 0) {
        int r = mountfd_clone(m->mask_fd, "", false, &clone_fd, reterr);
        return r < 0 ? r : mountfd_attach(clone_fd, target_fd, reterr);
    }
    int r =
        mountfd_new("tmpfs", "mode=555,size=0,nr_inodes=1",
                    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                    &m->mask_fd, reterr);
    return r < 0 ? r : mountfd_attach(m->mask_fd, target_fd, reterr);
}

int mounts_mask(struct mounts *m, const char *target, struct imgc_err *reterr)
{
    imgc_autoclose int target_fd = -1, mount_fd = -1;
    struct stat st;

    int r = rootpath_open(m->root_fd, target, O_PATH | O_NOFOLLOW, &target_fd, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    if (fstat(target_fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at '%s'", target);
    }
    if (S_ISDIR(st.st_mode)) {
        r = mask_dir(m, target_fd, reterr);
    } else {
        r = mountfd_clone(m->null_fd, "", false, &mount_fd, reterr);
        if (r == 0) {
            r = mountfd_attach(mount_fd, target_fd, reterr);
        }
    }
    return r < 0 ? imgc_context(reterr, "mask '%s'", target) : 0;
}

static void closedirp(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

int mounts_mask_cpus(struct mounts *m, const char *dir, struct imgc_err *reterr)
{
    int fd = -1;

    int r = rootpath_open(m->root_fd, dir, O_RDONLY | O_DIRECTORY, &fd, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    imgc_auto(closedirp) DIR *d = fdopendir(fd);
    if (!d) {
        (void)close(fd);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        char path[512];
        if (strncmp(e->d_name, "cpu", 3) != 0 || e->d_name[3] < '0' || e->d_name[3] > '9') {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s/thermal_throttle", dir, e->d_name);
        r = mounts_mask(m, path, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int mounts_read_only(struct mounts *m, const char *target, struct imgc_err *reterr)
{
    imgc_autoclose int target_fd = -1, mount_fd = -1;

    int r = rootpath_open(m->root_fd, target, O_PATH | O_NOFOLLOW, &target_fd, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    r = mountfd_clone(target_fd, "", true, &mount_fd, reterr);
    if (r == 0) {
        r = mountfd_restrict(mount_fd, MOUNT_ATTR_RDONLY, true, reterr);
    }
    if (r == 0) {
        r = mountfd_attach(mount_fd, target_fd, reterr);
    }
    return r < 0 ? imgc_context(reterr, "make '%s' read-only", target) : 0;
}

int mounts_pivot(struct mounts *m, struct imgc_err *reterr)
{
    /* pivot_root(".", "."): the old root ends up stacked over the new one, and is detached from
     * there without a directory in the image to put it on (pivot_root(2), NOTES). */
    int r = m->nsroot_fd >= 0 ? nsroot_leave_chroot(m->nsroot_fd, reterr) : 0;
    if (r < 0) {
        return r;
    }
    if (fchdir(m->root_fd) < 0) {
        return imgc_fail_sys(reterr, errno, "enter the container's root");
    }
    if (syscall(SYS_pivot_root, ".", ".") < 0) {
        return mountfd_fail(reterr, errno, "pivot_root");
    }
    if (umount2(".", MNT_DETACH) < 0) {
        return mountfd_fail(reterr, errno, "detach the host's root");
    }
    if (chdir("/") < 0) {
        return imgc_fail_sys(reterr, errno, "enter the container's root");
    }
    return 0;
}
