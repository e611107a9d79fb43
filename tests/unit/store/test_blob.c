/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "store/paths.h"
#include "tests/lib/store.h"

static int get(struct test_store *t, const struct digest *d, struct imgc_buf *b)
{
    imgc_buf_clear(b);
    return blob_get(t->s, d, b, &t->err);
}

static void test_put_and_get(void **state)
{
    struct test_store *t = *state;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1000);

    struct digest d = test_blob(t, "hello");
    assert_ok(get(t, &d, &b), t->err);
    assert_string_equal(b.ptr, "hello");
    assert_true(digest_eq(&d, &(struct digest){ .alg = d.alg }) == false);

    struct digest again = test_blob(t, "hello"); /* idempotent */
    assert_true(digest_eq(&d, &again));
    assert_int_equal(test_count(t, "blobs/sha256"), 1);

    struct digest empty = test_blob(t, "");
    assert_ok(get(t, &empty, &b), t->err);
    assert_int_equal(b.len, 0);
}

static void test_sha512(void **state)
{
    struct test_store *t = *state;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1000);
    struct digest d;

    assert_ok(digest_of(DIGEST_SHA512, "x", 1, &d, &t->err), t->err);
    assert_ok(blob_put(t->s, t->lease, &d, IMGC_STR("x"), &t->err), t->err);
    assert_ok(get(t, &d, &b), t->err);
    assert_int_equal(test_count(t, "blobs/sha512"), 1);
}

static void test_wrong_digest_is_refused(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_digest("right", 5);

    assert_err(blob_put(t->s, t->lease, &d, IMGC_STR("wrong"), &t->err), IMGC_E_DIGEST);
    assert_int_equal(test_count(t, "blobs/sha256"), 0);
    assert_int_equal(blob_hold(t->s, t->lease, &d, &t->err), BLOB_MISSING);
}

static void test_missing(void **state)
{
    struct test_store *t = *state;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1000);
    struct digest d = test_digest("nowhere", 7);

    assert_int_equal(get(t, &d, &b), BLOB_MISSING);
    assert_int_equal(blob_hold(t->s, t->lease, &d, &t->err), BLOB_MISSING);
}

static void full_path(struct test_store *t, const struct digest *d, char full[512])
{
    char path[PATHS_MAX];
    (void)snprintf(full, 512, "%s/%s", t->root, paths_blob(d, path));
}

static void test_damage_is_seen_and_put_right(void **state)
{
    struct test_store *t = *state;
    char full[512];
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1000);
    struct digest d = test_blob(t, "hello");

    full_path(t, &d, full);
    int fd = open(full, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "j", 1, 0), 1);
    (void)close(fd);
    assert_err(get(t, &d, &b), IMGC_E_DIGEST);
    (void)test_blob(t, "hello");
    assert_ok(get(t, &d, &b), t->err);

    assert_int_equal(unlink(full), 0);
    assert_err(get(t, &d, &b), IMGC_E_STORE);
    (void)test_blob(t, "hello");
    assert_ok(get(t, &d, &b), t->err);
}

static void test_orphan_is_replaced(void **state)
{
    struct test_store *t = *state;
    char full[512];
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1000);
    struct digest d = test_digest("hello", 5);

    full_path(t, &d, full);
    int fd = open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(pwrite(fd, "junk", 4, 0), 4);
    (void)close(fd);
    assert_int_equal(get(t, &d, &b), BLOB_MISSING);
    (void)test_blob(t, "hello");
    assert_ok(get(t, &d, &b), t->err);
    assert_string_equal(b.ptr, "hello");
}

static int count_one(const struct blob_info *info, void *arg, struct imgc_err *reterr)
{
    size_t *n = arg;
    (void)reterr;
    assert_int_equal(info->size, 3);
    return ++*n == 2 ? -(int)IMGC_E_INTERRUPTED : 0;
}

static void test_each(void **state)
{
    struct test_store *t = *state;
    size_t n = 0;

    (void)test_blob(t, "one");
    assert_ok(blob_each(t->s, count_one, &n, &t->err), t->err);
    assert_int_equal(n, 1);
    (void)test_blob(t, "two");
    (void)test_blob(t, "six");
    n = 0;
    assert_err(blob_each(t->s, count_one, &n, &t->err), IMGC_E_INTERRUPTED);
    assert_int_equal(n, 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_put_and_get),
        CASE(test_sha512),
        CASE(test_wrong_digest_is_refused),
        CASE(test_missing),
        CASE(test_damage_is_seen_and_put_right),
        CASE(test_orphan_is_replaced),
        CASE(test_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
