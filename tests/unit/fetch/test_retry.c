/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "fetch/retry.h"

static void classes_of_status(void **state)
{
    static const struct {
        long status;
        enum retry_class cls;
    } rows[] = {
        { 301, RETRY_NEVER },     { 400, RETRY_NEVER },     { 401, RETRY_NEVER },
        { 403, RETRY_NEVER },     { 404, RETRY_NEVER },     { 405, RETRY_NEVER },
        { 416, RETRY_NEVER },     { 408, RETRY_TRANSIENT }, { 429, RETRY_TRANSIENT },
        { 500, RETRY_TRANSIENT }, { 502, RETRY_TRANSIENT }, { 503, RETRY_TRANSIENT },
        { 504, RETRY_TRANSIENT }, { 501, RETRY_NEVER },     { 505, RETRY_NEVER },
        { 600, RETRY_NEVER },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(retry_of_status(rows[i].status), rows[i].cls);
    }
}

static void counts_attempts(void **state)
{
    static const struct {
        enum retry_class cls;
        unsigned allowed;
    } rows[] = { { RETRY_NEVER, 0 },
                 { RETRY_DOUBTFUL, RETRY_DOUBTFUL_MAX },
                 { RETRY_TRANSIENT, RETRY_MAX },
                 { RETRY_CONTENT, RETRY_CONTENT_MAX } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct retry retry = { .n_failures = 0 };
        uint64_t delay;
        unsigned n = 0;

        while (retry_next(&retry, rows[i].cls, 0, 0, &delay)) {
            n++;
        }
        assert_int_equal(n, rows[i].allowed);
    }
}

static void delay_doubles_and_is_spread(void **state)
{
    struct retry least = { .n_failures = 0 }, most = least;

    (void)state;
    for (unsigned i = 0; i < RETRY_MAX; i++) {
        uint64_t full = (uint64_t)RETRY_START_MS << i, low, high;

        assert_true(retry_next(&least, RETRY_TRANSIENT, 0, 0, &low));
        assert_true(retry_next(&most, RETRY_TRANSIENT, 0, (uint32_t)(full / 2), &high));
        assert_int_equal(low, full / 2);
        assert_int_equal(high, full);
    }
}

static void retry_after_is_honoured_up_to_a_minute(void **state)
{
    struct retry retry = { .n_failures = 0 };
    uint64_t delay;

    (void)state;
    assert_true(retry_next(&retry, RETRY_TRANSIENT, 60000, 0, &delay));
    assert_int_equal(delay, 60000);
    assert_false(retry_next(&retry, RETRY_TRANSIENT, 60001, 0, &delay));
    /* A refusal to wait is no attempt. */
    assert_int_equal(retry.n_failures, 1);
}

static void content_is_counted_apart(void **state)
{
    struct retry retry = { .n_failures = RETRY_MAX };
    uint64_t delay;

    (void)state;
    assert_false(retry_next(&retry, RETRY_TRANSIENT, 0, 0, &delay));
    assert_true(retry_next(&retry, RETRY_CONTENT, 0, 0, &delay));
    assert_false(retry_next(&retry, RETRY_CONTENT, 0, 0, &delay));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_of_status),
        cmocka_unit_test(counts_attempts),
        cmocka_unit_test(delay_doubles_and_is_spread),
        cmocka_unit_test(retry_after_is_honoured_up_to_a_minute),
        cmocka_unit_test(content_is_counted_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
