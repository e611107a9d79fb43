/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left to do when a command has answered, and the order of doing it (store/background.h).
 * The list is here because the chores come from several folders.
 */
#ifndef IMGC_CMD_CHORES_H
#define IMGC_CMD_CHORES_H

#include "cmd/app.h"

/** Something is to do: program_run() starts the chores when the command has printed. */
void chores_note(struct app *app);

/** If so, start them now: for a command that goes on for long. A failure is only warned of, for the
 * next command that writes starts them again. */
void chores_start_noted(struct app *app);

/** The same as the last use of the store. */
void chores_finish(struct app *app);

#endif
