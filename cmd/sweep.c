/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/sweep.h"

#include <stdio.h>

#include "cmd/chores.h"
#include "cmd/network_use.h"
#include "runtime/launch.h"
#include "store/gc.h"

const char *sweep_cgroup_name(const char *id, char out[SWEEP_CGROUP_NAME_MAX])
{
    (void)snprintf(out, SWEEP_CGROUP_NAME_MAX, "imgc-%s", id); /* an ID has 64 digits: it fits */
    return out;
}

int sweep_cgroup(const struct container *c, bool patience, struct imgc_err *reterr)
{
    char name[SWEEP_CGROUP_NAME_MAX];

    return launch_cleanup_cgroup(c->cgroup, sweep_cgroup_name(c->id, name), patience, reterr);
}

bool sweep_is_due(const struct container *c)
{
    bool was_owned = c->owner.pid > 0 || c->started_ns > 0; /* else it waits for `start` */

    return was_owned && c->status != CONTAINER_RUNNING && (c->finished_ns == 0 || c->cgroup) &&
           !process_alive(&c->owner);
}

int sweep_abandoned(const struct container *c, struct imgc_err *reterr)
{
    return sweep_is_due(c) ? sweep_cgroup(c, true, reterr) : 0;
}

int sweep_remains(struct app *app, const struct container *c, bool patience,
                  struct imgc_err *reterr)
{
    struct imgc_err ignored; /* what cannot go now, whoever uses a network next sweeps */

    int r = sweep_cgroup(c, patience, reterr);
    if (r == 0) {
        (void)!network_use_sweep(app->store, false, &ignored);
    }
    return r;
}

static int note_end(struct app *app, const struct container *c, struct imgc_err *reterr)
{
    if (c->finished_ns != 0) {
        return container_swept(app->store, c->id, reterr);
    }
    return c->auto_remove ? container_discard(app->store, c->id, reterr)
                          : container_abandoned(app->store, c->id, reterr);
}

/* Once: then the row says that it has ended. Claimed meanwhile, for whoever starts it makes a
 * cgroup of the same name. */
static int end_abandoned(struct app *app, const struct container *c, struct imgc_err *reterr)
{
    int r = container_claim(app->store, c->id, reterr);
    if (r == CONTAINER_BUSY || r == -(int)IMGC_E_NOTFOUND) {
        return 0; /* somebody starts it, or was faster */
    }
    if (r < 0) {
        return r;
    }
    r = sweep_remains(app, c, false, reterr);
    if (r < 0) {
        struct imgc_err ignored;
        (void)!container_unclaim(app->store, c, &ignored); /* for whoever tries again */
        return r;
    }
    r = note_end(app, c, reterr);
    return r == -(int)IMGC_E_NOTFOUND ? 0 : r;
}

int sweep_dead(struct app *app, uint64_t *ret_bytes, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .items = NULL };
    struct gc_swept swept;

    int r = container_list(app->store, &list, reterr);
    for (size_t i = 0; i < list.n && r >= 0; i++) {
        struct imgc_err err;
        /* One that cannot go yet, for a process that the kernel does not let die, is no reason for
         * others not to start, nor to wait for it each time. The next sweep tries again. */
        if (sweep_is_due(&list.items[i]) && end_abandoned(app, &list.items[i], &err) < 0) {
            output_warn(&app->out, "container %s: %s", list.items[i].name, err.msg);
        }
    }
    r = r < 0 ? r : gc_sweep(app->store, ret_bytes != NULL, &swept, reterr);
    if (r < 0) {
        return r;
    }
    if (swept.has_work) {
        chores_note(app);
    }
    if (ret_bytes) {
        *ret_bytes = swept.bytes;
    }
    return 0;
}
