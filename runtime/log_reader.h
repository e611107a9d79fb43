/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a container's log in their order, from the oldest file that is left (log_rotate.h)
 * to the end of what is written by now, and on from there while somebody writes and rotates.
 */
#ifndef IMGC_RUNTIME_LOG_READER_H
#define IMGC_RUNTIME_LOG_READER_H

#include "runtime/log.h"
#include "schema/base/cleanup.h"

struct log_reader {
    int dir_fd; /* borrowed */
    int fd;     /* the file that is read, whatever its name is by now; -1: none yet */
    char *buf;
    size_t at, len; /* what was read and not yet given out: buf[at..len) */
};

#define LOG_READER_INIT \
    {                   \
        .fd = -1        \
    }
void log_reader_done(struct log_reader *r);
#define log_reader_auto imgc_auto(log_reader_done)

/** Start at the oldest record. @dir_fd  the container's directory, borrowed. @return 0; -NOMEM. */
IMGC_CHECK int log_reader_open(int dir_fd, struct log_reader *ret, struct imgc_err *reterr);

enum { LOG_READER_END = 1 };

/**
 * The next record; its text is valid until the next call.
 * @return 0; LOG_READER_END (there is no more now: may be asked again); -STORE (a damaged line);
 *         -SYS.
 */
IMGC_CHECK int log_reader_next(struct log_reader *r, struct log_record *ret,
                               struct imgc_err *reterr);

#endif
