/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/dir_sink_inode.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "schema/base/fd.h"

/* Up to here one read and one write are no slower than copy_file_range(), which has to set up a
 * pipe where the file system cannot share blocks; measured on ext4 with Debian's files. */
#define SMALL_FILE_BYTES (128u << 10)

#define MODE_BITS 07777u
#define ACCESS_BITS 0777u

/* One file being made: by fd where it has one, else by its name in the directory. */
struct target {
    int dir_fd;
    const char *name;
    int fd;        /* -1: by name (links, devices, pipes) */
    bool is_new;   /* made here, so its owner is known */
    bool has_mode; /* made with its final mode */
};

void dir_sink_inode_done(struct dir_sink_writer *w)
{
    free(w->buffer);
    w->buffer = NULL;
}

/* Bits that the umask takes away, all of them where it cannot be told. umask() itself would change
 * it for other threads. */
static uint32_t read_umask(void)
{
    char line[256];
    uint32_t mask = MODE_BITS;
    FILE *f = fopen("/proc/self/status", "re");

    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "Umask:", 6) == 0) {
            mask = (uint32_t)strtoul(line + 6, NULL, 8) & ACCESS_BITS;
            break;
        }
    }
    if (f) {
        (void)fclose(f);
    }
    return mask;
}

int dir_sink_inode_begin(struct dir_sink_writer *w, const struct dir_sink_args *args,
                         struct dir_sink_report *report, struct imgc_err *reterr)
{
    struct stat st;

    w->args = args;
    w->report = report;
    w->buffer = malloc(SMALL_FILE_BYTES);
    if (!w->buffer) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    /* Its owner could put links in the place of what was just made here, and a change of mode by
     * name would follow them. The owner that the image wants is set at the end. */
    if (fstat(args->dir_fd, &st) == 0 && st.st_uid != geteuid() &&
        fchown(args->dir_fd, geteuid(), (gid_t)-1) < 0) {
        return imgc_fail_sys(reterr, errno, "take over the target directory");
    }
    /* 0700: hostile modes inside are out of reach for others. This clears a set-group-ID bit,
     * too, which would choose the group of everything made here. */
    if (fchmod(args->dir_fd, 0700) < 0) {
        return imgc_fail_sys(reterr, errno, "set the mode of the target directory");
    }
    if (fstat(args->dir_fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at the target directory");
    }
    /* With the mount option grpid new files get the directory's group: then it has to be ours. */
    bool is_plain = (st.st_mode & S_ISGID) == 0 && st.st_gid == getegid();
    w->new_uid = is_plain ? geteuid() : UINT32_MAX;
    w->new_gid = is_plain ? getegid() : UINT32_MAX;
    /* A default ACL would choose the modes of new files. */
    bool has_acl = fgetxattr(args->dir_fd, "system.posix_acl_default", NULL, 0) >= 0;
    w->creates_without = has_acl ? MODE_BITS : (read_umask() | (MODE_BITS & ~ACCESS_BITS));
    return 0;
}

int dir_sink_inode_begin_shared(struct dir_sink_writer *w, const struct dir_sink_args *args,
                                struct dir_sink_report *report, struct imgc_err *reterr)
{
    w->args = args;
    w->report = report;
    w->buffer = malloc(SMALL_FILE_BYTES);
    w->new_uid = w->new_gid = UINT32_MAX;
    w->creates_without = MODE_BITS & ~ACCESS_BITS;
    return w->buffer ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

static bool has_owner(const struct dir_sink_writer *w, const struct tree_inode *inode)
{
    return inode->uid == w->new_uid && inode->gid == w->new_gid;
}

/* Whether a new file that asks for the inode's mode has it in the end: saves a call per file. */
static bool gets_mode(const struct dir_sink_writer *w, const struct tree_inode *inode)
{
    return (inode->mode & w->creates_without) == 0 && inode->n_xattrs == 0;
}

static int set_owner(struct dir_sink_writer *w, const struct target *t,
                     const struct tree_inode *inode, struct imgc_err *reterr)
{
    if (t->is_new && has_owner(w, inode)) {
        return 0;
    }
    if (w->args->is_own) {
        w->report->owners_skipped++;
        return 0;
    }
    int r = t->fd >= 0 ? fchown(t->fd, inode->uid, inode->gid)
                       : fchownat(t->dir_fd, t->name, inode->uid, inode->gid, AT_SYMLINK_NOFOLLOW);
    if (r == 0) {
        return 0;
    }
    /* EINVAL: an ID that is not mapped in this user namespace. */
    if ((errno == EPERM || errno == EINVAL) && !w->args->is_privileged) {
        w->report->owners_skipped++;
        return 0;
    }
    return imgc_fail_sys(reterr, errno, "set owner %u:%u", inode->uid, inode->gid);
}

static int call_setxattr(const struct target *t, const struct xattr *x)
{
    if (t->fd >= 0) {
        return fsetxattr(t->fd, x->name, x->value, x->len, 0);
    }
    /* There is no setxattrat() before Linux 6.13, and a link or device has no fd to write to. */
    char path[sizeof "/proc/self/fd//" + 10 + NAME_MAX];
    int n = snprintf(path, sizeof path, "/proc/self/fd/%d/%s", t->dir_fd, t->name);
    if (n < 0 || (size_t)n >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return lsetxattr(path, x->name, x->value, x->len, 0);
}

static bool may_skip_xattr(const struct dir_sink_writer *w, const struct tree_inode *inode,
                           const struct xattr *x, int errnum)
{
    if (errnum == ENOTSUP) {
        return true;
    }
    if (errnum != EPERM && errnum != EACCES) {
        return false;
    }
    /* Linux has user xattrs on files and directories only, whoever asks. */
    bool is_special = inode->type != ENTRY_FILE && inode->type != ENTRY_DIR;
    return !w->args->is_privileged || (is_special && strncmp(x->name, "user.", 5) == 0);
}

static int set_xattrs(struct dir_sink_writer *w, const struct target *t,
                      const struct tree_inode *inode, struct imgc_err *reterr)
{
    for (size_t i = 0; i < inode->n_xattrs; i++) {
        const struct xattr *x = &inode->xattrs[i];
        if (call_setxattr(t, x) == 0) {
            continue;
        }
        if (!may_skip_xattr(w, inode, x, errno)) {
            return imgc_fail_sys(reterr, errno, "set xattr '%s' (%zu bytes)", x->name, x->len);
        }
        w->report->xattrs_skipped++;
    }
    return 0;
}

static int set_mode(const struct target *t, const struct tree_inode *inode, struct imgc_err *reterr)
{
    if (inode->type == ENTRY_SYMLINK || t->has_mode) {
        return 0;
    }
    /* By name only for what was just made here and is no link. */
    int r = t->fd >= 0 ? fchmod(t->fd, inode->mode) : fchmodat(t->dir_fd, t->name, inode->mode, 0);
    return r < 0 ? imgc_fail_sys(reterr, errno, "set mode %04o", inode->mode) : 0;
}

static int set_times(const struct target *t, const struct tree_inode *inode,
                     struct imgc_err *reterr)
{
    /* The kernel clamps to what the file system can hold. */
    struct timespec mtime = { .tv_sec = inode->mtime_s, .tv_nsec = (long)inode->mtime_ns };
    struct timespec times[2] = { mtime, mtime };
    int r = t->fd >= 0 ? futimens(t->fd, times)
                       : utimensat(t->dir_fd, t->name, times, AT_SYMLINK_NOFOLLOW);
    return r < 0 ? imgc_fail_sys(reterr, errno, "set time") : 0;
}

/* chown clears set-user-ID bits and security.capability, so both follow it; a POSIX ACL changes
 * the mode, so the mode follows the xattrs. */
static int set_attributes(struct dir_sink_writer *w, const struct target *t,
                          const struct tree_inode *inode, struct imgc_err *reterr)
{
    int r = set_owner(w, t, inode, reterr);
    if (r >= 0) {
        r = set_xattrs(w, t, inode, reterr);
    }
    if (r >= 0) {
        r = set_mode(t, inode, reterr);
    }
    return r < 0 ? r : set_times(t, inode, reterr);
}

static int copy_small(const struct dir_sink_writer *w, struct tar_data *from,
                      const struct extent *x, int to, struct imgc_err *reterr)
{
    size_t len = (size_t)x->len;

    int r = tar_data_read(from, x->source_offset, w->buffer, len, reterr);
    if (r < 0) {
        return r;
    }
    ssize_t n = pwrite(to, w->buffer, len, (off_t)x->file_offset);
    if (n >= 0 && (size_t)n == len) {
        return 0;
    }
    /* Cut short, interrupted or failed: the general way goes on, or tells what is wrong. */
    return tar_data_copy(from, x->source_offset, x->len, to, x->file_offset, reterr);
}

static int copy_data(const struct dir_sink_writer *w, const struct tree_inode *inode, int to,
                     struct imgc_err *reterr)
{
    uint64_t end = 0;

    for (size_t i = 0; i < inode->n_extents; i++) {
        const struct extent *x = &inode->extents[i];
        uint64_t x_end;
        if (inode->layer >= w->args->n_layers || x->file_offset < end ||
            __builtin_add_overflow(x->file_offset, x->len, &x_end) || x_end > inode->size) {
            return imgc_fail(reterr, IMGC_E_LAYER, "data outside the file");
        }
        struct tar_data *from = &w->args->layers[inode->layer];
        int r = x->len <= SMALL_FILE_BYTES
                    ? copy_small(w, from, x, to, reterr)
                    : tar_data_copy(from, x->source_offset, x->len, to, x->file_offset, reterr);
        if (r < 0) {
            return r;
        }
        end = x_end;
    }
    if (end < inode->size && (inode->size > INT64_MAX || ftruncate(to, (off_t)inode->size) < 0)) {
        return imgc_fail_sys(reterr, inode->size > INT64_MAX ? EFBIG : errno,
                             "make a hole up to %llu bytes", (unsigned long long)inode->size);
    }
    return 0;
}

static int write_file(struct dir_sink_writer *w, struct target *t, const struct tree_inode *inode,
                      struct imgc_err *reterr)
{
    t->has_mode = gets_mode(w, inode);
    imgc_autoclose int fd =
        openat(t->dir_fd, t->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
               t->has_mode ? inode->mode : 0600);
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "create");
    }
    int r = copy_data(w, inode, fd, reterr);
    if (r < 0) {
        return r;
    }
    t->fd = fd;
    return set_attributes(w, t, inode, reterr);
}

static int write_symlink(struct dir_sink_writer *w, const struct target *t,
                         const struct tree_inode *inode, struct imgc_err *reterr)
{
    if (symlinkat(inode->target, t->dir_fd, t->name) < 0) {
        return imgc_fail_sys(reterr, errno, "create symbolic link");
    }
    return set_attributes(w, t, inode, reterr);
}

static int write_special(struct dir_sink_writer *w, struct target *t,
                         const struct tree_inode *inode, struct imgc_err *reterr)
{
    mode_t type = inode->type == ENTRY_FIFO ? S_IFIFO : S_IFCHR;
    dev_t dev = 0;

    if (inode->type != ENTRY_FIFO) {
        type = inode->type == ENTRY_BLOCK ? S_IFBLK : S_IFCHR;
        /* The kernel cuts larger numbers off, which would make another device. */
        if (inode->major > 0xfff || inode->minor > 0xfffff) {
            return imgc_fail(reterr, IMGC_E_LAYER, "no device has the number %u:%u", inode->major,
                             inode->minor);
        }
        /* It would hide what is below it in an overlay, though no whiteout entry asks for that. */
        if (type == S_IFCHR && inode->major == 0 && inode->minor == 0) {
            return imgc_fail(reterr, IMGC_E_LAYER, "device 0:0 is overlayfs's own");
        }
        dev = makedev(inode->major, inode->minor);
    }
    t->has_mode = gets_mode(w, inode);
    if (mknodat(t->dir_fd, t->name, type | (t->has_mode ? inode->mode : 0), dev) < 0) {
        if (errno == EPERM && inode->type != ENTRY_FIFO && !w->args->is_privileged) {
            w->report->devices_skipped++;
            return DIR_SINK_INODE_SKIPPED;
        }
        return imgc_fail_sys(reterr, errno, "create device node or pipe");
    }
    return set_attributes(w, t, inode, reterr);
}

int dir_sink_inode_write(struct dir_sink_writer *w, int dir_fd, const char *name,
                         const struct tree_inode *inode, struct imgc_err *reterr)
{
    struct target t = { .dir_fd = dir_fd, .name = name, .fd = -1, .is_new = true };

    switch (inode->type) {
    case ENTRY_FILE:
        return write_file(w, &t, inode, reterr);
    case ENTRY_SYMLINK:
        return write_symlink(w, &t, inode, reterr);
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
    case ENTRY_FIFO:
        return write_special(w, &t, inode, reterr);
    case ENTRY_DIR:
    case ENTRY_HARDLINK:
        break;
    }
    return imgc_fail(reterr, IMGC_E_LAYER, "not a type of file that can be written");
}

/* The final mode from the start, where it lets us in. */
static bool dir_gets_mode(const struct dir_sink_writer *w, const struct tree_inode *inode)
{
    return gets_mode(w, inode) && (inode->mode & 0700) == 0700;
}

int dir_sink_inode_open_dir(struct dir_sink_writer *w, int dir_fd, const char *name,
                            const struct tree_inode *inode, int *ret_fd, struct imgc_err *reterr)
{
    if (mkdirat(dir_fd, name, dir_gets_mode(w, inode) ? inode->mode : 0700) < 0) {
        return imgc_fail_sys(reterr, errno, "create directory");
    }
    /* An umask or a default ACL may take our own bits away. */
    if ((w->creates_without & 0700) != 0 && fchmodat(dir_fd, name, 0700, 0) < 0) {
        return imgc_fail_sys(reterr, errno, "set mode");
    }
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "open directory");
    }
    *ret_fd = fd;
    return 0;
}

int dir_sink_inode_finish_dir(struct dir_sink_writer *w, int fd, const struct tree_inode *inode,
                              bool is_new, struct imgc_err *reterr)
{
    struct target t = { .dir_fd = -1,
                        .name = "",
                        .fd = fd,
                        .is_new = is_new,
                        .has_mode = is_new && dir_gets_mode(w, inode) };
    return set_attributes(w, &t, inode, reterr);
}

int dir_sink_inode_whiteout(int dir_fd, const char *name, struct imgc_err *reterr)
{
    /* Device 0/0 needs no privilege since Linux 5.8. */
    if (mknodat(dir_fd, name, S_IFCHR, makedev(0, 0)) == 0) {
        return 0;
    }
    if (errno == EPERM || errno == EOPNOTSUPP) { /* overlayfs keeps them to itself */
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this file system cannot hold the whiteouts of layers (is it an overlay "
                         "itself?); keep the store on another one, with --root");
    }
    return imgc_fail_sys(reterr, errno, "create whiteout");
}
