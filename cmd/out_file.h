/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that a command writes for its user (`save`, `export`): nobody sees half of it, and once
 * the command says that it is there, a power loss does not take it.
 */
#ifndef IMGC_CMD_OUT_FILE_H
#define IMGC_CMD_OUT_FILE_H

#include "cmd/output.h"

struct out_file_args {
    const struct output *out; /* borrowed */
    const char *path; /* NULL or "-": standard output, which may be no terminal; what is no regular
                         file (a pipe, a device) or is open already (/dev/stdout, /dev/fd/N) is
                         written to as it is. A link stays, and what it leads to is replaced; in
                         a sticky directory that everybody writes to only one of our own, or of
                         the directory's owner, as with fs.protected_symlinks. A file that is a
                         mount is written over */
    /* Writes all of it to @fd. */
    int (*write)(void *arg, int fd, struct imgc_err *reterr);
    void *arg;
};

/** Have it written, under another name in the same directory until it is whole and on the disk; an
 * older file keeps its mode. Without leave to make files there, the older one is written over.
 * @return 0; -USAGE (a terminal); -SYS, -NOSPACE: the older file is as it was; what args.write
 * returns. */
IMGC_CHECK int out_file_write(const struct out_file_args *args, struct imgc_err *reterr);

#endif
