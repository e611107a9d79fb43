/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts_bind.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/mountfd.h"
#include "runtime/mountinfo.h"
#include "runtime/mounts_chown.h"
#include "runtime/rootpath.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

/* A bind that nobody asked for by name has none of a mount's options. */
static const struct spec_mount *options_of(const struct plan_step *s)
{
    static const struct spec_mount none = { .kind = SPEC_MOUNT_BIND };

    return s->mount ? s->mount : &none;
}

static bool is_missing_error(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR;
}

/* What a container has put into the volume leads nowhere else. */
static int open_below(int *fd, const char *path, struct imgc_err *reterr)
{
    imgc_autoclose int below_fd = -1;

    int r = rootpath_open(*fd, path, O_PATH, &below_fd, reterr);
    if (r == ROOTPATH_MISSING) {
        return imgc_fail(reterr, IMGC_E_USAGE, "there is no '%s' in the volume", path + 1);
    }
    if (r == 0) {
        imgc_closep(fd);
        *fd = imgc_take_fd(below_fd);
    }
    return r;
}

/* Open the source of a bind. docker run -v makes a directory where there is nothing. */
static int open_source(const struct plan_step *s, int *ret_fd, struct imgc_err *reterr)
{
    if (!s->source || s->source[0] != '/') {
        return imgc_fail(reterr, IMGC_E_SYS, "the volume on '%s' was not looked up", s->target);
    }
    int fd = open(s->source, O_PATH | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && !options_of(s)->must_exist) {
        int r = fd_mkdir_p(s->source, 0755, reterr);
        if (r < 0) {
            return r;
        }
        fd = open(s->source, O_PATH | O_CLOEXEC);
    }
    if (fd < 0 && is_missing_error(errno) && options_of(s)->must_exist) {
        return imgc_fail(reterr, IMGC_E_USAGE, "the source of a mount is missing: %s", s->source);
    }
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "open volume '%s'", s->source);
    }
    int r = options_of(s)->subpath ? open_below(&fd, options_of(s)->subpath, reterr) : 0;
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

static int clone_source(const struct plan_step *s, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int source_fd = -1;

    int r = open_source(s, &source_fd, reterr);
    return r < 0 ? r : mountfd_clone(source_fd, "", !options_of(s)->no_submounts, ret_fd, reterr);
}

/* docker's condition: else the container would wait for mounts that never come. */
static int check_connected(int fd, const struct plan_step *s, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(LIMIT_MOUNTINFO_BYTES);
    struct mountinfo info;

    int r = mountinfo_of(fd, &text, &info, reterr);
    if (r < 0) {
        return imgc_context(reterr, "volume '%s'", s->source);
    }
    bool wants_shared = options_of(s)->propagation == SPEC_PROPAGATION_SHARED;
    if (info.is_shared || (info.is_slave && !wants_shared)) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_USAGE,
                     "'%s' is mounted on '" IMGC_STR_FMT "', which is not a shared%s mount (see "
                     "mount --make-shared)",
                     s->source, IMGC_STR_ARG(info.mountpoint), wants_shared ? "" : " or slave");
}

static int take_connected(struct mounts *m, const struct plan_step *s, struct imgc_err *reterr)
{
    imgc_autoclose int source_fd = -1, mount_fd = -1;

    int r = open_source(s, &source_fd, reterr);
    r = r < 0 ? r : check_connected(source_fd, s, reterr);
    r = r < 0 ? r : mountfd_clone(source_fd, "", !options_of(s)->no_submounts, &mount_fd, reterr);
    if (r == 0 && options_of(s)->propagation == SPEC_PROPAGATION_SLAVE) {
        r = mountfd_propagate(mount_fd, MS_SLAVE, reterr);
    }
    return r < 0 ? r : mounts_keep(m, s, &mount_fd, reterr);
}

int mounts_bind_connected(struct mounts *m, const struct plan *plan, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < plan->n && r == 0; i++) {
        const struct plan_step *s = &plan->steps[i];
        if (s->kind == PLAN_BIND && options_of(s)->propagation != SPEC_PROPAGATION_PRIVATE) {
            r = take_connected(m, s, reterr);
        }
    }
    return r;
}

static bool is_taken(const struct mounts *m, const struct plan_step *s)
{
    for (size_t i = 0; i < m->n_connected; i++) {
        if (m->connected[i].step == s) {
            return true;
        }
    }
    return false;
}

static bool wants_owners(const struct plan_step *s)
{
    return s->kind == PLAN_BIND &&
           (options_of(s)->kind == SPEC_MOUNT_VOLUME || options_of(s)->idmap);
}

int mounts_bind_take(struct mounts *m, const struct plan *plan, int userns_fd,
                     struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < plan->n && r == 0; i++) {
        const struct plan_step *s = &plan->steps[i];
        imgc_autoclose int fd = -1;
        if (s->kind == PLAN_BIND && !is_taken(m, s)) {
            r = clone_source(s, &fd, reterr);
            r = r < 0 ? r : mounts_keep(m, s, &fd, reterr);
        }
    }
    for (size_t i = 0; i < m->n_connected && r == 0 && userns_fd >= 0; i++) {
        const struct plan_step *s = m->connected[i].step;
        if (wants_owners(s)) {
            r = mountfd_idmap(m->connected[i].mount_fd, userns_fd, true, reterr);
            r = r < 0 ? imgc_context(reterr, "volume '%s'", s->target) : 0;
        }
    }
    return r;
}

static int get_mount(struct mounts *m, const struct plan_step *s, int *ret_fd,
                     struct imgc_err *reterr)
{
    return mounts_taken(m, s, ret_fd) ? 0 : clone_source(s, ret_fd, reterr);
}

/* The kernel would say "Invalid argument". */
static int check_same_kind(const struct stat *source, int target_fd, struct imgc_err *reterr)
{
    struct stat target;

    if (fstat(target_fd, &target) < 0) {
        return imgc_fail_sys(reterr, errno, "look at it");
    }
    if (S_ISDIR(source->st_mode) == S_ISDIR(target.st_mode)) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "a %s cannot be mounted on a %s of the container",
                     S_ISDIR(source->st_mode) ? "directory" : "file",
                     S_ISDIR(target.st_mode) ? "directory" : "file");
}

static int restrict_mount(int mount_fd, const struct plan_step *s, mode_t mode,
                          struct imgc_err *reterr)
{
    /* A device that is named by itself is meant to be used. Devices below a directory are not, nor
     * those that the container would make there with CAP_MKNOD. */
    uint64_t device = S_ISCHR(mode) || S_ISBLK(mode) ? MOUNT_ATTR_NODEV : 0u;
    uint64_t attr = s->attr & ~device;
    uint64_t top_only = options_of(s)->submounts_writable ? attr & MOUNT_ATTR_RDONLY : 0u;
    int r = 0;

    if (attr & ~top_only) {
        r = mountfd_restrict(mount_fd, attr & ~top_only, true, reterr);
    }
    if (r == 0 && top_only) {
        r = mountfd_restrict(mount_fd, top_only, false, reterr);
    }
    return r;
}

static int attach(struct mounts *m, const struct plan_step *s, int mount_fd,
                  struct imgc_err *reterr)
{
    imgc_autoclose int target_fd = -1;
    struct stat st;

    if (fstat(mount_fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at volume '%s'", s->source);
    }
    int r = rootpath_create(m->root_fd, s->target, S_ISDIR(st.st_mode), &target_fd, reterr);
    r = r < 0 ? r : mounts_check_not_proc(target_fd, s->target, reterr);
    if (r < 0) {
        return r;
    }
    r = check_same_kind(&st, target_fd, reterr);
    r = r < 0 ? r : restrict_mount(mount_fd, s, st.st_mode, reterr);
    r = r < 0 ? r : mountfd_attach(mount_fd, target_fd, reterr);
    return r < 0 ? imgc_context(reterr, "volume '%s'", s->target) : 0;
}

bool mounts_bind_is_given(const struct plan_step *s, bool is_taken)
{
    return s->kind == PLAN_BIND && options_of(s)->chown && (!is_taken || wants_owners(s));
}

int mounts_bind_chown(struct mounts *m, const struct mounts_bind_owner *owner,
                      struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < m->n_connected && r == 0; i++) {
        const struct plan_step *s = m->connected[i].step;
        if (s->kind == PLAN_BIND && options_of(s)->chown && !wants_owners(s)) {
            r = mounts_chown(m->connected[i].mount_fd, owner->uid, owner->gid, reterr);
            r = r < 0 ? imgc_context(reterr, "volume '%s'", s->target) : 0;
        }
    }
    return r;
}

int mounts_bind(struct mounts *m, const struct plan_step *s, const struct mounts_bind_owner *owner,
                struct imgc_err *reterr)
{
    imgc_autoclose int mount_fd = -1;

    int r = get_mount(m, s, &mount_fd, reterr);
    if (r == 0 && owner) {
        r = mounts_chown(mount_fd, owner->uid, owner->gid, reterr);
        r = r < 0 ? imgc_context(reterr, "volume '%s'", s->target) : 0;
    }
    return r < 0 ? r : attach(m, s, mount_fd, reterr);
}
