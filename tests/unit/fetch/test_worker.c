/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "fetch/worker.h"
#include "tests/lib/store.h"

static void on_wake(void *arg)
{
    (void)arg;
}

/* Else the loop would take a transfer that the worker refused for one that is short. */
static void test_over_once_nothing_is_taken(void **state)
{
    struct test_store *t = *state;
    const struct digest blob = test_digest("x", 1);
    const struct worker_args args = { .store = t->s,
                                      .lease = t->lease,
                                      .ingest = { .blob = &blob, .blob_size = 1 },
                                      .wake = on_wake };

    for (int i = 0; i < 500; i++) {
        struct worker *w = NULL;
        struct layer_info info;
        enum worker_put how;
        assert_ok(worker_start(&args, &w, &t->err), t->err);
        do {
            how = worker_put(w, "yz", 2);
        } while (how != WORKER_OVER);
        assert_true(worker_is_over(w));
        assert_true(worker_result(w, &info, &t->err) < 0);
        w = worker_free(w);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_over_once_nothing_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
