/* SPDX-License-Identifier: Apache-2.0 */
/* imgc attach: the terminal, or standard input and output, of a container that runs. */
#include "cmd/attaching.h"
#include "cmd/commands.h"
#include "cmd/container_end.h"
#include "cmd/latest.h"

struct attach_options {
    bool no_stdin, no_sig_proxy, latest;
    const char *detach_keys;
};

#define AT(field) offsetof(struct attach_options, field)

static const struct option attach_options[] = {
    { 0, "detach-keys", OPT_STRING, AT(detach_keys), "KEYS",
      "what leaves it running (ctrl-p,ctrl-q); \"\": nothing does" },
    LATEST_ROW(AT(latest)),
    { 0, "no-stdin", OPT_FLAG, AT(no_stdin), NULL, "do not connect standard input" },
    { 0, "sig-proxy", OPT_NEGATED, AT(no_sig_proxy), NULL,
      "=false keeps signals from a container without a terminal" },
    { .name = NULL },
};

static int attach_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    const struct attach_options *o = options;
    container_auto struct container c = { .name = NULL };
    struct attaching a = { .uses_input = !o->no_stdin,
                           .uses_out = true,
                           .uses_err = true,
                           .proxies_signals = !o->no_sig_proxy };
    struct latest latest;
    int code = 0;

    int r = latest_resolve(app, o->latest, true, &args, &latest, reterr);
    r = r < 0 ? r : attaching_parse_keys(o->detach_keys, &a, reterr);
    r = r < 0 ? r : container_end_find(app, args.v[0], &c, reterr);
    r = r < 0 ? r : attaching_join(app, &c, &a, &code, reterr);
    return r < 0 ? r : code;
}

const struct command cmd_attach = {
    .name = "attach",
    .args = "CONTAINER",
    .summary = "connect to a running container",
    .help =
        "Shows what the container writes from now on and, where it was made with -i, gives it "
        "what\n"
        "is typed. Its exit status becomes imgc's. On a container's terminal ctrl-p ctrl-q leaves\n"
        "it running; without one, signals go to the container: --sig-proxy=false keeps Ctrl-C "
        "here.\n"
        "Several may be attached at once; one that reads nothing for 3 seconds is let go.\n"
        "\n"
        "  imgc attach shell\n"
        "  imgc attach --no-stdin --sig-proxy=false web\n",
    .options = attach_options,
    .options_size = sizeof(struct attach_options),
    .min_args = 0,
    .max_args = 1,
    .ids = IDS_WANTED,
    .run = attach_run,
};
