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
#define LIMITED \
    (CGROUP_HOST_MEMORY | CGROUP_HOST_CPU | CGROUP_HOST_PIDS | CGROUP_HOST_CPUSET | CGROUP_HOST_IO)

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
        { { .memory_reservation_bytes = 6 * MIB }, 0 },
        { { .memory_reservation_bytes = MIB }, -IMGC_E_USAGE },
        { { .memory_bytes = 8 * MIB, .memory_reservation_bytes = 9 * MIB }, -IMGC_E_USAGE },
        { { .swappiness_and_one = 101 }, 0 },
        { { .swappiness_and_one = 102 }, -IMGC_E_USAGE },
        { { .cpu_period_us = 999 }, -IMGC_E_USAGE },
        { { .cpu_period_us = 1000, .cpu_quota_us = 2000 }, 0 },
        { { .cpu_period_us = 1000001 }, -IMGC_E_USAGE },
        { { .io_weight = 9 }, -IMGC_E_USAGE },
        { { .io_weight = 1000 }, 0 },
        { { .io_weight = 1001 }, -IMGC_E_USAGE },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imgc_err err;
        assert_int_equal(cgroup_limits_check(&cases[i].limits, &err), cases[i].want);
    }
}

/* What are lists of words. */
static void test_check_words(void **state)
{
    static const struct {
        const char *cpus, *rule, *conf;
        int want;
    } cases[] = {
        { "0-3,7", "8:0 rbps=1", "memory.high=64M", 0 },
        { "3-0", NULL, NULL, -IMGC_E_USAGE },
        { "0,", NULL, NULL, -IMGC_E_USAGE },
        { "a", NULL, NULL, -IMGC_E_USAGE },
        { "0-99999999999", NULL, NULL, -IMGC_E_USAGE },
        { NULL, "8:0 rbps=0", NULL, -IMGC_E_USAGE },
        { NULL, "8 rbps=1", NULL, -IMGC_E_USAGE },
        { NULL, "8:0 bps=1", NULL, -IMGC_E_USAGE },
        { NULL, "8:0 rbps=1 wbps=1", NULL, -IMGC_E_USAGE },
        { NULL, NULL, "memory.high", -IMGC_E_USAGE },
        { NULL, NULL, "memory=1", -IMGC_E_USAGE },
        { NULL, NULL, "../memory.high=1", -IMGC_E_USAGE },
        { NULL, NULL, "cgroup.procs=1", -IMGC_E_USAGE },
        { NULL, NULL, "..=1", -IMGC_E_USAGE },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char cpus[32] = "", rule[32] = "", conf[32] = "";
        char *rules[] = { rule, NULL }, *confs[] = { conf, NULL };
        struct imgc_err err;
        struct spec_limits limits = { .cpuset_cpus = cases[i].cpus ? cpus : NULL,
                                      .io_max = cases[i].rule ? rules : NULL,
                                      .cgroup_conf = cases[i].conf ? confs : NULL };

        (void)snprintf(cpus, sizeof cpus, "%s", cases[i].cpus ? cases[i].cpus : "");
        (void)snprintf(rule, sizeof rule, "%s", cases[i].rule ? cases[i].rule : "");
        (void)snprintf(conf, sizeof conf, "%s", cases[i].conf ? cases[i].conf : "");
        assert_int_equal(cgroup_limits_check(&limits, &err), cases[i].want);
    }
}

/* runc's and crun's own examples of the curve. */
static void test_weights(void **state)
{
    static const struct {
        uint64_t shares, weight;
    } cases[] = {
        { 0, 100 },    { 1, 1 },          { 2, 1 },          { 1023, 100 }, { 1024, 100 },
        { 2000, 170 }, { 262143, 10000 }, { 262144, 10000 }, { 10, 4 },     { 300000, 10000 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cgroup_limits_weight(cases[i].shares), cases[i].weight);
    }
    for (uint64_t shares = 3; shares < 5000; shares++) {
        assert_true(cgroup_limits_weight(shares) >= cgroup_limits_weight(shares - 1));
    }
    assert_int_equal(cgroup_limits_io_weight(0), 100);
    assert_int_equal(cgroup_limits_io_weight(10), 1);
    assert_int_equal(cgroup_limits_io_weight(1000), 10000);
}

static void test_controllers(void **state)
{
    (void)state;
    assert_int_equal(cgroup_limits_controllers(&(struct spec_limits){ .pids = -1 }), 0);
    char zero[] = "0", rule[] = "8:0 rbps=1", conf[] = "memory.high=1";
    char *rules[] = { rule, NULL }, *confs[] = { conf, NULL };
    static const struct {
        struct spec_limits limits;
        unsigned want;
    } plain[] = {
        { { .memory_bytes = MIB }, CGROUP_HOST_MEMORY },
        { { .memory_reservation_bytes = MIB }, CGROUP_HOST_MEMORY },
        { { .oom_kill_disable = true }, CGROUP_HOST_MEMORY },
        { { .swappiness_and_one = 1 }, CGROUP_HOST_MEMORY },
        { { .cpu_quota_us = 1 }, CGROUP_HOST_CPU },
        { { .cpu_period_us = 1 }, CGROUP_HOST_CPU },
        { { .cpu_shares = 1 }, CGROUP_HOST_CPU },
        { { .io_weight = 1 }, CGROUP_HOST_IO },
        { { .pids = 1, .cpu_shares = 2 }, CGROUP_HOST_PIDS | CGROUP_HOST_CPU },
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        assert_int_equal(cgroup_limits_controllers(&plain[i].limits), plain[i].want);
    }
    assert_int_equal(cgroup_limits_controllers(&(struct spec_limits){ .cpuset_mems = zero }),
                     CGROUP_HOST_CPUSET);
    assert_int_equal(cgroup_limits_controllers(&(struct spec_limits){ .io_max = rules }),
                     CGROUP_HOST_IO);
    assert_int_equal(cgroup_limits_controllers(&(struct spec_limits){ .cgroup_conf = confs }),
                     CGROUP_HOST_MEMORY);
}

/* What was said to be survivable. */
struct warned {
    int n;
    char last[128];
};

static void note(void *arg, const char *msg)
{
    struct warned *warned = arg;

    warned->n++;
    (void)snprintf(warned->last, sizeof warned->last, "%s", msg);
}

static struct cgroup_limits_change change_to(const struct spec_limits *to, struct warned *warned)
{
    static const struct spec_limits none;

    return (struct cgroup_limits_change){ .from = &none, .to = to, .warn = note, .arg = warned };
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
    struct warned warned = { .n = 0 };
    struct cgroup_limits_change change = change_to(&limits, &warned);
    (void)state;

    set_up(&p, files);
    assert_ok(cgroup_v2_limit(&p.dir, LIMITED, &change, &err), err);
    assert_int_equal(warned.n, 0);
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
    struct warned warned = { .n = 0 };
    struct cgroup_limits_change change = change_to(&limits, &warned);
    (void)state;

    set_up(&p, files);
    assert_ok(cgroup_v2_limit(&p.dir, LIMITED, &change, &err), err);
    assert_file(p.dir.fd, "memory.swap.max", "max");
    limits.memory_swap_bytes = 64 * MIB;
    make_file(p.dir.fd, "memory.swap.max", "");
    assert_ok(cgroup_v2_limit(&p.dir, LIMITED, &change, &err), err);
    assert_file(p.dir.fd, "memory.swap.max", "0");

    assert_int_equal(unlinkat(p.dir.fd, "memory.swap.max", 0), 0);
    assert_ok(cgroup_v2_limit(&p.dir, LIMITED, &change, &err), err);
    assert_int_equal(warned.n, 1);
    assert_non_null(strstr(warned.last, "does not count swap"));
    tear_down(&p);
}

static void test_v2_refusal(void **state)
{
    static const char *const files[] = { "pids.max", NULL };
    struct spec_limits limits = { .cpu_quota_us = 30000, .pids = 20 };
    struct place p;
    struct imgc_err err;
    struct warned warned = { .n = 0 };
    struct cgroup_limits_change change = change_to(&limits, &warned);
    (void)state;

    set_up(&p, files);
    assert_err(cgroup_v2_limit(&p.dir, LIMITED, &change, &err), IMGC_E_HOST);
    assert_non_null(strstr(err.msg, "cpu.max"));
    assert_non_null(strstr(err.msg, "30000 100000"));
    assert_ok(cgroup_v2_limit(&p.dir, CGROUP_HOST_PIDS, &change, &err), err);
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
    struct warned warned = { .n = 0 };
    struct cgroup_limits_change change = change_to(&limits, &warned);
    (void)state;

    set_up(&p, files);
    assert_ok(cgroup_v1_limit(&p.dir, LIMITED, &change, &err), err);
    assert_int_equal(warned.n, 0);
    assert_file(p.dir.fd, "memory.limit_in_bytes", "67108864");
    assert_file(p.dir.fd, "memory.memsw.limit_in_bytes", "134217728");
    assert_file(p.dir.fd, "cpu.cfs_period_us", "100000");
    assert_file(p.dir.fd, "cpu.cfs_quota_us", "30000");
    assert_file(p.dir.fd, "pids.max", "20");

    assert_int_equal(unlinkat(p.dir.fd, "memory.memsw.limit_in_bytes", 0), 0);
    assert_ok(cgroup_v1_limit(&p.dir, CGROUP_HOST_MEMORY, &change, &err), err);
    assert_int_equal(warned.n, 1);
    assert_non_null(strstr(warned.last, "does not count swap"));
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
    assert_int_equal(cgroup_v2_controllers(p.path), LIMITED & ~CGROUP_HOST_IO);
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
        cmocka_unit_test(test_check),      cmocka_unit_test(test_check_words),
        cmocka_unit_test(test_weights),    cmocka_unit_test(test_controllers),
        cmocka_unit_test(test_v2_files),   cmocka_unit_test(test_v2_swap),
        cmocka_unit_test(test_v2_refusal), cmocka_unit_test(test_v1_files),
        cmocka_unit_test(test_oom),        cmocka_unit_test(test_v2_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
