/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "store/lock.h"
#include "store/partial.h"
#include "store/paths.h"
#include "tests/lib/store.h"

#define MIB ((uint64_t)1 << 20)
#define SIZE (19 * MIB + 12345)

static struct partial *open_it(struct test_store *t, const struct digest *blob, uint64_t size)
{
    struct partial *p = NULL;

    assert_ok(partial_open(t->s, blob, size, &p, &t->err), t->err);
    return p;
}

/* Bytes [from, to) of a blob in which each differs from its neighbours. */
static void put(struct test_store *t, struct partial *p, uint64_t from, uint64_t to)
{
    static unsigned char buf[100000];

    while (from < to) {
        size_t n = to - from < sizeof buf ? (size_t)(to - from) : sizeof buf;
        for (size_t i = 0; i < n; i++) {
            buf[i] = (unsigned char)((from + i) * 7 + (from + i) / 251);
        }
        assert_ok(partial_write(p, from, buf, n, &t->err), t->err);
        from += n;
    }
}

static void check(struct test_store *t, const struct partial *p, uint64_t from, uint64_t to)
{
    static unsigned char buf[100000];

    while (from < to) {
        size_t n = to - from < sizeof buf ? (size_t)(to - from) : sizeof buf;
        assert_ok(partial_read(p, from, buf, n, &t->err), t->err);
        for (size_t i = 0; i < n; i++) {
            if (buf[i] != (unsigned char)((from + i) * 7 + (from + i) / 251)) {
                fail_msg("byte %llu", (unsigned long long)(from + i));
            }
        }
        from += n;
    }
}

static void test_what_was_written_is_there_again(void **state)
{
    struct test_store *t = *state;
    const struct digest blob = test_digest("x", 1);

    struct partial *p = open_it(t, &blob, SIZE);
    assert_int_equal(partial_prefix(p), 0);
    put(t, p, 0, 3 * MIB + 77);
    assert_int_equal(partial_prefix(p), 3 * MIB + 77);
    assert_false(partial_has_gaps(p));
    p = partial_close(p);

    p = open_it(t, &blob, SIZE);
    assert_int_equal(partial_prefix(p), 3 * MIB + 77);
    check(t, p, 0, 3 * MIB + 77);
    put(t, p, 3 * MIB + 77, SIZE);
    assert_int_equal(partial_prefix(p), SIZE);
    assert_int_equal(partial_bytes(p), SIZE);
    check(t, p, 0, SIZE);
    p = partial_discard(p);

    p = open_it(t, &blob, SIZE);
    assert_int_equal(partial_bytes(p), 0);
    p = partial_discard(p);
}

static void test_cells_come_in_any_order(void **state)
{
    struct test_store *t = *state;
    const struct digest blob = test_digest("x", 1);

    struct partial *p = open_it(t, &blob, SIZE);
    put(t, p, 0, MIB / 2);
    put(t, p, 2 * MIB, 2 * MIB + 10);
    put(t, p, 19 * MIB, SIZE);
    assert_true(partial_has_gaps(p));
    assert_int_equal(partial_prefix(p), MIB / 2);
    p = partial_close(p);

    p = open_it(t, &blob, SIZE);
    assert_true(partial_has_gaps(p));
    assert_int_equal(partial_missing(p, MIB - 1), MIB / 2);
    assert_int_equal(partial_missing(p, 2 * MIB + 5000), 2 * MIB + 10);
    assert_int_equal(partial_missing(p, 19 * MIB), SIZE);
    assert_int_equal(partial_cell_end(p, 19 * MIB), SIZE);
    assert_int_equal(partial_cell_end(p, MIB), 2 * MIB);
    /* All of it from the first byte on: what is here is left as it is, and nothing is missing. */
    put(t, p, 0, SIZE);
    assert_int_equal(partial_prefix(p), SIZE);
    check(t, p, 0, SIZE);
    p = partial_discard(p);
}

static void test_another_size_is_another_blob(void **state)
{
    struct test_store *t = *state;
    const struct digest blob = test_digest("x", 1);

    struct partial *p = open_it(t, &blob, SIZE);
    put(t, p, 0, MIB);
    p = partial_close(p);
    p = open_it(t, &blob, SIZE + 1);
    assert_int_equal(partial_bytes(p), 0);
    p = partial_discard(p);
}

/* Change bytes of the file itself, as a power loss or a bad disk does. */
static void damage(struct test_store *t, const struct digest *blob, off_t at, const void *ptr,
                   size_t len)
{
    char path[PATHS_MAX];
    int fd = openat(store_root_fd(t->s), paths_partial(blob, path), O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, ptr, len, at), len);
    (void)close(fd);
}

#define BOOT_ID_AT 24 /* in the head of the file */

static void test_after_a_reboot_only_what_is_marked_counts(void **state)
{
    struct test_store *t = *state;
    const struct digest blob = test_digest("x", 1);
    const struct digest mark = test_digest("m", 1), other = test_digest("o", 1);

    struct partial *p = open_it(t, &blob, SIZE);
    put(t, p, 0, 12 * MIB);
    put(t, p, 15 * MIB, 16 * MIB);
    assert_int_equal(partial_mark(p, 8 * MIB, &mark), 0);
    p = partial_close(p);
    p = open_it(t, &blob, SIZE); /* of the same boot all of it */
    assert_int_equal(partial_prefix(p), 12 * MIB);
    assert_true(partial_has_gaps(p));
    p = partial_close(p);

    damage(t, &blob, BOOT_ID_AT, "another boot", 12);
    p = open_it(t, &blob, SIZE);
    assert_int_equal(partial_prefix(p), 8 * MIB);
    assert_false(partial_has_gaps(p));
    /* Whoever reads it again compares. */
    assert_int_equal(partial_mark(p, 8 * MIB, &mark), 0);
    assert_int_equal(partial_mark(p, 8 * MIB, &other), PARTIAL_WRONG);
    p = partial_close(p);
    p = open_it(t, &blob, SIZE);
    assert_int_equal(partial_prefix(p), 8 * MIB); /* and it is of this boot now */
    partial_trim(p, 0);
    assert_int_equal(partial_prefix(p), 0);
    assert_int_equal(partial_mark(p, 8 * MIB, &other), 0);
    p = partial_discard(p);
}

static void test_a_file_that_lies_is_begun_anew(void **state)
{
    struct test_store *t = *state;
    const struct digest blob = test_digest("x", 1);
    const unsigned char many[4] = { 0xff, 0xff, 0xff, 0x7f };
    static const off_t ats[] = { 0, 8, 16, 64, 64 + 19 * 4 };

    for (size_t i = 0; i < sizeof ats / sizeof *ats; i++) {
        struct partial *p = open_it(t, &blob, SIZE);
        put(t, p, 0, 2 * MIB);
        p = partial_close(p);
        damage(t, &blob, ats[i], many, sizeof many);
        p = open_it(t, &blob, SIZE);
        assert_int_equal(partial_bytes(p), 0);
        p = partial_discard(p);
    }
    /* Shorter than it says. */
    char path[PATHS_MAX];
    struct partial *p = open_it(t, &blob, SIZE);
    put(t, p, 0, 2 * MIB);
    p = partial_close(p);
    int fd = openat(store_root_fd(t->s), paths_partial(&blob, path), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)MIB), 0);
    (void)close(fd);
    p = open_it(t, &blob, SIZE);
    assert_int_equal(partial_bytes(p), 0);
    p = partial_discard(p);
}

static void test_sweep_takes_what_nobody_is_at(void **state)
{
    struct test_store *t = *state;
    const struct digest blobs[] = { test_digest("x", 1), test_digest("y", 1) };
    struct partial_usage usage;
    struct lock lock = LOCK_INIT;

    for (size_t i = 0; i < 2; i++) {
        struct partial *p = open_it(t, &blobs[i], SIZE);
        put(t, p, 0, 2 * MIB);
        p = partial_close(p);
    }
    assert_ok(lock_take(t->s, &blobs[0], false, &lock, &t->err), t->err);
    assert_ok(partial_usage(t->s, &usage, &t->err), t->err);
    assert_int_equal(usage.n, 2);
    assert_int_equal(usage.n_active, 1);
    assert_true(usage.reclaimable >= 2 * MIB && usage.bytes >= usage.reclaimable + 2 * MIB);
    assert_ok(partial_expire(t->s, &t->err), t->err); /* none is old */
    assert_ok(partial_sweep(t->s, 0, &usage, &t->err), t->err);
    assert_int_equal(usage.n - usage.n_active, 1);
    struct partial *p = open_it(t, &blobs[0], SIZE);
    assert_int_equal(partial_bytes(p), 2 * MIB);
    p = partial_close(p);
    p = open_it(t, &blobs[1], SIZE);
    assert_int_equal(partial_bytes(p), 0);
    p = partial_close(p);
    lock_release(&lock);

    /* Old ones expire. */
    char path[PATHS_MAX];
    const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    assert_int_equal(utimensat(store_root_fd(t->s), paths_partial(&blobs[1], path), old, 0), 0);
    assert_ok(partial_expire(t->s, &t->err), t->err);
    assert_ok(partial_usage(t->s, &usage, &t->err), t->err);
    assert_int_equal(usage.n, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_was_written_is_there_again),
        CASE(test_cells_come_in_any_order),
        CASE(test_another_size_is_another_blob),
        CASE(test_after_a_reboot_only_what_is_marked_counts),
        CASE(test_a_file_that_lies_is_begun_anew),
        CASE(test_sweep_takes_what_nobody_is_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
