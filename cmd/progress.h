/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of a pull or push, or of a load or save, on stderr: a bar for each layer on a terminal,
 * a line when a layer begins and ends elsewhere; or, for other programs, one JSON object a line
 * (docs/progress.md).
 */
#ifndef IMGC_CMD_PROGRESS_H
#define IMGC_CMD_PROGRESS_H

#include "cmd/output.h"
#include "fetch/pull.h"

enum progress_form {
    PROGRESS_AUTO, /* bars on a terminal, else plain */
    PROGRESS_PLAIN,
    PROGRESS_JSON,
    PROGRESS_NONE,
};

#define PROGRESS_HELP "how it is told: auto (default), plain, json (a line each event) or none"

struct progress {
    struct output *out; /* borrowed */
    enum progress_form form;
    const char *verb;          /* what is done with layers: "downloading" */
    bool is_push;              /* to be set behind progress_init(), with the verb */
    struct pull_layer *layers; /* last state of each, by index */
    size_t n_layers;
    bool *is_untold; /* of each layer: bytes came that no JSON line has said */
    int64_t told_ns; /* when such lines were written last */
    unsigned drawn;  /* lines on the terminal that the next draw goes over */
};

/* How a pull ended that did not fail. */
struct progress_end {
    const char *name; /* of the image, as it was resolved; borrowed */
    const struct digest *id;
    uint64_t bytes; /* that came over the network */
    bool is_unchanged;
};

/** "auto", "plain", "json", "none"; NULL: auto. @return 0; -USAGE. */
IMGC_CHECK int progress_parse(const char *text, enum progress_form *ret, struct imgc_err *reterr);

void progress_init(struct progress *p, struct output *out, enum progress_form form);
/** Forget all layers: those that come are of another image. */
void progress_done(struct progress *p);

/** It is told of layers that are "loading", say, instead of "downloading", and in the form `auto`
 * only on a terminal. @verb  borrowed. */
void progress_of(struct progress *p, const char *verb);

/** The registry said which manifest or index the name stands for. */
void progress_resolved(struct progress *p, const struct digest *top);

/** Of several platforms' images this one's layers follow. */
void progress_platform(struct progress *p, const struct platform *platform);

/** Take in a layer's state. New bytes alone are told by progress_draw(). */
void progress_layer(struct progress *p, const struct pull_layer *layer);

/** Draw the bars anew, or write what JSON lines have not said for a while: to be called often. */
void progress_draw(struct progress *p);

/** The same, whenever the last time was: before something else is written. */
void progress_flush(struct progress *p);

/** The last line of a pull that did not fail. */
void progress_end(struct progress *p, const struct progress_end *end);

#endif
