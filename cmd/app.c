/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/app.h"

#include <signal.h>

/* The only mutable variables of the program: a signal handler has nowhere else to write. */
static volatile sig_atomic_t interrupts, last_interrupt;

int app_store(struct app *app, struct store **ret, struct imgc_err *reterr)
{
    if (!app->store) {
        const struct store_args args = { .root = app->settings.root,
                                         .runroot = app->settings.runroot };
        int r = store_open(&args, &app->store, reterr);
        if (r < 0) {
            return r;
        }
    }
    *ret = app->store;
    return 0;
}

bool app_interrupted(void)
{
    return interrupts > 0;
}

int app_interrupt_status(void)
{
    return 128 + last_interrupt;
}

int app_note_interrupt(int signal_number)
{
    last_interrupt = signal_number;
    if (interrupts < 100) {
        interrupts = interrupts + 1;
    }
    return interrupts;
}
