/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a plan that mount something inside the container's root, by fd only.
 * Context of all: child after clone, in its own mount namespace.
 */
#ifndef IMGC_RUNTIME_MOUNTS_H
#define IMGC_RUNTIME_MOUNTS_H

#include "runtime/plan.h"

/* The mount of a PLAN_BIND that was taken while the namespace was still the host's; with another
 * user namespace (userns_spawn.h) of all of them, and of PLAN_FILE, where imgc may still do so. */
struct mounts_connected {
    const struct plan_step *step;
    int mount_fd; /* -1 once it is attached */
};

/* The root while it is furnished. */
struct mounts {
    int root_fd;      /* the root directory of its mount */
    int null_fd;      /* the container's /dev/null, O_PATH; -1 before PLAN_DEVICES */
    int mask_fd;      /* the empty tmpfs over masked directories; -1 before the first */
    int state_dir_fd; /* generated files; -1 where there are none */
    int nsroot_fd;    /* the namespace's root where imgc is in a chroot (nsroot.h), else -1 */
    struct mounts_connected *connected;
    size_t n_connected;
};

#define MOUNTS_INIT                                                                      \
    {                                                                                    \
        .root_fd = -1, .null_fd = -1, .mask_fd = -1, .state_dir_fd = -1, .nsroot_fd = -1 \
    }
void mounts_done(struct mounts *m);
#define mounts_auto imgc_auto(mounts_done)

/** The mount that was taken for @s. @return whether there is one; *ret_fd is the caller's then. */
bool mounts_taken(struct mounts *m, const struct plan_step *s, int *ret_fd);

/** Keep @take_fd for @s. @return 0; -NOMEM. */
IMGC_CHECK int mounts_keep(struct mounts *m, const struct plan_step *s, int *take_fd,
                           struct imgc_err *reterr);

/** Detach the namespace from the host's: nothing mounted here is seen there, or the reverse. */
IMGC_CHECK int mounts_make_private(struct mounts *m, struct imgc_err *reterr);

/** PLAN_MOUNT: a new file system. */
IMGC_CHECK int mounts_new(struct mounts *m, const struct plan_step *s, struct imgc_err *reterr);

/**
 * PLAN_CGROUP, in the new cgroup namespace: cgroup2 alone, or one directory for each v1 hierarchy
 * with cgroup2 at "unified"; only those where the container has a cgroup of its own.
 *
 * @text  /proc/self/cgroup as it was before the namespace. @name  of the cgroup.
 */
IMGC_CHECK int mounts_cgroup(struct mounts *m, const struct plan_step *s, struct imgc_str text,
                             const char *name, struct imgc_err *reterr);

/** PLAN_SYSCTL: written to procfs itself, checked by its magic number. */
IMGC_CHECK int mounts_sysctl(struct mounts *m, const struct plan_step *s, struct imgc_err *reterr);

/** PLAN_FILE: a generated file. */
IMGC_CHECK int mounts_file(struct mounts *m, const struct plan_step *s, struct imgc_err *reterr);

/** Refuse a target @fd on procfs: a look-up that went through a link of the image may have ended
 * there. @return 0; -LAYER; -SYS. */
IMGC_CHECK int mounts_check_not_proc(int fd, const char *target, struct imgc_err *reterr);

/** PLAN_MASK, PLAN_MASK_CPUS, PLAN_READ_ONLY: paths that are not there are left out. */
IMGC_CHECK int mounts_mask(struct mounts *m, const char *target, struct imgc_err *reterr);
IMGC_CHECK int mounts_mask_cpus(struct mounts *m, const char *dir, struct imgc_err *reterr);
IMGC_CHECK int mounts_read_only(struct mounts *m, const char *target, struct imgc_err *reterr);

/** PLAN_PIVOT: make the root "/" and drop the host's. Checks that the working directory is inside
 * (CVE-2024-21626). */
IMGC_CHECK int mounts_pivot(struct mounts *m, struct imgc_err *reterr);

#endif
