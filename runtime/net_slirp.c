/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_slirp.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/net_user_args.h"
#include "schema/base/fd.h"
#include "schema/json.h"

#define ANSWER_BYTES 4096
#define ANSWER_SECONDS 30

int net_slirp_request(const struct net_port *p, struct imgc_buf *b, struct imgc_err *reterr)
{
    char host[IP_TEXT_MAX] = "0.0.0.0";
    struct imgc_str all;

    if (p->host.family == AF_INET6) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "slirp4netns publishes no port on an IPv6 address ([%s]:%u); pasta does "
                         "(package passt)",
                         ip_text(&p->host, host), (unsigned)p->first);
    }
    if (p->host.family != 0) {
        (void)ip_text(&p->host, host);
    }
    imgc_buf_printf(b,
                    "{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"%s\","
                    "\"host_addr\":\"%s\",\"host_port\":%u,"
                    "\"guest_addr\":\"" NET_USER_SLIRP_GUEST "\",\"guest_port\":%u}}\n",
                    net_port_protocol(p), host, (unsigned)p->first, (unsigned)p->port);
    return imgc_buf_finish(b, &all, reterr);
}

/* By the fd of its directory: the path may be longer than an address holds. */
static int connect_socket(int dir_fd, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval limit = { .tv_sec = ANSWER_SECONDS };
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    (void)snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/" NET_SLIRP_SOCKET, dir_fd);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
        connect(fd, (const struct sockaddr *)&a, sizeof a) < 0) {
        return imgc_fail_sys(reterr, errno, "connect to slirp4netns");
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

static int judge(struct imgc_str answer, const struct net_port *p, struct imgc_err *reterr)
{
    json_auto_free json_t *j = NULL;
    struct imgc_err ignored;
    const char *why = NULL;

    if (json_parse(answer, "slirp4netns", &j, &ignored) == 0 && json_object_get(j, "return")) {
        return 0;
    }
    why = json_string_value(json_object_get(json_object_get(j, "error"), "desc"));
    return imgc_fail(reterr, IMGC_E_HOST, "slirp4netns does not publish %s port %u: %s",
                     net_port_protocol(p), (unsigned)p->first, why ? why : "no answer");
}

static int publish_one(int dir_fd, const struct net_port *p, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf request = IMGC_BUF_INIT(ANSWER_BYTES);
    imgc_autobuf struct imgc_buf answer = IMGC_BUF_INIT(ANSWER_BYTES);
    imgc_autoclose int fd = -1;

    int r = net_slirp_request(p, &request, reterr);
    r = r < 0 ? r : connect_socket(dir_fd, &fd, reterr);
    r = r < 0 ? r : fd_write_all(fd, request.ptr, request.len, reterr);
    if (r == 0 && shutdown(fd, SHUT_WR) < 0) {
        r = imgc_fail_sys(reterr, errno, "ask slirp4netns");
    }
    r = r < 0 ? r : fd_read_all(fd, &answer, reterr);
    return r < 0 ? r : judge((struct imgc_str){ answer.ptr, answer.len }, p, reterr);
}

int net_slirp_publish(int dir_fd, const struct net_port_list *ports, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < ports->n; i++) {
        r = publish_one(dir_fd, &ports->items[i], reterr);
    }
    return r;
}
