/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "fetch/endpoint.h"

static void loopback_is_told_by_name(void **state)
{
    static const struct {
        const char *host;
        bool is_loopback;
    } rows[] = {
        { "localhost", true },
        { "localhost:5000", true },
        { "LocalHost:1", true },
        { "127.0.0.1", true },
        { "127.0.0.1:5000", true },
        { "127.255.3.4:80", true },
        { "[::1]", true },
        { "[::1]:5000", true },
        { "::1", true },
        { "128.0.0.1", false },
        { "127.0.0.1.example", false },
        { "127.1", false },
        { "localhost.example", false },
        { "notlocalhost:5000", false },
        { "[::2]:5000", false },
        { "0.0.0.0:5000", false },
        { "docker.io", false },
        { "", false },
        { "127.0.0.1:x", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (endpoint_is_loopback(imgc_str_of(rows[i].host)) != rows[i].is_loopback) {
            fail_msg("%s", rows[i].host);
        }
    }
}

static void hub_lives_elsewhere(void **state)
{
    static const struct {
        const char *domain, *host;
    } rows[] = {
        { "docker.io", "registry-1.docker.io" },
        { "index.docker.io", "registry-1.docker.io" },
        { "quay.io", "quay.io" },
        { "localhost:5000", "localhost:5000" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint e;
        endpoint_first(imgc_str_of(rows[i].domain), true, &e);
        assert_true(imgc_str_eq(e.host, imgc_str_of(rows[i].host)));
        assert_int_equal(e.is_plain, i == 3);
        assert_false(e.is_unverified);
    }
}

static void plain_http_is_for_loopback_and_the_careless(void **state)
{
    static const struct {
        const char *domain;
        bool tls_verify;
        int next;
    } rows[] = {
        { "docker.io", true, ENDPOINT_NONE },
        { "registry.example:5000", true, ENDPOINT_NONE },
        { "registry.example:5000", false, 0 },
        { "localhost:5000", true, 0 },
        { "127.0.0.1", true, 0 },
        { "[::1]:5000", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint e;
        endpoint_first(imgc_str_of(rows[i].domain), rows[i].tls_verify, &e);
        assert_int_equal(e.is_unverified, !rows[i].tls_verify);
        /* At a port of this machine: plain, TLS, and plain for good. */
        assert_int_equal(e.is_probe, e.is_loopback && e.has_port);
        assert_int_equal(e.is_plain, e.is_probe);
        if (e.is_probe) {
            assert_int_equal(endpoint_next(&e), 0);
            assert_false(e.is_plain);
        }
        assert_int_equal(endpoint_next(&e), rows[i].next);
        assert_int_equal(e.is_plain, rows[i].next == 0);
        assert_int_equal(endpoint_next(&e), ENDPOINT_NONE);
    }
}

static void ports_are_seen(void **state)
{
    static const struct {
        const char *domain;
        bool has_port;
    } rows[] = {
        { "localhost:5000", true }, { "localhost", false }, { "[::1]", false },
        { "[::1]:5000", true },     { "docker.io", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint e;
        endpoint_first(imgc_str_of(rows[i].domain), true, &e);
        assert_int_equal(e.has_port, rows[i].has_port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_is_told_by_name),
        cmocka_unit_test(hub_lives_elsewhere),
        cmocka_unit_test(plain_http_is_for_loopback_and_the_careless),
        cmocka_unit_test(ports_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
