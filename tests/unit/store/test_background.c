/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <linux/ioprio.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "store/background.h"
#include "store/db.h"
#include "store/store_handle.h"
#include "tests/lib/store.h"

/* The chores of these tests tell what they did in files of the store's root. */
static int say(struct store *s, const char *name, const char *words)
{
    int fd = openat(store_root_fd(s), name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ssize_t n = write(fd, words, strlen(words));
    (void)close(fd);
    return n > 0 ? 0 : -1;
}

static int chore_a(struct store *s, struct imgc_err *reterr)
{
    (void)say(s, "said", "a");
    return imgc_fail(reterr, IMGC_E_SYS, "does not stop the others");
}

static int chore_b(struct store *s, struct imgc_err *reterr)
{
    (void)reterr;
    return say(s, "said", "b");
}

/* Goes on until the file "go" is there. */
static int chore_wait(struct store *s, struct imgc_err *reterr)
{
    const struct timespec ts = { 0, 2000000 };

    (void)reterr;
    (void)say(s, "started", "s");
    while (faccessat(store_root_fd(s), "go", F_OK, 0) < 0) {
        (void)nanosleep(&ts, NULL);
    }
    return say(s, "said", "w");
}

/* Who it is: pid, session, niceness, class of disk priority, open files, use of the index. */
static int chore_tell(struct store *s, struct imgc_err *reterr)
{
    char words[200];
    int n_fds = 0;
    int64_t images = -1;
    long class = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);

    for (int fd = 0; fd < 256; fd++) {
        n_fds += fcntl(fd, F_GETFD) >= 0;
    }
    (void)!db_number(s->db, "SELECT count(*) FROM image", &images, reterr);
    (void)snprintf(words, sizeof words, "%d %d %d %ld %d %d", (int)getpid(), (int)getsid(0),
                   getpriority(PRIO_PROCESS, 0), IOPRIO_PRIO_CLASS(class), n_fds, (int)images);
    return say(s, "said", words);
}

static void start(struct test_store *t, const struct background_chore *chores, size_t n)
{
    const struct background_args args = { .chores = chores, .n_chores = n };
    assert_ok(background_start(t->s, &args, &t->err), t->err);
}

static bool is_idle(struct test_store *t)
{
    int fd = openat(store_root_fd(t->s), "background", O_RDONLY | O_CLOEXEC);
    bool got = flock(fd, LOCK_EX | LOCK_NB) == 0;
    (void)close(fd);
    return got;
}

static void wait_idle(struct test_store *t)
{
    int fd = openat(store_root_fd(t->s), "background", O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    (void)close(fd);
}

static void wait_for(struct test_store *t, const char *name)
{
    const struct timespec ts = { 0, 2000000 };

    for (int i = 0; i < 5000 && faccessat(store_root_fd(t->s), name, F_OK, 0) < 0; i++) {
        (void)nanosleep(&ts, NULL);
    }
}

static const char *said(struct test_store *t)
{
    static char words[200];
    int fd = openat(store_root_fd(t->s), "said", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, words, sizeof words - 1);

    if (fd >= 0) {
        (void)close(fd);
    }
    words[n] = '\0';
    return words;
}

static void test_chores_in_order(void **state)
{
    struct test_store *t = *state;
    const struct background_chore chores[] = { { chore_a }, { chore_b } };

    start(t, chores, 2);
    wait_idle(t); /* the lock is held from the return of the start on */
    assert_string_equal(said(t), "ab");
    (void)test_blob(t, "{}"); /* the handle goes on working */
    start(t, chores, 2);
    wait_idle(t);
    assert_string_equal(said(t), "abab");
}

static void test_one_at_a_time_and_another_round(void **state)
{
    struct test_store *t = *state;
    const struct background_chore slow[] = { { chore_wait } }, quick[] = { { chore_a } };

    start(t, slow, 1);
    wait_for(t, "started");
    assert_false(is_idle(t));
    start(t, quick, 1); /* leaves notes, which are one more round of the first one's chores */
    start(t, quick, 1);
    assert_string_equal(said(t), "");
    assert_int_equal(say(t->s, "go", "x"), 0);
    wait_idle(t);
    assert_string_equal(said(t), "ww");
}

static void test_nothing_of_the_command_is_kept(void **state)
{
    struct test_store *t = *state;
    const struct background_chore chores[] = { { chore_tell } };
    long pid = 0, sid = 0, nice = 0, class = 0, n_fds = 0, images = -1;
    long *const numbers[] = { &pid, &sid, &nice, &class, &n_fds, &images };

    start(t, chores, 1);
    wait_idle(t);
    const char *words = said(t);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char *end = NULL;
        *numbers[i] = strtol(words, &end, 10);
        words = end;
    }
    assert_true(pid > 1 && pid != getpid());
    assert_int_not_equal(sid, getsid(0));
    assert_int_not_equal(sid, pid); /* no session leader: it can get no terminal */
    assert_int_equal(nice, 19);
    assert_int_equal(class, IOPRIO_CLASS_IDLE);
    assert_in_range(n_fds, 7, 10); /* the standard three, lock, root, two directories, the index */
    assert_int_equal(images, 0);
}

/* $(imgc ...) and ssh end when the command does. */
static void test_a_reader_of_the_command_is_not_kept_waiting(void **state)
{
    struct test_store *t = *state;
    const struct background_chore slow[] = { { chore_wait } };
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    start(t, slow, 1);
    (void)close(fds[1]);
    struct pollfd p = { .fd = fds[0], .events = POLLIN };
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_true(p.revents & POLLHUP);
    assert_false(is_idle(t));
    (void)close(fds[0]);
    assert_int_equal(say(t->s, "go", "x"), 0);
    wait_idle(t);
}

/* At the end of a command there is no one in between, and nothing is waited for. */
static void test_as_the_last_thing(void **state)
{
    struct test_store *t = *state;
    const struct background_chore chores[] = { { chore_a }, { chore_tell } };
    const struct background_args args = { .chores = chores, .n_chores = 2, .is_last = true };

    t->lease = lease_end(t->lease);
    assert_ok(background_start(t->s, &args, &t->err), t->err);
    wait_idle(t);
    long pid = strtol(said(t) + 1, NULL, 10);
    assert_int_equal(said(t)[0], 'a');
    assert_int_equal(waitpid((pid_t)pid, NULL, 0), pid);
    t->s = store_close(t->s);
    assert_ok(test_store_open(t), t->err);
}

static pid_t runner(struct test_store *t)
{
    wait_for(t, "said");
    long pid = strtol(said(t), NULL, 10);
    assert_true(pid > 1);
    return (pid_t)pid;
}

static void test_a_killed_one_is_started_again(void **state)
{
    struct test_store *t = *state;
    const struct background_chore slow[] = { { chore_tell }, { chore_wait } };
    const struct background_chore quick[] = { { chore_b } };

    start(t, slow, 2);
    wait_for(t, "started");
    (void)kill(runner(t), SIGKILL);
    wait_idle(t);
    assert_int_equal(unlinkat(store_root_fd(t->s), "said", 0), 0);
    start(t, quick, 1);
    wait_idle(t);
    assert_string_equal(said(t), "b");
}

/* The command's handler takes notes of SIGTERM; the background process ends, as at a shutdown. */
static void note_only(int signal_number)
{
    (void)signal_number;
}

static void test_ends_at_a_shutdown(void **state)
{
    struct test_store *t = *state;
    const struct background_chore slow[] = { { chore_tell }, { chore_wait } };
    const struct sigaction note = { .sa_handler = note_only };
    struct sigaction before;

    assert_int_equal(sigaction(SIGTERM, &note, &before), 0);
    start(t, slow, 2);
    assert_int_equal(sigaction(SIGTERM, &before, NULL), 0);
    wait_for(t, "started");
    (void)kill(runner(t), SIGTERM);
    wait_idle(t);
    assert_null(strchr(said(t), 'w'));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_chores_in_order),
        CASE(test_one_at_a_time_and_another_round),
        CASE(test_nothing_of_the_command_is_kept),
        CASE(test_a_reader_of_the_command_is_not_kept_waiting),
        CASE(test_as_the_last_thing),
        CASE(test_a_killed_one_is_started_again),
        CASE(test_ends_at_a_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
