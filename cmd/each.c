/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/each.h"

int each_word(struct app *app, struct args words,
              int (*one)(struct app *app, const char *word, void *arg, struct imgc_err *reterr),
              void *arg, struct imgc_err *reterr)
{
    struct imgc_err err, last = { .code = IMGC_OK };

    for (size_t i = 0; i < words.n && last.code != IMGC_E_INTERRUPTED; i++) {
        if (one(app, words.v[i], arg, &err) >= 0) {
            continue;
        }
        if (last.code != IMGC_OK) {
            output_error(&app->out, &last);
        }
        last = err;
    }
    if (last.code != IMGC_OK) {
        *reterr = last;
    }
    return -(int)last.code;
}
