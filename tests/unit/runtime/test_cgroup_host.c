/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/cgroup_host.h"

#define V1(controllers, root)                                                         \
    "40 31 0:36 " root " /sys/fs/cgroup/" controllers " rw,nosuid shared:9 - cgroup " \
    "cgroup rw," controllers "\n"
#define ALL_V1                                                                       \
    (CGROUP_HOST_MEMORY | CGROUP_HOST_CPU | CGROUP_HOST_PIDS | CGROUP_HOST_FREEZER | \
     CGROUP_HOST_DEVICES)

static void parse(const char *mountinfo, const char *self, struct cgroup_host *ret)
{
    struct imgc_err err;

    assert_ok(cgroup_host_parse(imgc_str_of(mountinfo), imgc_str_of(self), ret, &err), err);
}

static void test_hybrid(void **state)
{
    static const char mounts[] =
        "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
        "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
        "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n" V1(
            "cpu,cpuacct", "/") V1("memory", "/") V1("pids", "/");
    struct cgroup_host host = CGROUP_HOST_INIT;
    (void)state;

    parse(mounts, "9:name=systemd:/x\n4:memory:/user/me\n3:cpu,cpuacct:/\n0::/session\n", &host);
    assert_int_equal(host.n, 4);
    assert_string_equal(cgroup_host_v2(&host)->mountpoint, "/sys/fs/cgroup/unified");
    assert_string_equal(cgroup_host_v2(&host)->own, "/session");
    assert_true(cgroup_host_v2(&host)->is_delegating);
    assert_string_equal(cgroup_host_v1(&host, CGROUP_HOST_CPU)->mountpoint,
                        "/sys/fs/cgroup/cpu,cpuacct");
    assert_string_equal(cgroup_host_v1(&host, CGROUP_HOST_CPU)->own, "/");
    assert_string_equal(cgroup_host_v1(&host, CGROUP_HOST_MEMORY)->own, "/user/me");
    assert_null(cgroup_host_v1(&host, CGROUP_HOST_PIDS)->own);
    assert_null(cgroup_host_v1(&host, CGROUP_HOST_FREEZER));
    cgroup_host_done(&host);
}

static void test_own(void **state)
{
    static const struct {
        const char *mounts, *self;
        const char *own; /* NULL: not to be seen */
    } cases[] = {
        { V1("memory", "/"), "4:memory:/a/b\n", "/a/b" },
        { V1("memory", "/docker/1"), "4:memory:/docker/1\n", "/" },
        { V1("memory", "/docker/1"), "4:memory:/docker/1/x", "/x" },
        { V1("memory", "/docker/1"), "4:memory:/docker/12\n", NULL },
        { V1("memory", "/docker/1"), "4:memory:/\n", NULL },
        { V1("memory", "/"), "4:memory:/../../x\n", NULL },
        { V1("memory", "/"), "4:memory:/a:b\n", NULL },
        { V1("memory", "/"), "4:memory\n\n::\n", NULL },
        { V1("memory", "/"), "", NULL },
        { V1("memory", "/a\\040b"), "4:memory:/a b/c\n", "/c" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cgroup_host host = CGROUP_HOST_INIT;

        parse(cases[i].mounts, cases[i].self, &host);
        assert_int_equal(host.n, 1);
        if (cases[i].own) {
            assert_non_null(host.hierarchies[0].own);
            assert_string_equal(host.hierarchies[0].own, cases[i].own);
        } else {
            assert_null(host.hierarchies[0].own);
        }
        cgroup_host_done(&host);
    }
}

static void test_lines_of_no_use(void **state)
{
    static const char *const lines[] = {
        "",
        "\n\n",
        "40",
        "40 31 0:36 / /sys/fs/cgroup/memory rw cgroup cgroup rw,memory\n", /* no "-" */
        "40 31 0:36 / /sys/fs/cgroup/memory rw - cgroup\n",
        "40 31 0:36 / relative rw - cgroup cgroup rw,memory\n",
        "40 31 0:36 / /memory rw - tmpfs cgroup rw,memory\n",
        "40 31 0:36 / /a:b rw - cgroup cgroup rw,memory\n",
        "40 31 0:36 / /a\\072b rw - cgroup cgroup rw,memory\n",
        "40 31 0:36 / /hugetlb rw - cgroup cgroup rw,hugetlb\n",
    };
    (void)state;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct cgroup_host host = CGROUP_HOST_INIT;

        parse(lines[i], "0::/\n", &host);
        assert_int_equal(host.n, 0);
        cgroup_host_done(&host);
    }
}

static void test_first_mount_counts(void **state)
{
    struct cgroup_host host = CGROUP_HOST_INIT;
    (void)state;

    parse("1 0 0:1 / /first\\134x rw - cgroup2 none rw\n2 0 0:1 / /second rw - cgroup2 none rw\n",
          "0::/\n", &host);
    assert_int_equal(host.n, 1);
    assert_string_equal(host.hierarchies[0].mountpoint, "/first\\x");
    cgroup_host_done(&host);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(cgroup_host_controllers(IMGC_STR("cpuset cpu io memory pids\n"), ' '),
                     CGROUP_HOST_CPU | CGROUP_HOST_MEMORY | CGROUP_HOST_PIDS | CGROUP_HOST_CPUSET |
                         CGROUP_HOST_IO);
    assert_int_equal(cgroup_host_controllers(IMGC_STR(""), ' '), 0);
    assert_int_equal(cgroup_host_controllers(IMGC_STR("cpu,memory,pids,freezer,devices"), ','),
                     ALL_V1);
    assert_int_equal(cgroup_host_controllers(IMGC_STR("blkio"), ','), CGROUP_HOST_IO);
    assert_string_equal(cgroup_host_name(CGROUP_HOST_PIDS), "pids");
    assert_string_equal(cgroup_host_name(CGROUP_HOST_IO), "io"); /* what v2 wants to read */
}

static void test_this_host(void **state)
{
    struct cgroup_host host = CGROUP_HOST_INIT;
    struct imgc_err err;
    (void)state;

    assert_ok(cgroup_host_read(&host, &err), err);
    for (size_t i = 0; i < host.n; i++) {
        assert_true(host.hierarchies[i].mountpoint[0] == '/');
    }
    cgroup_host_done(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hybrid),          cmocka_unit_test(test_own),
        cmocka_unit_test(test_lines_of_no_use), cmocka_unit_test(test_first_mount_counts),
        cmocka_unit_test(test_names),           cmocka_unit_test(test_this_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
