/* SPDX-License-Identifier: Apache-2.0 */
/* imgc rename: give a container another name. */
#include "cmd/commands.h"
#include "cmd/container_end.h"
#include "cmd/network_live.h"

static int rename_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    (void)options;

    int r = container_end_find(app, args.v[0], &c, reterr);
    r = r < 0 ? r : container_rename(app->store, c.id, args.v[1], reterr);
    if (r < 0) {
        return r;
    }
    struct imgc_err err;
    if (network_live_renamed(app->store, c.id, &err) < 0) { /* it has its name all the same */
        output_warn(&app->out, "the containers on its networks know '%s' by its old name: %s",
                    args.v[1], err.msg);
    }
    return 0;
}

const struct command cmd_rename = {
    .name = "rename",
    .args = "CONTAINER NAME",
    .summary = "give a container another name",
    .help = "It may run meanwhile: the containers on its networks find it by the new name at "
            "once.\n\n  imgc rename web web-old\n",
    .options = NULL,
    .options_size = 0,
    .min_args = 2,
    .max_args = 2,
    .run = rename_run,
};
