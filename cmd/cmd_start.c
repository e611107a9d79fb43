/* SPDX-License-Identifier: Apache-2.0 */
/* imgc start: run containers that were made, or have ended. */
#include "cmd/attaching.h"
#include "cmd/commands.h"
#include "cmd/container_end.h"
#include "cmd/container_launch.h"
#include "cmd/each.h"
#include "cmd/latest.h"

struct start_options {
    bool attach, interactive, no_sig_proxy, latest;
    const char *detach_keys;
};

#define AT(field) offsetof(struct start_options, field)

static const struct option start_options[] = {
    { 'a', "attach", OPT_FLAG, AT(attach), NULL,
      "show the output, forward signals, exit as the container does" },
    { 0, "detach-keys", OPT_STRING, AT(detach_keys), "KEYS",
      "with -ai: what leaves it running (ctrl-p,ctrl-q); \"\": nothing does" },
    { 'i', "interactive", OPT_FLAG, AT(interactive), NULL,
      "connect standard input of a container that was made with -i" },
    LATEST_ROW(AT(latest)),
    { 0, "sig-proxy", OPT_NEGATED, AT(no_sig_proxy), NULL,
      "=false: signals end imgc and not the container" },
    { .name = NULL },
};

static int start_detached(struct app *app, const char *name, void *arg, struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    container_make_auto struct container_made made = { .spec = SPEC_INIT };
    (void)arg;

    int r = container_end_find(app, name, &c, reterr);
    if (r == 0 && c.status != CONTAINER_RUNNING) { /* else it is as asked, as in docker */
        r = container_make_again(app, &c, &made, reterr);
        r = r < 0 ? r : container_launch_detached(app, &made, NULL, reterr);
    }
    if (r < 0) {
        return r;
    }
    output_print(&app->out, "%s\n", name);
    return 0;
}

static int start_anew(struct app *app, struct container *take_container, const struct attaching *a,
                      int *ret_code, struct imgc_err *reterr)
{
    container_make_auto struct container_made made = { .spec = SPEC_INIT };

    int r = container_make_again(app, take_container, &made, reterr);
    if (r == 0) {
        r = attaching_check_terminal(a, made.spec.terminal && made.spec.interactive, reterr);
    }
    return r < 0 ? r : attaching_launch(app, &made, a, ret_code, reterr);
}

static int start_attached(struct app *app, const struct start_options *o, const char *name,
                          struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    struct attaching a = { .uses_input = o->interactive,
                           .uses_out = true,
                           .uses_err = true,
                           .proxies_signals = !o->no_sig_proxy };
    int code = 0;

    int r = attaching_parse_keys(o->detach_keys, &a, reterr);
    r = r < 0 ? r : container_end_find(app, name, &c, reterr);
    if (r < 0) {
        return r;
    }
    r = c.status == CONTAINER_RUNNING ? attaching_join(app, &c, &a, &code, reterr)
                                      : start_anew(app, &c, &a, &code, reterr);
    return r < 0 ? r : code;
}

static int start_run(struct app *app, const void *options, struct args args,
                     struct imgc_err *reterr)
{
    const struct start_options *o = options;
    struct latest latest;

    int r = latest_resolve(app, o->latest, true, &args, &latest, reterr);
    if (r < 0) {
        return r;
    }
    if (!o->attach && !o->interactive) {
        return each_word(app, args, start_detached, NULL, reterr);
    }
    if (args.n > 1) {
        return imgc_fail(reterr, IMGC_E_USAGE, "start --attach takes one container");
    }
    return start_attached(app, o, args.v[0], reterr);
}

/* Of the container's command as of `run`; of ours what they are elsewhere, unless it was to stay.
 */
const struct command cmd_start = {
    .name = "start",
    .args = "CONTAINER...",
    .summary = "run containers that were made before",
    .help =
        "Each runs in the background, and its name is printed when its command is executed;\n"
        "one that runs already is left as it is. With --attach the status is the command's, and\n"
        "125, 126 and 127 mean what they mean of run; one that runs already is attached to.\n"
        "\n"
        "  imgc start web db\n"
        "  imgc start -ai shell\n",
    .options = start_options,
    .options_size = sizeof(struct start_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .ids = IDS_NEEDED,
    .run = start_run,
    .failure_status = container_launch_status,
};
