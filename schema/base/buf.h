/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing byte buffer for everything that is built or received: capped at creation, failure is
 * sticky, so appends chain and are checked once at the end.
 */
#ifndef IMGC_SCHEMA_BASE_BUF_H
#define IMGC_SCHEMA_BASE_BUF_H

#include "schema/base/cleanup.h"
#include "schema/base/str.h"

enum imgc_buf_state { IMGC_BUF_OK, IMGC_BUF_FULL, IMGC_BUF_NOMEM };

struct imgc_buf {
    char *ptr;  /* NUL-terminated once anything was appended */
    size_t len; /* bytes used, without the NUL */
    size_t room;
    size_t max; /* cap in bytes */
    enum imgc_buf_state state;
};

/** Start empty with a cap of @max bytes (a named limit of schema/limits.h). Allocates nothing. */
void imgc_buf_init(struct imgc_buf *b, size_t max);
void imgc_buf_done(struct imgc_buf *b);
#define imgc_autobuf imgc_auto(imgc_buf_done)
#define IMGC_BUF_INIT(cap)                                                   \
    {                                                                        \
        .ptr = NULL, .len = 0, .room = 0, .max = (cap), .state = IMGC_BUF_OK \
    }

/** Append; after the first failure nothing more is added and imgc_buf_finish() tells. */
void imgc_buf_add(struct imgc_buf *b, const void *ptr, size_t len);
void imgc_buf_str(struct imgc_buf *b, struct imgc_str s);
void imgc_buf_puts(struct imgc_buf *b, const char *z);
void imgc_buf_putc(struct imgc_buf *b, char c);
IMGC_PRINTF(2, 3) void imgc_buf_printf(struct imgc_buf *b, const char *fmt, ...);

/** Empty it, keep the memory and the cap, forget a failure. */
void imgc_buf_clear(struct imgc_buf *b);

/** The content as a slice, valid until the next change; *ret.ptr is NUL-terminated.
 * @return 0; -LIMIT with the cap in the message; -NOMEM. */
IMGC_CHECK int imgc_buf_finish(struct imgc_buf *b, struct imgc_str *ret, struct imgc_err *reterr);

/** Like finish, but hand the NUL-terminated memory to the caller, who frees it. */
IMGC_CHECK int imgc_buf_take(struct imgc_buf *b, char **ret, struct imgc_err *reterr);

#endif
