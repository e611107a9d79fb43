/* SPDX-License-Identifier: Apache-2.0 */
/* imgc create: a container that is started later. */
#include "cmd/commands.h"
#include "cmd/container_launch.h"
#include "cmd/run_plan.h"
#include "cmd/sweep.h"

static int create_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    container_make_auto struct container_made made = { .spec = SPEC_INIT };
    const struct container_make_args make = { .options = options,
                                              .words = args,
                                              .is_unowned = true };

    if (make.options->lifecycle.detach) {
        return imgc_fail(reterr, IMGC_E_USAGE, "create runs nothing: leave out --detach");
    }
    int r = container_make(app, &make, &made, reterr);
    if (r < 0) {
        return r;
    }
    if (make.options->isolation.dry_run) {
        return run_plan_print(app, &made.spec, reterr);
    }
    output_print(&app->out, "%s\n", made.container.id);
    return sweep_dead(app, NULL, reterr);
}

const struct command cmd_create = {
    .name = "create",
    .args = "IMAGE [COMMAND [ARG...]]",
    .summary = "make a container without running it",
    .help =
        "Takes what run takes, but --detach, and prints the container's ID. It runs with start.\n"
        "\n"
        "  imgc create --name job -v data:/data alpine ./job\n"
        "  imgc start -a job\n",
    .options = run_options,
    .options_size = sizeof(struct run_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .stop_early = true,
    .ids = IDS_NEEDED,
    .run = create_run,
    .failure_status = container_launch_status,
};
