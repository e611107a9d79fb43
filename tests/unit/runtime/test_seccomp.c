/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/caps.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_bpf.h"
#include "runtime/seccomp_parse.h"
#include "schema/embed.h"
#include "schema/json.h"

#define BIT(cap) (UINT64_C(1) << (cap))
#define DENIED (SECCOMP_RET_ERRNO | EPERM)
#define ABSENT (SECCOMP_RET_ERRNO | ENOSYS)
#define ALLOWED SECCOMP_RET_ALLOW
#define HIGH (UINT64_C(1) << 32) /* what the kernel cuts off from an int */

/* Run the program as the kernel would: the subset of BPF that the assembler emits. */
static uint32_t filter(const struct sock_fprog *prog, const struct seccomp_data *data)
{
    uint32_t a = 0;

    for (size_t pc = 0; pc < prog->len; pc++) {
        const struct sock_filter *i = &prog->filter[pc];
        bool yes = false;

        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(i->k % 4 == 0 && i->k + sizeof a <= sizeof *data);
            memcpy(&a, (const char *)data + i->k, sizeof a);
            continue;
        case BPF_JMP | BPF_JA:
            pc += i->k;
            continue;
        case BPF_RET | BPF_K:
            return i->k;
        case BPF_JMP | BPF_JEQ | BPF_K:
            yes = a == i->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            yes = a >= i->k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            yes = (a & i->k) != 0;
            break;
        default:
            fail_msg("instruction %#x at %zu", i->code, pc);
        }
        pc += yes ? i->jt : i->jf;
    }
    fail_msg("ran off the end");
    return 0;
}

static uint32_t native_arch(void)
{
#if defined(__x86_64__)
    return AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
    return AUDIT_ARCH_AARCH64;
#else
    return AUDIT_ARCH_RISCV64;
#endif
}

static uint32_t ask(const struct seccomp_filter *f, long nr, uint64_t arg0, uint64_t arg1)
{
    struct seccomp_data data = { .nr = (int)nr,
                                 .arch = native_arch(),
                                 .args = { arg0, arg1, 0xdead, 0xdead, 0xdead, 0xdead } };
    return filter(&f->prog, &data);
}

static void build(uint64_t caps, struct seccomp_filter *f)
{
    struct imgc_err err;

    if (seccomp_build(caps, f, &err) < 0) {
        fail_msg("%s", err.msg);
    }
}

static void test_default_set(void **state)
{
    static const struct {
        const char *what;
        long nr;
        uint64_t arg0, arg1;
        uint32_t want;
    } cases[] = {
        { "read", SYS_read, 0, 0, ALLOWED },
        { "execve", SYS_execve, 0, 0, ALLOWED },
        { "chroot, by capability", SYS_chroot, 0, 0, ALLOWED },
        { "fchmodat2, young", 452, 0, 0, ALLOWED },
        { "mseal, younger than libseccomp", 462, 0, 0, ALLOWED },
        { "unshare", SYS_unshare, CLONE_NEWUSER, 0, DENIED },
        { "mount", SYS_mount, 0, 0, DENIED },
        { "bpf", SYS_bpf, 0, 0, DENIED },
        { "keyctl", SYS_keyctl, 0, 0, DENIED },
        { "io_uring_setup", 425, 0, 0, DENIED },
        { "userfaultfd", SYS_userfaultfd, 0, 0, DENIED },
        { "kexec_load", SYS_kexec_load, 0, 0, DENIED },
        { "open_by_handle_at", SYS_open_by_handle_at, 0, 0, DENIED },
        { "fork", SYS_clone, SIGCHLD, 0, ALLOWED },
        { "thread", SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, 0, ALLOWED },
        { "clone into a user namespace", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, DENIED },
        { "clone into a mount namespace", SYS_clone, CLONE_NEWNS | SIGCHLD, 0, DENIED },
        { "clone3", SYS_clone3, 0, 0, ABSENT },
        { "AF_UNIX", SYS_socket, AF_UNIX, 0, ALLOWED },
        { "AF_NETLINK", SYS_socket, AF_NETLINK, 0, ALLOWED },
        { "AF_ALG", SYS_socket, AF_ALG, 0, DENIED },
        { "AF_ALG with a high half", SYS_socket, HIGH | AF_ALG, 0, DENIED },
        { "AF_NFC, between the two", SYS_socket, AF_NFC, 0, ALLOWED },
        { "AF_VSOCK", SYS_socket, AF_VSOCK, 0, DENIED },
        { "AF_KCM", SYS_socket, AF_KCM, 0, ALLOWED },
        { "TIOCGWINSZ", SYS_ioctl, 0, TIOCGWINSZ, ALLOWED },
        { "TIOCSTI", SYS_ioctl, 0, TIOCSTI, DENIED },
        { "TIOCSTI with a high half", SYS_ioctl, 0, HIGH | TIOCSTI, DENIED },
        { "TIOCLINUX", SYS_ioctl, 0, TIOCLINUX, DENIED },
        { "personality of Linux", SYS_personality, 0, 0, ALLOWED },
        { "personality query", SYS_personality, 0xffffffff, 0, ALLOWED },
        { "ADDR_NO_RANDOMIZE", SYS_personality, 0x0040000, 0, DENIED },
        { "a call of the future", 999, 0, 0, ABSENT },
        { "x32", 0x40000000, 0, 0, ABSENT },
        { "-1", -1, 0, 0, ABSENT },
    };
    struct seccomp_filter f = SECCOMP_FILTER_INIT;
    (void)state;

    build(caps_default(), &f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t got = ask(&f, cases[i].nr, cases[i].arg0, cases[i].arg1);
        if (got != cases[i].want) {
            fail_msg("%s: %#x instead of %#x", cases[i].what, got, cases[i].want);
        }
    }
    seccomp_done(&f);
}

static void test_capabilities_open_calls(void **state)
{
    static const struct {
        uint64_t caps;
        long nr;
        uint64_t arg0;
        uint32_t want;
    } cases[] = {
        { 0, SYS_chroot, 0, DENIED },
        { BIT(CAP_SYS_ADMIN), SYS_mount, 0, ALLOWED },
        { BIT(CAP_SYS_ADMIN), SYS_clone3, 0, ALLOWED },
        { BIT(CAP_SYS_ADMIN), SYS_clone, CLONE_NEWUSER, ALLOWED },
        { BIT(CAP_SYS_ADMIN), SYS_keyctl, 0, DENIED },
        { BIT(CAP_SYS_ADMIN), SYS_reboot, 0, DENIED },
        { BIT(CAP_BPF), SYS_bpf, 0, ALLOWED },
        { BIT(CAP_SYS_TIME), SYS_settimeofday, 0, ALLOWED },
        { BIT(CAP_SYS_MODULE), SYS_finit_module, 0, ALLOWED },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seccomp_filter f = SECCOMP_FILTER_INIT;

        build(cases[i].caps, &f);
        assert_int_equal(ask(&f, cases[i].nr, cases[i].arg0, 0), cases[i].want);
        seccomp_done(&f);
    }
}

/* Numbers of the i386 table (arch/x86/entry/syscalls/syscall_32.tbl). */
static void test_i386(void **state)
{
    static const struct {
        const char *what;
        int nr;
        uint64_t arg0, arg1;
        uint32_t want;
    } cases[] = {
        { "exit", 1, 0, 0, ALLOWED },
        { "read", 3, 0, 0, ALLOWED },
        { "waitpid", 7, 0, 0, ALLOWED },
        { "mount, which is access of x86_64", 21, 0, 0, DENIED },
        { "umount", 22, 0, 0, DENIED },
        { "access", 33, 0, 0, ALLOWED },
        { "ioctl", 54, 0, TIOCGWINSZ, ALLOWED },
        { "TIOCSTI", 54, 0, TIOCSTI, DENIED },
        { "socketcall", 102, 1, 0, DENIED },
        { "ipc", 117, 0, 0, ALLOWED },
        { "fork by clone", 120, SIGCHLD, 0, ALLOWED },
        { "clone into a user namespace", 120, CLONE_NEWUSER, 0, DENIED },
        { "ADDR_NO_RANDOMIZE", 136, 0x0040000, 0, DENIED },
        { "vm86", 166, 0, 0, DENIED },
        { "mmap2", 192, 0, 0, ALLOWED },
        { "stat64", 195, 0, 0, ALLOWED },
        { "setuid32", 213, 0, 0, ALLOWED },
        { "unshare", 310, 0, 0, DENIED },
        { "open_by_handle_at", 342, 0, 0, DENIED },
        { "AF_UNIX", 359, AF_UNIX, 0, ALLOWED },
        { "AF_ALG", 359, AF_ALG, 0, DENIED },
        { "AF_VSOCK", 359, AF_VSOCK, 0, DENIED },
        { "connect", 362, 0, 0, ALLOWED },
        { "accept4", 364, 0, 0, ALLOWED },
        { "shmget", 395, 0, 0, ALLOWED },
        { "clock_gettime64", 403, 0, 0, ALLOWED },
        { "clock_settime64", 404, 0, 0, DENIED },
        { "futex_time64", 422, 0, 0, ALLOWED },
        { "io_uring_setup", 425, 0, 0, DENIED },
        { "clone3", 435, 0, 0, ABSENT },
        { "a call of the future", 999, 0, 0, ABSENT },
    };
    struct seccomp_filter f = SECCOMP_FILTER_INIT;
    (void)state;

    if (native_arch() != AUDIT_ARCH_X86_64) {
        skip();
    }
    build(caps_default(), &f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct seccomp_data data = { .nr = cases[i].nr,
                                           .arch = AUDIT_ARCH_I386,
                                           .args = { cases[i].arg0, cases[i].arg1 } };
        uint32_t got = filter(&f.prog, &data);
        if (got != cases[i].want) {
            fail_msg("%s: %#x instead of %#x", cases[i].what, got, cases[i].want);
        }
    }
    seccomp_done(&f);
}

static void test_other_tables_kill(void **state)
{
    static const uint32_t others[] = { AUDIT_ARCH_S390, AUDIT_ARCH_ARM, 0 };
    struct seccomp_filter f = SECCOMP_FILTER_INIT;
    (void)state;

    build(caps_all(), &f);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct seccomp_data data = { .nr = SYS_read, .arch = others[i] };
        assert_int_equal(filter(&f.prog, &data), SECCOMP_RET_KILL_PROCESS);
    }
    seccomp_done(&f);
}

/* Every second number its own rule: far more ranges than the real rules have, so that the upper
 * half of the tree is out of reach of a conditional jump. */
static void test_far_jumps(void **state)
{
    enum { N = 600 };
    struct seccomp_rule rule[N] = { 0 };
    struct seccomp_rules rules = {
        .rules = rule, .n = N, .fallback = ABSENT, .arch = native_arch()
    };
    struct seccomp_filter f = SECCOMP_FILTER_INIT;
    struct imgc_err err;
    (void)state;

    for (uint32_t i = 0; i < N; i++) {
        rule[i] = (struct seccomp_rule){ .nr = 2 * i + 1, .action = SECCOMP_RET_ERRNO | i };
    }
    assert_int_equal(seccomp_bpf_assemble(&rules, 1, &f.prog, &err), 0);
    for (uint32_t nr = 0; nr < 2 * N + 4; nr++) {
        uint32_t want = nr % 2 == 1 && nr < 2 * N ? SECCOMP_RET_ERRNO | nr / 2 : ABSENT;
        assert_int_equal(ask(&f, nr, 0, 0), want);
    }
    seccomp_done(&f);
}

static void test_broken_documents(void **state)
{
    static const char *const docs[] = {
        "",
        "[]",
        "{}",
        "{\"default\":\"maybe\",\"rules\":[]}",
        "{\"default\":\"EPERM\",\"rules\":[]}",
        "{\"default\":\"EPERM\",\"rules\":[{\"names\":[\"read\"]}]}",
        "{\"default\":\"EPERM\",\"rules\":[{\"action\":\"allow\",\"names\":[1]}]}",
        "{\"default\":\"EPERM\",\"rules\":[{\"action\":\"allow\",\"cap\":\"X\",\"names\":[]}]}",
        "{\"default\":\"EPERM\",\"rules\":[{\"action\":\"allow\",\"names\":[\"read\"],\"arg\":6,"
        "\"equals\":[\"0x1\"]}]}",
        "{\"default\":\"EPERM\",\"rules\":[{\"action\":\"allow\",\"names\":[\"read\"],\"arg\":1}]}",
        "{\"default\":\"EPERM\",\"rules\":[{\"action\":\"allow\",\"names\":[\"read\"],\"arg\":1,"
        "\"equals\":[]}]}",
        "{\"default\":\"EPERM\",\"rules\":[{\"action\":\"allow\",\"names\":[\"read\"],\"arg\":1,"
        "\"any_bit\":\"0x100000000\"}]}",
        "{\"default\":\"EPERM\",\"rules\":[{\"action\":\"allow\",\"names\":[\"read\"],\"arg\":1,"
        "\"any_bit\":\"0xg\"}]}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
        struct seccomp_rules rules = SECCOMP_RULES_INIT;
        struct imgc_err err;

        assert_int_equal(seccomp_parse(imgc_str_of(docs[i]), 0, &rules, &err), -IMGC_E_DOCUMENT);
        assert_null(rules.rules);
    }
}

static void check_names(const json_t *rule, const json_t *numbers)
{
    const json_t *names = json_object_get(rule, "names");

    assert_true(json_array_size(names) > 0);
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR &&
            !json_object_get(numbers, name)) {
            fail_msg("no system call '%s'", name);
        }
    }
}

/* A misspelt name would be left out like one of another architecture. */
static void test_every_name_is_one(void **state)
{
    json_auto_free json_t *doc = NULL;
    struct imgc_err err;
    const json_t *rules;
    (void)state;

    assert_ok(json_parse(imgc_str_of(seccomp_embedded[0].text), "rules", &doc, &err), err);
    rules = json_object_get(doc, "rules");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        check_names(json_array_get(rules, i), json_object_get(doc, "numbers"));
    }
}

static bool fails_with(long result, int want)
{
    return result < 0 && errno == want;
}

/* In a child, under the real filter: which step went wrong, 0 for none. */
static int live(const struct seccomp_filter *f)
{
    char dir[] = "/tmp/imgc-seccomp-XXXXXX";
    struct imgc_err err;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_install(f, &err) < 0) {
        return 1;
    }
    if (!fails_with(unshare(CLONE_NEWUSER), EPERM)) {
        return 2;
    }
    if (!fails_with(syscall(SYS_keyctl, 0, 0, 0, 0, 0), EPERM)) {
        return 3;
    }
    if (!fails_with(socket(AF_ALG, SOCK_SEQPACKET, 0), EPERM)) {
        return 4;
    }
    if (!fails_with(syscall(999), ENOSYS) || !fails_with(syscall(SYS_clone3, NULL, 0), ENOSYS)) {
        return 5;
    }
    if (!fails_with(ioctl(-1, TIOCSTI, "x"), EPERM) ||
        !fails_with(syscall(SYS_ioctl, -1L, HIGH | TIOCSTI, "x"), EPERM)) {
        return 6;
    }
    if (!fails_with(ioctl(-1, TIOCGWINSZ, NULL), EBADF)) {
        return 7;
    }
    if (!mkdtemp(dir) || rmdir(dir) < 0) {
        return 8;
    }
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, NULL, 0) != pid) {
        return 9;
    }
    return caps_apply(caps_default(), geteuid() == 0, &err) < 0 && geteuid() == 0 ? 10 : 0;
}

static void test_live(void **state)
{
    struct seccomp_filter f = SECCOMP_FILTER_INIT;
    int status;
    pid_t pid;
    (void)state;

    build(caps_default(), &f);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(live(&f));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    seccomp_done(&f);
}

static void test_install_needs_a_privilege(void **state)
{
    struct seccomp_filter f = SECCOMP_FILTER_INIT;
    int status;
    pid_t pid;
    (void)state;

    build(caps_default(), &f);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct imgc_err err;
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0)) {
            _exit(1);
        }
        _exit(seccomp_install(&f, &err) == -IMGC_E_HOST ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    seccomp_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_set),
        cmocka_unit_test(test_capabilities_open_calls),
        cmocka_unit_test(test_i386),
        cmocka_unit_test(test_other_tables_kill),
        cmocka_unit_test(test_far_jumps),
        cmocka_unit_test(test_broken_documents),
        cmocka_unit_test(test_every_name_is_one),
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_install_needs_a_privilege),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
