/* SPDX-License-Identifier: Apache-2.0 */
/* labels: threads */
#include "layers/pipe.h"

#include <pthread.h>
#include <string.h>

#include "tests/lib/unit.h"

enum { ROOM = 64, TOTAL = 20000 };

static struct pipe *make(void)
{
    struct pipe *p = NULL;
    struct imgc_err err;

    assert_ok(pipe_new(ROOM, &p, &err), err);
    return p;
}

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 7 + i / 256);
}

static void *write_all(void *arg)
{
    struct pipe *p = arg;
    unsigned char buf[200];
    bool is_taken = true;

    /* Pieces of all lengths, longer than the room too. */
    for (size_t done = 0, n = 1; is_taken && done < TOTAL; done += n, n = n % sizeof buf + 1) {
        n = n < TOTAL - done ? n : TOTAL - done;
        for (size_t i = 0; i < n; i++) {
            buf[i] = byte_at(done + i);
        }
        is_taken = pipe_put(p, buf, n);
    }
    pipe_end(p);
    return is_taken ? p : NULL;
}

static void hands_over_all_bytes_in_order(void **state)
{
    imgc_auto(pipe_freep) struct pipe *p = make();
    pthread_t thread;
    void *writer = NULL;
    size_t total = 0;
    const void *ptr = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, write_all, p), 0);
    while (pipe_take(p, &ptr, &len) == PIPE_BYTES) {
        assert_true(len > 0 && len <= ROOM / 4);
        /* Less may be given back than was taken. */
        size_t used = len > 3 ? len - 1 : len;
        for (size_t i = 0; i < used; i++) {
            assert_int_equal(((const unsigned char *)ptr)[i], byte_at(total + i));
        }
        total += used;
        (void)pipe_release(p, used);
    }
    assert_int_equal(pthread_join(thread, &writer), 0);
    assert_ptr_equal(writer, p);
    assert_int_equal(total, TOTAL);
}

static void refuses_what_does_not_fit(void **state)
{
    static const char bytes[ROOM];
    imgc_auto(pipe_freep) struct pipe *p = make();
    const void *ptr = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(pipe_try_put(p, bytes, ROOM - 4), PIPE_TAKEN);
    assert_int_equal(pipe_try_put(p, bytes, 5), PIPE_FULL);
    assert_true(pipe_has_room(p, 4));
    assert_false(pipe_has_room(p, 5));
    assert_int_equal(pipe_take(p, &ptr, &len), PIPE_BYTES);
    assert_false(pipe_release(p, 16)); /* more than half is still in */
    assert_int_equal(pipe_take(p, &ptr, &len), PIPE_BYTES);
    assert_true(pipe_release(p, 16));
    assert_false(pipe_release(p, 0)); /* said once */
    assert_int_equal(pipe_try_put(p, bytes, 5), PIPE_TAKEN);
}

static void tells_each_side_that_the_other_gave_up(void **state)
{
    static const char bytes[10];
    const void *ptr = NULL;
    size_t len = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        imgc_auto(pipe_freep) struct pipe *p = make();
        assert_true(pipe_put(p, bytes, sizeof bytes));
        if (i == 0) {
            pipe_abort(p); /* what is in does not count any more */
            assert_int_equal(pipe_take(p, &ptr, &len), PIPE_ABORTED);
        } else {
            pipe_close(p);
            assert_false(pipe_put(p, bytes, sizeof bytes));
            assert_int_equal(pipe_try_put(p, bytes, 1), PIPE_CLOSED);
            assert_true(pipe_has_room(p, 1000)); /* so that nobody waits for it */
        }
    }
}

static void wakes_a_writer_when_the_reader_gives_up(void **state)
{
    imgc_auto(pipe_freep) struct pipe *p = make();
    pthread_t thread;
    void *writer = p;
    const void *ptr = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, write_all, p), 0);
    assert_int_equal(pipe_take(p, &ptr, &len), PIPE_BYTES);
    pipe_close(p);
    assert_int_equal(pthread_join(thread, &writer), 0);
    assert_null(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_over_all_bytes_in_order),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(tells_each_side_that_the_other_gave_up),
        cmocka_unit_test(wakes_a_writer_when_the_reader_gives_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
