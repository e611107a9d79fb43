/* SPDX-License-Identifier: Apache-2.0 */
/* imgc run: a container of an image, or of a directory. */
#include "cmd/attaching.h"
#include "cmd/commands.h"
#include "cmd/container_launch.h"
#include "cmd/run_plan.h"

static int run_detached(struct app *app, struct container_made *made, struct imgc_err *reterr)
{
    int r = container_launch_detached(app, made, NULL, reterr);
    if (r < 0) {
        container_make_undo(app, made);
        return r;
    }
    output_print(&app->out, "%s\n", made->container.id);
    return 0;
}

/* It can be left running. */
static int run_attached(struct app *app, struct container_made *made, const struct attaching *a,
                        struct imgc_err *reterr)
{
    int code = 0;

    int r = attaching_launch(app, made, a, &code, reterr);
    if (r < 0) {
        container_make_undo(app, made);
        return r;
    }
    return code;
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
    struct attaching attaching;
    bool detach = o->lifecycle.detach, has_terminal = o->terminal && o->interactive;

    int r = run_attach_parse(&o->attach, detach, &attaching, reterr);
    if (r < 0) {
        return r;
    }
    bool attach = !detach && run_attach_needs_monitor(&o->attach, &attaching, has_terminal);
    bool is_monitored = detach || attach;
    const struct container_make_args make = { .options = o,
                                              .words = args,
                                              .is_unowned = is_monitored,
                                              .ahead = is_monitored || o->isolation.dry_run
                                                           ? NULL
                                                           : &ahead };
    if (attach && !o->isolation.dry_run) {
        r = attaching_check_terminal(&attaching, has_terminal, reterr);
    }
    r = r < 0 ? r : container_make(app, &make, &made, reterr);
    if (r < 0) {
        return r;
    }
    if (o->isolation.dry_run) {
        return run_plan_print(app, &made.spec, reterr);
    }
    if (attach) {
        return run_attached(app, &made, &attaching, reterr);
    }
    return detach ? run_detached(app, &made, reterr) : run_foreground(app, &made, &ahead, reterr);
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
        "With -it, ctrl-p ctrl-q leaves the container running: see 'imgc attach --help'.\n"
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
