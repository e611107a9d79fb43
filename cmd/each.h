/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that do one thing to each of several containers.
 */
#ifndef IMGC_CMD_EACH_H
#define IMGC_CMD_EACH_H

#include "cmd/app.h"
#include "cmd/options.h"

/** Call @one for each word. A failure does not keep the others from their turn (docker's and
 * podman's way): it is printed, and the last one is returned, for the caller to be printed.
 * -INTERRUPTED ends it. @return 0; the last failure. */
IMGC_CHECK int each_word(struct app *app, struct args words,
                         int (*one)(struct app *app, const char *word, void *arg,
                                    struct imgc_err *reterr),
                         void *arg, struct imgc_err *reterr);

#endif
