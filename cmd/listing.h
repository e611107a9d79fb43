/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of things with --format: a table, a table of one's own columns, JSON, or a template per
 * line; and --format of a single document.
 */
#ifndef IMGC_CMD_LISTING_H
#define IMGC_CMD_LISTING_H

#include <jansson.h>

#include "cmd/app.h"

struct listing_column {
    const char *field;   /* of a row */
    const char *heading; /* "IMAGE ID" */
};

struct listing {
    const struct listing_column *columns; /* every field of a row; ends with a NULL field */
    const char *table;                    /* template of the usual table: cells and tabs */
    const char *format;                   /* --format as given; NULL: the usual table */
    bool no_heading;
    json_t *json;            /* borrowed: what "json" prints; NULL: the rows */
    const char *const *maps; /* fields whose keys are free (template.h) */
};

/** Print @rows, an array of objects. @return 0; -USAGE for a bad template; -LIMIT; -NOMEM. */
IMGC_CHECK int listing_print(struct app *app, const struct listing *listing, json_t *rows,
                             struct imgc_err *reterr);

/** Whether @format asks for a JSON document: "json" or "{{json .}}" is another matter. */
bool listing_is_json(const char *format);

/** Print @doc as indented JSON. */
IMGC_CHECK int listing_json(struct app *app, const json_t *doc, struct imgc_err *reterr);

/** Print @doc as JSON on one line, without the newline: a member of an array that is too long to
 * have in memory. On a terminal all but ASCII is escaped. */
IMGC_CHECK int listing_json_line(struct app *app, const json_t *doc, struct imgc_err *reterr);

/** Print @doc through the template @format, or as JSON where it is "json"; and a newline. */
IMGC_CHECK int listing_document(struct app *app, const char *format, json_t *doc,
                                const char *const *maps, struct imgc_err *reterr);

#endif
