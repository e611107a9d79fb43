/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "fetch/proxy.h"

static void addresses_are_taken_apart(void **state)
{
    static const struct {
        const char *text, *url, *user, *password; /* url NULL: refused */
    } rows[] = {
        { "proxy:3128", "http://proxy:3128", NULL, NULL },
        { "http://proxy", "http://proxy", NULL, NULL },
        { " https://proxy:1/ ", "https://proxy:1", NULL, NULL },
        { "socks5h://[::1]:1080", "socks5h://[::1]:1080", NULL, NULL },
        { "u:p@proxy:1", "http://proxy:1", "u", "p" },
        { "http://u@proxy", "http://proxy", "u", NULL },
        { "http://a%40b:%3a%2F%25@proxy:1", "http://proxy:1", "a@b", ":/%" },
        { "http://u:p/w@proxy:1/", "http://proxy:1", "u", "p/w" },
        { "ftp://proxy", NULL, NULL, NULL },
        { "http://", NULL, NULL, NULL },
        { "http://u:p@", NULL, NULL, NULL },
        { "http://u:p%4@proxy", NULL, NULL, NULL },
        { "http://u:p%00@proxy", NULL, NULL, NULL },
        { "http://a b", NULL, NULL, NULL },
        { "http://:80", NULL, NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        proxy_auto struct proxy p = { .url = NULL };
        struct imgc_err err;
        int r = proxy_parse(rows[i].text, &p, &err);

        if ((r == 0) != (rows[i].url != NULL) || (r < 0 && strstr(err.msg, "u:p"))) {
            fail_msg("%s: %d %s", rows[i].text, r, r < 0 ? err.msg : "");
        }
        if (r == 0) {
            assert_string_equal(p.url, rows[i].url);
            assert_string_equal(p.user ? p.user : "-", rows[i].user ? rows[i].user : "-");
            assert_string_equal(p.password ? p.password : "-",
                                rows[i].password ? rows[i].password : "-");
        }
    }
}

static void some_hosts_are_kept_off(void **state)
{
    static const struct {
        const char *no, *host;
        bool is_kept_off;
    } rows[] = {
        { "", "a.example", false },
        { "*", "a.example", true },
        { "example", "example", true },
        { "example", "a.example", true },
        { "example", "aexample", false },
        { "EXAMPLE", "a.example:5000", true },
        { ".example", "a.example", true },
        { ".example", "example", false },
        { "*.example", "b.a.example", true },
        { "*.example", "example", false },
        { "a.example:443", "a.example", true },
        { "a.example:443", "a.example:5000", false },
        { "a.example:5000", "a.example:5000", true },
        { "x, a.example ,y", "a.example", true },
        { "x a.example", "a.example", true },
        { ",,", "a.example", false },
        { "10.0.0.0/8", "10.1.2.3:5000", true },
        { "10.0.0.0/8", "11.1.2.3", false },
        { "10.0.0.0/8", "10.example", false },
        { "10.1.2.3", "10.1.2.3:80", true },
        { "10.1.2.3:81", "10.1.2.3:80", false },
        { "2.3", "10.1.2.3", false },
        { "2001:db8::/32", "[2001:db8::1]:5000", true },
        { "2001:db8::1", "[2001:db8::1]", true },
        { "[2001:db8::1]:443", "[2001:db8::1]", true },
        { "[2001:db8::1]:444", "[2001:db8::1]", false },
        { "a.example", "a.example.", true },
        { "a.example:x", "a.example", false },
        { ".", "a.example", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (proxy_is_kept_off(imgc_str_of(rows[i].no), imgc_str_of(rows[i].host), 443) !=
            rows[i].is_kept_off) {
            fail_msg("'%s' and %s", rows[i].no, rows[i].host);
        }
    }
}

static void each_scheme_has_its_own(void **state)
{
    static const struct {
        struct proxy_rules rules;
        const char *own, *url, *want; /* want NULL: none */
    } rows[] = {
        { { .http = "h" }, NULL, "http://a.example/v2/", "http://h" },
        { { .http = "h" }, NULL, "https://a.example/v2/", NULL },
        { { .https = "s" }, NULL, "https://a.example", "http://s" },
        { { .https = "", .all = "a" }, NULL, "https://a.example", "http://a" },
        { { .https = "s", .all = "a" }, NULL, "https://a.example", "http://s" },
        { { .all = "a" }, NULL, "https://127.0.0.1:5000/v2/", NULL },
        { { .all = "a" }, NULL, "http://localhost/v2/", NULL },
        { { .all = "a" }, NULL, "http://[::1]:5000/v2/", NULL },
        { { .all = "a", .no = "a.example:80" }, NULL, "http://a.example/v2/", NULL },
        { { .all = "a", .no = "a.example:80" }, NULL, "https://a.example/v2/", "http://a" },
        { { .all = "a", .no = "*" }, "own:1", "https://a.example/v2/", "http://own:1" },
        { { .all = NULL }, NULL, "https://a.example/v2/", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        proxy_auto struct proxy p = { .url = NULL };
        struct imgc_err err;

        assert_ok(proxy_for(&rows[i].rules, rows[i].own, rows[i].url, &p, &err), err);
        if ((p.url != NULL) != (rows[i].want != NULL) ||
            (p.url && strcmp(p.url, rows[i].want) != 0)) {
            fail_msg("row %zu: %s", i, p.url ? p.url : "none");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(some_hosts_are_kept_off),
        cmocka_unit_test(each_scheme_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
