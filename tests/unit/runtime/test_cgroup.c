/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/cgroup.h"
#include "runtime/cgroup_host.h"

#define MIB (1ull << 20)

static void no_warning(void *arg, const char *msg)
{
    (void)arg;
    print_message("warning: %s\n", msg);
}

static const char *unique(char name[64])
{
    static unsigned count;

    (void)snprintf(name, 64, "test-%d-%u", (int)getpid(), count++);
    return name;
}

static const struct spec_limits NO_LIMITS;

static struct cgroup *create(const struct spec_limits *limits)
{
    struct cgroup *cg = NULL;
    struct imgc_err err;
    char name[64];
    const struct cgroup_args args = { .name = unique(name), .limits = limits, .warn = no_warning };
    int r = cgroup_create(&args, &cg, &err);

    if (r == -IMGC_E_HOST) {
        print_message("skipped: %s\n", err.msg);
        skip();
    }
    if (r < 0) {
        fail_msg("%s", err.msg);
    }
    if (!cgroup_path(cg)) {
        cgroup_free(cg);
        print_message("skipped: no writable cgroups here\n");
        skip();
    }
    return cg;
}

static void remove_cgroup(struct cgroup *cg)
{
    struct imgc_err err;
    char first[4096];

    (void)snprintf(first, sizeof first, "%s", cgroup_path(cg));
    first[strcspn(first, ":")] = '\0';
    assert_ok(cgroup_remove(cg, &err), err);
    assert_int_equal(access(first, F_OK), -1);
    cgroup_free(cg);
}

/* Run fn in the cgroup. @return the status as waitpid() gives it. */
static int run_in(struct cgroup *cg, int (*fn)(void))
{
    struct imgc_err err;
    int go[2], status;
    char byte = 0;
    pid_t pid;

    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(read(go[0], &byte, 1) == 1 ? fn() : 99);
    }
    assert_ok(cgroup_add(cg, pid, &err), err);
    assert_int_equal(write(go[1], &byte, 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(go[0]);
    (void)close(go[1]);
    return status;
}

static int eat_memory(void)
{
    char *p = mmap(NULL, 256 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (size_t i = 0; p != MAP_FAILED && i < 256 * MIB; i += 4096) {
        p[i] = 1;
    }
    return 0;
}

static void test_memory(void **state)
{
    struct spec_limits limits = { .memory_bytes = 32 * MIB };
    struct cgroup *cg = create(&limits);
    int status;
    (void)state;

    assert_false(cgroup_oom_killed(cg));
    status = run_in(cg, eat_memory);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_true(cgroup_oom_killed(cg));
    remove_cgroup(cg);
}

/* @return how many children could be made. They stay: removing the cgroup must kill them. */
static int fork_bomb(void)
{
    int n = 0;

    for (; n < 90; n++) {
        pid_t pid = fork();
        if (pid == 0) {
            (void)pause();
            _exit(0);
        }
        if (pid < 0) {
            break;
        }
    }
    return n;
}

static void test_pids(void **state)
{
    struct spec_limits limits = { .pids = 20 };
    struct cgroup *cg = create(&limits);
    int status = run_in(cg, fork_bomb);
    (void)state;

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 19);
    remove_cgroup(cg);
}

static double seconds(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* @return percent of a CPU used. */
static int spin(void)
{
    double end = seconds(CLOCK_MONOTONIC) + 1.0, used = seconds(CLOCK_PROCESS_CPUTIME_ID);

    while (seconds(CLOCK_MONOTONIC) < end) {
    }
    return (int)((seconds(CLOCK_PROCESS_CPUTIME_ID) - used) * 100);
}

static void test_cpu(void **state)
{
    struct spec_limits limits = { .cpu_quota_us = 30000 };
    struct cgroup *cg = create(&limits);
    int status = run_in(cg, spin);
    (void)state;

    assert_true(WIFEXITED(status));
    /* Up to 30; a busy machine may give less, and the first period can be used twice. */
    assert_in_range(WEXITSTATUS(status), 1, 39);
    remove_cgroup(cg);
}

#define DEVICE_DIR "/tmp/imgc-cgroup-XXXXXX"
static char device_dir[] = DEVICE_DIR;

static bool opens(const char *name, mode_t type, unsigned major, unsigned minor)
{
    char path[128];
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", device_dir, name);
    if (mknod(path, type | 0600, makedev(major, minor)) < 0) {
        return false;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    (void)unlink(path);
    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0;
}

static int try_devices(void)
{
    if (opens("kmsg", S_IFCHR, 1, 11)) {
        return 1;
    }
    if (!opens("null", S_IFCHR, 1, 3) || !opens("zero", S_IFCHR, 1, 5) ||
        !opens("urandom", S_IFCHR, 1, 9)) {
        return 2;
    }
    return 0;
}

static void check_devices(void)
{
    struct cgroup *cg = create(&NO_LIMITS);
    int status;

    (void)snprintf(device_dir, sizeof device_dir, DEVICE_DIR);
    assert_non_null(mkdtemp(device_dir));
    if (!opens("kmsg", S_IFCHR, 1, 11)) {
        (void)rmdir(device_dir);
        remove_cgroup(cg);
        print_message("skipped: device nodes cannot be made or opened here\n");
        skip();
    }
    status = run_in(cg, try_devices);
    (void)rmdir(device_dir);
    remove_cgroup(cg);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_devices(void **state)
{
    (void)state;
    check_devices();
}

/* Only once it was moved: a child made before would stay outside. */
static int nap_forever(int go_fd)
{
    char byte;

    if (read(go_fd, &byte, 1) == 1 && fork() >= 0) {
        for (;;) {
            (void)pause();
        }
    }
    return 0;
}

/* As after a launcher that was killed: only the text is left. */
static void test_remove_path(void **state)
{
    struct cgroup *cg = create(&NO_LIMITS);
    struct imgc_err err;
    char path[4096];
    int go[2], status;
    pid_t pid;
    (void)state;

    (void)snprintf(path, sizeof path, "%s", cgroup_path(cg));
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(nap_forever(go[0]));
    }
    assert_ok(cgroup_add(cg, pid, &err), err);
    assert_int_equal(write(go[1], "x", 1), 1);
    (void)close(go[0]);
    (void)close(go[1]);
    cgroup_free(cg);
    path[strcspn(path, ":")] = '\0';
    assert_int_equal(access(path, F_OK), 0);

    assert_ok(cgroup_remove_path(path, true, &err), err);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_ok(cgroup_remove_path(path, true, &err), err); /* already gone */
}

static void test_remove_path_refuses(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "imgc/x",
        "/etc/imgc",
        "/sys/fs/cgroup/memory",
        "/sys/fs/cgroup/../../../tmp/imgc/x",
        "/sys/fs/cgroup/imgc/..",
        "/sys/fs/cgroup/imgc/",
        "/sys/fs/cgroup/notimgc/x",
    };
    char dir[] = "/tmp/imgc-cgroup-XXXXXX";
    char path[128];
    struct imgc_err err;
    (void)state;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_err(cgroup_remove_path(paths[i], true, &err), IMGC_E_USAGE);
    }
    /* The right name, on another file system. */
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/imgc", dir);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/imgc/x", dir);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_err(cgroup_remove_path(path, true, &err), IMGC_E_USAGE);
    assert_int_equal(rmdir(path), 0);
    (void)snprintf(path, sizeof path, "%s/imgc", dir);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_clone_into(void **state)
{
    struct cgroup *cg = create(&NO_LIMITS);
    struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
    struct imgc_err err;
    int status;
    pid_t pid;
    (void)state;

    if (cgroup_clone_fd(cg) < 0) {
        remove_cgroup(cg);
        print_message("skipped: no cgroup v2 here\n");
        skip();
    }
    args.cgroup = (unsigned)cgroup_clone_fd(cg);
    pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)pause();
        _exit(0);
    }
    double before = seconds(CLOCK_MONOTONIC);
    assert_ok(cgroup_add(cg, pid, &err), err);
    print_message("add where it is already: %.3f ms\n", (seconds(CLOCK_MONOTONIC) - before) * 1e3);
    remove_cgroup(cg);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

/* A cgroup below ours, with a process in it. */
static void test_remove_children(void **state)
{
    struct cgroup *cg = create(&NO_LIMITS);
    char path[4096];
    int status;
    pid_t pid;
    FILE *f;
    (void)state;

    (void)snprintf(path, sizeof path, "%.*s/inner", (int)strcspn(cgroup_path(cg), ":"),
                   cgroup_path(cg));
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof path, "%.*s/inner/cgroup.procs", (int)strcspn(cgroup_path(cg), ":"),
                   cgroup_path(cg));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)pause();
        _exit(0);
    }
    f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fprintf(f, "%d", (int)pid) > 0);
    assert_int_equal(fclose(f), 0);
    remove_cgroup(cg);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

/* In a chroot "/" is no mount, and mounts cannot be made private from there. */
static bool root_is_mount(void)
{
    struct statx st;

    return statx(AT_FDCWD, "/", 0, 0, &st) == 0 && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* Hide the v2 mount, as on a host with v1 alone. @return whether it can be done here. */
static bool hide_v2(void)
{
    cgroup_host_auto struct cgroup_host host = CGROUP_HOST_INIT;
    struct imgc_err err;
    const struct cgroup_host_hierarchy *v2;

    if (unshare(CLONE_NEWNS) < 0 || mount("", "/", "", MS_REC | MS_PRIVATE, NULL) < 0 ||
        cgroup_host_read(&host, &err) < 0) {
        return false;
    }
    v2 = cgroup_host_v2(&host);
    return cgroup_host_v1(&host, CGROUP_HOST_FREEZER) && v2 && umount(v2->mountpoint) == 0;
}

static void test_v1_alone(void **state)
{
    struct spec_limits limits = { .pids = 20 };
    (void)state;

    if (!root_is_mount()) { /* and setns() would leave the chroot */
        print_message("skipped: in a chroot\n");
        skip();
    }
    int home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (!hide_v2()) {
        (void)setns(home, CLONE_NEWNS);
        (void)close(home);
        print_message("skipped: not a hybrid host, or not root\n");
        skip();
    }
    struct cgroup *cg = create(&limits);
    assert_int_equal(cgroup_clone_fd(cg), -1);
    int status = run_in(cg, fork_bomb);
    assert_int_equal(WEXITSTATUS(status), 19);
    remove_cgroup(cg);
    check_devices();
    assert_int_equal(setns(home, CLONE_NEWNS), 0);
    (void)close(home);
}

static void test_bad_names(void **state)
{
    static const char *const names[] = { "", ".", "..", "a/b", "a:b", "a\nb" };
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct cgroup *cg = NULL;
        struct imgc_err err;
        const struct cgroup_args args = { .name = names[i], .limits = &NO_LIMITS };
        assert_err(cgroup_create(&args, &cg, &err), IMGC_E_USAGE);
        assert_null(cg);
    }
}

static void test_cost(void **state)
{
    double made = 0, removed = 0;
    const int rounds = 20;
    (void)state;

    for (int i = 0; i < rounds; i++) {
        double t = seconds(CLOCK_MONOTONIC);
        struct cgroup *cg = create(&NO_LIMITS);
        made += seconds(CLOCK_MONOTONIC) - t;
        t = seconds(CLOCK_MONOTONIC);
        remove_cgroup(cg);
        removed += seconds(CLOCK_MONOTONIC) - t;
    }
    print_message("create %.3f ms, remove %.3f ms\n", made * 1e3 / rounds, removed * 1e3 / rounds);
    assert_true((made + removed) / rounds < 0.5); /* far above what it should be */
}

/* Leave no "imgc" behind that was not there; with containers in it, it stays. */
static int remove_parents(void **state)
{
    cgroup_host_auto struct cgroup_host host = CGROUP_HOST_INIT;
    struct imgc_err err;
    (void)state;

    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    if (cgroup_host_read(&host, &err) < 0) {
        return 0;
    }
    for (size_t i = 0; i < host.n; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/imgc", host.hierarchies[i].mountpoint);
        (void)rmdir(path);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_names),   cmocka_unit_test(test_cost),
        cmocka_unit_test(test_memory),      cmocka_unit_test(test_pids),
        cmocka_unit_test(test_cpu),         cmocka_unit_test(test_devices),
        cmocka_unit_test(test_remove_path), cmocka_unit_test(test_remove_path_refuses),
        cmocka_unit_test(test_clone_into),  cmocka_unit_test(test_remove_children),
        cmocka_unit_test(test_v1_alone),
    };

    /* The fork bombs' children come to us, to be reaped: not every pid 1 does that. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    return cmocka_run_group_tests(tests, NULL, remove_parents);
}
