/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What launcher and container say to each other between clone and exec, over one socket pair that
 * exec closes. Each message is one packet: whole or not there.
 */
#ifndef IMGC_RUNTIME_SYNC_H
#define IMGC_RUNTIME_SYNC_H

#include "schema/base/err.h"

enum sync_kind {
    SYNC_PLACED, /* launcher: you are guarded, and in your cgroup */
    SYNC_READY,  /* container: my root is there; the master of its terminal comes along */
    SYNC_GO,     /* launcher: exec */
    SYNC_ERROR,  /* container: err says why there will be no exec */
};

struct sync_message {
    enum sync_kind kind;
    struct imgc_err err; /* of SYNC_ERROR */
};

enum { SYNC_CLOSED = 1 };

IMGC_CHECK int sync_pair(int *ret_launcher_fd, int *ret_container_fd, struct imgc_err *reterr);

/** Send a message without an error. @pass_fd goes along unless -1. @return 0; -SYS. */
IMGC_CHECK int sync_send(int fd, enum sync_kind kind, int pass_fd, struct imgc_err *reterr);

/** Tell the launcher why. Nobody is left to hear of a failure of this. */
void sync_send_error(int fd, const struct imgc_err *err);

/** Wait for a message. @ret_fd  what came along, or -1; may be NULL.
 * @return 0; SYNC_CLOSED; -SYS. */
IMGC_CHECK int sync_receive(int fd, struct sync_message *ret, int *ret_fd, struct imgc_err *reterr);

#endif
