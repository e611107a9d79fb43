/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/plan.h"

static void make(const char *const *targets, size_t n, struct spec *s)
{
    struct imgc_err err;
    static const char *const words[] = { "true", NULL };
    struct spec_options o = { .args = words };

    assert_ok(spec_from_config("0123456789abcdef", NULL, &o, s, &err), err);
    s->mounts = calloc(n + 1, sizeof *s->mounts);
    assert_non_null(s->mounts);
    for (; s->n_mounts < n; s->n_mounts++) {
        struct spec_mount *m = &s->mounts[s->n_mounts];
        m->kind = SPEC_MOUNT_BIND;
        m->source = strdup("/src");
        m->target = strdup(targets[s->n_mounts]);
    }
}

/* Where a line of the printed plan starts, or -1. */
static long at(const char *text, const char *line)
{
    char needle[256];
    (void)snprintf(needle, sizeof needle, "\n%s", line);
    const char *p = strstr(text, needle);
    return p ? (long)(p - text) : -1;
}

static void test_order(void **state)
{
    static const char *const targets[] = { "/a/b/c", "/a", "/dev/shm", "/a/b" };
    static const char *const in_order[] = {
        "directory /var/lib/data",
        "directory /a/b",
        "mount proc proc nosuid noexec nodev",
        "mount tmpfs dev mode=755,size=65536k nosuid strictatime",
        "devices /dev",
        "mount devpts /dev/pts newinstance,ptmxmode=0666,mode=0620,gid=5 nosuid noexec",
        "mount sysfs sys ro nosuid noexec nodev",
        "cgroup /sys/fs/cgroup",
        "mount mqueue /dev/mqueue",
        "sysctl /proc/sys/net",
        "file resolv.conf /etc/resolv.conf",
        "bind /src /a nodev\n",
        "bind /src /dev/shm nodev\n",
        "bind /src /a/b nodev\n",
        "bind /src /a/b/c nodev\n",
        "workdir /",
        "mask /proc/acpi",
        "mask /proc/kcore",
        "mask /sys/firmware",
        "mask-cpus /sys/devices/system/cpu",
        "read-only /proc/bus",
        "read-only /proc/sysrq-trigger",
        "root-read-only",
        "hostname 0123456789ab",
        "loopback",
        "pivot",
    };
    spec_auto struct spec s = SPEC_INIT;
    plan_auto struct plan p = PLAN_INIT;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    struct imgc_err err;
    (void)state;

    make(targets, 4, &s);
    s.read_only = true;
    s.volumes = calloc(3, sizeof *s.volumes);
    s.volumes[0] = strdup("/var/lib/data");
    s.volumes[1] = strdup("/a/b");
    assert_ok(plan_make(&s, &p, &err), err);
    plan_print(&p, &b);
    assert_int_equal(strncmp(b.ptr, "root", 4), 0);
    long last = 0;
    for (size_t i = 0; i < sizeof in_order / sizeof *in_order; i++) {
        long here = at(b.ptr, in_order[i]);
        if (here <= last) {
            fail_msg("'%s' is at %ld, after %ld in\n%s", in_order[i], here, last, b.ptr);
        }
        last = here;
    }
    /* The user's own mount is there instead of ours. */
    assert_int_equal(at(b.ptr, "mount tmpfs /dev/shm"), -1);
    assert_int_equal(at(b.ptr, "console"), -1);
}

static void test_host_network(void **state)
{
    spec_auto struct spec s = SPEC_INIT;
    plan_auto struct plan p = PLAN_INIT;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    struct imgc_err err;
    (void)state;

    make(NULL, 0, &s);
    s.network = SPEC_NETWORK_HOST;
    s.terminal = true;
    s.hostname[0] = '\0';
    assert_ok(plan_make(&s, &p, &err), err);
    plan_print(&p, &b);
    assert_int_equal(at(b.ptr, "loopback"), -1);
    assert_int_equal(at(b.ptr, "sysctl"), -1);
    assert_int_equal(at(b.ptr, "hostname"), -1);
    assert_int_equal(at(b.ptr, "root-read-only"), -1);
    assert_true(at(b.ptr, "console /dev/console") > at(b.ptr, "mount devpts"));
    assert_true(at(b.ptr, "mount tmpfs /dev/shm mode=1777,size=64m nosuid noexec nodev") > 0);
}

static void test_refused_targets(void **state)
{
    static const char *const targets[] = { "/", "/dev", "/proc", "/proc/sys", "/proc/self/fd" };
    static const char *const allowed[] = { "/process", "/dev/shm", "/device", "/sys" };
    struct imgc_err err;
    (void)state;

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        spec_auto struct spec s = SPEC_INIT;
        plan_auto struct plan p = PLAN_INIT;
        make(&targets[i], 1, &s);
        assert_err(plan_make(&s, &p, &err), IMGC_E_USAGE);
        assert_non_null(strstr(err.msg, targets[i]));
    }
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        spec_auto struct spec s = SPEC_INIT;
        plan_auto struct plan p = PLAN_INIT;
        make(&allowed[i], 1, &s);
        assert_ok(plan_make(&s, &p, &err), err);
    }
}

static void test_restrictions(void **state)
{
    spec_auto struct spec s = SPEC_INIT;
    plan_auto struct plan p = PLAN_INIT;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    struct imgc_err err;
    (void)state;

    make(NULL, 0, &s);
    assert_ok(isolation_append(&s.isolation.mask, IMGC_STR("/etc/shadow"), &err), err);
    assert_ok(isolation_append(&s.isolation.unmask, IMGC_STR("/proc/sys*"), &err), err);
    assert_ok(plan_make(&s, &p, &err), err);
    plan_print(&p, &b);
    assert_true(at(b.ptr, "mask /etc/shadow") > 0);
    assert_true(at(b.ptr, "mask /proc/kcore") > 0);
    assert_true(at(b.ptr, "read-only /proc/bus") > 0);
    assert_int_equal(at(b.ptr, "read-only /proc/sys\n"), -1);
    assert_int_equal(at(b.ptr, "read-only /proc/sysrq-trigger"), -1);
}

static void set(struct isolation_namespace *n, enum isolation_mode mode, const char *source)
{
    n->mode = mode;
    n->source = source ? strdup(source) : NULL;
}

static void test_shared_with_host(void **state)
{
    spec_auto struct spec s = SPEC_INIT;
    plan_auto struct plan p = PLAN_INIT;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    struct imgc_err err;
    (void)state;

    make(NULL, 0, &s);
    set(&s.isolation.pid, ISOLATION_HOST, NULL);
    set(&s.isolation.ipc, ISOLATION_HOST, NULL);
    set(&s.isolation.cgroup, ISOLATION_HOST, NULL);
    assert_ok(plan_make(&s, &p, &err), err);
    plan_print(&p, &b);
    assert_int_equal(strncmp(b.ptr, "root", 4), 0);
    assert_true(at(b.ptr, "bind /dev/shm /dev/shm nosuid noexec nodev") > 0);
    assert_int_equal(at(b.ptr, "mount tmpfs /dev/shm"), -1);
    assert_true(at(b.ptr, "cgroup /sys/fs/cgroup host ro") > 0);
}

static void test_joins(void **state)
{
    spec_auto struct spec s = SPEC_INIT;
    plan_auto struct plan p = PLAN_INIT;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    struct imgc_err err;
    (void)state;

    make(NULL, 0, &s);
    set(&s.isolation.pid, ISOLATION_CONTAINER, "web");
    set(&s.isolation.ipc, ISOLATION_CONTAINER, "web");
    set(&s.isolation.net, ISOLATION_PATH, "/run/netns/x");
    assert_false(spec_owns_network(&s));
    assert_ok(plan_make(&s, &p, &err), err);
    plan_print(&p, &b);
    assert_int_equal(strncmp(b.ptr, "join ipc container:web\njoin net ns:/run/netns/x\nroot", 50),
                     0);
    assert_true(at(b.ptr, "shm /dev/shm") > 0);
    assert_int_equal(at(b.ptr, "mount tmpfs /dev/shm"), -1);
    assert_int_equal(at(b.ptr, "loopback"), -1);
    assert_int_equal(at(b.ptr, "sysctl"), -1);
}

static void test_systemd(void **state)
{
    static const char *const targets[] = { "/tmp" };
    static const char *const lines[] = { "cgroup /sys/fs/cgroup v2 nosuid",
                                         "mount tmpfs /run mode=755 nosuid nodev",
                                         "mount tmpfs /run/lock mode=1777",
                                         "mount tmpfs /var/log/journal",
                                         "mount tmpfs /var/tmp mode=1777" };
    spec_auto struct spec s = SPEC_INIT;
    plan_auto struct plan p = PLAN_INIT;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    struct imgc_err err;
    (void)state;

    make(targets, 1, &s);
    s.isolation.systemd = s.read_only = s.isolation.read_only_tmpfs = true;
    assert_ok(plan_make(&s, &p, &err), err);
    plan_print(&p, &b);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (at(b.ptr, lines[i]) < 0) {
            fail_msg("no '%s' in\n%s", lines[i], b.ptr);
        }
    }
    assert_int_equal(at(b.ptr, "mount tmpfs /tmp"), -1); /* the user's own is there */
    const char *run = strstr(b.ptr, "mount tmpfs /run mode");
    assert_null(strstr(run + 1, "mount tmpfs /run mode")); /* once */
}

static void test_no_shm(void **state)
{
    spec_auto struct spec s = SPEC_INIT;
    plan_auto struct plan p = PLAN_INIT;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    struct imgc_err err;
    (void)state;

    make(NULL, 0, &s);
    s.isolation.ipc_use = ISOLATION_IPC_NO_SHM;
    assert_ok(plan_make(&s, &p, &err), err);
    plan_print(&p, &b);
    assert_null(strstr(b.ptr, "/dev/shm"));
}

static void test_privileged(void **state)
{
    static const char *const words[] = { "true", NULL };
    struct isolation isolation = { .privileged = true };
    struct spec_options o = { .args = words, .take_isolation = &isolation };
    spec_auto struct spec s = SPEC_INIT;
    plan_auto struct plan p = PLAN_INIT;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    struct imgc_err err;
    (void)state;

    assert_ok(spec_from_config("0123456789abcdef", NULL, &o, &s, &err), err);
    assert_true(s.no_seccomp);
    assert_true(s.capabilities > UINT64_C(0xa80425fb));
    assert_ok(plan_make(&s, &p, &err), err);
    plan_print(&p, &b);
    assert_int_equal(at(b.ptr, "mask"), -1);
    assert_int_equal(at(b.ptr, "read-only"), -1);
    assert_true(at(b.ptr, "devices /dev all") > 0);
    assert_true(at(b.ptr, "mount sysfs sys nosuid noexec nodev") > 0);
    assert_true(at(b.ptr, "cgroup /sys/fs/cgroup nosuid noexec nodev") > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),           cmocka_unit_test(test_host_network),
        cmocka_unit_test(test_refused_targets), cmocka_unit_test(test_restrictions),
        cmocka_unit_test(test_privileged),      cmocka_unit_test(test_shared_with_host),
        cmocka_unit_test(test_joins),           cmocka_unit_test(test_systemd),
        cmocka_unit_test(test_no_shm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
