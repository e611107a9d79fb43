/* SPDX-License-Identifier: Apache-2.0 */
/* Limits as numbers, and as what is written to the files of v1 and v2: into ordinary directories,
 * so that both are tested on every host. */
#include "tests/lib/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/cgroup_host.h"
#include "runtime/cgroup_limits.h"
#include "runtime/cgroup_v1.h"
#include "runtime/cgroup_v2.h"
#include "schema/base/fd.h"

#define MIB (1ull << 20)
#define LIMITED (CGROUP_HOST_MEMORY | CGROUP_HOST_CPU | CGROUP_HOST_PIDS)

static void test_check(void **state)
{
    static const struct {
        struct spec_limits limits;
        int want;
    } cases[] = {
        { { 0 }, 0 },
        { { .memory_bytes = 6 * MIB }, 0 },
        { { .memory_bytes = 6 * MIB - 1 }, -IMGC_E_USAGE },
        { { .memory_bytes = UINT64_MAX }, -IMGC_E_USAGE },
        { { .memory_bytes = 64 * MIB, .memory_swap_bytes = 64 * MIB }, 0 },
        { { .memory_bytes = 64 * MIB, .memory_swap_bytes = -1 }, 0 },
        { { .memory_bytes = 64 * MIB, .memory_swap_bytes = 63 * MIB }, -IMGC_E_USAGE },
        { { .memory_bytes = 64 * MIB, .memory_swap_bytes = -2 }, -IMGC_E_USAGE },
        { { .memory_swap_bytes = 64 * MIB }, -IMGC_E_USAGE },
        { { .cpu_quota_us = 999 }, -IMGC_E_USAGE },
        { { .cpu_quota_us = 1000 }, 0 },
        { { .cpu_quota_us = UINT64_MAX }, -IMGC_E_USAGE },
        { { .pids = -1 }, 0 },
        { { .pids = -2 }, -IMGC_E_USAGE },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imgc_err err;
        assert_int_equal(cgroup_limits_check(&cases[i].limits, &err), cases[i].want);
    }
}

static void test_controllers(void **state)
{
    (void)state;
    assert_int_equal(cgroup_limits_controllers(&(struct spec_limits){ .pids = -1 }), 0);
    assert_int_equal(cgroup_limits_controllers(&(struct spec_limits){
                         .memory_bytes = MIB, .cpu_quota_us = 1, .pids = 1 }),
                     LIMITED);
}

static void make_file(int dir_fd, const char *name, const char *text)
{
    struct imgc_err err;
    imgc_autoclose int fd = -1;

    assert_ok(fd_open_at(dir_fd, name, O_CREAT | O_WRONLY | O_TRUNC, 0600, &fd, &err), err);
    assert_ok(fd_write_all(fd, text, strlen(text), &err), err);
}

static void assert_file(int dir_fd, const char *name, const char *want)
{
    imgc_autoclose int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    char text[128] = "";

    assert_true(fd >= 0 && read(fd, text, sizeof text - 1) >= 0);
    assert_string_equal(text, want);
}

struct place {
    char path[32];
    struct cgroup_dir dir;
};

static void set_up(struct place *p, const char *const *files)
{
    struct imgc_err err;

    memcpy(p->path, "/tmp/imgc-limits-XXXXXX", sizeof "/tmp/imgc-limits-XXXXXX");
    assert_non_null(mkdtemp(p->path));
    p->dir = (struct cgroup_dir){ .fd = -1, .path = p->path };
    assert_ok(fd_open_at(AT_FDCWD, p->path, O_RDONLY | O_DIRECTORY, 0, &p->dir.fd, &err), err);
    for (size_t i = 0; files[i]; i++) {
        make_file(p->dir.fd, files[i], "");
    }
}

static void tear_down(struct place *p)
{
    struct imgc_err err;

    assert_ok(fd_remove_tree(AT_FDCWD, p->path, NULL, &err), err);
    imgc_closep(&p->dir.fd);
}

static void test_v2_files(void **state)
{
    static const char *const files[] = { "memory.max", "memory.swap.max", "cpu.max", "pids.max",
                                         NULL };
    struct spec_limits limits = { .memory_bytes = 64 * MIB, .cpu_quota_us = 30000, .pids = 20 };
    struct place p;
    struct imgc_err err;
    bool swap;
    (void)state;

    set_up(&p, files);
    assert_ok(cgroup_v2_limit(&p.dir, LIMITED, &limits, &swap, &err), err);
    assert_true(swap);
    assert_file(p.dir.fd, "memory.max", "67108864");
    assert_file(p.dir.fd, "memory.swap.max", "67108864"); /* twice, less the memory itself */
    assert_file(p.dir.fd, "cpu.max", "30000 100000");
    assert_file(p.dir.fd, "pids.max", "20");

    tear_down(&p);
}

static void test_v2_swap(void **state)
{
    static const char *const files[] = { "memory.max", "memory.swap.max", NULL };
    struct spec_limits limits = { .memory_bytes = 64 * MIB, .memory_swap_bytes = -1 };
    struct place p;
    struct imgc_err err;
    bool swap;
    (void)state;

    set_up(&p, files);
    assert_ok(cgroup_v2_limit(&p.dir, LIMITED, &limits, &swap, &err), err);
    assert_file(p.dir.fd, "memory.swap.max", "");
    limits.memory_swap_bytes = 64 * MIB;
    assert_ok(cgroup_v2_limit(&p.dir, LIMITED, &limits, &swap, &err), err);
    assert_file(p.dir.fd, "memory.swap.max", "0");

    assert_int_equal(unlinkat(p.dir.fd, "memory.swap.max", 0), 0);
    assert_ok(cgroup_v2_limit(&p.dir, LIMITED, &limits, &swap, &err), err);
    assert_false(swap);
    tear_down(&p);
}

static void test_v2_refusal(void **state)
{
    static const char *const files[] = { "pids.max", NULL };
    struct spec_limits limits = { .cpu_quota_us = 30000, .pids = 20 };
    struct place p;
    struct imgc_err err;
    bool swap;
    (void)state;

    set_up(&p, files);
    assert_err(cgroup_v2_limit(&p.dir, LIMITED, &limits, &swap, &err), IMGC_E_HOST);
    assert_non_null(strstr(err.msg, "cpu.max"));
    assert_non_null(strstr(err.msg, "30000 100000"));
    assert_ok(cgroup_v2_limit(&p.dir, CGROUP_HOST_PIDS, &limits, &swap, &err), err);
    tear_down(&p);
}

static void test_v1_files(void **state)
{
    static const char *const files[] = { "memory.limit_in_bytes",
                                         "memory.memsw.limit_in_bytes",
                                         "cpu.cfs_period_us",
                                         "cpu.cfs_quota_us",
                                         "pids.max",
                                         NULL };
    struct spec_limits limits = { .memory_bytes = 64 * MIB, .cpu_quota_us = 30000, .pids = 20 };
    struct place p;
    struct imgc_err err;
    bool swap;
    (void)state;

    set_up(&p, files);
    assert_ok(cgroup_v1_limit(&p.dir, LIMITED, &limits, &swap, &err), err);
    assert_true(swap);
    assert_file(p.dir.fd, "memory.limit_in_bytes", "67108864");
    assert_file(p.dir.fd, "memory.memsw.limit_in_bytes", "134217728");
    assert_file(p.dir.fd, "cpu.cfs_period_us", "100000");
    assert_file(p.dir.fd, "cpu.cfs_quota_us", "30000");
    assert_file(p.dir.fd, "pids.max", "20");

    assert_int_equal(unlinkat(p.dir.fd, "memory.memsw.limit_in_bytes", 0), 0);
    assert_ok(cgroup_v1_limit(&p.dir, CGROUP_HOST_MEMORY, &limits, &swap, &err), err);
    assert_false(swap);
    tear_down(&p);
}

static void test_oom(void **state)
{
    static const char *const none[] = { NULL };
    struct place p;
    (void)state;

    set_up(&p, none);
    assert_false(cgroup_v2_oom_killed(&p.dir));
    assert_false(cgroup_v1_oom_killed(&p.dir));
    make_file(p.dir.fd, "memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 0\n");
    make_file(p.dir.fd, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
    assert_false(cgroup_v2_oom_killed(&p.dir));
    assert_false(cgroup_v1_oom_killed(&p.dir));
    make_file(p.dir.fd, "memory.events", "oom 1\noom_kill 1\noom_group_kill 0\n");
    make_file(p.dir.fd, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    assert_true(cgroup_v2_oom_killed(&p.dir));
    assert_true(cgroup_v1_oom_killed(&p.dir));
    tear_down(&p);
}

/* Controllers are switched on in the base and in "imgc", where they are not on yet. */
static void test_v2_make(void **state)
{
    static const char *const files[] = { "cgroup.controllers", "cgroup.subtree_control", NULL };
    struct cgroup_dir made = CGROUP_DIR_INIT;
    struct place p;
    struct imgc_err err;
    (void)state;

    set_up(&p, files);
    make_file(p.dir.fd, "cgroup.controllers", "cpuset cpu memory pids\n");
    assert_int_equal(cgroup_v2_controllers(p.path), LIMITED);
    assert_int_equal(mkdirat(p.dir.fd, "imgc", 0755), 0);
    make_file(p.dir.fd, "imgc/cgroup.subtree_control", "pids\n");

    assert_ok(cgroup_v2_make(p.path, "box", CGROUP_HOST_PIDS, &made, &err), err);
    assert_file(p.dir.fd, "cgroup.subtree_control", "+pids");
    assert_file(p.dir.fd, "imgc/cgroup.subtree_control", "pids\n");
    assert_true(made.is_v2);
    assert_int_equal(faccessat(p.dir.fd, "imgc/box", F_OK, 0), 0);
    cgroup_dir_done(&made);

    assert_int_equal(unlinkat(p.dir.fd, "imgc/cgroup.subtree_control", 0), 0);
    assert_err(cgroup_v2_make(p.path, "box", CGROUP_HOST_MEMORY, &made, &err), IMGC_E_HOST);
    assert_non_null(strstr(err.msg, "memory controller"));
    tear_down(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),      cmocka_unit_test(test_controllers),
        cmocka_unit_test(test_v2_files),   cmocka_unit_test(test_v2_swap),
        cmocka_unit_test(test_v2_refusal), cmocka_unit_test(test_v1_files),
        cmocka_unit_test(test_oom),        cmocka_unit_test(test_v2_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
