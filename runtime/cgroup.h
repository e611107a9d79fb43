/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control group of a container: limits, counting, and killing everything at once. Works on
 * hosts with cgroup v1, v2, or both (hybrid): each controller is used where it is mounted.
 *
 * Source: Linux Documentation/admin-guide/cgroup-v1, cgroup-v2.rst; cgroups(7).
 */
#ifndef IMGC_RUNTIME_CGROUP_H
#define IMGC_RUNTIME_CGROUP_H

#include <sys/types.h>

#include "runtime/cgroup_devices.h"
#include "runtime/cgroup_host.h"
#include "runtime/spec.h"
#include "schema/base/cleanup.h"
#include "schema/base/err.h"

struct cgroup;

/* What does not depend on the container, found before it is needed (ahead.h). */
struct cgroup_ahead {
    struct cgroup_host host;
    bool has_host;
    int devices_fd; /* the loaded filter of devices; -1: not privileged enough, perhaps */
};

#define CGROUP_AHEAD_INIT \
    {                     \
        .devices_fd = -1  \
    }

/** Find what there is; nothing is said of what cannot be found. @ret  free with done(). */
void cgroup_ahead_read(struct cgroup_ahead *ret);
void cgroup_ahead_done(struct cgroup_ahead *a);

struct cgroup_args {
    const char *name;   /* one path component */
    const char *parent; /* make it below this cgroup: a path from the hierarchies' roots, or a slice
                           of systemd's; NULL: as cgroup_create() says */
    bool disabled;      /* make none */
    bool delegate;      /* the container writes to its part of v2 (an init system) */
    bool all_devices;   /* any node may be opened */
    const struct cgroup_device_rule *device_rules; /* what more may be opened; borrowed */
    size_t n_device_rules;
    const struct spec_limits *limits;
    const struct cgroup_ahead *ahead;         /* NULL: nothing is known yet */
    void (*warn)(void *arg, const char *msg); /* called for what is survivable (no swap accounting,
                                                 no device control); may be NULL */
    void *arg;
};

/**
 * Make the cgroup "imgc/NAME" with limits: below the root cgroup, or below the caller's own where
 * that is all there is (a container, a delegated user session). Limits are written before any
 * process is in it. A host without writable cgroups is fine as long as no limit is asked: the
 * object then has no path, and every other function accepts it and does nothing.
 *
 * @ret     new; free with cgroup_free(), which leaves the directories: see cgroup_remove().
 * @return  0; -USAGE (a limit that makes no sense, such as memory under 6 MiB); -HOST (a limit was
 *          asked that this host cannot set: names the controller and the remedy); -SYS; -NOMEM.
 * Context: parent.
 */
IMGC_CHECK int cgroup_create(const struct cgroup_args *args, struct cgroup **ret,
                             struct imgc_err *reterr);

/** Open the cgroup that another process made, by its text of cgroup_path(); directories that are
 * gone are left out. @ret new; free with cgroup_free(). @return 0; -USAGE (no such text); -SYS;
 * -NOMEM. */
IMGC_CHECK int cgroup_open(const char *path, struct cgroup **ret, struct imgc_err *reterr);

/** Text that cgroup_remove_path() understands, to be kept for cleaning up after a killed launcher;
 * NULL where there is no cgroup. Borrowed. */
const char *cgroup_path(const struct cgroup *cg);

/** Directory fd for CLONE_INTO_CGROUP, or -1 where there is no v2 hierarchy. Borrowed. On a hybrid
 * host it covers the v2 part only: call cgroup_add() all the same. */
int cgroup_clone_fd(const struct cgroup *cg);

/** Move @pid into every part of the cgroup; being there already is fine. To be done before the
 * process runs foreign code. @return 0; -HOST. Context: parent. */
IMGC_CHECK int cgroup_add(struct cgroup *cg, pid_t pid, struct imgc_err *reterr);

/** Whether the kernel has killed a process in it for want of memory. */
bool cgroup_oom_killed(struct cgroup *cg);

/** Kill whatever is left in it, wait (bounded, about two seconds) until it is empty, remove it.
 * Nothing left to remove is fine. @return 0; -SYS (names what would not go). */
IMGC_CHECK int cgroup_remove(struct cgroup *cg, struct imgc_err *reterr);

/** The same for a text of cgroup_path() of an earlier process. Refuses anything that is not a
 * directory "imgc/NAME" of a cgroup file system. Without @patience nobody waits for what was waited
 * for in vain before: it is tried once. @return 0; -USAGE (not such a text); -SYS. */
IMGC_CHECK int cgroup_remove_path(const char *path, bool patience, struct imgc_err *reterr);

/** The same for the NAME that cgroup_create() was given, wherever it would make that cgroup: for a
 * launcher that was killed before it could say cgroup_path(). Nothing there is fine.
 * @return 0; -USAGE; -SYS. Context: parent. */
IMGC_CHECK int cgroup_remove_name(const char *name, bool patience, struct imgc_err *reterr);

/** Free the object; NULL is fine. @return NULL. */
struct cgroup *cgroup_free(struct cgroup *cg);
void cgroup_freep(struct cgroup **cg);
#define cgroup_auto imgc_auto(cgroup_freep)

#endif
