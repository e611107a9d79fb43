/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command-line options as tables: parsing, --help, man pages and completion come from them.
 */
#ifndef IMGC_CMD_OPTIONS_H
#define IMGC_CMD_OPTIONS_H

#include <stddef.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

enum option_kind {
    OPT_FLAG,    /* bool; "--x", "--x=true", "--x=false" */
    OPT_NEGATED, /* bool that "--x=false" sets: for what is on unless it is turned off */
    OPT_STRING,  /* const char *; the last one wins */
    OPT_LIST,    /* struct option_list; each use adds one */
    OPT_UINT,    /* uint64_t, decimal */
};

struct option_list {
    const char **items; /* NULL-terminated once it has any; borrowed strings */
    size_t n;
};

/* A row with a NULL name ends the table. */
struct option {
    char letter;      /* short form, or 0 */
    const char *name; /* long form without the dashes */
    enum option_kind kind;
    size_t offset;    /* of the field in the command's options struct */
    const char *arg;  /* how --help names the value; NULL for flags */
    const char *help; /* one line, no full stop; NULL hides it from --help */
};

struct args {
    const char *const *v; /* what is left after the options; NULL-terminated, borrowed */
    size_t n;
};

struct options_args {
    const struct option *table; /* the command's; NULL: it has none */
    void *out;                  /* zeroed */
    bool stop_early;
    const char *command; /* for messages: "imgc pull" */
};

enum { OPTIONS_HELP = 1 };

/**
 * Parse argv[1..] against the table. Short flags combine ("-it"), values stand alone or attached
 * ("-m64m", "--memory=64m", "--memory 64m"); "--" ends the options; with stop_early the first word
 * that is no option ends them too (run IMAGE CMD -x).
 *
 * @argv   ends with a NULL; reordered: the words move to its front and @ret borrows them there.
 * @return 0; OPTIONS_HELP for "--help", and "-h" where the table has no such letter; -USAGE that
 *         names the option and, where one is near, the option that was meant; -NOMEM.
 */
IMGC_CHECK int options_parse(const struct options_args *args, int argc, const char **argv,
                             struct args *ret, struct imgc_err *reterr);

/** Free what the parse allocated (lists) in @out. */
void options_done(const struct option *table, void *out);

/** Append the table as --help shows it: one line per option, aligned. */
void options_help(const struct option *table, struct imgc_buf *b);

#endif
