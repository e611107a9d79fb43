/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/process.h"

static void test_self(void **state)
{
    struct process_id own, again;
    struct imgc_err err;
    char boot_id[PROCESS_BOOT_ID_MAX];
    (void)state;

    assert_ok(process_identify(0, &own, &err), err);
    assert_int_equal(own.pid, getpid());
    assert_true(own.start_ticks > 0);
    process_boot_id(boot_id);
    assert_string_equal(own.boot_id, boot_id);
    assert_int_equal(strlen(boot_id), PROCESS_BOOT_ID_MAX - 1);
    assert_ok(process_identify(getpid(), &again, &err), err);
    assert_true(own.start_ticks == again.start_ticks);
    assert_true(process_alive(&own));
}

static void test_reused_pid_is_another_process(void **state)
{
    struct process_id id;
    struct imgc_err err;
    (void)state;

    assert_ok(process_identify(0, &id, &err), err);
    id.start_ticks--;
    assert_false(process_alive(&id));
    id.start_ticks++;
    id.boot_id[0] = id.boot_id[0] == '0' ? '1' : '0';
    assert_false(process_alive(&id));
}

static void test_missing(void **state)
{
    struct process_id id = { .pid = 0 };
    struct imgc_err err;
    (void)state;

    assert_err(process_identify(-1, &id, &err), IMGC_E_NOTFOUND);
    assert_err(process_identify(0x7fffffff, &id, &err), IMGC_E_NOTFOUND);
    assert_false(process_alive(&id));
}

/* A process may call itself "a) R 1 (b"; its start time must still be read from the right field. */
static void test_hostile_name(void **state)
{
    struct process_id plain, odd;
    struct imgc_err err;
    (void)state;

    assert_ok(process_identify(0, &plain, &err), err);
    assert_int_equal(prctl(PR_SET_NAME, "a) Z 1 (b 2"), 0);
    assert_ok(process_identify(0, &odd, &err), err);
    assert_true(plain.start_ticks == odd.start_ticks);
    assert_true(process_alive(&odd));
    assert_int_equal(prctl(PR_SET_NAME, "test"), 0);
}

static void test_zombie_is_not_alive(void **state)
{
    struct process_id id;
    struct imgc_err err;
    siginfo_t info;
    (void)state;

    pid_t pid = fork();
    if (pid == 0) {
        for (;;) {
            (void)pause();
        }
    }
    assert_true(pid > 0);
    assert_ok(process_identify(pid, &id, &err), err);
    assert_true(process_alive(&id));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(process_alive(&id));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(process_alive(&id));
    assert_err(process_identify(pid, &id, &err), IMGC_E_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_self),
        cmocka_unit_test(test_reused_pid_is_another_process),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_hostile_name),
        cmocka_unit_test(test_zombie_is_not_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
