/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/window.h"

#include <malloc.h>

#include "layers/zstd_window.h"

bool window_fits(const struct window *w)
{
    return w->is_taken || w->bytes == 0 || *w->all == 0 || *w->all + w->bytes <= WINDOW_ALL_BYTES;
}

bool window_take(struct window *w, const void *ptr, size_t len)
{
    if (w->is_taken) {
        return true;
    }
    uint64_t bytes = zstd_window(ptr, len);
    w->bytes = bytes > WINDOW_SMALL_BYTES ? bytes : 0;
    if (!window_fits(w)) {
        return false;
    }
    *w->all += w->bytes;
    w->is_taken = true;
    return true;
}

void window_give(struct window *w)
{
    if (w->is_taken) {
        *w->all -= w->bytes;
    }
    w->is_taken = false;
    w->bytes = 0;
}

/* Each window is a mapping of its own, so that its memory is gone when the layer is: by itself,
 * glibc takes a large block that was freed once as a reason to keep the next ones. */
void window_keep_none(void)
{
#ifdef M_MMAP_THRESHOLD
    (void)mallopt(M_MMAP_THRESHOLD, (int)WINDOW_SMALL_BYTES);
#endif
}
