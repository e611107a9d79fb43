/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/erofs_epoch.h"

#include <stdbool.h>
#include <stddef.h>

void erofs_epoch_vote(struct erofs_epoch *e, struct erofs_time time)
{
    size_t free_slot = EROFS_EPOCH_SLOTS;

    for (size_t i = 0; i < EROFS_EPOCH_SLOTS; i++) {
        if (e->slots[i].votes == 0) {
            free_slot = i;
        } else if (e->slots[i].time.s == time.s && e->slots[i].time.ns == time.ns) {
            e->slots[i].votes++;
            return;
        }
    }
    if (free_slot < EROFS_EPOCH_SLOTS) {
        e->slots[free_slot].time = time;
        e->slots[free_slot].votes = 1;
        return;
    }
    for (size_t i = 0; i < EROFS_EPOCH_SLOTS; i++) {
        e->slots[i].votes--;
    }
}

struct erofs_time erofs_epoch_winner(const struct erofs_epoch *e)
{
    size_t best = 0;

    for (size_t i = 1; i < EROFS_EPOCH_SLOTS; i++) {
        if (e->slots[i].votes > e->slots[best].votes) {
            best = i;
        }
    }
    return e->slots[best].time;
}
