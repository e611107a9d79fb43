/* SPDX-License-Identifier: Apache-2.0 */
/* imgc volume prune: remove volumes that no container uses. */
#include <stdio.h>
#include <unistd.h>

#include "cmd/chores.h"
#include "cmd/commands.h"
#include "cmd/sweep.h"
#include "cmd/units.h"
#include "cmd/volume_text.h"

struct prune_options {
    bool all, force;
    struct option_list filters;
};

static const struct option prune_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct prune_options, all), NULL,
      "also those that have a name" },
    { 'f', "force", OPT_FLAG, offsetof(struct prune_options, force), NULL, "do not ask" },
    { 0, "filter", OPT_LIST, offsetof(struct prune_options, filters), "K=V",
      "label, label!, name, until" },
    { .name = NULL },
};

enum { ASK_NO = 1 };

static int ask(struct app *app, const struct prune_options *o, struct imgc_err *reterr)
{
    char answer[16] = "";

    if (o->force) {
        return 0;
    }
    if (isatty(STDIN_FILENO) != 1) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "volume prune asks first, and there is no terminal to ask on: use "
                         "--force");
    }
    (void)fprintf(app->out.err,
                  "Remove all %svolumes that no container uses, and what is in "
                  "them? [y/N] ",
                  o->all ? "" : "anonymous ");
    (void)fflush(app->out.err);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y') ? 0
                                                                                         : ASK_NO;
}

static int prune_one(struct app *app, const struct volume *v, uint64_t *bytes, bool *is_first,
                     struct imgc_err *reterr)
{
    uint64_t size = 0;

    int r = volume_bytes(app->store, v->name, &size, reterr);
    r = r < 0 ? r : volume_remove(app->store, v->name, reterr);
    if (r != 0) {
        return r < 0 ? r : 0; /* somebody was faster, or uses it now */
    }
    output_print(&app->out, "%s%s\n", *is_first ? "Deleted Volumes:\n" : "", v->name);
    *is_first = false;
    *bytes += size;
    return 0;
}

static int prune_run(struct app *app, const void *options, struct args args,
                     struct imgc_err *reterr)
{
    const struct prune_options *o = options;
    volume_list_auto struct volume_list list = { .n = 0 };
    char size[UNITS_TEXT_MAX];
    struct store *store;
    uint64_t bytes = 0;
    bool is_first = true;
    (void)args;

    int r = volume_text_check(&o->filters, reterr);
    r = r < 0 ? r : ask(app, o, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    r = app_store(app, &store, reterr);
    r = r < 0 ? r : sweep_dead(app, NULL, reterr);
    r = r < 0 ? r : volume_list(store, &list, reterr);
    for (size_t i = 0; i < list.n && r == 0; i++) {
        const struct volume *v = &list.items[i];
        if (v->uses == 0 && (o->all || v->is_anonymous) && volume_text_match(&o->filters, v)) {
            r = prune_one(app, v, &bytes, &is_first, reterr);
        }
    }
    chores_note(app);
    if (r < 0) {
        return r;
    }
    output_print(&app->out, "%sTotal reclaimed space: %s\n", is_first ? "" : "\n",
                 units_human_size(bytes, size));
    return 0;
}

const struct command cmd_volume_prune = {
    .name = "volume prune",
    .args = "",
    .summary = "remove volumes that nothing uses",
    .help =
        "Without --all only anonymous volumes go: those that were made for a container that is\n"
        "gone.\n"
        "\n"
        "  imgc volume prune -af --filter label!=keep\n",
    .options = prune_options,
    .options_size = sizeof(struct prune_options),
    .min_args = 0,
    .max_args = 0,
    .run = prune_run,
};
