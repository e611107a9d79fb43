/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound cleanup. Every owned local carries one of these attributes and an initializer.
 */
#ifndef IMGC_SCHEMA_BASE_CLEANUP_H
#define IMGC_SCHEMA_BASE_CLEANUP_H

#include <stdlib.h>

#define imgc_auto(fn) __attribute__((cleanup(fn)))

static inline void imgc_freep(void *pp)
{
    free(*(void **)pp);
}

#define imgc_autofree imgc_auto(imgc_freep)

/* Move ownership out of a cleanup local: `*ret = imgc_take(x);` is a constructor's last line. */
#define imgc_take(p)            \
    __extension__({             \
        __typeof__(p) t_ = (p); \
        (p) = NULL;             \
        t_;                     \
    })

#define imgc_take_fd(fd) \
    __extension__({      \
        int t_ = (fd);   \
        (fd) = -1;       \
        t_;              \
    })

#endif
