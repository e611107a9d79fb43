/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "store/place.h"
#include "tests/lib/store.h"

static bool is_there(struct test_store *t, const struct place *p)
{
    return faccessat(store_root_fd(t->s), p->path, F_OK, 0) == 0;
}

static void test_what_has_a_row_stays(void **state)
{
    struct test_store *t = *state;
    struct digest blob = test_blob(t, "{}"), layer = test_layer(t, 'a', 10);
    struct digest gone = test_digest("gone", 4);
    struct place items[3];

    place_blob(&items[0], &blob);
    place_layer(&items[1], &layer);
    place_blob(&items[2], &gone); /* neither row nor file */
    assert_ok(place_withdraw(t->s, t->lease, items, 3, &t->err), t->err);
    assert_true(is_there(t, &items[0]));
    assert_true(is_there(t, &items[1]));
}

static void test_what_has_no_row_goes(void **state)
{
    struct test_store *t = *state;
    int root = store_root_fd(t->s);
    struct digest d = test_digest("orphan", 6);
    struct place layer, container;

    place_layer(&layer, &d);
    place_container(&container, "0123");
    assert_int_equal(mkdirat(root, layer.path, 0500), 0);
    assert_int_equal(mkdirat(root, container.path, 0700), 0);
    struct place items[2] = { layer, container };
    assert_ok(place_withdraw(t->s, t->lease, items, 2, &t->err), t->err);
    assert_false(is_there(t, &layer));
    assert_false(is_there(t, &container));
    t->lease = lease_end(t->lease);
    assert_int_equal(test_count(t, "tmp"), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_has_a_row_stays),
        CASE(test_what_has_no_row_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
