/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rest of a blob in several requests at once, each for a cell of its partial file
 * (store/partial.h): faster than one where a connection is slow by itself, because of its latency
 * or of a limit at the other end. Cells that are here already, from an earlier process, are left
 * out. What comes goes into the file, in whatever order; nothing is held in memory.
 */
#ifndef IMGC_FETCH_CHUNKS_H
#define IMGC_FETCH_CHUNKS_H

#include "fetch/registry.h"
#include "store/partial.h"

#define CHUNKS_MAX 8 /* requests at once for one blob */

struct chunks;

/* What is to be fetched; all borrowed. */
struct chunks_args {
    struct registry *registry;
    const struct digest *digest;
    uint64_t size; /* bytes of the blob */
    struct partial *partial;
};

/** What is missing of the blob from the cell of byte @from on. Nothing is asked for yet. @return 0;
 * -NOMEM. */
IMGC_CHECK int chunks_new(const struct chunks_args *args, uint64_t from, struct chunks **ret,
                          struct imgc_err *reterr);
struct chunks *chunks_free(struct chunks *c); /* accepts NULL; returns NULL */

enum { CHUNKS_USELESS = 1, CHUNKS_DONE };

/**
 * Look at the answers, ask again what failed, and ask for more.
 *
 * @n_more  requests more than there are that may be begun; where there is none at all, one is.
 * @end     none is begun from this byte on: what reads the file is too far behind.
 * @return  0; CHUNKS_DONE: all is here; CHUNKS_USELESS: the server has no parts to give, or other
 *          ones than it was asked for, or gives up, or the disk is full: take the rest in one
 *          piece; -INTERRUPTED; -NOMEM.
 */
IMGC_CHECK int chunks_step(struct chunks *c, size_t n_more, uint64_t end, struct imgc_err *reterr);

/** Requests that are under way. */
size_t chunks_count(const struct chunks *c);

/** Whether the server has begun to send a part, and only that. */
bool chunks_are_good(const struct chunks *c);

#endif
