/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "store/db.h"
#include "store/store_handle.h"
#include "store/sync.h"
#include "tests/lib/store.h"

/* What a power loss leaves: rows of another boot. */
static void pretend_other_boot(struct test_store *t)
{
    assert_ok(db_exec(t->s->db,
                      "UPDATE blob SET boot_id = 'other'; UPDATE layer SET boot_id = 'other'; "
                      "UPDATE view SET boot_id = 'other'",
                      &t->err),
              t->err);
}

static int64_t number(struct test_store *t, const char *sql)
{
    int64_t n = -1;
    assert_ok(db_number(t->s->db, sql, &n, &t->err), t->err);
    return n;
}

static void test_suspect_after_a_power_loss(void **state)
{
    struct test_store *t = *state;
    struct digest layer = test_layer(t, 'a', 1000), blob = test_blob(t, "{}");

    assert_int_equal(sync_check(t->s, &layer, true, &t->err), 0);
    assert_int_equal(sync_check(t->s, &blob, false, &t->err), 0);
    pretend_other_boot(t);
    assert_int_equal(sync_check(t->s, &layer, true, &t->err), SYNC_SUSPECT);
    assert_int_equal(sync_check(t->s, &blob, false, &t->err), SYNC_SUSPECT);
    assert_ok(sync_now(t->s, &t->err), t->err); /* proves nothing about another boot's */
    assert_int_equal(sync_check(t->s, &layer, true, &t->err), SYNC_SUSPECT);
    assert_ok(sync_proven(t->s, &layer, true, &t->err), t->err);
    assert_ok(sync_proven(t->s, &blob, false, &t->err), t->err);
    assert_int_equal(sync_check(t->s, &layer, true, &t->err), 0);
    assert_int_equal(sync_check(t->s, &blob, false, &t->err), 0);
}

static void test_synced_is_never_suspect(void **state)
{
    struct test_store *t = *state;
    struct digest layer = test_layer(t, 'a', 1000), blob = test_blob(t, "{}");

    assert_ok(sync_now(t->s, &t->err), t->err);
    pretend_other_boot(t);
    assert_int_equal(sync_check(t->s, &layer, true, &t->err), 0);
    assert_int_equal(sync_check(t->s, &blob, false, &t->err), 0);
}

static void test_suspect_layer_is_replaced_by_a_new_copy(void **state)
{
    struct test_store *t = *state;
    struct digest layer = test_layer(t, 'a', 1000);

    pretend_other_boot(t);
    assert_int_equal(sync_check(t->s, &layer, true, &t->err), SYNC_SUSPECT);
    (void)test_layer(t, 'a', 1000);
    assert_int_equal(sync_check(t->s, &layer, true, &t->err), 0);
}

static void test_lost_takes_its_images_along(void **state)
{
    struct test_store *t = *state;
    struct digest a = test_layer(t, 'a', 1000), b = test_layer(t, 'b', 1000);
    struct digest one = test_image(t, "{1}", "a", &a, 1), two = test_image(t, "{2}", "b", &b, 1);
    struct layer_info info;
    image_auto struct image image = { .size = 0 };

    assert_ok(sync_lost(t->s, &a, true, &t->err), t->err);
    assert_int_equal(layer_find(t->s, NULL, &a, &info, &t->err), LAYER_MISSING);
    assert_int_equal(test_count(t, "layers"), 1);
    assert_int_equal(image_find_id(t->s, &one, &image, &t->err), IMAGE_MISSING);
    assert_ok(image_find_id(t->s, &two, &image, &t->err), t->err);
    assert_ok(sync_lost(t->s, &two, false, &t->err), t->err); /* its config */
    image_done(&image);
    assert_int_equal(image_find_id(t->s, &two, &image, &t->err), IMAGE_MISSING);
}

static void test_marks_what_was_there(void **state)
{
    struct test_store *t = *state;

    (void)test_layer(t, 'a', 1000);
    (void)test_blob(t, "{}");
    assert_int_equal(number(t, "SELECT count(*) FROM layer WHERE synced <> 1"), 1);
    assert_ok(sync_now(t->s, &t->err), t->err);
    assert_int_equal(number(t, "SELECT count(*) FROM layer WHERE synced = 1"), 1);
    assert_int_equal(number(t, "SELECT count(*) FROM blob WHERE synced = 1"), 1);
    (void)test_blob(t, "{2}");
    assert_int_equal(number(t, "SELECT count(*) FROM blob WHERE synced = 0"), 1);
    assert_ok(db_exec(t->s->db, "UPDATE blob SET synced = -7 WHERE synced = 0", &t->err), t->err);
    assert_ok(sync_now(t->s, &t->err), t->err); /* takes over the ticket of one that died */
    assert_int_equal(number(t, "SELECT count(*) FROM blob WHERE synced = 1"), 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_suspect_after_a_power_loss),
        CASE(test_synced_is_never_suspect),
        CASE(test_suspect_layer_is_replaced_by_a_new_copy),
        CASE(test_lost_takes_its_images_along),
        CASE(test_marks_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
