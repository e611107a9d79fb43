/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "store/lock.h"
#include "tests/lib/store.h"

static void test_take_and_release(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_digest("d", 1), e = test_digest("e", 1);
    lock_auto struct lock one = LOCK_INIT;
    lock_auto struct lock two = LOCK_INIT;
    lock_auto struct lock other = LOCK_INIT;

    assert_ok(lock_take(t->s, &d, true, &one, &t->err), t->err);
    assert_int_equal(lock_take(t->s, &d, false, &two, &t->err), LOCK_HELD_ELSEWHERE);
    assert_ok(lock_take(t->s, &e, false, &other, &t->err), t->err);
    assert_int_equal(test_count(t, "locks"), 2);
    lock_release(&one);
    lock_release(&one);
    assert_ok(lock_take(t->s, &d, false, &two, &t->err), t->err);
    lock_release(&two);
    lock_release(&other);
    assert_int_equal(test_count(t, "locks"), 0);
}

static void test_a_killed_owner_frees_it(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_digest("d", 1);
    lock_auto struct lock mine = LOCK_INIT;
    int fds[2];
    char ready = 0;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct lock theirs = LOCK_INIT;
        assert_ok(lock_take(t->s, &d, true, &theirs, &t->err), t->err);
        if (write(fds[1], "x", 1) == 1) {
            (void)pause();
        }
        _exit(0);
    }
    assert_int_equal(read(fds[0], &ready, 1), 1);
    (void)close(fds[0]);
    (void)close(fds[1]);
    assert_int_equal(lock_take(t->s, &d, false, &mine, &t->err), LOCK_HELD_ELSEWHERE);
    assert_ok(lock_sweep(t->s, &t->err), t->err);
    assert_int_equal(test_count(t, "locks"), 1); /* held: stays */
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(test_count(t, "locks"), 1);
    assert_ok(lock_sweep(t->s, &t->err), t->err);
    assert_int_equal(test_count(t, "locks"), 0);
    assert_ok(lock_take(t->s, &d, false, &mine, &t->err), t->err);
}

/* Several processes wait for one lock; a counter in a file shows that each has it alone. */
static void test_waiters_have_it_one_by_one(void **state)
{
    struct test_store *t = *state;
    enum { PROCESSES = 4, ROUNDS = 50 };
    struct digest d = test_digest("d", 1);
    pid_t pids[PROCESSES];
    unsigned n = 0;
    int fd = openat(store_root_fd(t->s), "counter", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    assert_int_equal(pwrite(fd, &n, sizeof n, 0), sizeof n);
    for (size_t i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        for (int k = 0; pids[i] == 0 && k < ROUNDS; k++) {
            struct lock l = LOCK_INIT;
            if (lock_take(t->s, &d, true, &l, &t->err) != 0 ||
                pread(fd, &n, sizeof n, 0) != sizeof n) {
                _exit(1);
            }
            n++;
            (void)sched_yield();
            if (pwrite(fd, &n, sizeof n, 0) != sizeof n) {
                _exit(1);
            }
            lock_release(&l);
        }
        if (pids[i] == 0) {
            _exit(0);
        }
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(pread(fd, &n, sizeof n, 0), sizeof n);
    assert_int_equal(n, PROCESSES * ROUNDS);
    (void)close(fd);
    assert_int_equal(test_count(t, "locks"), 0);
}

static void on_alarm(int sig)
{
    (void)sig;
}

static void test_a_signal_ends_the_wait(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_digest("d", 1);
    lock_auto struct lock one = LOCK_INIT;
    lock_auto struct lock two = LOCK_INIT;
    struct sigaction act = { .sa_handler = on_alarm };

    assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
    assert_ok(lock_take(t->s, &d, true, &one, &t->err), t->err);
    timer_t timer;
    struct itimerspec when = { .it_value = { 0, 50000000 }, .it_interval = { 0, 50000000 } };
    assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
    assert_int_equal(timer_settime(timer, 0, &when, NULL), 0);
    assert_err(lock_take(t->s, &d, true, &two, &t->err), IMGC_E_SYS);
    assert_int_equal(t->err.sys, EINTR);
    (void)timer_delete(timer);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_take_and_release),
        CASE(test_a_killed_owner_frees_it),
        CASE(test_waiters_have_it_one_by_one),
        CASE(test_a_signal_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
