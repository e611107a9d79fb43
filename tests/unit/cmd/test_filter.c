/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "cmd/describe.h"
#include "cmd/filter.h"

#define SECOND INT64_C(1000000000)
#define NOW (INT64_C(1700000000) * SECOND) /* 2023-11-14T22:13:20Z */

static int parse(const char **items, unsigned allowed, struct filter *ret, struct imgc_err *err)
{
    /* The filter borrows the strings, not the list. */
    struct option_list list = { .items = items, .n = 0 };
    const struct filter_args args = { .list = &list, .allowed = allowed, .now_ns = NOW };

    while (items[list.n]) {
        list.n++;
    }
    return filter_parse(&args, ret, err);
}

static int created(void *arg, struct imgc_str name, int64_t *ret_ns, struct imgc_err *reterr)
{
    (void)arg;
    if (!imgc_str_eq(name, IMGC_STR("other"))) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such image");
    }
    *ret_ns = NOW - 50 * SECOND;
    return 0;
}

static void test_match(void **state)
{
    static const struct {
        const char *items[4];
        bool want;
    } cases[] = {
        { { NULL }, true },
        { { "dangling=true" }, false },
        { { "dangling=false" }, true },
        { { "dangling=true", "dangling=false" }, true }, /* one key: any */
        { { "label=a" }, true },
        { { "label=a=1" }, true },
        { { "label=a=2" }, false },
        { { "label=a", "label=b" }, false }, /* labels: all */
        { { "label!=a" }, false },
        { { "label!=a=2" }, true },
        { { "label!=b", "label!=a=1" }, false },
        { { "reference=debian" }, true },
        { { "reference=debian:*" }, true },
        { { "reference=deb*" }, true },
        { { "reference=*/debian" }, false },
        { { "reference=docker.io/library/debian:12" }, true },
        { { "reference=*:1" }, false }, /* a star ends at a slash */
        { { "reference=*/*/*:1" }, true },
        { { "reference=quay.io/*/app" }, true },
        { { "reference=nope", "reference=debian" }, true },
        { { "reference=debian", "label=b" }, false }, /* different keys: all */
        { { "before=other" }, true },
        { { "since=other" }, false },
        { { "until=1h" }, false }, /* it came 100 s ago, whenever it was built */
        { { "until=90s" }, true },
        { { "until=0d" }, true },
        { { "until=2023-11-14T22:13:20Z" }, true },
        { { "until=2023-11-14" }, false },
        { { "until=1700000000" }, true },
        { { "id=ab" }, true },
        { { "id=sha256:ab" }, true },
        { { "id=cd" }, false },
    };
    char *tags[] = { (char[]){ "docker.io/library/debian:12" }, (char[]){ "quay.io/x/app:1" },
                     NULL };
    struct image image = { .id = { .alg = DIGEST_SHA256, .bytes = { 0xab } },
                           .created_ns = NOW - 1000 * SECOND,
                           .added_ns = NOW - 100 * SECOND,
                           .tags = tags };
    json_t *labels = json_pack("{s:s}", "a", "1");
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *items[4];
        filter_auto struct filter f = { .items = NULL };
        struct imgc_err err;

        memcpy(items, cases[i].items, sizeof items);
        assert_ok(parse(items, ~0U, &f, &err), err);
        assert_ok(filter_resolve(&f, created, NULL, &err), err);
        if (filter_match(&f, &image, labels) != cases[i].want) {
            fail_msg("case %zu: %s", i, cases[i].items[0]);
        }
    }
    json_decref(labels);
}

static void test_refused(void **state)
{
    static const struct {
        const char *item;
        unsigned allowed;
        const char *says;
    } cases[] = {
        { "nosuchkey=1", ~0U, "'nosuchkey=1'" },   { "dangling", ~0U, "'dangling'" },
        { "dangling=maybe", ~0U, "'maybe'" },      { "label=", ~0U, "needs a value" },
        { "until=yesterday", ~0U, "'yesterday'" }, { "until=99999999999999999999", ~0U, "until" },
        { "before=x", FILTER_UNTIL, "until=" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *items[] = { cases[i].item, NULL };
        filter_auto struct filter f = { .items = NULL };
        struct imgc_err err;

        assert_err(parse(items, cases[i].allowed, &f, &err), IMGC_E_USAGE);
        if (!strstr(err.msg, cases[i].says)) {
            fail_msg("'%s' does not say '%s'", err.msg, cases[i].says);
        }
    }
    const char *items[] = { "since=missing", NULL };
    filter_auto struct filter f = { .items = NULL };
    struct imgc_err err;
    assert_ok(parse(items, ~0U, &f, &err), err);
    assert_err(filter_resolve(&f, created, NULL, &err), IMGC_E_NOTFOUND);
}

static void test_familiar(void **state)
{
    static const struct {
        const char *full, *want;
    } cases[] = {
        { "docker.io/library/debian:12", "debian:12" },
        { "docker.io/library/a/b:1", "library/a/b:1" },
        { "docker.io/u/app", "u/app" },
        { "quay.io/library/debian:12", "quay.io/library/debian:12" },
        { "localhost:5000/x@sha256:00", "localhost:5000/x@sha256:00" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(describe_familiar(cases[i].full), cases[i].want);
    }
}

static void test_ago(void **state)
{
    char out[DESCRIBE_TIME_MAX];
    (void)state;

    assert_string_equal(describe_ago(NOW - 7200 * SECOND, NOW, out), "2 hours ago");
    assert_string_equal(describe_ago(0, NOW, out), "N/A");
    assert_string_equal(describe_ago(NOW + 5 * SECOND, NOW, out), "Less than a second ago");
    (void)describe_ago(INT64_MIN, NOW, out); /* a hostile date overflows nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_familiar),
        cmocka_unit_test(test_ago),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
