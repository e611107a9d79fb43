/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded buffer between two threads, one that writes and one that reads: the joint between the
 * stages that a layer passes. Whoever is too fast waits; memory stays what it was made with.
 *
 * Each side has its functions, and each side may call only its own. Either may give up, and the
 * other is told so.
 */
#ifndef IMGC_LAYERS_PIPE_H
#define IMGC_LAYERS_PIPE_H

#include <stddef.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"

struct pipe;

/** @bytes  of room; pages of it that are never used cost nothing. @return 0; -NOMEM. */
IMGC_CHECK int pipe_new(size_t bytes, struct pipe **ret, struct imgc_err *reterr);
struct pipe *pipe_free(struct pipe *p); /* when both sides are done; accepts NULL; returns NULL */
void pipe_freep(struct pipe **p);

/* The writing side. */

/** Hand over @len bytes, waiting for room. @return false where the reader has given up. */
IMGC_CHECK bool pipe_put(struct pipe *p, const void *ptr, size_t len);

enum pipe_put { PIPE_TAKEN, PIPE_FULL, PIPE_CLOSED };

/** Hand over @len bytes without waiting, all or none. PIPE_CLOSED: the reader has given up. */
IMGC_CHECK enum pipe_put pipe_try_put(struct pipe *p, const void *ptr, size_t len);

/** Whether @len bytes can be had without waiting. */
bool pipe_has_room(struct pipe *p, size_t len);

/** Say that all bytes are in. */
void pipe_end(struct pipe *p);

/** Give up: the reader gets nothing more, not even what is in. */
void pipe_abort(struct pipe *p);

/* The reading side. */

enum pipe_take { PIPE_BYTES, PIPE_ENDED, PIPE_ABORTED };

/** Wait for bytes: at most a quarter of the room at once, in one piece, good until pipe_release().
 */
IMGC_CHECK enum pipe_take pipe_take(struct pipe *p, const void **ret_ptr, size_t *ret_len);

/** Give the first @len bytes of what was taken back as room.
 * @return whether the writer, refused by PIPE_FULL, should try again: half of the room is free. */
bool pipe_release(struct pipe *p, size_t len);

/** Give up: nothing more is taken. */
void pipe_close(struct pipe *p);

#endif
