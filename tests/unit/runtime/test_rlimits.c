/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/rlimits.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text, *name;
        uint64_t soft, hard;
    } cases[] = {
        { "nofile=1:2", "nofile", 1, 2 },
        { "core=0", "core", 0, 0 },
        { "nproc=5:-1", "nproc", 5, UINT64_MAX },
        { "memlock=-1", "memlock", UINT64_MAX, UINT64_MAX },
        { "nofile", NULL, 0, 0 },
        { "nofile=", NULL, 0, 0 },
        { "=1", NULL, 0, 0 },
        { "NOFILE=1", NULL, 0, 0 },
        { "nofile=2:1", NULL, 0, 0 },
        { "nofile=-1:1", NULL, 0, 0 },
        { "nofile=1:2:3", NULL, 0, 0 },
        { "nofile= 1", NULL, 0, 0 },
        { "nofile=18446744073709551615", NULL, 0, 0 },
        { "nofile=18446744073709551616", NULL, 0, 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct isolation_rlimit limit = { .name = NULL };
        struct imgc_err err;
        int r = rlimits_parse(imgc_str_of(cases[i].text), &limit, &err);

        assert_int_equal(r, cases[i].name ? 0 : -IMGC_E_USAGE);
        if (r == 0) {
            assert_string_equal(limit.name, cases[i].name);
            assert_true(limit.soft == cases[i].soft && limit.hard == cases[i].hard);
        }
        free(limit.name);
    }
}

static int apply(struct isolation *i, uint64_t *ret_soft, uint64_t *ret_hard)
{
    struct rlimit now;
    struct imgc_err err;

    if (rlimits_apply(i, &err) < 0 || getrlimit(RLIMIT_NOFILE, &now) < 0) {
        return 1;
    }
    *ret_soft = now.rlim_cur;
    *ret_hard = now.rlim_max;
    return 0;
}

/* As uid 65534, whom no capability helps: the hard limit cannot be raised again. */
static int in_child(void)
{
    static char name[] = "nofile";
    struct isolation_rlimit limit = { .name = name, .soft = 10, .hard = 20 };
    struct isolation i = { .rlimits = &limit, .n_rlimits = 1 };
    uint64_t soft = 0, hard = 0;

    if (apply(&i, &soft, &hard) != 0 || soft != 10 || hard != 20) {
        return 1;
    }
    if (geteuid() == 0 && setuid(65534) < 0) {
        return 2;
    }
    limit.soft = 15;
    limit.hard = 1000;
    if (apply(&i, &soft, &hard) != 0 || soft != 15 || hard != 20) {
        return 3;
    }
    limit.soft = limit.hard = UINT64_MAX;
    return apply(&i, &soft, &hard) != 0 || soft != 20 || hard != 20 ? 4 : 0;
}

static void test_apply(void **state)
{
    int status = 0;
    (void)state;

    pid_t pid = fork();
    if (pid == 0) {
        _exit(in_child());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_apply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
