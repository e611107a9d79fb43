/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podman's --latest: the container that was made last, instead of one by name.
 */
#ifndef IMGC_CMD_LATEST_H
#define IMGC_CMD_LATEST_H

#include "cmd/app.h"
#include "cmd/options.h"
#include "store/container.h"

/* A row of a table of options, with the offset of its bool. */
#define LATEST_ROW(offset)                                                        \
    {                                                                             \
        'l', "latest", OPT_FLAG, offset, NULL, "the container that was made last" \
    }

/* The words to use instead of those of the command line. */
struct latest {
    char id[CONTAINER_ID_MAX];
    const char *words[2];
};

/** @args  of the command line; with @is_given there must be none, and it becomes the one. Else,
 * with
 * @needs_word, there must be one. @latest  what *args points into from then on.
 * @return 0; -USAGE; -NOTFOUND. */
IMGC_CHECK int latest_resolve(struct app *app, bool is_given, bool needs_word, struct args *args,
                              struct latest *latest, struct imgc_err *reterr);

#endif
