/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of `load` and `save`: as of a pull (cmd/progress.h), but in the form `auto` only bars on
 * a terminal, since nothing is waited for that long otherwise.
 */
#ifndef IMGC_CMD_ARCHIVE_PROGRESS_H
#define IMGC_CMD_ARCHIVE_PROGRESS_H

#include "cmd/progress.h"

#define ARCHIVE_PROGRESS_HELP "how it is told: auto (default: on a terminal), plain, json or none"

struct archive_progress {
    struct progress progress;
    struct pull_layer layer; /* the one that is under way */
    int64_t told_ns;
};

/** @verb  what is done with layers; borrowed. @form  as the user gave it, or NULL. Ends with
 * archive_progress_image(). @return 0; -USAGE. */
IMGC_CHECK int archive_progress_begin(struct archive_progress *p, struct output *out,
                                      const char *verb, const char *form, struct imgc_err *reterr);

/** An image is over, whether it came to its end or not. Idempotent. */
void archive_progress_image(struct archive_progress *p);

/** Take in a layer's state. */
void archive_progress_layer(struct archive_progress *p, const struct pull_layer *layer);

/** So many bytes more of the layer that is under way. */
void archive_progress_bytes(struct archive_progress *p, size_t len);

#endif
