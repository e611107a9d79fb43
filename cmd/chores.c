/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/chores.h"

#include "layers/punch.h"
#include "store/background.h"
#include "store/partial.h"
#include "store/sync.h"
#include "store/trash.h"

static const struct background_chore chores[] = {
    { trash_empty }, /* first: what is gone need not be synced */
    { sync_now },
    { punch_all }, /* only what is synced */
    { partial_expire },
};

static void start(struct app *app, bool is_last)
{
    const struct background_args args = { .chores = chores,
                                          .n_chores = sizeof chores / sizeof *chores,
                                          .is_last = is_last };
    struct imgc_err err;

    if (!app->has_chores || !app->store) {
        return;
    }
    app->has_chores = false;
    if (background_start(app->store, &args, &err) < 0) {
        output_warn(&app->out, "%s, ignoring", err.msg);
    }
}

void chores_note(struct app *app)
{
    app->has_chores = true;
}

void chores_start_noted(struct app *app)
{
    start(app, false);
}

void chores_finish(struct app *app)
{
    start(app, true);
}
