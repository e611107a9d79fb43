/* SPDX-License-Identifier: Apache-2.0 */
/* What a command does for one image must not look at all of them: the store's own statements are
 * recorded while it works, and SQLite is asked how it runs each of them. */
#include "tests/lib/unit.h"

#include <sqlite3.h>

#include "store/container.h"
#include "store/gc.h"
#include "store/sync.h"
#include "store/trash.h"
#include "store/view.h"
#include "tests/lib/store.h"

#define STATEMENTS_MAX 1000

struct recorder {
    bool is_on;
    size_t n;
    char *sql[STATEMENTS_MAX];
};

/* SQLite calls with no argument of ours when a connection is opened. */
static struct recorder recorder;

static int record(unsigned type, void *arg, void *stmt, void *text)
{
    (void)type;
    (void)arg;
    (void)text;
    const char *sql = sqlite3_sql(stmt);
    for (size_t i = 0; sql && i < recorder.n; i++) {
        sql = strcmp(recorder.sql[i], sql) == 0 ? NULL : sql;
    }
    if (recorder.is_on && sql && recorder.n < STATEMENTS_MAX) {
        recorder.sql[recorder.n] = strdup(sql);
        recorder.n += recorder.sql[recorder.n] != NULL;
    }
    return 0;
}

static int on_open(sqlite3 *h, char **error, const void *api)
{
    (void)error;
    (void)api;
    return sqlite3_trace_v2(h, SQLITE_TRACE_STMT, record, NULL);
}

/* Tables of what runs now, which are read as a whole: they do not grow with the images. "own" is
 * a subquery's outcome, and partial indexes ("_unsynced") hold only what is not synced. */
static bool may_scan(const char *table)
{
    static const char *const small[] = { "lease", "lease_item", "container", "mount",
                                         "trash", "probe",      "CONSTANT",  "own" };

    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        if (strcmp(table, small[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* @return how many statements read a big table from end to end. */
static int explain(sqlite3 *h, const char *sql)
{
    sqlite3_stmt *st = NULL;
    imgc_autofree char *question = NULL;
    char table[64];
    int bad = 0;

    assert_true(asprintf(&question, "EXPLAIN QUERY PLAN %s", sql) > 0);
    if (sqlite3_prepare_v2(h, question, -1, &st, NULL) != SQLITE_OK) {
        return 0; /* BEGIN, PRAGMA */
    }
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(st, 3);
        if (detail && strncmp(detail, "SCAN ", 5) == 0) {
            size_t len = strcspn(detail + 5, " ");
            (void)snprintf(table, sizeof table, "%.*s", (int)len, detail + 5);
            if (!may_scan(table) && !strstr(detail, "_unsynced")) {
                print_message("%s: %s\n", detail, sql);
                bad++;
            }
        }
    }
    (void)sqlite3_finalize(st);
    return bad;
}

/* The statements of @work, explained. */
static int explain_all(struct test_store *t)
{
    sqlite3 *h = NULL;
    char path[128];
    int bad = 0;

    recorder.is_on = false;
    (void)snprintf(path, sizeof path, "%s/imgc.db", t->root);
    assert_int_equal(sqlite3_open_v2(path, &h, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_true(recorder.n > 20);
    assert_true(recorder.n < STATEMENTS_MAX);
    for (size_t i = 0; i < recorder.n; i++) {
        bad += explain(h, recorder.sql[i]);
        free(recorder.sql[i]);
    }
    recorder.n = 0;
    (void)sqlite3_close(h);
    return bad;
}

static struct digest add(struct test_store *t, const char *config, char seed)
{
    struct digest layer = test_layer(t, seed, 1000);
    return test_image(t, config, "a:b", &layer, 1);
}

/* A pull, a run, an rmi, and what follows after the answer. */
static void test_no_look_at_everything(void **state)
{
    struct test_store t;
    struct gc_swept swept;
    struct view view = { .form = VIEW_DIRECTORY };
    image_auto struct image image = { .size = 0 };
    container_auto struct container c = { .auto_remove = true };
    (void)state;

    assert_int_equal(sqlite3_auto_extension((void (*)(void))on_open), SQLITE_OK);
    test_store_dir(&t);
    assert_ok(test_store_open(&t), t.err);
    t.s = store_close(t.s); /* made: the statements of the migrations are no matter */
    recorder.is_on = true;
    assert_ok(test_store_open(&t), t.err);
    assert_ok(gc_sweep(t.s, false, &swept, &t.err), t.err);
    assert_ok(lease_begin(t.s, &t.lease, &t.err), t.err);
    struct digest id = add(&t, "{1}", 'a');
    t.lease = lease_end(t.lease);
    assert_ok(sync_now(t.s, &t.err), t.err);
    assert_ok(image_find(t.s, imgc_str_of("a:b"), &image, &t.err), t.err);
    assert_int_equal(view_find(t.s, &id, VIEW_DIRECTORY, &view, &t.err), VIEW_MISSING);
    c.image_id = id;
    assert_ok(container_create(t.s, &c, &t.err), t.err);
    assert_ok(container_remove(t.s, c.id, &t.err), t.err);
    assert_ok(gc_remove(t.s, &id, NULL, &t.err), t.err);
    assert_ok(trash_empty(t.s, &t.err), t.err);
    assert_int_equal(explain_all(&t), 0);
    test_store_remove(&t);
}

/* The test can fail: listing does look at everything. */
static void test_sees_a_look_at_everything(void **state)
{
    struct test_store t;
    struct gc_usage usage;
    image_list_auto struct image_list list = { .n = 0 };
    (void)state;

    test_store_dir(&t);
    assert_ok(test_store_open(&t), t.err);
    recorder.is_on = true;
    assert_ok(lease_begin(t.s, &t.lease, &t.err), t.err);
    (void)add(&t, "{1}", 'a');
    assert_ok(image_list(t.s, &list, &t.err), t.err);
    assert_ok(gc_usage(t.s, &usage, &t.err), t.err);
    assert_true(explain_all(&t) > 3);
    test_store_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_look_at_everything),
        cmocka_unit_test(test_sees_a_look_at_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
