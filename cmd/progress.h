/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of a pull on stderr: a bar for each layer on a terminal, a line when a layer begins and
 * ends elsewhere, nothing with quiet.
 */
#ifndef IMGC_CMD_PROGRESS_H
#define IMGC_CMD_PROGRESS_H

#include "cmd/output.h"
#include "fetch/pull.h"

struct progress {
    struct output *out; /* borrowed */
    bool quiet;
    struct pull_layer *layers; /* last state of each, by index */
    size_t n_layers;
    unsigned drawn; /* lines on the terminal that the next draw goes over */
};

void progress_init(struct progress *p, struct output *out, bool quiet);
void progress_done(struct progress *p);

/** Take in a layer's state; on a terminal the bars are drawn by progress_draw(). */
void progress_layer(struct progress *p, const struct pull_layer *layer);

/** Draw the bars anew; a no-op without a terminal. */
void progress_draw(struct progress *p);

#endif
