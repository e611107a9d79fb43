/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment that -e and --env-file give a container.
 */
#ifndef IMGC_CMD_ENVIRONMENT_H
#define IMGC_CMD_ENVIRONMENT_H

#include "cmd/options.h"
#include "schema/base/cleanup.h"
#include "schema/base/str.h"

/** Collected "K=V" strings, NULL-terminated. */
struct environment {
    char **items;
    size_t n;
};

void environment_done(struct environment *e);
#define environment_auto imgc_auto(environment_done)

/** Add one -e value: "K=V" as it is, "K" with the caller's value, or "K" alone where the caller
 * has none, which takes the image's away (docker's rule). @return 0; -USAGE for an empty name. */
IMGC_CHECK int environment_add(struct environment *e, struct imgc_str word,
                               struct imgc_err *reterr);

/** Add every line of an --env-file: no quoting, lines that begin with '#' and empty ones are
 * skipped, and names without a value that the caller has none for (docker's rules). @return 0;
 * -SYS; -LIMIT; -USAGE with the line's number. */
IMGC_CHECK int environment_add_file(struct environment *e, const char *path,
                                    struct imgc_err *reterr);

/** All of them: files first, so that -e wins wherever it stands (docker's order). @return as the
 * two above. */
IMGC_CHECK int environment_collect(struct environment *e, const struct option_list *files,
                                   const struct option_list *words, struct imgc_err *reterr);

#endif
