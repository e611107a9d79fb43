/* SPDX-License-Identifier: Apache-2.0 */
/* The relay in a process of its own; this one is both who connects and who is connected to. */
#include "tests/lib/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/net_port_relay.h"
#include "runtime/net_port_tcp.h"
#include "runtime/net_port_udp.h"
#include "schema/base/fd.h"

#define WAIT_MS 20000

struct relayed {
    pid_t pid;
    int control_fd;
    int server_fd; /* the "container's" */
    struct sockaddr_in host;
};

static const struct ip_addr loopback = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } };

static uint16_t port_of(int fd)
{
    struct sockaddr_in a = { .sin_port = 0 };
    socklen_t len = sizeof a;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

static int server(int type)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* @spare  room for so many connections; 0: as many as there may be. */
static void start(struct relayed *r, int type, unsigned spare)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };
    struct net_port_sockets sockets = { .n = 0 };
    struct imgc_err err;
    char text[64];
    int fds[2];

    r->server_fd = server(type);
    if (type == SOCK_STREAM) {
        assert_int_equal(listen(r->server_fd, 16), 0);
    }
    (void)snprintf(text, sizeof text, "127.0.0.1::%u/%s", (unsigned)port_of(r->server_fd),
                   type == SOCK_STREAM ? "tcp" : "udp");
    assert_int_equal(net_port_parse(imgc_str_of(text), &list, &err), 0);
    assert_int_equal(net_port_bind(&list, &sockets, &err), 0);
    r->host = (struct sockaddr_in){ .sin_family = AF_INET,
                                    .sin_port = htons(list.items[0].first),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(pipe(fds), 0);
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (r->pid == 0) {
        const struct net_port_relay_args args = { .sockets = &sockets,
                                                  .address4 = loopback,
                                                  .control_fd = fds[0] };
        const struct rlimit few = { 321 + 2 * spare, 321 + 2 * spare };
        (void)close(fds[1]);
        (void)close(r->server_fd);
        if (spare > 0) {
            (void)setrlimit(RLIMIT_NOFILE, &few);
        }
        _exit(net_port_relay_run(&args, &err) == 0 ? 0 : 1);
    }
    (void)close(fds[0]);
    r->control_fd = fds[1];
    net_port_sockets_done(&sockets);
}

/* It ends when the control is closed. */
static void stop(struct relayed *r)
{
    int status = -1;

    (void)close(r->control_fd);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    assert_int_equal(status, 0);
    if (r->server_fd >= 0) {
        (void)close(r->server_fd);
    }
}

static void await(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

static int join(const struct relayed *r, int type)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&r->host, sizeof r->host), 0);
    return fd;
}

static int take(const struct relayed *r)
{
    await(r->server_fd);
    int fd = accept(r->server_fd, NULL, NULL);
    assert_true(fd >= 0);
    return fd;
}

static void expect(int fd, const char *want)
{
    char got[64] = "";
    size_t len = 0;

    while (len < strlen(want)) {
        await(fd);
        ssize_t n = read(fd, got + len, sizeof got - 1 - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    assert_string_equal(got, want);
}

static void expect_end(int fd)
{
    char c;

    await(fd);
    assert_int_equal(read(fd, &c, 1), 0);
}

static void expect_reset(int fd)
{
    char c;

    await(fd);
    assert_int_equal(read(fd, &c, 1), -1);
    assert_int_equal(errno, ECONNRESET);
}

static void test_both_ways(void **state)
{
    struct relayed r;
    (void)state;

    start(&r, SOCK_STREAM, 0);
    int client = join(&r, SOCK_STREAM), container = take(&r);
    assert_int_equal(write(client, "question", 8), 8);
    expect(container, "question");
    /* An end of one way is none of the other. */
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    expect_end(container);
    assert_int_equal(write(container, "answer", 6), 6);
    expect(client, "answer");
    (void)close(container);
    expect_end(client);
    (void)close(client);
    stop(&r);
}

/* More than sockets hold: what the other end does not take is kept, and nothing is lost. */
static void test_much(void **state)
{
    enum { BYTES = 8000000 };
    struct relayed r;
    (void)state;

    start(&r, SOCK_STREAM, 0);
    int client = join(&r, SOCK_STREAM), container = take(&r);
    pid_t writer = fork();
    if (writer == 0) {
        unsigned char chunk[1000];
        for (size_t i = 0; i < BYTES; i += sizeof chunk) {
            for (size_t j = 0; j < sizeof chunk; j++) {
                chunk[j] = (unsigned char)((i + j) % 251);
            }
            struct imgc_err err;
            if (fd_write_all(client, chunk, sizeof chunk, &err) < 0) {
                _exit(1);
            }
        }
        _exit(0);
    }
    (void)close(client);
    (void)usleep(100000); /* so that it fills up */
    size_t total = 0;
    for (;;) {
        unsigned char got[70000];
        await(container);
        ssize_t n = read(container, got, sizeof got);
        assert_true(n >= 0);
        for (ssize_t i = 0; i < n; i++) {
            assert_int_equal(got[i], (total + (size_t)i) % 251);
        }
        total += (size_t)n;
        if (n == 0) {
            break;
        }
    }
    assert_int_equal(total, BYTES);
    (void)close(container);
    (void)waitpid(writer, NULL, 0);
    stop(&r);
}

static void test_resets(void **state)
{
    const struct linger at_once = { .l_onoff = 1 };
    struct relayed r;
    (void)state;

    start(&r, SOCK_STREAM, 0);
    int client = join(&r, SOCK_STREAM), container = take(&r);
    assert_int_equal(setsockopt(container, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    (void)close(container);
    expect_reset(client);
    (void)close(client);
    /* Nobody there at all. */
    (void)close(r.server_fd);
    r.server_fd = -1;
    client = join(&r, SOCK_STREAM);
    expect_reset(client);
    (void)close(client);
    stop(&r);
}

static void test_urgent(void **state)
{
    struct relayed r;
    (void)state;

    start(&r, SOCK_STREAM, 0);
    int client = join(&r, SOCK_STREAM), container = take(&r);
    assert_int_equal(send(client, "ab", 2, 0), 2);
    assert_int_equal(send(client, "!", 1, MSG_OOB), 1);
    assert_int_equal(send(client, "cd", 2, 0), 2);
    expect(container, "ab!cd");
    (void)close(client);
    (void)close(container);
    stop(&r);
}

/* One that is too many does not wait for ever, and makes no other wait. */
static void test_too_many(void **state)
{
    struct relayed r;
    int clients[2], containers[2];
    (void)state;

    start(&r, SOCK_STREAM, 2);
    for (int i = 0; i < 2; i++) {
        clients[i] = join(&r, SOCK_STREAM);
        containers[i] = take(&r);
    }
    int third = join(&r, SOCK_STREAM);
    expect_reset(third);
    (void)close(third);
    assert_int_equal(write(clients[1], "still", 5), 5);
    expect(containers[1], "still");
    (void)close(clients[0]);
    (void)close(containers[0]);
    for (int i = 0; i < 200; i++) { /* soon there is room again */
        char c;
        third = join(&r, SOCK_STREAM);
        (void)usleep(10000);
        if (recv(third, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) {
            break;
        }
        (void)close(third);
        third = -1;
    }
    assert_true(third >= 0);
    (void)close(take(&r));
    expect_end(third);
    (void)close(third);
    (void)close(clients[1]);
    (void)close(containers[1]);
    stop(&r);
}

static void test_udp(void **state)
{
    struct relayed r;
    struct sockaddr_in from[2] = { { .sin_port = 0 } };
    int clients[2];
    char got[64];
    (void)state;

    start(&r, SOCK_DGRAM, 0);
    for (int i = 0; i < 2; i++) {
        socklen_t len = sizeof from[i];
        clients[i] = join(&r, SOCK_DGRAM);
        assert_int_equal(send(clients[i], i == 0 ? "a" : "", i == 0 ? 1 : 0, 0), 1 - i);
        await(r.server_fd);
        assert_int_equal(
            recvfrom(r.server_fd, got, sizeof got, 0, (struct sockaddr *)&from[i], &len), 1 - i);
    }
    assert_int_not_equal(from[0].sin_port, from[1].sin_port); /* peers are told apart */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sendto(r.server_fd, i == 0 ? "for a" : "for b", 5, 0,
                                (struct sockaddr *)&from[i], sizeof from[i]),
                         5);
        expect(clients[i],
               i == 0 ? "for a" : "for b"); /* a connected socket: from where it asked */
    }
    /* The same peer keeps its socket. */
    struct sockaddr_in again = { .sin_port = 0 };
    socklen_t len = sizeof again;
    assert_int_equal(send(clients[0], "b", 1, 0), 1);
    await(r.server_fd);
    assert_int_equal(recvfrom(r.server_fd, got, sizeof got, 0, (struct sockaddr *)&again, &len), 1);
    assert_int_equal(again.sin_port, from[0].sin_port);
    (void)close(clients[0]);
    (void)close(clients[1]);
    stop(&r);
}

/* More peers than there is room for: the last ones are served. */
static void test_udp_peers(void **state)
{
    enum { PEERS = NET_PORT_UDP_PEERS + 20 };
    struct relayed r;
    char got[8];
    (void)state;

    start(&r, SOCK_DGRAM, 0);
    for (int i = 0; i < PEERS; i++) {
        struct sockaddr_in from;
        socklen_t len = sizeof from;
        int client = join(&r, SOCK_DGRAM);
        assert_int_equal(send(client, "x", 1, 0), 1);
        await(r.server_fd);
        assert_int_equal(recvfrom(r.server_fd, got, sizeof got, 0, (struct sockaddr *)&from, &len),
                         1);
        assert_int_equal(sendto(r.server_fd, "y", 1, 0, (struct sockaddr *)&from, len), 1);
        expect(client, "y");
        (void)close(client);
    }
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways), cmocka_unit_test(test_much),
        cmocka_unit_test(test_resets),    cmocka_unit_test(test_urgent),
        cmocka_unit_test(test_too_many),  cmocka_unit_test(test_udp),
        cmocka_unit_test(test_udp_peers),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
