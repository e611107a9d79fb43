/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/fd.h"
#include "store/container.h"
#include "store/disk.h"
#include "store/gc.h"
#include "store/mounted.h"
#include "store/paths.h"
#include "store/probe.h"
#include "store/store_handle.h"
#include "store/sync.h"
#include "store/trash.h"
#include "store/view.h"
#include "tests/lib/store.h"

/* A staged file of @size bytes. */
static void stage(struct test_store *t, char name[LEASE_NAME_MAX], size_t size)
{
    imgc_autofree char *bytes = calloc(1, size);

    lease_name(t->lease, name);
    int fd = openat(lease_dir_fd(t->lease), name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, bytes, size), size);
    (void)close(fd);
}

static struct view view_of(const struct digest *diff_ids, size_t n)
{
    struct imgc_err err;
    struct digest chain_ids[8];
    assert_ok(digest_chain(diff_ids, n, chain_ids, &err), err);
    return (struct view){ .chain_id = chain_ids[n - 1],
                          .diff_id = diff_ids[n - 1],
                          .form = VIEW_EROFS };
}

static int publish(struct test_store *t, const struct digest *diff_ids, size_t n)
{
    char name[LEASE_NAME_MAX];
    struct view v = view_of(diff_ids, n);
    struct view_stack stack = { diff_ids, n };

    stage(t, name, 30000);
    int r = view_publish_erofs(t->s, t->lease, &v, &stack, name, &t->err);
    assert_int_equal(faccessat(lease_dir_fd(t->lease), name, F_OK, 0), r < 0 ? 0 : -1);
    return r;
}

static int find(struct test_store *t, const struct digest *diff_ids, size_t n)
{
    struct view v = view_of(diff_ids, n), got;
    return view_find(t->s, &v.chain_id, VIEW_EROFS, &got, &t->err);
}

static void test_publish_and_lose(void **state)
{
    struct test_store *t = *state;
    struct digest d[2] = { test_layer(t, 'a', 1000), test_layer(t, 'b', 1000) };
    struct view v = view_of(d, 2), got;
    imgc_autofree char *path = NULL;
    imgc_autoclose int fd = -1;
    struct stat st;

    assert_int_equal(find(t, d, 2), VIEW_MISSING);
    assert_ok(publish(t, d, 2), t->err);
    assert_ok(publish(t, d, 2), t->err); /* the second one is dropped */
    assert_ok(view_find(t->s, &v.chain_id, VIEW_EROFS, &got, &t->err), t->err);
    assert_true(got.disk_bytes >= 30000);
    assert_int_equal(view_find(t->s, &v.chain_id, VIEW_DIRECTORY, &got, &t->err), VIEW_MISSING);
    assert_ok(view_find(t->s, &v.chain_id, VIEW_EROFS, &got, &t->err), t->err);
    assert_ok(view_path(t->s, &got, &path, &t->err), t->err);
    assert_ok(view_open(t->s, &got, &fd, &t->err), t->err);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 30000);

    assert_int_equal(unlink(path), 0); /* a cache: what is lost is built again */
    assert_int_equal(find(t, d, 2), VIEW_MISSING);
    assert_ok(publish(t, d, 2), t->err);
    assert_ok(find(t, d, 2), t->err);
    assert_int_equal(test_count(t, "views"), 1);

    assert_ok(view_remove(t->s, &got, &t->err), t->err);
    assert_int_equal(find(t, d, 2), VIEW_MISSING);
    assert_int_equal(test_count(t, "views"), 0);
}

/* Its row is what keeps the tars whole, and they are being read. */
static void test_stays_while_it_is_mounted(void **state)
{
    struct test_store *t = *state;
    struct digest d[2] = { test_layer(t, 'a', 1000), test_layer(t, 'b', 1000) };
    struct view v = view_of(d, 2);
    container_auto struct container c = { .image_id = test_image(t, "{1}", "a", d, 2) };

    assert_ok(publish(t, d, 2), t->err);
    assert_ok(container_create(t->s, &c, &t->err), t->err);
    assert_err(view_remove(t->s, &v, &t->err), IMGC_E_INUSE);
    assert_ok(container_exited(t->s, c.id, 0, false, false, &t->err), t->err);
    assert_ok(mounted_add(t->s, &c.image_id, "/mnt", &t->err), t->err);
    assert_err(view_remove(t->s, &v, &t->err), IMGC_E_INUSE);
    assert_ok(find(t, d, 2), t->err);
    assert_ok(mounted_remove(t->s, &c.image_id, &t->err), t->err);
    assert_ok(view_remove(t->s, &v, &t->err), t->err);
    assert_int_equal(find(t, d, 2), VIEW_MISSING);
}

static void test_needs_whole_layers(void **state)
{
    struct test_store *t = *state;
    struct digest d[2] = { test_layer(t, 'a', 1000), test_layer(t, 'b', 1000) };
    struct digest lost[2] = { test_digest("none", 4), d[1] };

    assert_ok(db_exec(t->s->db, "UPDATE layer SET whole = 0", &t->err), t->err);
    assert_int_equal(publish(t, d, 2), VIEW_NOT_WHOLE);
    assert_int_equal(find(t, d, 2), VIEW_MISSING);
    assert_int_equal(test_count(t, "views"), 0);
    assert_ok(db_exec(t->s->db, "UPDATE layer SET whole = 1", &t->err), t->err);
    assert_err(publish(t, lost, 2), IMGC_E_STORE);
    assert_int_equal(test_count(t, "views"), 0);
    assert_ok(publish(t, d, 2), t->err);
}

static uint64_t disk(struct test_store *t)
{
    uint64_t bytes = 0;
    assert_ok(disk_tree_bytes(store_root_fd(t->s), "views", &bytes, &t->err), t->err);
    assert_ok(disk_tree_bytes(store_root_fd(t->s), "blobs", &bytes, &t->err), t->err);
    return bytes;
}

/* The view of a stack goes with the last image of exactly this stack, and to the byte. */
static void test_collected_with_its_image(void **state)
{
    struct test_store *t = *state;
    struct digest d[2] = { test_layer(t, 'a', 100000), test_layer(t, 'b', 100000) };
    struct digest base = test_image(t, "{1}", "a", d, 1);
    struct digest top = test_image(t, "{2}", "b", d, 2);
    struct gc_report estimate, real;
    image_auto struct image image = { .size = 0 };

    assert_ok(publish(t, d, 1), t->err);
    assert_ok(publish(t, d, 2), t->err);
    t->lease = lease_end(t->lease);
    assert_ok(gc_collect(t->s, false, &real, &t->err), t->err);
    assert_int_equal(real.bytes, 0);

    /* The image on top has the chain of the base among its own, but not as its top. */
    assert_ok(gc_estimate(t->s, &base, 1, &estimate, &t->err), t->err);
    assert_int_equal(estimate.views, 1);
    assert_int_equal(estimate.layers, 0);
    assert_ok(image_find_id(t->s, &base, &image, &t->err), t->err);
    assert_int_equal(image.unique_size, estimate.bytes);
    uint64_t before = disk(t);
    assert_ok(gc_remove(t->s, &base, &real, &t->err), t->err);
    assert_int_equal(real.bytes, estimate.bytes);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    uint64_t after = disk(t);
    assert_int_equal(before - after, real.bytes);
    assert_int_equal(find(t, d, 1), VIEW_MISSING);
    assert_ok(find(t, d, 2), t->err);
    assert_int_equal(test_count(t, "views"), 1);

    image_done(&image);
    assert_ok(image_find_id(t->s, &top, &image, &t->err), t->err);
    assert_ok(gc_estimate(t->s, &top, 1, &estimate, &t->err), t->err);
    assert_int_equal(image.unique_size, estimate.bytes);
    assert_ok(gc_remove(t->s, &top, &real, &t->err), t->err);
    assert_int_equal(real.views, 1);
    assert_int_equal(real.layers, 2);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(test_count(t, "views"), 0);
    assert_int_equal(test_count(t, "layers"), 0);
}

/* A lease on the top layer keeps the view, and the view keeps the layers below. */
static void test_keeps_its_layers(void **state)
{
    struct test_store *t = *state;
    struct digest d[2] = { test_layer(t, 'a', 1000), test_layer(t, 'b', 1000) };
    struct gc_report report;
    struct layer_info info;

    assert_ok(publish(t, d, 2), t->err);
    t->lease = lease_end(t->lease);
    assert_ok(lease_begin(t->s, &t->lease, &t->err), t->err);
    assert_ok(layer_find(t->s, t->lease, &d[1], &info, &t->err), t->err);
    assert_ok(gc_collect(t->s, false, &report, &t->err), t->err);
    assert_int_equal(report.layers, 0);
    assert_ok(find(t, d, 2), t->err);
    t->lease = lease_end(t->lease);
    assert_ok(gc_collect(t->s, false, &report, &t->err), t->err);
    assert_int_equal(report.layers, 2);
    assert_int_equal(report.views, 1);
}

static void test_goes_with_a_lost_layer(void **state)
{
    struct test_store *t = *state;
    struct digest d[2] = { test_layer(t, 'a', 1000), test_layer(t, 'b', 1000) };
    struct digest id = test_image(t, "{1}", "a", d, 2);
    struct gc_report report;

    assert_ok(publish(t, d, 2), t->err);
    assert_ok(mounted_add(t->s, &id, "/x", &t->err), t->err);
    assert_ok(sync_lost(t->s, &d[0], true, &t->err), t->err);
    assert_int_equal(find(t, d, 2), VIEW_MISSING);
    assert_ok(gc_collect(t->s, false, &report, &t->err), t->err); /* the file is an orphan */
    assert_int_equal(report.views, 1);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(test_count(t, "views"), 0);
}

static void test_power_loss(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_layer(t, 'a', 1000);

    assert_ok(publish(t, &d, 1), t->err);
    assert_ok(db_exec(t->s->db, "UPDATE view SET boot_id = 'other'", &t->err), t->err);
    assert_int_equal(find(t, &d, 1), VIEW_MISSING);
    assert_ok(publish(t, &d, 1), t->err);
    assert_ok(find(t, &d, 1), t->err);
    assert_ok(sync_now(t->s, &t->err), t->err);
    assert_ok(db_exec(t->s->db, "UPDATE view SET boot_id = 'other'", &t->err), t->err);
    assert_ok(find(t, &d, 1), t->err);
}

static void test_refusals(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_layer(t, 'a', 1000);
    imgc_autofree char *reason = NULL;
    struct gc_report report;

    assert_int_equal(view_refusal(t->s, &d, VIEW_EROFS, &reason, &t->err), 0);
    assert_ok(view_refuse(t->s, &d, VIEW_EROFS, "too odd", &t->err), t->err);
    assert_int_equal(view_refusal(t->s, &d, VIEW_DIRECTORY, &reason, &t->err), 0);
    assert_int_equal(view_refusal(t->s, &d, VIEW_EROFS, &reason, &t->err), VIEW_REFUSED);
    assert_string_equal(reason, "too odd");
    free(imgc_take(reason));
    assert_ok(gc_collect(t->s, false, &report, &t->err), t->err); /* no image has this chain */
    assert_int_equal(view_refusal(t->s, &d, VIEW_EROFS, &reason, &t->err), 0);
}

static void test_probes(void **state)
{
    struct test_store *t = *state;
    imgc_autofree char *outcome = NULL;

    assert_int_equal(probe_find(t->s, "erofs", &outcome, &t->err), PROBE_UNKNOWN);
    assert_ok(probe_put(t->s, "erofs", "no such thing", &t->err), t->err);
    assert_ok(probe_put(t->s, "erofs", "too old", &t->err), t->err);
    assert_ok(probe_find(t->s, "erofs", &outcome, &t->err), t->err);
    assert_string_equal(outcome, "too old");
    free(imgc_take(outcome));
    assert_ok(db_exec(t->s->db, "UPDATE probe SET host = 'other'", &t->err), t->err);
    assert_int_equal(probe_find(t->s, "erofs", &outcome, &t->err), PROBE_UNKNOWN);
}

static void test_mounted(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_layer(t, 'a', 1000);
    struct digest id = test_image(t, "{1}", "a", &d, 1), none = test_digest("none", 4);
    mounted_auto struct mounted m = { .path = NULL };
    mounted_list_auto struct mounted_list list = { .n = 0 };
    struct gc_usage usage;
    struct gc_report report;
    struct gc_swept swept;

    assert_int_equal(mounted_find(t->s, &id, &m, &t->err), MOUNTED_NOT);
    assert_err(mounted_add(t->s, &none, "/x", &t->err), IMGC_E_NOTFOUND);
    assert_ok(mounted_add(t->s, &id, "/x", &t->err), t->err);
    assert_ok(mounted_find(t->s, &id, &m, &t->err), t->err);
    assert_string_equal(m.path, "/x");
    assert_ok(mounted_list(t->s, &list, &t->err), t->err);
    assert_int_equal(list.n, 1);

    assert_err(gc_remove(t->s, &id, NULL, &t->err), IMGC_E_INUSE);
    assert_non_null(strstr(t->err.msg, "'/x'"));
    t->lease = lease_end(t->lease);
    assert_ok(gc_usage(t->s, &usage, &t->err), t->err);
    assert_int_equal(usage.images_reclaimable, 0);
    assert_ok(gc_estimate(t->s, &id, 1, &report, &t->err), t->err);
    assert_int_equal(report.layers, 0);

    /* Of another boot: it is not mounted, and in nobody's way. */
    assert_ok(db_exec(t->s->db, "UPDATE mount SET boot_id = 'other'", &t->err), t->err);
    mounted_done(&m);
    assert_int_equal(mounted_find(t->s, &id, &m, &t->err), MOUNTED_NOT);
    assert_ok(gc_estimate(t->s, &id, 1, &report, &t->err), t->err);
    assert_int_equal(report.layers, 1);
    assert_ok(gc_sweep(t->s, false, &swept, &t->err), t->err);
    int64_t n = -1;
    assert_ok(db_number(t->s->db, "SELECT count(*) FROM mount", &n, &t->err), t->err);
    assert_int_equal(n, 0);
    assert_ok(mounted_add(t->s, &id, "/x", &t->err), t->err);
    assert_ok(db_exec(t->s->db, "UPDATE mount SET boot_id = 'other'", &t->err), t->err);
    assert_ok(gc_remove(t->s, &id, NULL, &t->err), t->err);
}

/* A store of the first version: its tables change, its content stays. */
static void test_upgrade(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_layer(t, 'a', 1000);
    struct digest id = test_image(t, "{1}", "a", &d, 1);
    image_auto struct image image = { .size = 0 };

    assert_ok(db_exec(t->s->db,
                      "DROP TABLE id_range; DROP TABLE network_lease; DROP TABLE network; "
                      "DROP TABLE volume_use; DROP TABLE volume; "
                      "DROP TABLE view_layer; DROP TABLE view_refusal; DROP TABLE probe; "
                      "DROP TABLE mount; DROP TABLE trash; DROP TABLE punch; DROP INDEX "
                      "blob_unsynced; DROP INDEX "
                      "layer_unsynced; "
                      "DROP INDEX view_unsynced; "
                      "ALTER TABLE container DROP COLUMN stop_signal; "
                      "ALTER TABLE container DROP COLUMN stop_timeout_s; "
                      "ALTER TABLE container DROP COLUMN labels; "
                      "PRAGMA user_version = 1",
                      &t->err),
              t->err);
    assert_int_equal(unlinkat(store_root_fd(t->s), "views", AT_REMOVEDIR), 0);
    t->lease = lease_end(t->lease);
    t->s = store_close(t->s);
    assert_ok(test_store_open(t), t->err);
    assert_ok(image_find_id(t->s, &id, &image, &t->err), t->err);
    assert_ok(lease_begin(t->s, &t->lease, &t->err), t->err);
    assert_ok(publish(t, &d, 1), t->err);
    assert_ok(find(t, &d, 1), t->err);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_publish_and_lose),
        CASE(test_stays_while_it_is_mounted),
        CASE(test_needs_whole_layers),
        CASE(test_collected_with_its_image),
        CASE(test_keeps_its_layers),
        CASE(test_goes_with_a_lost_layer),
        CASE(test_power_loss),
        CASE(test_refusals),
        CASE(test_probes),
        CASE(test_mounted),
        CASE(test_upgrade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
