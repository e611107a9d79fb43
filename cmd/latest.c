/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/latest.h"

int latest_resolve(struct app *app, bool is_given, bool needs_word, struct args *args,
                   struct latest *latest, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .items = NULL };
    struct store *store;

    if (!is_given) {
        return args->n == 0 && needs_word
                   ? imgc_fail(reterr, IMGC_E_USAGE, "a container is needed, or --latest")
                   : 0;
    }
    if (args->n > 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--latest and containers exclude each other");
    }
    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : container_list(store, &list, reterr);
    if (r == 0 && list.n == 0) {
        r = imgc_fail(reterr, IMGC_E_NOTFOUND, "there is no container");
    }
    if (r < 0) {
        return r;
    }
    memcpy(latest->id, list.items[0].id, sizeof latest->id);
    latest->words[0] = latest->id;
    latest->words[1] = NULL;
    *args = (struct args){ .v = latest->words, .n = 1 };
    return 0;
}
