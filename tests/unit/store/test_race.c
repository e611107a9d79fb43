/* SPDX-License-Identifier: Apache-2.0 */
/* labels: threads */
/* Several processes, and several threads of one, at the same store. */
#include "tests/lib/unit.h"

#include <pthread.h>
#include <sys/wait.h>

#include "schema/base/clock.h"
#include "store/db.h"
#include "store/gc.h"
#include "store/store_handle.h"
#include "store/trash.h"
#include "tests/lib/store.h"

enum { PROCESSES = 3, ROUNDS = 40 };

/* Run @fn in so many processes at once; each must end with 0. */
static void in_processes(struct test_store *t, void (*fn)(struct test_store *t, unsigned i))
{
    pid_t pids[PROCESSES];

    for (unsigned i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            struct test_store own = *t;
            assert_ok(test_store_open(&own), own.err);
            fn(&own, i);
            own.lease = lease_end(own.lease);
            own.s = store_close(own.s);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

static void commit_the_same(struct test_store *t, unsigned i)
{
    struct layer_info info;
    (void)i;

    assert_ok(lease_begin(t->s, &t->lease, &t->err), t->err);
    for (int k = 0; k < ROUNDS; k++) {
        struct digest d = test_layer(t, (char)('a' + k % 20), 3000 + (size_t)k);
        struct digest b = test_blob(t, k % 2 ? "{1}" : "{2}");
        assert_ok(layer_find(t->s, NULL, &d, &info, &t->err), t->err);
        assert_ok(blob_hold(t->s, t->lease, &b, &t->err), t->err);
    }
}

static void test_same_content_at_once(void **state)
{
    struct test_store t;
    struct gc_usage usage;
    (void)state;

    test_store_dir(&t);
    in_processes(&t, commit_the_same);
    assert_ok(test_store_open(&t), t.err);
    assert_int_equal(test_count(&t, "layers"), ROUNDS);
    assert_int_equal(test_count(&t, "blobs/sha256"), 2);
    assert_int_equal(test_count(&t, "tmp"), 0);
    assert_ok(gc_usage(t.s, &usage, &t.err), t.err);
    assert_int_equal(usage.leaked_bytes, 0);
    test_store_remove(&t);
}

/* One adds and uses, the others collect: what a lease holds must stay, what it does not may go. */
static void add_or_collect(struct test_store *t, unsigned i)
{
    struct gc_report report;
    struct gc_swept swept;

    for (int k = 0; k < ROUNDS; k++) {
        if (i == 0) {
            assert_ok(gc_sweep(t->s, false, &swept, &t->err), t->err);
            assert_ok(gc_collect(t->s, false, &report, &t->err), t->err);
            assert_ok(trash_empty(t->s, &t->err), t->err);
            continue;
        }
        int fd = -1;
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(100);
        assert_ok(lease_begin(t->s, &t->lease, &t->err), t->err);
        struct digest layer = test_layer(t, 'a', 5000);
        struct digest id = test_image(t, i == 1 ? "{1}" : "{2}", "a:b", &layer, 1);
        assert_ok(layer_open_tar(t->s, &layer, &fd, &t->err), t->err);
        (void)close(fd);
        assert_ok(blob_get(t->s, &id, &b, &t->err), t->err);
        t->lease = lease_end(t->lease);
        int r = gc_remove(t->s, &id, NULL, &t->err);
        if (r < 0) {
            fail_msg("gc_remove: %s", t->err.msg);
        }
    }
}

static void test_removing_races_with_adding(void **state)
{
    struct test_store t;
    struct gc_report report;
    struct gc_usage usage;
    (void)state;

    test_store_dir(&t);
    in_processes(&t, add_or_collect);
    assert_ok(test_store_open(&t), t.err);
    assert_ok(gc_collect(t.s, false, &report, &t.err), t.err);
    assert_ok(trash_empty(t.s, &t.err), t.err);
    assert_int_equal(test_count(&t, "layers"), 0);
    assert_int_equal(test_count(&t, "blobs/sha256"), 0);
    assert_int_equal(test_count(&t, "tmp"), 0);
    assert_ok(gc_usage(t.s, &usage, &t.err), t.err);
    assert_int_equal(usage.leaked_bytes, 0);
    test_store_remove(&t);
}

static void *thread_main(void *arg)
{
    struct test_store own = *(struct test_store *)arg;
    struct image_list list;

    for (int k = 0; k < ROUNDS; k++) {
        (void)test_layer(&own, (char)('a' + k % 20), 1000 + (size_t)k);
        (void)test_blob(&own, k % 2 ? "{1}" : "{2}");
        assert_ok(image_list(own.s, &list, &own.err), own.err);
        image_list_done(&list);
    }
    return NULL;
}

static void test_threads_share_a_lease(void **state)
{
    struct test_store *t = *state;
    pthread_t threads[3];

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, thread_main, t), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(test_count(t, "layers"), ROUNDS);
}

static void hold_the_write_lock(struct test_store *t, int ready_fd, int go_fd)
{
    char c = 0;
    struct test_store own = *t;
    struct db_tx tx = DB_TX_INIT;

    /* A writer that is stopped in the middle of its transaction. */
    assert_ok(test_store_open(&own), own.err);
    assert_ok(db_begin(own.s->db, DB_WRITE, &tx, &own.err), own.err);
    assert_ok(db_exec(own.s->db, "DELETE FROM image", &own.err), own.err);
    assert_int_equal(write(ready_fd, "x", 1), 1);
    (void)!read(go_fd, &c, 1);
    _exit(0);
}

static void test_readers_do_not_wait_for_a_pull(void **state)
{
    struct test_store t;
    int ready[2], go[2];
    char c = 0;
    struct image_list list;
    (void)state;

    test_store_dir(&t);
    assert_ok(test_store_open(&t), t.err);
    assert_ok(lease_begin(t.s, &t.lease, &t.err), t.err);
    (void)test_image(&t, "{1}", "a", NULL, 0);
    t.lease = lease_end(t.lease);
    t.s = store_close(t.s); /* SQLite's connections do not survive a fork */
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(go[1]);
        hold_the_write_lock(&t, ready[1], go[0]);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_ok(test_store_open(&t), t.err);
    int64_t start = clock_monotonic_ns();
    assert_ok(image_list(t.s, &list, &t.err), t.err);
    assert_true(clock_monotonic_ns() - start < 1000000000);
    assert_int_equal(list.n, 1); /* and see nothing of what is not committed */
    image_list_done(&list);
    (void)close(go[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void)close(go[0]);
    (void)close(ready[0]);
    (void)close(ready[1]);
    test_store_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_content_at_once),
        cmocka_unit_test(test_removing_races_with_adding),
        cmocka_unit_test_setup_teardown(test_threads_share_a_lease, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test(test_readers_do_not_wait_for_a_pull),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
