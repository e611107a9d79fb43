/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Container logs: one line per line of output in the k8s-file (CRI) form,
 * "2024-01-02T03:04:05.000000000+00:00 stdout F text", P for a part of a line that is longer than
 * LIMIT_LOG_LINE_BYTES or has no newline yet at the end.
 */
#ifndef IMGC_RUNTIME_LOG_H
#define IMGC_RUNTIME_LOG_H

#include "schema/base/buf.h"

enum log_stream { LOG_STDOUT, LOG_STDERR };

struct log_writer {
    int fd;                     /* opened O_APPEND; borrowed until it was rotated */
    struct imgc_buf partial[2]; /* bytes after the last newline, by stream */
    /* log_writer_rotate() */
    const char *dir;
    uint64_t max_bytes, bytes; /* 0: no end; written to this file */
    unsigned max_files;
    int own_fd; /* the file that was begun here, or -1 */
};

void log_writer_init(struct log_writer *w, int fd);
void log_writer_done(struct log_writer *w);

/** Begin a new file whenever this one would grow over @max_bytes, and keep @max_files
 * (log_rotate.h); 0 of either is the default there.
 * @dir  path of the directory where the log is, borrowed. */
void log_writer_rotate(struct log_writer *w, const char *dir, uint64_t max_bytes,
                       unsigned max_files);

/** Add output of the container; complete lines are written at once. */
IMGC_CHECK int log_write(struct log_writer *w, enum log_stream stream, const void *ptr, size_t len,
                         struct imgc_err *reterr);

/** Write what is left without a newline. */
IMGC_CHECK int log_flush(struct log_writer *w, struct imgc_err *reterr);

struct log_record {
    int64_t time_ns;
    enum log_stream stream;
    bool is_partial;      /* no newline follows */
    struct imgc_str text; /* borrowed from the line */
};

/** Read one line of a log (without its newline). @return 0; -STORE for a damaged line. */
IMGC_CHECK int log_parse(struct imgc_str line, struct log_record *ret, struct imgc_err *reterr);

#endif
