/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The joint between a download and the worker that makes a layer of it, where the bytes are kept
 * in a file (store/partial.h): the loop's thread writes them there and says how far they are whole,
 * the worker reads behind it. So what came stays where the process dies, and it is written once.
 *
 * Each side has its functions, and each side may call only its own.
 */
#ifndef IMGC_FETCH_SPOOL_H
#define IMGC_FETCH_SPOOL_H

#include "store/partial.h"

/* So far the download may be ahead of the worker, in memory that the kernel can write out. */
#define SPOOL_AHEAD_BYTES ((uint64_t)32 << 20)

struct spool;

/** @partial  borrowed. @return 0; -NOMEM. */
IMGC_CHECK int spool_new(struct partial *partial, struct spool **ret, struct imgc_err *reterr);
struct spool *
spool_free(struct spool *s); /* when both sides are done; accepts NULL; returns NULL */

/* The loop's side. */

/** Say that bytes [0, @end) are in the file. */
void spool_offer(struct spool *s, uint64_t end);

/** Say that no more will come this way. */
void spool_end(struct spool *s);

/** Give up: the worker gets nothing more. */
void spool_abort(struct spool *s);

/** Whether the worker is so far behind that it has to be waited for. */
bool spool_is_full(struct spool *s);

/* The worker's side. */

enum spool_take { SPOOL_BYTES, SPOOL_ENDED, SPOOL_ABORTED };

/** Wait for bytes, and read some: they are good until the next call. @ret_room  the loop waits for
 * the worker no longer. @return a spool_take; -SYS. */
IMGC_CHECK int spool_take(struct spool *s, const void **ret_ptr, size_t *ret_len, bool *ret_room,
                          struct imgc_err *reterr);

#endif
