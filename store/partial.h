/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A download under way: what came of one blob, in partial/<alg>-<hex>, so that whoever comes after
 * an interruption, a kill or a reboot fetches the rest alone (docs/store-format.md, "Downloads").
 *
 * The blob is divided into cells; each is filled from its beginning, in any order of cells. The
 * file says how full each one is, always after the bytes themselves: as long as the machine runs
 * that is true whatever happens to the process. After a power loss only what stands before the last
 * mark counts: a mark is the digest of all bytes before it, and whoever reads the blob again
 * compares.
 *
 * All of it belongs to whoever holds the lock of the blob's digest (store/lock.h).
 */
#ifndef IMGC_STORE_PARTIAL_H
#define IMGC_STORE_PARTIAL_H

#include "schema/base/cleanup.h"
#include "schema/digest.h"
#include "store/store.h"

#define PARTIAL_CELL_BYTES ((uint64_t)1 << 20)
#define PARTIAL_MARK_BYTES ((uint64_t)8 << 20) /* marks are so far apart */

#define PARTIAL_MIN_BYTES ((uint64_t)512 << 10) /* less is fetched again as fast */
#define PARTIAL_MAX_BYTES ((uint64_t)1 << 40)   /* more would need too long a table */

/** Nobody has asked for it in so many days: it goes by itself. */
#define PARTIAL_DAYS 7

struct partial;

/**
 * Open or begin. What cannot be trusted (another version of the file, another size, not marked
 * before a reboot) is dropped.
 * @size  of the blob, PARTIAL_MIN_BYTES to PARTIAL_MAX_BYTES. @ret  closed with partial_close().
 * @return 0; -NOSPACE; -SYS; -NOMEM.
 */
IMGC_CHECK int partial_open(struct store *s, const struct digest *blob, uint64_t size,
                            struct partial **ret, struct imgc_err *reterr);

/** Close; the file stays. Accepts NULL; returns NULL. */
struct partial *partial_close(struct partial *p);

/** Remove the file and close: the blob is here, or what came of it is worth nothing. Accepts NULL;
 * returns NULL. */
struct partial *partial_discard(struct partial *p);

/** Remove the file of @blob, if there is one. */
void partial_remove(struct store *s, const struct digest *blob);

/* For the thread that downloads. */

/** Bytes [0, n) that are here. */
uint64_t partial_prefix(const struct partial *p);

/** All bytes that are here. */
uint64_t partial_bytes(const struct partial *p);

/** Whether there are bytes behind the first gap. */
bool partial_has_gaps(const struct partial *p);

/** The first byte that is missing in the cell of byte @at; the end of that cell where none is. */
uint64_t partial_missing(const struct partial *p, uint64_t at);

/** Where the cell of byte @at ends: at the end of the blob the last one. */
uint64_t partial_cell_end(const struct partial *p, uint64_t at);

/** Add @len bytes of the blob from @at on: partial_missing() of their first cell. Bytes that are
 * here already are left as they are.
 * @return 0; -NOSPACE and -SYS: what was there before is as it was. */
IMGC_CHECK int partial_write(struct partial *p, uint64_t at, const void *ptr, size_t len,
                             struct imgc_err *reterr);

/** Forget what stands from @at on, a multiple of PARTIAL_MARK_BYTES. */
void partial_trim(struct partial *p, uint64_t at);

/* For the thread that reads, beside the other one. */

/** Read @len bytes that are here. @return 0; -SYS. */
IMGC_CHECK int partial_read(const struct partial *p, uint64_t at, void *ptr, size_t len,
                            struct imgc_err *reterr);

enum { PARTIAL_WRONG = 1 };

/** Compare with the mark at @at (a multiple of PARTIAL_MARK_BYTES), or set it. @digest  of all
 * bytes before. @return 0; PARTIAL_WRONG: it was set, to another one: the file has lost bytes. */
IMGC_CHECK int partial_mark(struct partial *p, uint64_t at, const struct digest *digest);

/* For garbage collection (store/partial_sweep.c). */

struct partial_usage {
    uint64_t n, n_active; /* active: a process is at it */
    uint64_t bytes, reclaimable;
};

/** Count what is there, in disk bytes. */
IMGC_CHECK int partial_usage(struct store *s, struct partial_usage *ret, struct imgc_err *reterr);

/** Remove those that no process is at and that nobody wrote to for @age_s seconds (0: all). @ret
 * what was there, of these: the reclaimable ones are gone. */
IMGC_CHECK int partial_sweep(struct store *s, int64_t age_s, struct partial_usage *ret,
                             struct imgc_err *reterr);

/** Remove what nobody has asked for in PARTIAL_DAYS: a chore (store/background.h). */
IMGC_CHECK int partial_expire(struct store *s, struct imgc_err *reterr);

#endif
