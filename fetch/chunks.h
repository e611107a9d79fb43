/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rest of a blob in several requests at once, each for a chunk of it (fetch/range.h): faster
 * than one where a connection is slow by itself, because of its latency or of a limit at the other
 * end. The chunks are fetched ahead into memory and handed over in order.
 *
 * Memory: CHUNKS_BYTES for each chunk that is asked for or not yet handed over, CHUNKS_WINDOW of
 * them for one blob, and for all blobs together what the caller allows.
 */
#ifndef IMGC_FETCH_CHUNKS_H
#define IMGC_FETCH_CHUNKS_H

#include "fetch/registry.h"
#include "fetch/worker.h"

#define CHUNKS_BYTES ((uint64_t)1 << 20)
#define CHUNKS_WINDOW 8

struct chunks;

/** Bytes [@from, @size) of the blob @digest. Nothing is asked for yet. All borrowed.
 * @return 0; -NOMEM. */
IMGC_CHECK int chunks_new(struct registry *registry, const struct digest *digest, uint64_t size,
                          uint64_t from, struct chunks **ret, struct imgc_err *reterr);
struct chunks *chunks_free(struct chunks *c); /* accepts NULL; returns NULL */

enum { CHUNKS_USELESS = 1 };

/**
 * Look at the answers, ask again what failed, and ask for more.
 *
 * @n_more  chunks more than there are that may be begun; where there is none at all, one is.
 * @return  0; CHUNKS_USELESS: the server has no parts to give, or other ones than it was asked for,
 *          or gives up: take the blob in one piece; -INTERRUPTED; -NOMEM.
 */
IMGC_CHECK int chunks_step(struct chunks *c, size_t n_more, struct imgc_err *reterr);

/** Chunks that hold memory now. */
size_t chunks_count(const struct chunks *c);

/** Whether the server has begun to send the first part, and only that. */
bool chunks_are_good(const struct chunks *c);

/** Hand over what can be.
 * @return whether all of it is handed over (or nothing more is taken: worker_is_over()). */
bool chunks_feed(struct chunks *c, struct worker *w);

/** Where chunks_feed() stands: the first byte of the blob that is not handed over. */
uint64_t chunks_position(const struct chunks *c);

#endif
