/* SPDX-License-Identifier: Apache-2.0 */
/* What a power loss leaves: rows of another boot that say "not synced", and files with anything or
 * nothing in them. Opening the store proves or drops them. */
#include "tests/lib/unit.h"

#include <sys/stat.h>

#include "store/db.h"
#include "store/gc.h"
#include "store/paths.h"
#include "store/store_handle.h"
#include "store/sync.h"
#include "store/view.h"
#include "tests/lib/store.h"

static int64_t number(struct test_store *t, const char *sql)
{
    int64_t n = -1;
    assert_ok(db_number(t->s->db, sql, &n, &t->err), t->err);
    return n;
}

static void power_loss(struct test_store *t)
{
    assert_ok(db_exec(t->s->db,
                      "UPDATE blob SET boot_id = 'other'; UPDATE layer SET boot_id = 'other'; "
                      "UPDATE view SET boot_id = 'other'; UPDATE lease SET boot_id = 'other'",
                      &t->err),
              t->err);
    t->lease = lease_end(t->lease);
    t->s = store_close(t->s);
}

static void reopen(struct test_store *t)
{
    assert_ok(test_store_open(t), t->err);
}

static void write_at(struct test_store *t, const char *path, const char *words)
{
    int fd = openat(store_root_fd(t->s), path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, words, strlen(words), 0), strlen(words));
    (void)close(fd);
}

static bool is_listed(struct test_store *t, const struct digest *id)
{
    image_auto struct image image = { .size = 0 };
    int r = image_find_id(t->s, id, &image, &t->err);
    assert_true(r == 0 || r == IMAGE_MISSING);
    return r == 0;
}

/* Lost in every way that there is, but for what is whole or was synced. */
static void test_proven_or_dropped(void **state)
{
    struct test_store *t = *state;
    struct digest l[6], id[6];
    char path[PATHS_MAX];
    static const char *const configs[] = { "{0}", "{1}", "{2}", "{3}", "{4}", "{5}" };

    l[5] = test_layer(t, 'f', 5000);
    id[5] = test_image(t, configs[5], "five", &l[5], 1);
    assert_ok(sync_now(t->s, &t->err), t->err);
    for (int i = 0; i < 5; i++) {
        l[i] = test_layer(t, (char)('a' + i), 5000);
        id[i] = test_image(t, configs[i], "x", &l[i], 1);
    }
    int root = store_root_fd(t->s);
    assert_int_equal(unlinkat(root, paths_layer_tar(&l[0], path), 0), 0);
    write_at(t, paths_layer_tar(&l[1], path), "torn");
    int fd = openat(root, paths_layer_tar(&l[2], path), O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)close(fd);
    write_at(t, paths_blob(&id[3], path), "?");
    power_loss(t);
    reopen(t);
    for (int i = 0; i < 4; i++) {
        assert_false(is_listed(t, &id[i]));
    }
    assert_true(is_listed(t, &id[4]));
    assert_true(is_listed(t, &id[5]));
    assert_int_equal(sync_check(t->s, &l[4], true, &t->err), 0);
    assert_int_equal(number(t, "SELECT count(*) FROM layer WHERE synced <> 1"), 0);
    assert_int_equal(number(t, "SELECT count(*) FROM blob WHERE synced <> 1"), 0);
}

/* Views are caches, so they are not examined but built again. */
static void test_views_go(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_layer(t, 'a', 1000);
    struct digest id = test_image(t, "{1}", "a", &d, 1);
    struct view view = { .chain_id = d, .diff_id = d, .form = VIEW_DIRECTORY };
    struct gc_swept swept;
    char name[LEASE_NAME_MAX];

    lease_name(t->lease, name);
    assert_int_equal(mkdirat(lease_dir_fd(t->lease), name, 0755), 0);
    assert_ok(view_publish_dir(t->s, t->lease, &view, name, &t->err), t->err);
    power_loss(t);
    reopen(t);
    assert_true(is_listed(t, &id));
    assert_int_equal(number(t, "SELECT count(*) FROM view"), 0);
    assert_int_equal(number(t, "SELECT count(*) FROM trash WHERE kind = 'view'"), 1);
    assert_ok(gc_sweep(t->s, false, &swept, &t->err), t->err);
    assert_true(swept.has_work);
}

/* Who opens the store in the same boot proves nothing: there is nothing to prove. */
static void test_same_boot(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_layer(t, 'a', 1000);
    struct digest id = test_image(t, "{1}", "a", &d, 1);
    char path[PATHS_MAX];

    write_at(t, paths_layer_tar(&d, path), "torn");
    t->lease = lease_end(t->lease);
    t->s = store_close(t->s);
    reopen(t);
    assert_true(is_listed(t, &id));
    assert_int_equal(number(t, "SELECT count(*) FROM layer WHERE synced = 0"), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_proven_or_dropped),
        CASE(test_views_go),
        CASE(test_same_boot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
