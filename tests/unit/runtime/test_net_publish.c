/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/net_publish.h"

static const struct ip_addr loopback = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } };
static const struct ip_addr none = { .family = 0 };

static void parse(const char *text, struct net_port_list *list)
{
    struct imgc_err err;
    assert_int_equal(net_port_parse(imgc_str_of(text), list, &err), 0);
}

static void test_held_and_given_back(void **state)
{
    net_port_list_auto struct net_port_list first = { .n = 0 }, second = { .n = 0 };
    struct net_publish p, q;
    struct imgc_err err;
    (void)state;

    parse("127.0.0.1::80", &first);
    parse("127.0.0.1::80/udp", &first);
    assert_int_equal(net_publish_begin(&first, &p, &err), 0);
    assert_true(first.items[0].first > 0 && first.items[0].first == first.items[0].last);
    assert_true(first.items[1].first > 0);

    for (int i = 0; i < 2; i++) { /* before it serves and after */
        parse("127.0.0.1:1:80", &second);
        second.items[0] = first.items[i];
        assert_int_equal(net_publish_begin(&second, &q, &err), -(int)IMGC_E_EXISTS);
        assert_non_null(strstr(err.msg, "is taken by another process"));
        net_port_list_done(&second);
        assert_int_equal(net_publish_serve(&p, &loopback, &none, &err), 0);
    }
    net_publish_end(&p);
    assert_int_equal(p.pid, 0);
    net_publish_end(&p);

    assert_int_equal(net_publish_begin(&first, &p, &err), 0); /* the same ones are free again */
    net_publish_end(&p);
}

/* All or nothing: what was taken before the failure is free after it. */
static void test_nothing_half(void **state)
{
    net_port_list_auto struct net_port_list taken = { .n = 0 }, list = { .n = 0 };
    struct net_publish p, q;
    struct imgc_err err;
    (void)state;

    parse("127.0.0.1::80-81", &taken);
    assert_int_equal(net_publish_begin(&taken, &p, &err), 0);
    net_publish_end(&p);
    parse("127.0.0.1:1-2:80-81", &list);
    list.items[0] = taken.items[0];
    list.items[1] = taken.items[1];
    net_port_list_done(&taken);
    parse("127.0.0.1:1:80", &taken);
    taken.items[0] = list.items[1];
    assert_int_equal(net_publish_begin(&taken, &p, &err), 0);
    assert_int_equal(net_publish_begin(&list, &q, &err), -(int)IMGC_E_EXISTS);
    list.n = 1;
    assert_int_equal(net_publish_begin(&list, &q, &err), 0);
    net_publish_end(&q);
    net_publish_end(&p);
}

/* Of a range a free one is taken, after those that must be what they are. */
static void test_ranges(void **state)
{
    net_port_list_auto struct net_port_list one = { .n = 0 }, list = { .n = 0 };
    struct net_publish p;
    struct imgc_err err;
    (void)state;

    parse("127.0.0.1::80", &one);
    assert_int_equal(net_publish_begin(&one, &p, &err), 0);
    net_publish_end(&p);
    uint16_t port = one.items[0].first;
    parse("127.0.0.1:1-2:81", &list);
    list.items[0].first = port;
    list.items[0].last = (uint16_t)(port > 65000 ? port : port + 50);
    parse("127.0.0.1:1:80", &list);
    list.items[1].first = list.items[1].last = port;
    if (port <= 65000) {
        assert_int_equal(net_publish_begin(&list, &p, &err), 0);
        assert_int_equal(list.items[1].first, port);
        assert_true(list.items[0].first > port);
        net_publish_end(&p);
    }
}

static void test_no_address(void **state)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };
    struct net_publish p;
    struct imgc_err err;
    (void)state;

    parse("203.0.113.1:8080:80", &list);
    assert_int_equal(net_publish_begin(&list, &p, &err), -(int)IMGC_E_USAGE);
    assert_string_equal(err.msg, "-p: 203.0.113.1 is no address of this host");
}

/* Whoever runs the container may be killed at any time. */
static void test_parent_dies(void **state)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };
    struct net_publish p;
    struct imgc_err err;
    int fds[2];
    uint16_t port = 0;
    (void)state;

    parse("127.0.0.1::80", &list);
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (net_publish_begin(&list, &p, &err) == 0 &&
            net_publish_serve(&p, &loopback, &none, &err) == 0 &&
            write(fds[1], &list.items[0].first, sizeof port) == (ssize_t)sizeof port) {
            (void)raise(SIGKILL);
        }
        _exit(1);
    }
    assert_int_equal(read(fds[0], &port, sizeof port), sizeof port);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    list.items[0].first = list.items[0].last = port;
    int r = -1;
    for (int i = 0; r < 0 && i < 2000; i++) {
        r = net_publish_begin(&list, &p, &err);
        (void)usleep(r < 0 ? 10000 : 0);
    }
    assert_int_equal(r, 0);
    net_publish_end(&p);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_and_given_back),
        cmocka_unit_test(test_nothing_half),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_no_address),
        cmocka_unit_test(test_parent_dies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
