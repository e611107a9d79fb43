/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pidns_guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/cleanup.h"
#include "schema/base/fd.h"

#define NS_TEXT_BYTES 32  /* "pid:[4026531836]" */
#define STATUS_BYTES 8192 /* of /proc/PID/status: some 1.5 KiB and the groups */

static void dirp_close(DIR **dir)
{
    if (*dir) {
        (void)closedir(*dir);
    }
}

/* Its bounding set holds all that it can have. */
static bool may_trace(int proc_fd, const char *pid)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(STATUS_BYTES);
    imgc_autoclose int fd = -1;
    struct imgc_err ignored;
    char path[64];

    (void)snprintf(path, sizeof path, "%s/status", pid);
    if (fd_open_at(proc_fd, path, O_RDONLY, 0, &fd, &ignored) < 0 ||
        fd_read_all(fd, &b, &ignored) < 0) {
        return b.len > 0; /* gone meanwhile; but what is too long to be read is not trusted */
    }
    const unsigned long long bit = 1ull << CAP_SYS_PTRACE;
    const char *bounding = memmem(b.ptr, b.len, "\nCapBnd:", 8);
    const char *permitted = memmem(b.ptr, b.len, "\nCapPrm:", 8);
    return !bounding || !permitted || ((strtoull(bounding + 8, NULL, 16) & bit) != 0) ||
           ((strtoull(permitted + 8, NULL, 16) & bit) != 0);
}

/* The link's text is the namespace's number; to follow it takes the kernel twice as long, and each
 * exec may have to ask this of all processes. */
static bool is_in(int proc_fd, const char *pid, const char *ns)
{
    char path[64], link[NS_TEXT_BYTES];

    (void)snprintf(path, sizeof path, "%s/ns/pid", pid);
    ssize_t n = readlinkat(proc_fd, path, link, sizeof link - 1);
    link[n < 0 ? 0 : n] = '\0';
    return strcmp(link, ns) == 0;
}

/* A procfs that has the processes of @ns_fd and below alone, however many the host has. From Linux
 * 6.18 on; and an ordinary user may be refused. @return a directory, or NULL. */
static DIR *open_small(int ns_fd)
{
    imgc_autoclose int fs_fd = fsopen("proc", FSOPEN_CLOEXEC);

    if (fs_fd < 0 || fsconfig(fs_fd, FSCONFIG_SET_FD, "pidns", NULL, ns_fd) < 0 ||
        fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
        return NULL;
    }
    imgc_autoclose int mount_fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
    int fd = mount_fd < 0 ? -1 : openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        imgc_closep(&fd);
    }
    return dir;
}

static int look_at_all(DIR *proc, const char *ns, struct imgc_err *reterr)
{
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(proc);
        if (!e) {
            return errno == 0 ? 0 : imgc_fail_sys(reterr, errno, "read /proc");
        }
        bool is_pid = e->d_name[0] >= '1' && e->d_name[0] <= '9' && strlen(e->d_name) < 12;
        if (is_pid && is_in(dirfd(proc), e->d_name, ns) && may_trace(dirfd(proc), e->d_name)) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "a process there may trace others (CAP_SYS_PTRACE), and would see the "
                             "host through the new container");
        }
    }
}

int pidns_guard_check(int ns_fd, struct imgc_err *reterr)
{
    imgc_autoclose int host_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char ns[NS_TEXT_BYTES];
    struct stat st;

    if (host_fd < 0 || fstat(ns_fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at the processes of a namespace");
    }
    (void)snprintf(ns, sizeof ns, "pid:[%llu]", (unsigned long long)st.st_ino);
    if (is_in(host_fd, "self", ns)) {
        return 0;
    }
    imgc_auto(dirp_close) DIR *small = open_small(ns_fd);
    if (small) {
        return look_at_all(small, ns, reterr);
    }
    imgc_auto(dirp_close) DIR *proc = opendir("/proc");
    return proc ? look_at_all(proc, ns, reterr)
                : imgc_fail_sys(reterr, errno, "look at the processes of a namespace");
}
