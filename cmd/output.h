/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where commands print. stdout carries results, stderr everything else. Untrusted text (names,
 * labels, messages of registries) goes through output_safe() in tables.
 */
#ifndef IMGC_CMD_OUTPUT_H
#define IMGC_CMD_OUTPUT_H

#include <stdio.h>

#include "cmd/settings.h"
#include "schema/base/buf.h"

struct output {
    FILE *out, *err; /* stdout and stderr; tests give others */
    bool out_is_tty, err_is_tty;
    bool out_is_closed; /* it was when the program began: what goes there is lost */
    enum log_level level;
    int write_errno; /* of the first write to stdout that failed; 0: none */
};

void output_init(struct output *o, enum log_level level);

/** Print to stdout. Buffered; output_finish() tells whether all of it was written. */
IMGC_PRINTF(2, 3) void output_print(struct output *o, const char *fmt, ...);

/** Write @len bytes to stdout as they are. @return whether stdout still takes any. */
bool output_bytes(struct output *o, const void *ptr, size_t len);

/** Print a file's name: as it is, for other programs; on a terminal with what is no plain character
 * as "\n", "\t", "\\" or "\xNN". */
void output_name(struct output *o, const char *name);

/** "imgc: warning: ..." to stderr, at its level; control characters are escaped. */
IMGC_PRINTF(2, 3) void output_warn(struct output *o, const char *fmt, ...);
IMGC_PRINTF(2, 3) void output_info(struct output *o, const char *fmt, ...);
IMGC_PRINTF(2, 3) void output_debug(struct output *o, const char *fmt, ...);

/** "Error: MESSAGE (REMEDY)" to stderr, one line. */
void output_error(struct output *o, const struct imgc_err *err);

/** The same with @remedy instead of the code's own; NULL or "": none. */
void output_error_remedy(struct output *o, const struct imgc_err *err, const char *remedy);

/** Append @z to @b with control characters escaped. */
void output_safe(struct imgc_buf *b, const char *z);

/** Flush stdout. @return 0; -SYS where it could not be written (full disk;
 * closed pipe: EPIPE in reterr->sys). */
IMGC_CHECK int output_finish(struct output *o, struct imgc_err *reterr);

#endif
