/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command: one const object at the end of its cmd_*.c, listed in commands.c.
 */
#ifndef IMGC_CMD_COMMAND_H
#define IMGC_CMD_COMMAND_H

#include "cmd/app.h"
#include "cmd/ids.h"
#include "cmd/options.h"

struct command {
    const char *name;    /* "pull" */
    const char *args;    /* "IMAGE..." for the usage line */
    const char *summary; /* one line, lower case, no full stop */
    const char *help;    /* long help: paragraphs and examples, as shown after the options */
    const struct option *options; /* ends with a NULL name; NULL: none */
    size_t options_size;          /* of the options struct that the table fills */
    size_t min_args, max_args;    /* words after the options; max SIZE_MAX: any number */
    bool stop_early;              /* options end at the first word (run) */
    enum ids_use ids;             /* entered before run() */
    /** @return 0; negative with *reterr; positive: an exit status of its own (run: the
     * container's). */
    int (*run)(struct app *app, const void *options, struct args args, struct imgc_err *reterr);
    /** Exit status for a failure; NULL: the code's own (err.h). run: 125, 126, 127. */
    int (*failure_status)(const struct imgc_err *err);
};

/* NULL-terminated, in the order of `imgc --help`. */
extern const struct command *const commands[];

/* The two-word forms that docker and podman have. */
struct command_alias {
    const char *group, *verb; /* "image", "ls" */
    const char *name;         /* the command */
    const char *option;       /* put before the rest, or NULL */
};

/** All of them; one without a group ends them. */
extern const struct command_alias command_aliases[];

/** Whether @word is the first of two: "image". */
bool command_is_group(const char *word);

/** By name, or NULL. */
const struct command *command_find(const char *name);

/**
 * Which command argv means: argv[0] by name, "help", or a two-word form ("image ls"). The argv to
 * execute, with the two words made one, goes to @ret_argv (caller frees the array).
 * @return the command; NULL with *reterr, -USAGE that names the command that was meant.
 */
const struct command *command_resolve(int argc, const char *const *argv, int *ret_argc,
                                      const char ***ret_argv, struct imgc_err *reterr);

/** Parse the command's options from argv (argv[0] is its name), run it, and print its failure.
 * @argv  ends with a NULL; reordered. @return the exit status. */
int command_execute(const struct command *c, struct app *app, int argc, const char **argv);

/** Append the two-word form that the command also has: "imgc image pull". @return whether there is
 * one. */
bool command_also(const struct command *c, struct imgc_buf *b);

/** Print the long help of the command, the group @group, or the program to stdout. */
void command_help(const struct command *c, struct app *app);
void command_help_group(const char *group, struct app *app);
void command_help_all(const struct option *globals, struct app *app);

#endif
