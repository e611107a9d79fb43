/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/seccomp_profile.h"

#define ALLOW "{\"defaultAction\": \"SCMP_ACT_ALLOW\", "

static void test_check(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { ALLOW "\"syscalls\": []}", true },
        { "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}", true },
        { ALLOW "\"syscalls\": [{\"name\": \"no_such_call\", \"action\": \"SCMP_ACT_LOG\"}]}",
          true },
        { "", false },
        { "[]", false },
        { "{}", false },
        { "{\"defaultAction\": 1}", false },
        { "{\"defaultAction\": \"SCMP_ACT_NOTIFY\"}", false },
        { ALLOW "\"listenerPath\": \"/x\"}", false },
        { ALLOW "\"syscalls\": {}}", false },
        { ALLOW "\"syscalls\": [1]}", false },
        { ALLOW "\"syscalls\": [{\"action\": \"SCMP_ACT_LOG\"}]}", false },
        { ALLOW "\"syscalls\": [{\"names\": [1], \"action\": \"SCMP_ACT_LOG\"}]}", false },
        { ALLOW "\"syscalls\": [{\"name\": \"kill\", \"action\": \"ALLOW\"}]}", false },
        { ALLOW "\"syscalls\": [{\"name\": \"kill\", \"action\": \"SCMP_ACT_ERRNO\", "
                "\"errnoRet\": 4096}]}",
          false },
        { ALLOW "\"syscalls\": [{\"name\": \"kill\", \"action\": \"SCMP_ACT_LOG\", "
                "\"args\": [{\"index\": 6, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]}]}",
          false },
        { ALLOW "\"syscalls\": [{\"name\": \"kill\", \"action\": \"SCMP_ACT_LOG\", "
                "\"args\": [{\"index\": 0, \"value\": -1, \"op\": \"SCMP_CMP_EQ\"}]}]}",
          false },
        { ALLOW "\"syscalls\": [{\"name\": \"kill\", \"action\": \"SCMP_ACT_LOG\", "
                "\"includes\": {\"caps\": [\"CAP_NONE\"]}}]}",
          false },
        { ALLOW "\"syscalls\": [{\"name\": \"kill\", \"action\": \"SCMP_ACT_LOG\", "
                "\"includes\": {\"minKernel\": \"four\"}}]}",
          false },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imgc_err err;
        int r = seccomp_profile_check(imgc_str_of(cases[i].text), &err);
        if (r != (cases[i].good ? 0 : -(int)IMGC_E_DOCUMENT)) {
            fail_msg("%s: %d", cases[i].text, r);
        }
    }
}

/* In a child with the filter of @text: the errno of mkdir("", mode), 0 for none of the filter's. */
static int errno_of_mkdir(const char *text, uint64_t caps, mode_t mode)
{
    struct seccomp_filter filter = SECCOMP_FILTER_INIT;
    struct imgc_err err;
    int status = 0;

    assert_ok(seccomp_profile_build(imgc_str_of(text), caps, &filter, &err), err);
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_install(&filter, &err) < 0) {
            _exit(99);
        }
        (void)syscall(SYS_mkdirat, AT_FDCWD, "", mode);
        _exit(errno == ENOENT ? 0 : errno);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    seccomp_done(&filter);
    return WEXITSTATUS(status);
}

static void test_holds(void **state)
{
    static const char by_mode[] = ALLOW
        "\"syscalls\": [{\"names\": [\"mkdirat\"], \"action\": \"SCMP_ACT_ERRNO\", "
        "\"errnoRet\": 71, \"args\": ["
        "{\"index\": 2, \"value\": 5, \"op\": \"SCMP_CMP_EQ\"}, "
        "{\"index\": 2, \"value\": 448, \"valueTwo\": 64, \"op\": \"SCMP_CMP_MASKED_EQ\"}]}]}";
    static const char by_cap[] =
        ALLOW "\"syscalls\": [{\"name\": \"mkdirat\", \"action\": \"SCMP_ACT_ERRNO\", "
              "\"excludes\": {\"caps\": [\"CAP_CHOWN\"]}}]}";
    static const char by_kernel[] =
        ALLOW "\"syscalls\": [{\"name\": \"mkdirat\", \"action\": \"SCMP_ACT_ERRNO\", "
              "\"includes\": {\"minKernel\": \"3.1\"}}, {\"name\": \"mkdirat\", "
              "\"action\": \"SCMP_ACT_KILL\", \"includes\": {\"minKernel\": \"900.0\"}}]}";
    (void)state;

    assert_int_equal(errno_of_mkdir(by_mode, 0, 5), 71); /* either condition on one argument */
    assert_int_equal(errno_of_mkdir(by_mode, 0, 0107), 71);
    assert_int_equal(errno_of_mkdir(by_mode, 0, 0307), 0);
    assert_int_equal(errno_of_mkdir(by_cap, 0, 0), EPERM);
    assert_int_equal(errno_of_mkdir(by_cap, 1, 0), 0);
    assert_int_equal(errno_of_mkdir(by_kernel, 0, 0), EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
