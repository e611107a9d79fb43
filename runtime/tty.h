/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminals: the container's own pseudo terminal, and the caller's in raw mode.
 *
 * Source: pty(7), termios(3), ioctl_tty(2).
 */
#ifndef IMGC_RUNTIME_TTY_H
#define IMGC_RUNTIME_TTY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"

/**
 * A new pseudo terminal of the devpts instance on @pts_fd. The other end is opened through the
 * master itself, never by a name that somebody could have changed (CVE-2025-52565).
 * @return 0; -SYS.
 */
IMGC_CHECK int tty_open_pair(int pts_fd, int *ret_master_fd, int *ret_slave_fd,
                             struct imgc_err *reterr);

/** Make @slave_fd the controlling terminal of the caller, a session leader. @return 0; -SYS. */
IMGC_CHECK int tty_control(int slave_fd, struct imgc_err *reterr);

/** Give @to the window size of the terminal @from. @return whether @from is one with a size. */
bool tty_copy_size(int from, int to);

/** Window size of the terminal @fd. @return whether it is one with a size. */
bool tty_get_size(int fd, uint16_t *ret_rows, uint16_t *ret_columns);

/** Give the terminal @fd this window size. */
void tty_set_size(int fd, uint16_t rows, uint16_t columns);

/* A terminal whose modes were changed; putting them back is the cleanup. */
struct tty_raw {
    int fd; /* borrowed; -1: nothing to put back */
    struct termios saved;
};

#define TTY_RAW_INIT \
    {                \
        .fd = -1     \
    }

/** Raw mode, as for a remote shell: every key goes to the container. @return 0; -SYS. */
IMGC_CHECK int tty_raw_enter(struct tty_raw *t, int fd, struct imgc_err *reterr);
void tty_raw_leave(struct tty_raw *t);
#define tty_raw_auto imgc_auto(tty_raw_leave)

#endif
