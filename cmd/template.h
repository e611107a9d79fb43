/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --format templates: the part of Go's text/template that people use with docker and podman, over
 * a JSON document, with docker's functions (json, join, split, upper, lower, title, pad, truncate).
 * Files: template_parse (text to tree), template (evaluate the tree), template_func and
 * template_printf (functions), template_value (what a value looks like).
 *
 * Differences from Go, on purpose: join takes any list of strings, as with docker's own structures;
 * whole and fractional numbers compare; there are no complex numbers and no methods.
 *
 * Source: Go documentation of text/template and fmt; docker/cli, formatting reference.
 */
#ifndef IMGC_CMD_TEMPLATE_H
#define IMGC_CMD_TEMPLATE_H

#include <jansson.h>

#include "schema/base/buf.h"

#define TEMPLATE_TEXT_MAX (64u << 10)   /* bytes of one template */
#define TEMPLATE_OUTPUT_MAX (16u << 20) /* bytes one template may write */
#define TEMPLATE_DEPTH_MAX 50           /* nested actions, parentheses, and calls of templates */
#define TEMPLATE_STEPS_MAX (4u << 20)   /* evaluated commands: nested ranges end */

struct template;

/** Parse. @ret caller frees with template_free(). @return 0; -USAGE that says what is wrong;
 * -LIMIT; -NOMEM. */
IMGC_CHECK int template_parse(struct imgc_str text, struct template **ret, struct imgc_err *reterr);
struct template *template_free(struct template *t); /* accepts NULL; returns NULL */
void template_freep(struct template **t);
#define template_auto imgc_auto(template_freep)

struct template_args {
    json_t *data; /* borrowed: what "." and "$" are */
    /** A field that @data has not is an error instead of "<no value>", after looking without
     * regard to case (".ID" for "Id"). */
    bool strict;
    const char *const *maps; /* strict: NULL-terminated names of objects whose keys are free
                                ("Labels"), so that a missing one is no error; NULL: none */
};

/** Evaluate, appending to @out. @return 0; -USAGE; -LIMIT; -NOMEM. */
IMGC_CHECK int template_run(const struct template *t, const struct template_args *args,
                            struct imgc_buf *out, struct imgc_err *reterr);

#endif
