/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <signal.h>
#include <sys/wait.h>

#include "store/container.h"
#include "store/container_name.h"
#include "store/gc.h"
#include "tests/lib/store.h"

static void test_names(void **state)
{
    static const struct {
        const char *name;
        int want;
    } cases[] = {
        { "web", 0 },
        { "a", 0 },
        { "0-_.x", 0 },
        { "", -IMGC_E_USAGE },
        { "-x", -IMGC_E_USAGE },
        { ".x", -IMGC_E_USAGE },
        { "a/b", -IMGC_E_USAGE },
        { "a b", -IMGC_E_USAGE },
        { "\xc3\xa4", -IMGC_E_USAGE },
    };
    struct imgc_err err;
    char made[CONTAINER_NAME_MADE_MAX];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(container_name_check(imgc_str_of(cases[i].name), &err), cases[i].want);
    }
    for (uint64_t r = 0; r < 64; r++) {
        (void)container_name_make(r << 16 | r, r % 2, made);
        assert_ok(container_name_check(imgc_str_of(made), &err), err);
        assert_non_null(strchr(made, '_'));
    }
}

static void set_name(struct container *c, const char *name)
{
    free(c->name);
    c->name = strdup(name);
    assert_non_null(c->name);
}

static mode_t mode_at(int fd, const char *name)
{
    struct stat st;
    assert_int_equal(fstatat(fd, name, &st, 0), 0);
    return st.st_mode & 07777;
}

static void test_create_find_remove(void **state)
{
    struct test_store *t = *state;
    struct digest id = test_image(t, "{1}", "a", NULL, 0);
    container_auto struct container c = { .image_id = id }, got = { .auto_remove = false },
                                    none = { .auto_remove = false };
    int fd = -1;

    set_name(&c, "web");
    c.command = strdup("sleep 1");
    mode_t old = umask(077);
    assert_ok(container_create(t->s, &c, &t->err), t->err);
    (void)umask(old);
    assert_int_equal(strlen(c.id), 64);
    assert_true(c.created_ns > 0);
    assert_ok(container_open_dir(t->s, c.id, &fd, &t->err), t->err);
    assert_int_equal(mode_at(fd, "."), 0700);
    assert_int_equal(mode_at(fd, "upper"), 0755);
    assert_int_equal(mode_at(fd, "work"), 0700);
    (void)close(fd);

    assert_ok(container_find(t->s, IMGC_STR("web"), &got, &t->err), t->err);
    assert_string_equal(got.id, c.id);
    assert_string_equal(got.command, "sleep 1");
    assert_true(digest_eq(&got.image_id, &id));
    assert_int_equal(got.status, CONTAINER_CREATED);
    assert_true(process_alive(&got.owner));
    container_done(&got);
    assert_ok(container_find(t->s, (struct imgc_str){ c.id, 12 }, &got, &t->err), t->err);
    assert_int_equal(container_find(t->s, IMGC_STR("nobody"), &none, &t->err), CONTAINER_MISSING);
    assert_int_equal(container_find(t->s, IMGC_STR(""), &none, &t->err), CONTAINER_MISSING);

    container_auto struct container same = { .image_id = id };
    set_name(&same, "web");
    assert_err(container_create(t->s, &same, &t->err), IMGC_E_EXISTS);
    assert_non_null(strstr(t->err.msg, "'web'"));
    assert_int_equal(test_count(t, "containers"), 1);
    assert_err(gc_remove(t->s, &id, NULL, &t->err), IMGC_E_INUSE);
    assert_non_null(strstr(t->err.msg, "web"));

    assert_ok(container_remove(t->s, c.id, &t->err), t->err);
    assert_err(container_remove(t->s, c.id, &t->err), IMGC_E_NOTFOUND);
    assert_int_equal(test_count(t, "containers"), 0);
    assert_ok(gc_remove(t->s, &id, NULL, &t->err), t->err);
    assert_err(container_open_dir(t->s, "../../etc", &fd, &t->err), IMGC_E_NOTFOUND);
}

/* The row goes at once; the descriptor is closed everywhere and the directory goes soon after. */
static void test_remove_behind(void **state)
{
    struct test_store *t = *state;
    container_auto struct container c = { .created_ns = 0 }, none = { .created_ns = 0 };
    int dir_fd = -1, fds[2], no_fd = -1;
    char byte;

    assert_ok(container_create(t->s, &c, &t->err), t->err);
    assert_ok(container_open_dir(t->s, c.id, &dir_fd, &t->err), t->err);
    assert_int_equal(mkdirat(dir_fd, "upper/deep", 0700), 0);
    (void)close(dir_fd);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_ok(container_remove_behind(t->s, c.id, &fds[1], &t->err), t->err);
    assert_int_equal(fds[1], -1);
    assert_int_equal(container_find(t->s, imgc_str_of(c.id), &none, &t->err), CONTAINER_MISSING);
    assert_int_equal(read(fds[0], &byte, 1), 0);
    (void)close(fds[0]);
    pid_t pid = waitpid(-1, NULL, 0); /* nobody's but ours, since we do not end */
    assert_true(pid > 0);
    assert_int_equal(test_count(t, "containers"), 0);
    assert_err(container_remove_behind(t->s, c.id, &no_fd, &t->err), IMGC_E_NOTFOUND);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_image_must_be_there(void **state)
{
    struct test_store *t = *state;
    container_auto struct container c = { .image_id = test_digest("gone", 4) };

    assert_err(container_create(t->s, &c, &t->err), IMGC_E_NOTFOUND);
    assert_int_equal(test_count(t, "containers"), 0);
}

static void test_made_up_names_and_prefixes(void **state)
{
    struct test_store *t = *state;
    container_list_auto struct container_list list = { .n = 0 };
    bool ambiguous = false;

    for (int i = 0; i < 17; i++) { /* two of them begin with the same digit */
        container_auto struct container c = { .auto_remove = false };
        assert_ok(container_create(t->s, &c, &t->err), t->err);
        assert_non_null(strchr(c.name, '_'));
    }
    assert_ok(container_list(t->s, &list, &t->err), t->err);
    assert_int_equal(list.n, 17);
    for (size_t i = 0; i < list.n; i++) {
        container_auto struct container got = { .auto_remove = false };
        int r = container_find(t->s, (struct imgc_str){ list.items[i].id, 1 }, &got, &t->err);
        ambiguous = ambiguous || r == -(int)IMGC_E_AMBIGUOUS;
        assert_true(i == 0 || list.items[i - 1].created_ns >= list.items[i].created_ns);
    }
    assert_true(ambiguous);
}

static enum container_status status_of(struct test_store *t, const char *id, int *exit_code)
{
    container_auto struct container got = { .auto_remove = false };
    assert_ok(container_find(t->s, imgc_str_of(id), &got, &t->err), t->err);
    *exit_code = got.exit_code;
    return got.status;
}

static void test_status_is_asked_of_the_kernel(void **state)
{
    struct test_store *t = *state;
    container_auto struct container c = { .auto_remove = false };
    struct process_id init;
    int code = 0;

    assert_ok(container_create(t->s, &c, &t->err), t->err);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)pause();
        _exit(0);
    }
    assert_ok(process_identify(pid, &init, &t->err), t->err);
    assert_ok(container_started(t->s, c.id, &init, "/cg", &t->err), t->err);
    assert_int_equal(status_of(t, c.id, &code), CONTAINER_RUNNING);
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(status_of(t, c.id, &code), CONTAINER_EXITED);
    assert_int_equal(code, -1);
    assert_ok(container_exited(t->s, c.id, 137, true, false, &t->err), t->err);
    assert_int_equal(status_of(t, c.id, &code), CONTAINER_EXITED);
    assert_int_equal(code, 137);
    assert_err(container_exited(t->s, "none", 0, false, false, &t->err), IMGC_E_NOTFOUND);

    init.boot_id[0] = 'x'; /* the same process of another boot is another process */
    assert_ok(container_started(t->s, c.id, &init, NULL, &t->err), t->err);
    assert_int_equal(status_of(t, c.id, &code), CONTAINER_EXITED);
}

static bool has_cgroup(struct test_store *t, const char *id)
{
    container_auto struct container c = { .created_ns = 0 };

    assert_int_equal(container_find(t->s, imgc_str_of(id), &c, &t->err), 0);
    return c.cgroup != NULL;
}

static void test_cgroup_that_remains(void **state)
{
    struct test_store *t = *state;
    container_auto struct container c = { .auto_remove = false };
    struct process_id init = { .pid = 0 };
    int code = 0;

    assert_ok(container_create(t->s, &c, &t->err), t->err);
    assert_ok(container_started(t->s, c.id, &init, "/cg", &t->err), t->err);
    assert_true(has_cgroup(t, c.id));
    assert_ok(container_exited(t->s, c.id, 3, false, true, &t->err), t->err);
    assert_true(has_cgroup(t, c.id));
    assert_ok(container_swept(t->s, c.id, &t->err), t->err);
    assert_false(has_cgroup(t, c.id));
    assert_int_equal(status_of(t, c.id, &code), CONTAINER_EXITED);
    assert_int_equal(code, 3);
    assert_err(container_swept(t->s, "none", &t->err), IMGC_E_NOTFOUND);

    assert_ok(container_started(t->s, c.id, &init, "/cg", &t->err), t->err);
    assert_ok(container_exited(t->s, c.id, 0, false, false, &t->err), t->err);
    assert_false(has_cgroup(t, c.id));
}

/* After its owner was killed: looked at once, and noted. */
static void test_abandoned(void **state)
{
    struct test_store *t = *state;
    container_auto struct container c = { .auto_remove = false }, got = { .auto_remove = false };
    struct process_id dead;
    int code = 0;

    assert_ok(container_create(t->s, &c, &t->err), t->err);
    assert_ok(container_claim(t->s, c.id, &t->err), t->err);
    assert_ok(container_abandoned(t->s, c.id, &t->err), t->err);
    assert_int_equal(status_of(t, c.id, &code), CONTAINER_CREATED); /* it had not been started */

    assert_ok(process_identify(0, &dead, &t->err), t->err);
    dead.start_ticks++;
    assert_ok(container_started(t->s, c.id, &dead, "/cg", &t->err), t->err);
    assert_ok(container_claim(t->s, c.id, &t->err), t->err);
    assert_ok(container_abandoned(t->s, c.id, &t->err), t->err);
    assert_ok(container_find(t->s, imgc_str_of(c.id), &got, &t->err), t->err);
    assert_int_equal(got.status, CONTAINER_EXITED);
    assert_int_equal(got.exit_code, -1);
    assert_true(got.finished_ns >= got.started_ns);
    assert_int_equal(got.owner.pid, 0);
    assert_string_equal(got.cgroup ? got.cgroup : "", "");
    assert_err(container_abandoned(t->s, "none", &t->err), IMGC_E_NOTFOUND);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        CASE(test_create_find_remove),
        CASE(test_remove_behind),
        CASE(test_image_must_be_there),
        CASE(test_made_up_names_and_prefixes),
        CASE(test_status_is_asked_of_the_kernel),
        CASE(test_cgroup_that_remains),
        CASE(test_abandoned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
