/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/caps.h"

#define OTHER_UID 65534u

static void test_parse(void **state)
{
    static const struct {
        const char *name;
        int want; /* -1: no capability */
    } cases[] = {
        { "CAP_CHOWN", CAP_CHOWN },
        { "chown", CAP_CHOWN },
        { "Net_Bind_Service", CAP_NET_BIND_SERVICE },
        { "cap_sys_admin", CAP_SYS_ADMIN },
        { "cAp_BPF", CAP_BPF },
        { "checkpoint_restore", CAP_CHECKPOINT_RESTORE },
        { "", -1 },
        { "CAP_", -1 },
        { "ALL", -1 },
        { "7", -1 },
        { "cap_7", -1 },
        { "CAP_CAP_CHOWN", -1 },
        { "chown ", -1 },
        { "chow", -1 },
        { "chowned", -1 },
        { "a_name_that_is_much_longer_than_any_capability_will_ever_be_named", -1 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int cap = -1;
        bool found = caps_parse(imgc_str_of(cases[i].name), &cap);

        assert_int_equal(found, cases[i].want >= 0);
        assert_int_equal(cap, cases[i].want);
    }
}

static void test_default_is_dockers(void **state)
{
    (void)state;
    /* What a container of docker shows as CapBnd in /proc/self/status. */
    assert_true(caps_default() == UINT64_C(0xa80425fb));
    assert_true((caps_default() & ~caps_all()) == 0);
    assert_true(caps_all() >> CAP_LAST_CAP == 1);
}

static void test_combine(void **state)
{
    const uint64_t all = caps_all(), base = caps_default(), one = UINT64_C(1) << CAP_NET_ADMIN;
    const uint64_t chown = UINT64_C(1) << CAP_CHOWN;
    const struct {
        uint64_t add, drop, want;
    } cases[] = {
        { 0, 0, base },
        { one, 0, base | one },
        { 0, chown, base & ~chown },
        { chown, chown, base },
        { all, 0, all },
        { all, chown, all & ~chown },
        { 0, all, 0 },
        { one, all, one },
        { all, all, all },
        { one, chown, (base & ~chown) | one },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(caps_combine(base, cases[i].add, cases[i].drop) == cases[i].want);
    }
}

static void test_names(void **state)
{
    int cap;
    (void)state;

    for (int i = 0; i <= CAP_LAST_CAP; i++) {
        assert_non_null(caps_name(i));
        assert_true(caps_parse(imgc_str_of(caps_name(i)), &cap));
        assert_int_equal(cap, i);
    }
    assert_string_equal(caps_name(CAP_SYS_ADMIN), "CAP_SYS_ADMIN");
    assert_null(caps_name(-1));
    assert_null(caps_name(CAP_LAST_CAP + 1));
}

struct sets {
    unsigned long long inh, prm, eff, bnd, amb;
};

static int read_sets(struct sets *ret)
{
    char line[256];
    int found = 0;
    FILE *f = fopen("/proc/self/status", "re");

    if (!f) {
        return -1;
    }
    while (fgets(line, sizeof line, f)) {
        found += sscanf(line, "CapInh: %llx", &ret->inh) == 1; // NOLINT(cert-err34-c)
        found += sscanf(line, "CapPrm: %llx", &ret->prm) == 1; // NOLINT(cert-err34-c)
        found += sscanf(line, "CapEff: %llx", &ret->eff) == 1; // NOLINT(cert-err34-c)
        found += sscanf(line, "CapBnd: %llx", &ret->bnd) == 1; // NOLINT(cert-err34-c)
        found += sscanf(line, "CapAmb: %llx", &ret->amb) == 1; // NOLINT(cert-err34-c)
    }
    (void)fclose(f);
    return found == 5 ? 0 : -1;
}

/* In a child: a code that says which step failed, 0 for none. */
static int become(uint64_t mask, bool is_root, struct sets *before, struct sets *after)
{
    struct imgc_err err;

    if (read_sets(before) < 0) {
        return 1;
    }
    if (caps_drop_bounding(mask, &err) < 0) {
        return 2;
    }
    if (!is_root && (setgid(OTHER_UID) < 0 || setuid(OTHER_UID) < 0)) {
        return 3;
    }
    if (caps_apply(mask, is_root, &err) < 0) {
        return 4;
    }
    return read_sets(after) < 0 ? 5 : 0;
}

static int check(uint64_t mask, bool is_root)
{
    struct sets before, after;
    int step = become(mask, is_root, &before, &after);

    if (step > 0) {
        return step;
    }
    if (after.bnd != (before.bnd & mask)) {
        return 10;
    }
    if (after.prm != (is_root ? before.prm & mask : 0) || after.eff != after.prm) {
        return 11;
    }
    return after.inh != 0 || after.amb != 0 ? 12 : 0;
}

static void run_in_child(uint64_t mask, bool is_root)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(check(mask, is_root));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_apply(void **state)
{
    (void)state;
    if (prctl(PR_CAPBSET_READ, CAP_SETPCAP, 0, 0, 0) != 1 || geteuid() != 0) {
        print_message("skipped: dropping capabilities needs root\n");
        skip();
    }
    run_in_child(caps_default(), true);
    run_in_child(caps_default(), false);
    run_in_child(0, true);
    run_in_child(UINT64_C(1) << CAP_CHOWN, true);
    run_in_child(0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),   cmocka_unit_test(test_default_is_dockers),
        cmocka_unit_test(test_combine), cmocka_unit_test(test_names),
        cmocka_unit_test(test_apply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
