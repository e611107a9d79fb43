/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sync.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "schema/base/fd.h"
#include "schema/base/str.h"

int sync_pair(int *ret_launcher_fd, int *ret_container_fd, struct imgc_err *reterr)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        return imgc_fail_sys(reterr, errno, "make a socket pair");
    }
    *ret_launcher_fd = fds[0];
    *ret_container_fd = fds[1];
    return 0;
}

union control {
    char space[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

/* @return 0 or an errno. */
static int send_packet(int fd, const struct sync_message *m, size_t len, int pass_fd)
{
    struct sync_message copy = *m;
    struct iovec iov = { .iov_base = &copy, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    union control control;

    if (pass_fd >= 0) {
        memset(&control, 0, sizeof control);
        msg.msg_control = &control;
        msg.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
    }
    ssize_t n;
    do {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? errno : 0;
}

int sync_send(int fd, enum sync_kind kind, int pass_fd, struct imgc_err *reterr)
{
    struct sync_message m = { .kind = kind };

    int errnum = send_packet(fd, &m, sizeof m.kind, pass_fd);
    return errnum ? imgc_fail_sys(reterr, errnum, "talk to the container's first process") : 0;
}

void sync_send_error(int fd, const struct imgc_err *err)
{
    struct sync_message m = { .kind = SYNC_ERROR, .err = *err };
    (void)send_packet(fd, &m, sizeof m, -1);
}

/* Where processes of the container can look into the one that talks (CAP_SYS_PTRACE, exec.h), these
 * may be their words. */
static void clean_error(struct imgc_err *err)
{
    char raw[IMGC_ERR_MSG_MAX];

    if (err->code < IMGC_OK || err->code > IMGC_E_INTERRUPTED) {
        err->code = IMGC_E_SYS;
    }
    memcpy(raw, err->msg, sizeof raw);
    imgc_str_printable(err->msg, sizeof err->msg, raw, strnlen(raw, sizeof raw));
}

int sync_receive(int fd, struct sync_message *ret, int *ret_fd, struct imgc_err *reterr)
{
    union control control;
    struct iovec iov = { .iov_base = ret, .iov_len = sizeof *ret };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = ret_fd ? &control : NULL,
                          .msg_controllen = ret_fd ? sizeof control.space : 0 };
    ssize_t n;

    memset(ret, 0, sizeof *ret);
    do {
        /* ECONNRESET comes once, ahead of what is queued, where the other side left a message
         * unread as it ended: its own last message is what we want. */
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n < 0) {
        return imgc_fail_sys(reterr, errno, "listen to the container's first process");
    }
    if (n == 0) {
        return SYNC_CLOSED;
    }
    if (ret_fd) {
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        *ret_fd = -1;
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
            c->cmsg_len == CMSG_LEN(sizeof(int))) {
            memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
        }
    }
    clean_error(&ret->err);
    return 0;
}
