/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/ids.h"

#include <assert.h>
#include <unistd.h>

int ids_enter(struct app *app, enum ids_use use, struct imgc_err *reterr)
{
    struct imgc_err err;

    if (use == IDS_NONE || geteuid() == 0 || app->ids.kind != USERNS_NONE) {
        return 0;
    }
    assert(!app->store);
    int r = userns_enter(&app->ids, &err);
    if (r < 0 && use == IDS_NEEDED) {
        *reterr = err;
        return r;
    }
    if (r < 0) {
        output_debug(&app->out, "%s, ignoring", err.msg);
        return 0;
    }
    output_debug(&app->out, "in a user namespace with %llu user IDs%s%s",
                 (unsigned long long)app->ids.n_uids, app->ids.why_single[0] ? ": " : "",
                 app->ids.why_single);
    return 0;
}
