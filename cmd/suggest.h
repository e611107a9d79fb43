/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you mean": which known word is near a mistyped one.
 */
#ifndef IMGC_CMD_SUGGEST_H
#define IMGC_CMD_SUGGEST_H

#include "schema/base/str.h"

/** Edits (insert, drop, change, swap neighbours) between two words; words over 32 bytes are
 * infinitely far (SIZE_MAX). */
size_t suggest_distance(struct imgc_str a, struct imgc_str b);

struct suggest {
    struct imgc_str word; /* what was typed */
    const char *best;     /* borrowed; NULL: none is near */
    size_t distance;
};

/** Start with @word; offer known words; best is the nearest that is near enough to be meant. */
void suggest_init(struct suggest *s, struct imgc_str word);
void suggest_offer(struct suggest *s, const char *known);

#endif
