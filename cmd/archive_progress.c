/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/archive_progress.h"

#include "schema/base/clock.h"

#define PAUSE_NS (100 * 1000000LL) /* bytes come many times a millisecond */

int archive_progress_begin(struct archive_progress *p, struct output *out, const char *verb,
                           const char *form, struct imgc_err *reterr)
{
    enum progress_form parsed = PROGRESS_AUTO;
    int r = progress_parse(form, &parsed, reterr);

    *p = (struct archive_progress){ .told_ns = 0 };
    progress_init(&p->progress, out, parsed);
    progress_of(&p->progress, verb);
    return r;
}

void archive_progress_image(struct archive_progress *p)
{
    progress_flush(&p->progress);
    progress_done(&p->progress);
    p->layer = (struct pull_layer){ .n_layers = 0 };
}

void archive_progress_layer(struct archive_progress *p, const struct pull_layer *layer)
{
    bool is_same =
        p->layer.n_layers > 0 && p->layer.index == layer->index && p->layer.stage == layer->stage;
    int64_t now = clock_monotonic_ns();

    p->layer = *layer;
    if (is_same && now - p->told_ns < PAUSE_NS) {
        return;
    }
    p->told_ns = now;
    progress_layer(&p->progress, layer);
    progress_draw(&p->progress);
}

void archive_progress_bytes(struct archive_progress *p, size_t len)
{
    if (p->layer.n_layers == 0 || p->layer.stage != PULL_DOWNLOADING) {
        return; /* a document */
    }
    struct pull_layer layer = p->layer;
    uint64_t left = layer.size - layer.done;
    layer.done += len < left ? len : left; /* headers are no part of it */
    archive_progress_layer(p, &layer);
}
