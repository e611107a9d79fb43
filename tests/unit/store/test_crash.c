/* SPDX-License-Identifier: Apache-2.0 */
/* A child publishes and removes in a loop and is killed at random moments; afterwards everything
 * that is listed must be whole, and sweeping must leave nothing else. */
#include "tests/lib/unit.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "schema/base/fd.h"
#include "store/container.h"
#include "store/gc.h"
#include "store/trash.h"
#include "store/view.h"
#include "tests/lib/store.h"

#define KILLS 40
#define LIFE_US_MAX 25000

/* One round of a pull, a run, an rmi and a prune. */
static void work_once(struct test_store *t, unsigned i)
{
    char config[32], name[LEASE_NAME_MAX];
    struct gc_report report;
    struct gc_swept swept;
    struct container c = { .image_name = (char[]){ "x" }, .auto_remove = i % 2 == 0 };

    assert_ok(gc_sweep(t->s, false, &swept, &t->err), t->err);
    assert_ok(lease_begin(t->s, &t->lease, &t->err), t->err);
    struct digest layers[2] = { test_layer(t, (char)('a' + i % 5), 20000 + i % 3),
                                test_layer(t, (char)('a' + i % 7), 10000) };
    struct view view = { .chain_id = layers[0], .diff_id = layers[0], .form = VIEW_DIRECTORY };
    lease_name(t->lease, name);
    assert_int_equal(mkdirat(lease_dir_fd(t->lease), name, 0755), 0);
    assert_ok(view_publish_dir(t->s, t->lease, &view, name, &t->err), t->err);
    (void)snprintf(config, sizeof config, "{%u}", i % 4);
    struct digest id = test_image(t, config, i % 2 ? "a:b" : "c:d", layers, 2);
    t->lease = lease_end(t->lease);

    c.image_id = id;
    int r = container_create(t->s, &c, &t->err);
    if (r == 0) {
        assert_ok(container_remove(t->s, c.id, &t->err), t->err);
    }
    free(c.name);
    if (i % 3 == 0) {
        (void)!gc_remove(t->s, &id, NULL,
                         &t->err); /* refused where a killed one left a container */
        assert_ok(gc_collect(t->s, false, &report, &t->err), t->err);
        assert_ok(trash_empty(t->s, &t->err), t->err);
    }
}

static _Noreturn void work(struct test_store *t, unsigned seed)
{
    if (test_store_open(t) < 0) {
        (void)dprintf(2, "child: %s\n", t->err.msg);
        _exit(1);
    }
    for (unsigned i = seed;; i++) {
        work_once(t, i);
    }
}

static int check_blob(const struct blob_info *info, void *arg, struct imgc_err *reterr)
{
    struct test_store *t = arg;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1u << 20);
    int r = blob_get(t->s, &info->digest, &b, reterr);
    assert_int_equal(b.len, info->size);
    return r;
}

static int check_layer(const struct layer_info *info, void *arg, struct imgc_err *reterr)
{
    struct test_store *t = arg;
    imgc_autoclose int fd = -1;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1u << 20);
    struct digest got;

    int r = layer_open_tar(t->s, &info->diff_id, &fd, reterr);
    if (r == 0) {
        r = fd_read_all(fd, &b, reterr);
    }
    if (r == 0) {
        r = digest_of(DIGEST_SHA256, b.ptr, b.len, &got, reterr);
    }
    return r < 0 ? r : digest_expect(&info->diff_id, &got, "layer", reterr);
}

static int count_layer(const struct layer_info *info, void *arg, struct imgc_err *reterr)
{
    (void)info;
    (void)reterr;
    ++*(size_t *)arg;
    return 0;
}

static int count_blob(const struct blob_info *info, void *arg, struct imgc_err *reterr)
{
    (void)info;
    (void)reterr;
    ++*(size_t *)arg;
    return 0;
}

static void check_images(struct test_store *t)
{
    image_list_auto struct image_list list = { .n = 0 };
    assert_ok(image_list(t->s, &list, &t->err), t->err);
    for (size_t i = 0; i < list.n; i++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1000);
        assert_ok(blob_get(t->s, &list.items[i].id, &b, &t->err), t->err);
        assert_int_equal(list.items[i].n_diff_ids, 2);
    }
}

/* Returns how many layers were there before collecting. */
static size_t check(struct test_store *t)
{
    struct gc_report report, dry;
    struct gc_usage usage;
    struct gc_swept swept;
    size_t found = 0, layers = 0, blobs = 0;

    assert_ok(test_store_open(t), t->err);
    assert_ok(layer_each(t->s, count_layer, &found, &t->err), t->err);
    assert_ok(blob_each(t->s, check_blob, t, &t->err), t->err);
    assert_ok(layer_each(t->s, check_layer, t, &t->err), t->err);
    check_images(t);
    assert_ok(gc_sweep(t->s, false, &swept, &t->err), t->err);
    assert_ok(gc_collect(t->s, true, &dry, &t->err), t->err);
    assert_ok(gc_collect(t->s, false, &report, &t->err), t->err);
    assert_int_equal(dry.bytes, report.bytes);
    assert_int_equal(dry.layers + dry.blobs + dry.views,
                     report.layers + report.blobs + report.views);
    assert_ok(gc_usage(t->s, &usage, &t->err), t->err);
    assert_int_equal(usage.leaked_bytes, 0); /* what is in the trash was counted when it went */
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_ok(gc_usage(t->s, &usage, &t->err), t->err);
    assert_int_equal(usage.leaked_bytes, 0);
    assert_ok(layer_each(t->s, count_layer, &layers, &t->err), t->err);
    assert_ok(blob_each(t->s, count_blob, &blobs, &t->err), t->err);
    assert_int_equal(test_count(t, "layers"), layers);
    assert_int_equal(test_count(t, "blobs/sha256"), blobs);
    assert_int_equal(test_count(t, "containers"), usage.containers);
    assert_int_equal(test_count(t, "tmp"), 0);
    check_images(t);
    t->s = store_close(t->s);
    return found;
}

/* Whether the call changes something that another process can see. */
static bool is_step(uint64_t nr)
{
    switch (nr) {
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_unlinkat:
    case SYS_mkdirat:
    case SYS_pwrite64:
    case SYS_fsync:
    case SYS_fdatasync:
#ifdef SYS_rename /* architectures that came later have only the *at calls */
    case SYS_rename:
    case SYS_unlink:
    case SYS_rmdir:
#endif
        return true;
    default:
        return false;
    }
}

/* Let the traced child run until it has made @steps such calls; then kill it. Returns whether it
 * got there. */
static bool kill_after(pid_t pid, unsigned steps)
{
    struct __ptrace_syscall_info info;
    bool wanted = false;
    int status = 0;

    /* Without it the kernel does not tell stops at calls from others. */
    assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD), 0);
    while (steps > 0) {
        if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid ||
            !WIFSTOPPED(status)) {
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
            return false;
        }
        long n = ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
        assert_true(n > 0);
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            wanted = is_step(info.entry.nr);
        } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && wanted) {
            steps--;
        }
    }
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return true;
}

static _Noreturn void work_traced(struct test_store *t)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0 ||
        test_store_open(t) < 0) {
        _exit(2);
    }
    work_once(t, 0); /* with removing and collecting */
    _exit(0);
}

/* A call is short and a random kill seldom comes between two of them: so stop the child after each
 * one in turn. */
static void test_killed_after_each_call(void **state)
{
    struct test_store t;
    unsigned steps = 0;
    bool more = true;
    (void)state;

    test_store_dir(&t);
    check(&t); /* makes the store */
    while (more) {
        int status = 0;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            work_traced(&t);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSTOPPED(status)) {
            test_store_remove(&t);
            print_message("skipped: this host forbids ptrace\n");
            skip();
        }
        more = kill_after(pid, ++steps);
        check(&t);
    }
    print_message("killed after each of %u calls\n", steps - 1);
    assert_true(steps > 30);
    test_store_remove(&t);
}

static void test_killed_at_any_moment(void **state)
{
    struct test_store t;
    unsigned seed = 1;
    size_t found = 0;
    (void)state;

    test_store_dir(&t);
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            work(&t, (unsigned)i);
        }
        long us = rand_r(&seed) % LIFE_US_MAX;
        struct timespec ts = { 0, us * 1000 };
        (void)nanosleep(&ts, NULL);
        (void)kill(pid, SIGKILL);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* it did not end by itself, with an error */
        found += check(&t);
    }
    assert_true(found > KILLS); /* else the children never got to work */
    test_store_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_after_each_call),
        cmocka_unit_test(test_killed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
