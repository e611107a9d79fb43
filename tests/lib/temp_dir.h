/* SPDX-License-Identifier: Apache-2.0 */
/* A temporary directory of a test, removed with all that is in it. Include after unit.h. */
#ifndef IMGC_TESTS_LIB_TEMP_DIR_H
#define IMGC_TESTS_LIB_TEMP_DIR_H

#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"

struct temp_dir {
    char path[64];
    int fd;
};

static inline void temp_dir_make(struct temp_dir *d)
{
    /* On a disk rather than /dev/shm: tests of xattrs and holes want a real file system. */
    (void)snprintf(d->path, sizeof d->path, "/tmp/imgc-test.XXXXXX");
    assert_non_null(mkdtemp(d->path));
    d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(d->fd >= 0);
}

static inline void temp_dir_remove(struct temp_dir *d)
{
    struct imgc_err err;

    imgc_closep(&d->fd);
    assert_ok(fd_remove_tree(AT_FDCWD, d->path, NULL, &err), err);
}

/* A new directory in it. @return its fd; the caller closes. */
static inline int temp_dir_sub(const struct temp_dir *d, const char *name)
{
    assert_int_equal(mkdirat(d->fd, name, 0700), 0);
    int fd = openat(d->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

#endif
