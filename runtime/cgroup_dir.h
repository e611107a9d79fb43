/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One directory of a cgroup hierarchy: make it, write its files, kill what is in it, remove it.
 *
 * Source: Linux Documentation/admin-guide/cgroup-v2.rst; cgroup-v1/freezer-subsystem.rst.
 */
#ifndef IMGC_RUNTIME_CGROUP_DIR_H
#define IMGC_RUNTIME_CGROUP_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/base/buf.h"
#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

#define CGROUP_DIR_PARENT "imgc" /* all our cgroups are below a directory of this name */

struct cgroup_dir {
    int fd;     /* owned; -1 when empty */
    char *path; /* absolute; owned */
    bool is_v2;
};

#define CGROUP_DIR_INIT        \
    {                          \
        .fd = -1, .path = NULL \
    }
#define cgroup_dir_auto imgc_auto(cgroup_dir_done)

/** Make @base/imgc/@name. An empty one of that name is made anew. @return 0; -HOST (not
 * permitted, read-only); -SYS; -NOSPACE; -NOMEM. */
IMGC_CHECK int cgroup_dir_make(const char *base, const char *name, bool is_v2,
                               struct cgroup_dir *ret, struct imgc_err *reterr);

/**
 * Open a directory that another process made. @path must be absolute, end in "/imgc/NAME", and lie
 * on a cgroup file system.
 * @return 0; CGROUP_DIR_GONE where there is none; -USAGE (no such path); -SYS; -NOMEM.
 */
#define CGROUP_DIR_GONE 1
IMGC_CHECK int cgroup_dir_open(struct imgc_str path, struct cgroup_dir *ret,
                               struct imgc_err *reterr);
void cgroup_dir_done(struct cgroup_dir *d);

/** Write @value to a file of the directory. @return 0; -HOST, naming file, value and reason, which
 * is in reterr->sys. */
IMGC_CHECK int cgroup_dir_write(const struct cgroup_dir *d, const char *file, const char *value,
                                struct imgc_err *reterr);
IMGC_CHECK int cgroup_dir_write_number(const struct cgroup_dir *d, const char *file, int64_t value,
                                       struct imgc_err *reterr);

/** Whether the directory has such a file. */
bool cgroup_dir_has(const struct cgroup_dir *d, const char *file);

/** The number that a file is; INT64_MAX for "max" and what is larger. @return whether it is one. */
bool cgroup_dir_number(const struct cgroup_dir *d, const char *file, int64_t *ret);

/** A file's text, without blanks at its ends. @b  the caller's. @return whether it can be read. */
bool cgroup_dir_text(const struct cgroup_dir *d, const char *file, struct imgc_buf *b,
                     struct imgc_str *ret);

/** The number after "@key " in a file of such lines; 0 where the file or the key is missing. */
uint64_t cgroup_dir_count(const struct cgroup_dir *d, const char *file, const char *key);

/** Move @pid there. Being there already costs nothing: moving takes a lock that makes the kernel
 * wait for an RCU grace period (some milliseconds), so it is asked first. @return 0; -HOST. */
IMGC_CHECK int cgroup_dir_add(const struct cgroup_dir *d, pid_t pid, struct imgc_err *reterr);

/** Kill everything in it and below, and remove it. Waits up to two seconds; one for which that was
 * in vain says so (in an extended attribute), and who has no @patience tries it only once then.
 * Already gone is fine. @return 0; -SYS. */
IMGC_CHECK int cgroup_dir_remove(struct cgroup_dir *d, bool patience, struct imgc_err *reterr);

#endif
