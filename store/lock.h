/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per-digest locks (open-file-description locks on locks/<alg>-<hex>): the kernel frees them when
 * the owner dies, however it dies. The file goes away with the last holder.
 */
#ifndef IMGC_STORE_LOCK_H
#define IMGC_STORE_LOCK_H

#include "schema/base/cleanup.h"
#include "schema/digest.h"
#include "store/store.h"

struct lock {
    int fd; /* -1: not held */
    struct digest digest;
    int dir_fd; /* borrowed from the store */
};

#define LOCK_INIT \
    {             \
        .fd = -1  \
    }

enum { LOCK_HELD_ELSEWHERE = 1 };

/** Take the lock of @digest. @wait  false: return LOCK_HELD_ELSEWHERE instead of waiting.
 * @return 0; LOCK_HELD_ELSEWHERE; -SYS (EINTR in reterr->sys when a signal ended the wait). */
IMGC_CHECK int lock_take(struct store *s, const struct digest *digest, bool wait, struct lock *ret,
                         struct imgc_err *reterr);
void lock_release(struct lock *l); /* idempotent */
#define lock_auto imgc_auto(lock_release)

/** Remove the files that killed processes left. */
IMGC_CHECK int lock_sweep(struct store *s, struct imgc_err *reterr);

#endif
