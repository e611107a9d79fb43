/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending containers: signals, waiting, removal, also of those whose imgc was killed. Whoever is
 * signalled is known by pid and start time, through a pidfd, so no other process can be hit.
 */
#ifndef IMGC_CMD_CONTAINER_END_H
#define IMGC_CMD_CONTAINER_END_H

#include "cmd/app.h"
#include "store/container.h"

/** container_find() where a missing one is an error. One that has just ended is waited for until
 * that is written down. The store is opened. @return 0; -NOTFOUND. */
IMGC_CHECK int container_end_find(struct app *app, const char *name, struct container *ret,
                                  struct imgc_err *reterr);

enum {
    CONTAINER_END_GONE = 1, /* it does not run (any more) */
    CONTAINER_END_TIMEOUT,  /* it still runs */
};

/** Send @signal to PID 1 of the container. @return 0; CONTAINER_END_GONE; -SYS. */
IMGC_CHECK int container_end_signal(const struct container *c, int signal, struct imgc_err *reterr);

/** Wait until it has ended and the imgc that runs it has written so, or is dead, too.
 * @deadline_ms  of clock_monotonic_ms(); below 0: none.
 * @return 0; CONTAINER_END_TIMEOUT; -INTERRUPTED; -SYS. */
IMGC_CHECK int container_end_await(const struct container *c, int64_t deadline_ms,
                                   struct imgc_err *reterr);

/** Kill it if it runs, wait for its end, and clear up what a killed imgc has left of it. */
IMGC_CHECK int container_end_kill(const struct container *c, struct imgc_err *reterr);

struct container_end_stop {
    const struct container *container;
    int64_t timeout_s; /* below 0: for ever */
    int64_t deadline_ms;
    bool is_gone;
};

/** Stop several at once: its stop signal to each, and what still runs after its time is killed.
 * @item container and timeout_s are set. What does not run is left alone. @return 0; the first
 * failure.
 */
IMGC_CHECK int container_end_stop(struct app *app, struct container_end_stop *items, size_t n,
                                  struct imgc_err *reterr);

/** Remove a container. @force  kill it first if it runs. @volumes  with those that are its own.
 * @return 0; -INUSE (it runs). */
IMGC_CHECK int container_end_remove(struct app *app, const struct container *c, bool force,
                                    bool volumes, struct imgc_err *reterr);

/** Remove, killed if it runs, the container named @name, if there is one. */
IMGC_CHECK int container_end_replaced(struct app *app, const char *name, struct imgc_err *reterr);

#endif
