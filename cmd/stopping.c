/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/stopping.h"

#include <stdlib.h>

#include "cmd/container_end.h"
#include "cmd/each.h"

#define TIME_MAX_S 31536000u /* a year */

int stopping_parse_time(const char *text, int64_t *ret, struct imgc_err *reterr)
{
    uint64_t n;

    if (!text) {
        *ret = STOPPING_OWN;
        return 0;
    }
    if (strcmp(text, "-1") == 0) {
        *ret = -1;
        return 0;
    }
    if (!imgc_str_u64(imgc_str_of(text), &n) || n > TIME_MAX_S) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--time '%s': a number of seconds, or -1 for no end",
                         text);
    }
    *ret = (int64_t)n;
    return 0;
}

int stopping_list(struct app *app, const struct container_list *list, int64_t timeout_s,
                  struct imgc_err *reterr)
{
    imgc_autofree struct container_end_stop *stops = calloc(list->n + 1, sizeof *stops);

    if (!stops) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct container *c = &list->items[i];
        stops[i].container = c;
        stops[i].timeout_s = timeout_s == STOPPING_OWN ? c->stop_timeout_s : timeout_s;
    }
    return container_end_stop(app, stops, list->n, reterr);
}

static int find_one(struct app *app, const char *word, void *arg, struct imgc_err *reterr)
{
    struct container_list *list = arg;

    int r = container_end_find(app, word, &list->items[list->n], reterr);
    list->n += r == 0;
    return r;
}

int stopping_words(struct app *app, struct args words, int64_t timeout_s,
                   struct container_list *ret, struct imgc_err *reterr)
{
    struct imgc_err missing = { .code = IMGC_OK };

    ret->items = calloc(words.n + 1, sizeof *ret->items);
    if (!ret->items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int found = each_word(app, words, find_one, ret, &missing);
    int r = stopping_list(app, ret, timeout_s, reterr);
    if (r == 0 && found < 0) {
        *reterr = missing;
        return found;
    }
    if (found < 0) {
        output_error(&app->out, &missing);
    }
    return r;
}
