/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether this host mounts what erofs_write() makes, found by doing it: an image of one file, with
 * that file's data in a second file, both in the given directory, mounted without being attached
 * anywhere, and the file read through the mount.
 *
 * Source: fsopen(2); EROFS over files: Linux 6.12 and later.
 */
#ifndef IMGC_LAYERS_EROFS_PROBE_H
#define IMGC_LAYERS_EROFS_PROBE_H

#include <stdbool.h>

#include "schema/base/err.h"

#define EROFS_PROBE_REASON_MAX 192

struct erofs_probe {
    bool works;
    bool is_final; /* !works: it is so for this kernel and file system, whoever tries */
    char reason[EROFS_PROBE_REASON_MAX]; /* why not; "" where it works */
};

/** @dir_fd  an empty directory on the file system in question; two files are left in it.
 * @return 0; -NOSPACE, -SYS: it could not be tried. */
IMGC_CHECK int erofs_probe_run(int dir_fd, struct erofs_probe *ret, struct imgc_err *reterr);

#endif
