/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/tty.h"

#include <errno.h>
#include <fcntl.h>

#include "schema/base/fd.h"

int tty_open_pair(int pts_fd, int *ret_master_fd, int *ret_slave_fd, struct imgc_err *reterr)
{
    imgc_autoclose int master_fd = -1;
    int unlocked = 0;

    int r = fd_open_at(pts_fd, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0, &master_fd, reterr);
    if (r < 0) {
        return r;
    }
    if (ioctl(master_fd, TIOCSPTLCK, &unlocked) < 0) {
        return imgc_fail_sys(reterr, errno, "unlock a pseudo terminal");
    }
    int slave_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave_fd < 0) {
        return imgc_fail_sys(reterr, errno, "open the other end of a pseudo terminal");
    }
    *ret_master_fd = imgc_take_fd(master_fd);
    *ret_slave_fd = slave_fd;
    return 0;
}

int tty_control(int slave_fd, struct imgc_err *reterr)
{
    if (ioctl(slave_fd, TIOCSCTTY, 0) < 0) {
        return imgc_fail_sys(reterr, errno, "take the controlling terminal");
    }
    return 0;
}

bool tty_copy_size(int from, int to)
{
    struct winsize size;

    if (ioctl(from, TIOCGWINSZ, &size) < 0) {
        return false;
    }
    (void)ioctl(to, TIOCSWINSZ, &size);
    return true;
}

bool tty_get_size(int fd, uint16_t *ret_rows, uint16_t *ret_columns)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) < 0) {
        return false;
    }
    *ret_rows = size.ws_row;
    *ret_columns = size.ws_col;
    return true;
}

void tty_set_size(int fd, uint16_t rows, uint16_t columns)
{
    const struct winsize size = { .ws_row = rows, .ws_col = columns };

    (void)ioctl(fd, TIOCSWINSZ, &size);
}

int tty_raw_enter(struct tty_raw *t, int fd, struct imgc_err *reterr)
{
    struct termios raw;

    if (tcgetattr(fd, &t->saved) < 0) {
        return imgc_fail_sys(reterr, errno, "read the modes of the terminal");
    }
    raw = t->saved;
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSANOW, &raw) < 0) {
        return imgc_fail_sys(reterr, errno, "set the terminal to raw mode");
    }
    t->fd = fd;
    return 0;
}

void tty_raw_leave(struct tty_raw *t)
{
    if (t->fd >= 0) {
        (void)tcsetattr(t->fd, TCSADRAIN, &t->saved);
        t->fd = -1;
    }
}
