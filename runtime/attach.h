/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How other processes talk to the one that runs a container (its monitor, or a `start -a`): a Unix
 * socket "attach" in the container's run directory, <runroot>/containers/<id>/ (0700), which is
 * there while the container runs. Its type is SOCK_SEQPACKET, so a packet is a message: one byte
 * that says what it is, then its data.
 *
 *   client -> server   ATTACH_HELLO    first: one byte, whether the client wants the output (1, 0)
 *                      ATTACH_INPUT    bytes for standard input, at most ATTACH_DATA_MAX
 *                      ATTACH_END      no more input: closes it (with -t Ctrl-D is a byte of the
 *                                      input, and this hangs the terminal up; only its owner may)
 *                      ATTACH_RESIZE   struct attach_size: of the client's terminal
 *                      ATTACH_DETACH   last: the container is to go on without this client
 *   server -> client   ATTACH_STATE    answers the hello: struct attach_state
 *                      ATTACH_STDOUT, ATTACH_STDERR   output from now on; with a terminal all is
 *                                      stdout
 *                      ATTACH_EXIT     struct attach_exit, last: the store knows of it by then
 *
 * Every client that wants output gets all of it. What a client does not read holds up the container
 * as soon as the socket and the pipe are full, but not for longer than ATTACH_PATIENCE_MS: then the
 * client is let go. Signals do not come this way, where they would wait behind input that the
 * container does not read: clients send them to its process. Input of several clients is mixed by
 * packets; without -i it is dropped. A client may go at any time: the container does not notice.
 *
 * The one that the container was started by has its end of the connection from the beginning: its
 * owner. It is as a foreground run is: waited for however slowly it reads, and when it goes without
 * ATTACH_DETACH, its terminal being gone or itself killed, the container's terminal hangs up, so
 * that no shell stays behind that nobody means to come back to.
 *
 * Numbers are in the byte order of the host, both ends being one binary on one host; a size that
 * does not fit ends the connection.
 */
#ifndef IMGC_RUNTIME_ATTACH_H
#define IMGC_RUNTIME_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"

#define ATTACH_SOCKET "attach"  /* in the run directory of the container */
#define ATTACH_DATA_MAX 16384u  /* bytes of one packet behind its first byte */
#define ATTACH_PATIENCE_MS 3000 /* for a client that takes nothing of what is there for it */

enum attach_kind {
    ATTACH_HELLO = 'h',
    ATTACH_INPUT = 'i',
    ATTACH_END = 'e',
    ATTACH_RESIZE = 'r',
    ATTACH_DETACH = 'd',
    ATTACH_STATE = 's',
    ATTACH_STDOUT = '1',
    ATTACH_STDERR = '2',
    ATTACH_EXIT = 'x',
};

struct attach_size { /* characters */
    uint16_t rows, columns;
};

struct attach_state {
    uint8_t terminal, interactive; /* -t and -i of the container */
};

struct attach_exit {
    int32_t code; /* as launch_result.exit_code */
    uint8_t oom_killed, padding[3];
};

struct attach_packet {
    enum attach_kind kind;
    size_t len; /* bytes of data */
    uint8_t data[ATTACH_DATA_MAX];
};

enum {
    ATTACH_NOBODY = 1, /* no process of imgc listens */
    ATTACH_CLOSED,     /* the other end is gone */
    ATTACH_AGAIN,      /* it would block, and the socket does not */
};

/** A connection as it is between the monitor and the owner: no hello is said.
 * @ret_fds  the container's end, the client's; close-on-exec; caller closes. @return 0; -SYS. */
IMGC_CHECK int attach_pair(int ret_fds[2], struct imgc_err *reterr);

/** Make the socket in the directory @dir_fd and listen; a dead one is replaced.
 * @ret_fd  non-blocking; caller closes. @return 0; -SYS. */
IMGC_CHECK int attach_listen(int dir_fd, int *ret_fd, struct imgc_err *reterr);

/** Connect to the socket in @dir_fd and say hello. @ret_fd  blocking; caller closes.
 * @return 0; ATTACH_NOBODY; -SYS. */
IMGC_CHECK int attach_connect(int dir_fd, bool wants_output, int *ret_fd, struct imgc_err *reterr);

/** Send one packet, whole or not at all. @return 0; ATTACH_CLOSED; ATTACH_AGAIN; -SYS. */
IMGC_CHECK int attach_send(int fd, enum attach_kind kind, const void *data, size_t len,
                           struct imgc_err *reterr);

/** Receive one packet. An empty or too large one counts as ATTACH_CLOSED: the other end is no imgc.
 * @return 0; ATTACH_CLOSED; ATTACH_AGAIN; -SYS. */
IMGC_CHECK int attach_receive(int fd, struct attach_packet *ret, struct imgc_err *reterr);

#endif
