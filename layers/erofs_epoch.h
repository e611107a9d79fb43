/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the EROFS sink: the time that most inodes have. Inodes with this one time are half
 * the size of others, and images that were built reproducibly have few times.
 *
 * Source: Misra and Gries, "Finding repeated elements" (1982): in one pass and constant memory.
 */
#ifndef IMGC_LAYERS_EROFS_EPOCH_H
#define IMGC_LAYERS_EROFS_EPOCH_H

#include <stdint.h>

#define EROFS_EPOCH_SLOTS 16

struct erofs_time {
    int64_t s;
    uint32_t ns;
};

struct erofs_epoch {
    struct {
        struct erofs_time time;
        uint64_t votes; /* 0: a free slot */
    } slots[EROFS_EPOCH_SLOTS];
};

#define EROFS_EPOCH_INIT                    \
    {                                       \
        .slots = { { .time = { .s = 0 } } } \
    }

void erofs_epoch_vote(struct erofs_epoch *e, struct erofs_time time);

/** A time with more than one vote in EROFS_EPOCH_SLOTS + 1 where there is one, else any. Depends
 * on nothing but the votes and their order. */
struct erofs_time erofs_epoch_winner(const struct erofs_epoch *e);

#endif
