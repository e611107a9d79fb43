/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left to do when a command has answered, and the order of doing it (store/background.h).
 * The list is here because the chores come from several folders.
 */
#ifndef IMGC_CMD_CHORES_H
#define IMGC_CMD_CHORES_H

#include "cmd/app.h"

/** Have the chores done from now on, beside this command: for one that goes on for long. A failure
 * is only warned of, for the next command that writes starts them again. */
void chores_start(struct app *app);

/** Have them done after the answer: program_run() starts them when the command has printed. */
void chores_note(struct app *app);

/** The last use of the store: start them if chores_note() was called. */
void chores_finish(struct app *app);

#endif
