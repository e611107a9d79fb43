/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/cgroup_host.h"
#include "runtime/cgroup_inner.h"
#include "schema/base/fd.h"

/* Plain files in the place of cgroups: of which host this is does not matter then. */
struct fake {
    char path[64];
    struct cgroup_dir outer;
};

static void put(const struct fake *f, const char *name, const char *text)
{
    struct imgc_err err;
    imgc_autoclose int fd = -1;

    assert_ok(fd_open_at(f->outer.fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd, &err), err);
    assert_ok(fd_write_all(fd, text, strlen(text), &err), err);
}

static void assert_text(const struct fake *f, const char *name, const char *want)
{
    imgc_autoclose int fd = -1;
    struct imgc_err err;
    char text[64] = "";

    assert_ok(fd_open_at(f->outer.fd, name, O_RDONLY, 0, &fd, &err), err);
    assert_true(read(fd, text, sizeof text - 1) >= 0);
    assert_string_equal(text, want);
}

static void set_up(struct fake *f)
{
    struct imgc_err err;

    (void)snprintf(f->path, sizeof f->path, "/tmp/imgc-inner-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->outer = (struct cgroup_dir){ .fd = -1, .path = f->path, .is_v2 = true };
    assert_ok(fd_open_at(AT_FDCWD, f->path, O_RDONLY | O_DIRECTORY, 0, &f->outer.fd, &err), err);
    put(f, "cgroup.controllers", "memory pids\n");
    put(f, "cgroup.subtree_control", "");
    put(f, "memory.max", "134217728\n");
    put(f, "memory.swap.max", "max\n");
    put(f, "pids.max", "max\n");
}

static void tear_down(struct fake *f)
{
    struct imgc_err err;

    imgc_closep(&f->outer.fd);
    assert_ok(fd_remove_tree(AT_FDCWD, f->path, NULL, &err), err);
}

static void test_update(void **state)
{
    struct fake f;
    struct imgc_err err;
    (void)state;

    set_up(&f);
    assert_ok(cgroup_inner_update(&f.outer, CGROUP_HOST_MEMORY, &err), err); /* there is none */
    assert_int_equal(mkdirat(f.outer.fd, CGROUP_INNER_NAME, 0755), 0);
    put(&f, CGROUP_INNER_NAME "/memory.max", "");
    put(&f, CGROUP_INNER_NAME "/memory.swap.max", "");
    put(&f, CGROUP_INNER_NAME "/pids.max", "");
    assert_ok(cgroup_inner_update(&f.outer, CGROUP_HOST_MEMORY, &err), err);
    assert_text(&f, CGROUP_INNER_NAME "/memory.max", "134217728");
    assert_text(&f, CGROUP_INNER_NAME "/memory.swap.max", "max");
    assert_text(&f, CGROUP_INNER_NAME "/pids.max", ""); /* the container's own, perhaps */
    put(&f, "cpu.max", "50000 100000\n");               /* which the inner one has not */
    assert_ok(cgroup_inner_update(&f.outer, CGROUP_HOST_PIDS | CGROUP_HOST_CPU, &err), err);
    assert_text(&f, CGROUP_INNER_NAME "/pids.max", "max");
    tear_down(&f);
}

static void test_update_ignores_links(void **state)
{
    struct fake f;
    struct imgc_err err;
    (void)state;

    set_up(&f);
    assert_int_equal(symlinkat("/tmp", f.outer.fd, CGROUP_INNER_NAME), 0);
    assert_err(cgroup_inner_update(&f.outer, CGROUP_HOST_MEMORY, &err), IMGC_E_SYS);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_update_ignores_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
