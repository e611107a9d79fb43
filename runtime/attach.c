/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "schema/base/fd.h"

#define BACKLOG 16

/* By the fd of its directory: the run directory's own path may be longer than the 107 bytes that an
 * address has room for. */
static void make_address(int dir_fd, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    (void)snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/" ATTACH_SOCKET, dir_fd);
}

static int make_socket(int flags, int *ret_fd, struct imgc_err *reterr)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);

    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "make a socket");
    }
    *ret_fd = fd;
    return 0;
}

int attach_pair(int ret_fds[2], struct imgc_err *reterr)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0) {
        return imgc_fail_sys(reterr, errno, "make a socket");
    }
    return 0;
}

int attach_listen(int dir_fd, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    struct sockaddr_un address;

    int r = make_socket(SOCK_NONBLOCK, &fd, reterr);
    if (r < 0) {
        return r;
    }
    make_address(dir_fd, &address);
    if (unlinkat(dir_fd, ATTACH_SOCKET, 0) < 0 && errno != ENOENT) {
        return imgc_fail_sys(reterr, errno, "remove an old socket");
    }
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        return imgc_fail_sys(reterr, errno, "make the socket '" ATTACH_SOCKET "'");
    }
    if (listen(fd, BACKLOG) < 0) {
        return imgc_fail_sys(reterr, errno, "listen on the socket '" ATTACH_SOCKET "'");
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

int attach_connect(int dir_fd, bool wants_output, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    struct sockaddr_un address;
    uint8_t wants = wants_output;

    int r = make_socket(0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    make_address(dir_fd, &address);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        return errno == ENOENT || errno == ECONNREFUSED
                   ? ATTACH_NOBODY
                   : imgc_fail_sys(reterr, errno, "connect to the socket '" ATTACH_SOCKET "'");
    }
    r = attach_send(fd, ATTACH_HELLO, &wants, sizeof wants, reterr);
    if (r != 0) {
        return r < 0 ? r : ATTACH_NOBODY;
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

int attach_send(int fd, enum attach_kind kind, const void *data, size_t len,
                struct imgc_err *reterr)
{
    uint8_t first = (uint8_t)kind;
    union { /* sendmsg() takes what it only reads as not const */
        const void *in;
        void *out;
    } cast = { .in = data };
    struct iovec parts[] = { { &first, sizeof first }, { cast.out, len } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    ssize_t n;

    do {
        n = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        return 0;
    }
    if (errno == EAGAIN) {
        return ATTACH_AGAIN;
    }
    return errno == EPIPE || errno == ECONNRESET
               ? ATTACH_CLOSED
               : imgc_fail_sys(reterr, errno, "send to the other end of '" ATTACH_SOCKET "'");
}

static bool is_kind(uint8_t c)
{
    return c != 0 && strchr("hierd"
                            "s12x",
                            c) != NULL;
}

int attach_receive(int fd, struct attach_packet *ret, struct imgc_err *reterr)
{
    uint8_t first = 0;
    struct iovec parts[] = { { &first, sizeof first }, { ret->data, sizeof ret->data } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    ssize_t n;

    do { /* fds that somebody sends along are not taken: there is no room for them */
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        return ATTACH_AGAIN;
    }
    if (n < 0 && errno != ECONNRESET) {
        return imgc_fail_sys(reterr, errno, "receive from '" ATTACH_SOCKET "'");
    }
    if (n <= 0 || (message.msg_flags & MSG_TRUNC) || !is_kind(first)) {
        return ATTACH_CLOSED;
    }
    ret->kind = (enum attach_kind)first;
    ret->len = (size_t)n - 1;
    return 0;
}
