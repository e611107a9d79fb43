/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/suggest.h"

#define SUGGEST_WORD_MAX 32 /* no command or option is longer */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

size_t suggest_distance(struct imgc_str a, struct imgc_str b)
{
    size_t d[SUGGEST_WORD_MAX + 1][SUGGEST_WORD_MAX + 1];

    if (a.len > SUGGEST_WORD_MAX || b.len > SUGGEST_WORD_MAX) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i <= a.len; i++) {
        d[i][0] = i;
    }
    for (size_t j = 0; j <= b.len; j++) {
        d[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = d[i - 1][j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            d[i][j] = min3(change, d[i - 1][j] + 1, d[i][j - 1] + 1);
            bool swapped =
                i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
            if (swapped && d[i - 2][j - 2] + 1 < d[i][j]) {
                d[i][j] = d[i - 2][j - 2] + 1;
            }
        }
    }
    return d[a.len][b.len];
}

void suggest_init(struct suggest *s, struct imgc_str word)
{
    *s = (struct suggest){ .word = word, .best = NULL, .distance = SIZE_MAX };
}

void suggest_offer(struct suggest *s, const char *known)
{
    struct imgc_str k = imgc_str_of(known);
    size_t distance = suggest_distance(s->word, k);

    /* What was cut short is meant whatever is missing ("--no-t"). */
    if (s->word.len >= 3 && imgc_str_starts(k, s->word)) {
        distance = 1;
    }
    /* More than a third of the letters wrong is another word. */
    size_t near = k.len < 3 ? 0 : 1 + k.len / 6;
    if (distance <= near && distance < s->distance) {
        s->best = known;
        s->distance = distance;
    }
}
