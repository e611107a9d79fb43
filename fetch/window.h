/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory that zstd windows of all layers under way may take together: a layer whose window does
 * not fit waits until others are done. Small windows are not counted, and one alone may be larger
 * than all of it.
 */
#ifndef IMGC_FETCH_WINDOW_H
#define IMGC_FETCH_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_SMALL_BYTES ((uint64_t)2 << 20)
#define WINDOW_ALL_BYTES ((uint64_t)16 << 20)

/* One layer's; zero-initialised but for @all. */
struct window {
    uint64_t *all;  /* the sum of those that are taken, of all layers; borrowed */
    uint64_t bytes; /* that the layer asks for; 0: a small one, or not known */
    bool is_taken;
};

/** Take what the first bytes of the layer, @ptr, ask for; once. @return false: not now. */
bool window_take(struct window *w, const void *ptr, size_t len);

/** Whether the window that a window_take() refused fits now. */
bool window_fits(const struct window *w);

void window_give(struct window *w);

/** Once in a process: see that windows are given back to the kernel. */
void window_keep_none(void);

#endif
