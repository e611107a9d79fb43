/* SPDX-License-Identifier: Apache-2.0 */
/* imgc run: a container of an image, or of a directory. */
#include "cmd/commands.h"
#include "cmd/container_launch.h"
#include "cmd/run_plan.h"

static int run_detached(struct app *app, struct container_made *made, struct imgc_err *reterr)
{
    int r = container_launch_detached(app, made, reterr);
    if (r < 0) {
        container_make_undo(app, made);
        return r;
    }
    output_print(&app->out, "%s\n", made->container.id);
    return 0;
}

/* It goes away again when it never ran. */
static int run_foreground(struct app *app, struct container_made *made, struct ahead *ahead,
                          struct imgc_err *reterr)
{
    int code = 0;

    int r = container_launch(app, made, ahead, &code, reterr);
    if (r < 0) {
        container_make_undo(app, made);
        return r;
    }
    return code;
}

static int run_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct run_options *o = options;
    container_make_auto struct container_made made = { .spec = SPEC_INIT };
    ahead_auto struct ahead ahead = AHEAD_INIT;
    const struct container_make_args make = { .options = o,
                                              .words = args,
                                              .is_unowned = o->lifecycle.detach,
                                              .ahead = o->lifecycle.detach || o->isolation.dry_run
                                                           ? NULL
                                                           : &ahead };

    int r = container_make(app, &make, &made, reterr);
    if (r < 0) {
        return r;
    }
    if (o->isolation.dry_run) {
        return run_plan_print(app, &made.spec, reterr);
    }
    return o->lifecycle.detach ? run_detached(app, &made, reterr)
                               : run_foreground(app, &made, &ahead, reterr);
}

const struct command cmd_run = {
    .name = "run",
    .args = "IMAGE [COMMAND [ARG...]]",
    .summary = "run a command in a new container",
    .help =
        "The image is pulled when it is not in the store. The command's exit status is imgc's;\n"
        "125 is a failure of imgc, 126 a command that cannot be executed, 127 one that is not\n"
        "there, 128+N a death by signal N. The network of root's containers is a bridge, where "
        "this\n"
        "host has bridges and nftables, else only a loopback interface, as ordinary users have.\n"
        "\n"
        "  imgc run --rm debian:bookworm cat /etc/os-release\n"
        "  imgc run --rm -it -v \"$PWD\":/src:ro -w /src debian:bookworm bash\n"
        "  imgc run -d --name web -l team=a nginx\n"
        "  imgc run -m 64m --cpus 0.5 --pids-limit 20 --name job alpine ./job\n"
        "  imgc run --rm --rootfs ./rootfs /bin/sh\n",
    .options = run_options,
    .options_size = sizeof(struct run_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .stop_early = true,
    .ids = IDS_NEEDED,
    .run = run_run,
    .failure_status = container_launch_status,
};
