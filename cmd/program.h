/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `imgc [OPTIONS] COMMAND [ARG...]`: global options, then the command.
 */
#ifndef IMGC_CMD_PROGRAM_H
#define IMGC_CMD_PROGRAM_H

#include "cmd/command.h"

/** Run the command line. @stdout_is_closed  it was, and something else is open in its place.
 * @return the exit status. */
int program_run(int argc, const char *const *argv, bool stdout_is_closed);

/** The global options, for help. */
extern const struct option program_options[];

/** "0.1.0" */
const char *program_version(void);

#endif
