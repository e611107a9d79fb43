/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between a running container and its caller: output, terminal input, signals, until it ends.
 */
#ifndef IMGC_RUNTIME_RELAY_H
#define IMGC_RUNTIME_RELAY_H

#include <signal.h>
#include <sys/types.h>

#include "runtime/attach_server.h"
#include "runtime/log.h"

/* All fds are borrowed. */
struct relay {
    pid_t pid;
    int pid_fd;
    int signal_fd;          /* of relay_block_signals() */
    int *master_fd;         /* the container's terminal, or -1; closed, and then -1, when ours hangs
                               up */
    bool forward_input;     /* our stdin goes to the terminal, or to *in_fd */
    int *in_fd;             /* without a terminal: write end of its stdin, or -1; closed, and then
                               -1, at the end of ours */
    int out_fds[2];         /* read ends of its stdout and stderr, or -1 */
    uint64_t timeout_s;     /* when it is killed; 0: never */
    struct log_writer *log; /* or NULL */
    struct attach_server *attach; /* or NULL; else its clients take the place of the caller's own
                                     standard input, output and error, which are left alone */
};

/** Block every signal and get them by *ret_fd instead. @ret_old  the mask to put back.
 * @return 0; -SYS. */
IMGC_CHECK int relay_block_signals(sigset_t *ret_old, int *ret_fd, struct imgc_err *reterr);

/** Put the mask back. A SIGPIPE of ours is not left for the caller. */
void relay_unblock_signals(const sigset_t *old);

/**
 * Relay until the process has ended, and reap it. What cannot be written to the caller's stdout is
 * dropped once nobody reads there; what cannot be logged is an error after the end.
 * @ret_status  as waitpid() has it; set also with -SYS and -NOSPACE of the log.
 */
IMGC_CHECK int relay_run(const struct relay *relay, int *ret_status, struct imgc_err *reterr);

#endif
