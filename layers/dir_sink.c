/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/dir_sink.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layers/dir_sink_inode.h"
#include "layers/dir_sink_walk.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

/* Capability numbers of linux/capability.h: their bits in /proc/self/status. */
#define CAP_BIT(n) (UINT64_C(1) << (n))
#define NEEDED_CAPS                                                                     \
    (CAP_BIT(0) /* CHOWN */ | CAP_BIT(1) /* DAC_OVERRIDE */ | CAP_BIT(3) /* FOWNER */ | \
     CAP_BIT(21) /* SYS_ADMIN */ | CAP_BIT(27) /* MKNOD */ | CAP_BIT(31) /* SETFCAP */)

static bool has_needed_caps(void)
{
    char line[256];
    uint64_t caps = 0;
    FILE *f = fopen("/proc/self/status", "re");

    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "CapEff:", 7) == 0) {
            caps = strtoull(line + 7, NULL, 16);
            break;
        }
    }
    if (f) {
        (void)fclose(f);
    }
    return (caps & NEEDED_CAPS) == NEEDED_CAPS;
}

/* Capabilities count for device nodes and trusted xattrs only in the first user namespace, which
 * maps every ID to itself. */
static bool has_all_ids(void)
{
    unsigned inside = 1, outside = 1, count = 0;
    FILE *f = fopen("/proc/self/uid_map", "re");

    if (!f) {
        return errno == ENOENT; /* a kernel without user namespaces */
    }
    /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers; %u fits them all */
    int n = fscanf(f, "%u %u %u", &inside, &outside, &count);
    (void)fclose(f);
    return n == 3 && inside == 0 && outside == 0 && count == UINT32_MAX;
}

bool dir_sink_privileged(void)
{
    return has_needed_caps() && has_all_ids();
}

static int write_open_dir(void *arg, int dir_fd, const struct dir_sink_item *item, int *ret_fd,
                          struct imgc_err *reterr)
{
    struct dir_sink_writer *w = arg;

    w->report->entries++;
    return dir_sink_inode_open_dir(w, dir_fd, item->name, item->dentry->inode, ret_fd, reterr);
}

static int write_end(void *arg, int fd, const struct tree_dentry *dir, struct imgc_err *reterr)
{
    const struct dir_sink_writer *w = arg;

    return dir_sink_inode_finish_dir(arg, fd, dir->inode, dir->parent && dir != w->args->top,
                                     reterr);
}

enum { LINK_IMPOSSIBLE = 1 };

/* The directory of a name that was written before, one component at a time from the root. */
static int open_parent_of(const struct dir_sink_writer *w, const struct tree_dentry *d, int *ret_fd)
{
    const char *names[LIMIT_PATH_DEPTH + 1];
    size_t n = 0;

    for (const struct tree_dentry *p = d->parent;
         p->parent && p != w->args->top && n <= LIMIT_PATH_DEPTH; p = p->parent) {
        names[n++] = p->name;
    }
    imgc_autoclose int fd = fcntl(w->args->dir_fd, F_DUPFD_CLOEXEC, 0);
    while (fd >= 0 && n > 0) {
        int next = openat(fd, names[--n], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int saved = errno;
        (void)close(fd);
        errno = saved;
        fd = next;
    }
    if (fd < 0) {
        return -1;
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

static int link_name(const struct dir_sink_writer *w, const struct tree_dentry *first, int dir_fd,
                     const struct dir_sink_item *item, struct imgc_err *reterr)
{
    imgc_autoclose int opened = -1;
    int from_fd = dir_fd;

    if (first->parent != item->dentry->parent) {
        if (open_parent_of(w, first, &opened) < 0) {
            /* An ordinary user may have finished a directory that its owner cannot search. */
            return errno == EACCES ? LINK_IMPOSSIBLE
                                   : imgc_fail_sys(reterr, errno, "find the first hard link");
        }
        from_fd = opened;
    }
    if (linkat(from_fd, first->name, dir_fd, item->name, 0) < 0) {
        /* EPERM: a file system without hard links, or fs.protected_hardlinks over a file that
         * an ordinary user has made but may not write to. */
        bool is_refused = errno == EACCES || errno == EMLINK || errno == EPERM;
        return is_refused ? LINK_IMPOSSIBLE : imgc_fail_sys(reterr, errno, "create hard link");
    }
    return 0;
}

static int write_leaf(void *arg, int dir_fd, const struct dir_sink_item *item,
                      struct imgc_err *reterr)
{
    struct dir_sink_writer *w = arg;

    w->report->entries++;
    if (!item->dentry) {
        return dir_sink_inode_whiteout(dir_fd, item->name, reterr);
    }
    struct tree_inode *inode = item->dentry->inode;
    if (w->args->no_devices && (inode->type == ENTRY_CHAR || inode->type == ENTRY_BLOCK)) {
        w->report->devices_skipped++;
        return 0;
    }
    if (inode->mark != DIR_SINK_WALK_WANTED) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): the mark is free for any use */
        const struct tree_dentry *first = (const struct tree_dentry *)inode->mark;
        int r = link_name(w, first, dir_fd, item, reterr);
        if (r != LINK_IMPOSSIBLE) {
            return r;
        }
        w->report->links_copied++;
    }
    int r = dir_sink_inode_write(w, dir_fd, item->name, inode, reterr);
    if (r == DIR_SINK_INODE_SKIPPED) {
        /* What it replaces must not come back in its place. */
        return item->lower ? dir_sink_inode_whiteout(dir_fd, item->name, reterr) : 0;
    }
    if (r >= 0) {
        inode->mark = (uintptr_t)item->dentry;
    }
    return r;
}

static const struct dir_sink_ops write_ops = {
    .open_dir = write_open_dir,
    .leaf = write_leaf,
    .end = write_end,
};

static int write_tree(struct tree *t, const struct dir_sink_args *args, bool is_overlay,
                      struct dir_sink_report *ret, struct imgc_err *reterr)
{
    struct dir_sink_report report = { .entries = 0 };
    imgc_auto(dir_sink_inode_done) struct dir_sink_writer w = DIR_SINK_WRITER_INIT;
    const struct dir_sink_walk walk = { .ops = &write_ops,
                                        .arg = &w,
                                        .root_fd = args->dir_fd,
                                        .top = args->top,
                                        .is_overlay = is_overlay };

    int r = dir_sink_inode_begin(&w, args, &report, reterr);
    if (r >= 0) {
        r = dir_sink_walk(t, &walk, reterr);
    }
    if (r >= 0) {
        *ret = report;
    }
    return r;
}

int dir_sink_root(struct tree *t, const struct dir_sink_args *args, struct dir_sink_report *ret,
                  struct imgc_err *reterr)
{
    return write_tree(t, args, false, ret, reterr);
}

int dir_sink_overlay(struct tree *t, const struct dir_sink_args *args, struct dir_sink_report *ret,
                     struct imgc_err *reterr)
{
    return write_tree(t, args, true, ret, reterr);
}
