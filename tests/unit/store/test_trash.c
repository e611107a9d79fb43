/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "store/gc.h"
#include "store/store_handle.h"
#include "store/trash.h"
#include "tests/lib/store.h"

static int64_t number(struct test_store *t, const char *sql)
{
    int64_t n = -1;
    assert_ok(db_number(t->s->db, sql, &n, &t->err), t->err);
    return n;
}

static struct digest add(struct test_store *t, char seed)
{
    struct digest layer = test_layer(t, seed, 10000);
    char config[] = { '{', seed, '}', '\0' };
    return test_image(t, config, NULL, &layer, 1);
}

static void drop_lease(struct test_store *t)
{
    t->lease = lease_end(t->lease);
    assert_ok(lease_begin(t->s, &t->lease, &t->err), t->err);
}

static void test_removed_then_unlinked(void **state)
{
    struct test_store *t = *state;
    struct digest id = add(t, 'a');

    drop_lease(t);
    assert_ok(gc_remove(t->s, &id, NULL, &t->err), t->err);
    assert_int_equal(number(t, "SELECT count(*) FROM layer"), 0);
    assert_int_equal(number(t, "SELECT count(*) FROM trash WHERE settled = 0"), 2);
    assert_int_equal(test_count(t, "layers"), 1);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(number(t, "SELECT count(*) FROM trash"), 0);
    assert_int_equal(test_count(t, "layers"), 0);
    assert_int_equal(test_count(t, "blobs/sha256"), 0);
    assert_int_equal(test_count(t, "tmp"), 1); /* the lease's */
}

/* Its rename would otherwise be on the disk before the removal is. */
static void test_settled_before_it_is_put_again(void **state)
{
    struct test_store *t = *state;
    struct digest id = add(t, 'a'), other = add(t, 'b');
    struct layer_info info;
    struct digest layer = test_layer(t, 'a', 10000);

    drop_lease(t);
    assert_ok(gc_remove(t->s, &id, NULL, &t->err), t->err);
    assert_ok(gc_remove(t->s, &other, NULL, &t->err), t->err);
    assert_int_equal(layer_find(t->s, NULL, &layer, &info, &t->err), LAYER_MISSING);
    id = add(t, 'a');
    assert_int_equal(number(t, "SELECT count(*) FROM trash WHERE settled = 0"), 0);
    assert_int_equal(number(t, "SELECT count(*) FROM trash"), 4);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_ok(layer_find(t->s, NULL, &layer, &info, &t->err), t->err);
    int fd = -1;
    assert_ok(layer_open_tar(t->s, &layer, &fd, &t->err), t->err);
    (void)close(fd);
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(100);
    assert_ok(blob_get(t->s, &id, &b, &t->err), t->err);
    assert_int_equal(test_count(t, "layers"), 1);
    assert_int_equal(number(t, "SELECT count(*) FROM trash"), 0);
}

static void test_a_rest_of_one_that_was_killed(void **state)
{
    struct test_store *t = *state;
    struct gc_swept swept;
    struct gc_usage usage;

    assert_int_equal(mkdirat(store_root_fd(t->s), "tmp/trash", 0700), 0);
    assert_int_equal(mkdirat(store_root_fd(t->s), "tmp/trash/1", 0700), 0);
    assert_int_equal(mkdirat(store_root_fd(t->s), "tmp/trash/1/2", 0700), 0);
    assert_ok(gc_sweep(t->s, true, &swept, &t->err), t->err);
    assert_true(swept.has_work);
    assert_int_equal(swept.bytes, 0); /* it was counted when it was removed */
    assert_ok(gc_usage(t->s, &usage, &t->err), t->err);
    assert_int_equal(usage.leaked_bytes, 0);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(test_count(t, "tmp"), 1);
    assert_ok(gc_sweep(t->s, true, &swept, &t->err), t->err);
    assert_false(swept.has_work);
}

/* More than one batch, and what was removed is gone from the disk already. */
static void test_many(void **state)
{
    struct test_store *t = *state;
    struct gc_report report;

    for (int i = 0; i < 600; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "{%d}", i);
        (void)test_blob(t, text);
    }
    drop_lease(t);
    assert_ok(gc_collect(t->s, false, &report, &t->err), t->err);
    assert_int_equal(report.blobs, 600);
    struct digest gone = test_digest("{7}", 3);
    char path[PATHS_MAX];
    assert_int_equal(unlinkat(store_root_fd(t->s), paths_blob(&gone, path), 0), 0);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(number(t, "SELECT count(*) FROM trash"), 0);
    assert_int_equal(test_count(t, "blobs/sha256"), 0);
}

/* Nobody hears of the failure, so it must not keep all the others for ever. tmp/ stands for what
 * cannot be moved: a mount, an immutable file. */
static void test_one_that_cannot_be_moved(void **state)
{
    struct test_store *t = *state;
    struct digest id = add(t, 'a');

    drop_lease(t);
    assert_ok(db_exec(t->s->db,
                      "INSERT INTO trash (path, kind, key) VALUES ('tmp', 'container', 'none')",
                      &t->err),
              t->err);
    assert_ok(gc_remove(t->s, &id, NULL, &t->err), t->err);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(number(t, "SELECT count(*) FROM trash"), 0);
    assert_int_equal(test_count(t, "layers"), 0);
    assert_int_equal(test_count(t, "tmp"), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_removed_then_unlinked),         CASE(test_settled_before_it_is_put_again),
        CASE(test_a_rest_of_one_that_was_killed), CASE(test_many),
        CASE(test_one_that_cannot_be_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
