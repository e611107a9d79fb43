/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting the caller's terminal, or standard input and output, to a container that a monitor
 * runs: attach, start --attach, and run where the container can be left running.
 */
#ifndef IMGC_CMD_ATTACHING_H
#define IMGC_CMD_ATTACHING_H

#include "cmd/app.h"
#include "runtime/detach_keys.h"
#include "store/container.h"

struct container_made;

struct attaching {
    bool uses_input, uses_out, uses_err;
    bool proxies_signals;
    struct detach_keys keys;
};

/** @detach_keys  as typed; NULL: the usual ones. @return 0; -USAGE. */
IMGC_CHECK int attaching_parse_keys(const char *detach_keys, struct attaching *ret,
                                    struct imgc_err *reterr);

/** @has_terminal  -i and -t: then the caller's standard input has to be one. @return 0; -USAGE. */
IMGC_CHECK int attaching_check_terminal(const struct attaching *a, bool has_terminal,
                                        struct imgc_err *reterr);

/** Have the container run by a monitor and stay connected until it ends or is left.
 * @ret_code  its exit status; 0 where it was left. @return 0; what container_launch_detached()
 * returns: it has not run; -SYS. */
IMGC_CHECK int attaching_launch(struct app *app, struct container_made *made,
                                const struct attaching *a, int *ret_code, struct imgc_err *reterr);

/** Connect to one that runs. @return 0; -NOTRUNNING; -INUSE (another imgc has it in its
 * foreground); -SYS (its imgc was killed, or has let us go). */
IMGC_CHECK int attaching_join(struct app *app, const struct container *c, const struct attaching *a,
                              int *ret_code, struct imgc_err *reterr);

#endif
