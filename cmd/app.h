/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process of imgc has once: settings, output, store. Libraries get the parts they need,
 * never the app.
 */
#ifndef IMGC_CMD_APP_H
#define IMGC_CMD_APP_H

#include "cmd/output.h"
#include "cmd/settings.h"
#include "runtime/userns.h"
#include "store/store.h"

struct app {
    struct settings settings; /* global options and environment */
    struct output out;        /* where commands print */
    struct store *store;      /* NULL until app_store() */
    bool has_chores;          /* chores_note() was called */
    struct userns ids;        /* of an ordinary user, from ids_enter() on */
};

/** The store, opened on first use with the settings' root. Borrowed.
 * @return 0; what store_open() returns. */
IMGC_CHECK int app_store(struct app *app, struct store **ret, struct imgc_err *reterr);

/** Whether SIGINT, SIGTERM or SIGHUP came since the start (a flag set by main's handler). */
bool app_interrupted(void);

/** 128 and the number of the signal that came last: the exit status of an interrupted command. */
int app_interrupt_status(void);

/** What main's handler calls for these signals. Async-signal-safe. @return how many came. */
int app_note_interrupt(int signal_number);

#endif
