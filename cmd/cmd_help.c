/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/commands.h"
#include "cmd/program.h"
#include "schema/base/cleanup.h"

static int help_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    (void)options;

    if (args.n == 0) {
        command_help_all(program_options, app);
        return 0;
    }
    if (args.n == 1 && command_is_group(args.v[0])) {
        command_help_group(args.v[0], app);
        return 0;
    }
    imgc_autofree const char **argv = NULL;
    int argc = 0;
    const struct command *c = command_resolve((int)args.n, args.v, &argc, &argv, reterr);
    if (!c) {
        return -(int)reterr->code;
    }
    command_help(c, app);
    return 0;
}

const struct command cmd_help = {
    .name = "help",
    .args = "[COMMAND]",
    .summary = "show all commands, those of a group, or one",
    .min_args = 0,
    .max_args = 2,
    .run = help_run,
};
