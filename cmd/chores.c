/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/chores.h"

#include "store/background.h"
#include "store/sync.h"

static const struct background_chore chores[] = {
    { sync_now },
};

static void start(struct app *app, bool is_last)
{
    const struct background_args args = { .chores = chores,
                                          .n_chores = sizeof chores / sizeof *chores,
                                          .is_last = is_last };
    struct imgc_err err;

    if (background_start(app->store, &args, &err) < 0) {
        output_warn(&app->out, "%s, ignoring", err.msg);
    }
}

void chores_start(struct app *app)
{
    start(app, false);
}

void chores_note(struct app *app)
{
    app->has_chores = true;
}

void chores_finish(struct app *app)
{
    if (app->has_chores && app->store) {
        start(app, true);
    }
}
