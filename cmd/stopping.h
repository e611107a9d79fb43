/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping the containers that a command line names: stop and restart.
 */
#ifndef IMGC_CMD_STOPPING_H
#define IMGC_CMD_STOPPING_H

#include "cmd/app.h"
#include "cmd/options.h"
#include "store/container.h"

/** Parse a value of --time. NULL gives *ret = STOPPING_OWN: what each container has.
 * @return 0; -USAGE. */
#define STOPPING_OWN INT64_MIN
IMGC_CHECK int stopping_parse_time(const char *text, int64_t *ret, struct imgc_err *reterr);

/** Stop those of the list that run, all at once. @return 0; the first failure. */
IMGC_CHECK int stopping_list(struct app *app, const struct container_list *list, int64_t timeout_s,
                             struct imgc_err *reterr);

/** Stop the named ones, all at once. What is not there is printed, and the others are stopped.
 * @ret  those that there are, in the order of the words; @return 0; the last failure (and *ret is
 * filled all the same). */
IMGC_CHECK int stopping_words(struct app *app, struct args words, int64_t timeout_s,
                              struct container_list *ret, struct imgc_err *reterr);

#endif
