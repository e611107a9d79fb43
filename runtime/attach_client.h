/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's side of a connection to a container (attach.h): its terminal or standard input,
 * output and error become the container's, until the container ends or the caller detaches.
 */
#ifndef IMGC_RUNTIME_ATTACH_CLIENT_H
#define IMGC_RUNTIME_ATTACH_CLIENT_H

#include "runtime/attach.h"
#include "runtime/detach_keys.h"

struct attach_client_args {
    int fd;                              /* of attach_connect() or attach_pair(); borrowed */
    bool is_owner;                       /* the container was started with this connection */
    bool uses_input, uses_out, uses_err; /* which of ours are connected */
    bool proxies_signals;           /* also those that end us; on a terminal only the owner's */
    const struct detach_keys *keys; /* on a terminal; borrowed */
    void (*signal)(void *arg, int signal_number); /* send it to the container */
    void *arg;
};

enum {
    ATTACH_CLIENT_DETACHED = 1, /* the keys were typed */
    ATTACH_CLIENT_SIGNALLED,    /* a signal that is not for the container */
    ATTACH_CLIENT_LOST,         /* the other end is gone and has not said how it ended */
};

struct attach_client_end {
    struct attach_exit exit; /* how the container ended; with 0 */
    int signal_number;       /* with SIGNALLED */
};

/** The size of the caller's terminal: of standard output, else of standard input. @return whether
 * there is one. */
bool attach_client_size(struct attach_size *ret);

/**
 * Connect until it is over. The caller's terminal and signal mask are as before on every return.
 * Nobody else may read the signals meanwhile.
 *
 * @return 0; ATTACH_CLIENT_*; -SYS.
 */
IMGC_CHECK int attach_client_run(const struct attach_client_args *args,
                                 struct attach_client_end *ret, struct imgc_err *reterr);

#endif
