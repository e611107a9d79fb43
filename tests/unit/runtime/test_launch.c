/* SPDX-License-Identifier: Apache-2.0 */
/* Runs real containers of busybox: needs root, mounts and namespaces. */
#include "tests/lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/caps.h"
#include "runtime/launch.h"
#include "schema/base/fd.h"

#define BUSYBOX "/bin/busybox"
#define OUT_MAX 65536

struct world {
    char dir[64];
    int saved[3]; /* the test's own stdio */
};

static void path_in(const struct world *w, const char *name, char out[256])
{
    (void)snprintf(out, 256, "%s/%s", w->dir, name);
}

static void make_dir(const struct world *w, const char *name, mode_t mode)
{
    char path[256];
    path_in(w, name, path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void make_file(const struct world *w, const char *name, const char *text, mode_t mode)
{
    char path[256];
    path_in(w, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static void make_link(const struct world *w, const char *name, const char *target)
{
    char path[256];
    path_in(w, name, path);
    assert_int_equal(symlink(target, path), 0);
}

static void copy_program(const struct world *w, const char *from, const char *name)
{
    char to[256];
    struct imgc_err err;
    struct stat st;

    path_in(w, name, to);
    int from_fd = open(from, O_RDONLY | O_CLOEXEC);
    int to_fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    assert_int_equal(fstat(from_fd, &st), 0);
    assert_ok(fd_copy_range(from_fd, 0, to_fd, 0, (uint64_t)st.st_size, &err), err);
    assert_int_equal(fchmod(to_fd, 0755), 0);
    (void)close(from_fd);
    (void)close(to_fd);
}

/* The loader of this very program, so that an image could run it from /proc/self/exe. */
static void copy_loader(const struct world *w)
{
    static const char *const loaders[] = { "/lib64/ld-linux-x86-64.so.2",
                                           "/lib/ld-linux-aarch64.so.1" };
    char name[128];

    make_dir(w, "root/lib", 0755);
    make_dir(w, "root/lib64", 0755);
    for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++) {
        if (access(loaders[i], R_OK) == 0) {
            (void)snprintf(name, sizeof name, "root%s", loaders[i]);
            copy_program(w, loaders[i], name);
        }
    }
}

/* A root with busybox in @root/bin. */
static void make_root(const struct world *w, const char *root)
{
    static const char *const dirs[] = { "", "/bin", "/etc", "/root", "/tmp", "/opt" };
    char name[128];

    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        (void)snprintf(name, sizeof name, "%s%s", root, dirs[i]);
        make_dir(w, name, 0755);
    }
    (void)snprintf(name, sizeof name, "%s/bin/busybox", root);
    copy_program(w, BUSYBOX, name);
    (void)snprintf(name, sizeof name, "%s/bin/sh", root);
    make_link(w, name, "busybox");
    (void)snprintf(name, sizeof name, "%s/etc/passwd", root);
    make_file(w, name, "root:x:0:0:root:/root:/bin/sh\njoe:x:1000:1001:Joe:/opt:/bin/sh\n", 0644);
    (void)snprintf(name, sizeof name, "%s/etc/group", root);
    make_file(w, name, "root:x:0:\njoe:x:1001:\nwheel:x:10:root,joe\n", 0644);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/imgc-launch-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    assert_int_equal(chmod(w->dir, 0755), 0);
    make_root(w, "root");
    copy_loader(w);
    make_dir(w, "upper", 0755);
    make_dir(w, "work", 0755);
    make_dir(w, "lower2", 0755);
    make_file(w, "lower2/second", "from the second layer\n", 0644);
    make_dir(w, "mnt", 0755);
    make_dir(w, "state", 0755);
    make_dir(w, "volume", 0755);
    make_file(w, "volume/file", "host file\n", 0644);
    make_file(w, "root/opt/plain", "no program\n", 0644);
    make_file(w, "root/opt/script", "#!/bin/sh\necho script $0\n", 0755);
    make_file(w, "root/opt/orphan", "#!/no/such/interpreter -x\n", 0755);
    make_file(w, "root/opt/garbage", "\x01\x02 neither ELF nor script", 0755);
    make_link(w, "root/opt/self", "/proc/self/exe");
    make_file(w, "root/opt/selfscript", "#!/proc/self/exe\n", 0755);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    struct imgc_err err;

    int r = fd_remove_tree(AT_FDCWD, w->dir, NULL, &err);
    free(w);
    return r;
}

static char *copy(const char *z)
{
    char *p = strdup(z);
    assert_non_null(p);
    return p;
}

static char *world_path(const struct world *w, const char *name)
{
    char path[256];
    path_in(w, name, path);
    return copy(path);
}

/* A spec for the plain directory root. */
static void make_spec(const struct world *w, const struct spec_options *o, struct spec *s)
{
    struct imgc_err err;
    char id[65]; /* names the cgroup: the same test may run in another tree at the same time */

    (void)snprintf(id, sizeof id, "0123456789ab%052x", (unsigned)getpid());
    assert_ok(spec_from_config(id, NULL, o, s, &err), err);
    s->root_dir = world_path(w, "root");
    s->mountpoint = world_path(w, "mnt");
    s->state_dir = world_path(w, "state");
}

/* launch_run() with the test's stdio replaced by /dev/null and a file, whose content is @out. */
static int run_spec(struct world *w, struct spec *s, const struct launch_args *args,
                    struct launch_result *result, char out[OUT_MAX], struct imgc_err *err)
{
    char path[256];
    path_in(w, "out", path);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0 && null >= 0);

    (void)fflush(stdout);
    for (int i = 0; i < 3; i++) {
        w->saved[i] = dup(i);
        assert_true(dup2(i == 0 ? null : file, i) >= 0);
    }
    int r = launch_run(s, args, result, err);
    for (int i = 0; i < 3; i++) {
        (void)dup2(w->saved[i], i);
        (void)close(w->saved[i]);
    }
    ssize_t n = pread(file, out, OUT_MAX - 1, 0);
    assert_true(n >= 0);
    out[n] = '\0';
    (void)close(file);
    (void)close(null);
    return r;
}

static const struct launch_args no_args = { .log_fd = -1 };

/* Run "sh -c @script" in the plain root. @return the exit code. */
static int run_script(struct world *w, struct spec_options o, const char *script, char out[OUT_MAX])
{
    const char *words[] = { "/bin/sh", "-c", script, NULL };
    spec_auto struct spec s = SPEC_INIT;
    struct launch_result result = { .exit_code = -1 };
    struct imgc_err err;

    o.args = words;
    make_spec(w, &o, &s);
    assert_ok(run_spec(w, &s, &no_args, &result, out, &err), err);
    return result.exit_code;
}

/* The namespace outlives the container only where that is asked for. */
static void test_mounts_are_held(void **state)
{
    static const char *const words[] = { "/bin/sh", "-c", "true", NULL };
    struct world *w = *state;

    for (int hold = 0; hold < 2; hold++) {
        const struct launch_args args = { .log_fd = -1, .hold_mounts = hold };
        const struct spec_options o = { .args = words };
        spec_auto struct spec s = SPEC_INIT;
        struct launch_result result;
        struct imgc_err err;
        char out[OUT_MAX], fd_path[64], ours[64], held[64] = "";
        make_spec(w, &o, &s);
        assert_ok(run_spec(w, &s, &args, &result, out, &err), err);
        (void)snprintf(fd_path, sizeof fd_path, "/proc/self/fd/%d", result.mounts_fd);
        ssize_t n = readlink(fd_path, held, sizeof held - 1);
        assert_int_equal(result.mounts_fd >= 0 && n > 0, hold);
        if (hold) {
            assert_true(readlink("/proc/self/ns/mnt", ours, sizeof ours) > 0);
            assert_memory_equal(held, "mnt:[", 5);
            assert_memory_not_equal(held, ours, (size_t)n);
            (void)close(result.mounts_fd);
        }
    }
}

static void test_inside(void **state)
{
    static const struct {
        const char *name, *script;
        int code;
        const char *out; /* NULL: not looked at */
    } cases[] = {
        { "success", "true", 0, "" },
        { "its exit code", "exit 7", 7, "" },
        { "killed by a signal", "sh -c 'kill -9 $$'", 137, NULL },
        { "both outputs", "echo a; echo b >&2", 0, "a\nb\n" },
        { "it is process 1", "echo $$", 0, "1\n" },
        { "only its own processes", "echo /proc/[0-9]*", 0, "/proc/1\n" },
        { "its host name", "busybox hostname; echo $HOSTNAME", 0, "0123456789ab\n0123456789ab\n" },
        { "only the loopback interface, up",
          "busybox grep -c : /proc/net/dev; busybox ifconfig lo | busybox grep -o 'UP LOOPBACK'", 0,
          "1\nUP LOOPBACK\n" },
        { "no more fds than stdio (and ls's own)", "busybox ls /proc/self/fd", 0, "0\n1\n2\n3\n" },
        { "stdin is empty", "busybox wc -c", 0, "0\n" },
        { "capabilities", "busybox grep Cap /proc/self/status", 0,
          "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\n"
          "CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\n" },
        { "seccomp filter", "busybox grep Seccomp: /proc/self/status", 0, "Seccomp:\t2\n" },
        { "no blocked signals", "busybox grep SigBlk /proc/self/status", 0,
          "SigBlk:\t0000000000000000\n" },
        { "groups", "busybox id", 0, "uid=0(root) gid=0(root) groups=0(root),10(wheel)\n" },
        { "home", "echo $HOME", 0, "/root\n" },
        { "path", "echo $PATH", 0,
          "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n" },
        { "umask", "umask", 0, "0022\n" },
        { "working directory", "pwd", 0, "/\n" },
        { "device nodes",
          "cd /dev; busybox stat -c '%n %a %t:%T' null zero full random urandom tty", 0,
          "null 666 1:3\nzero 666 1:5\nfull 666 1:7\nrandom 666 1:8\nurandom 666 1:9\n"
          "tty 666 5:0\n" },
        { "device nodes work", "echo x >/dev/null; busybox head -c 4 /dev/zero | busybox wc -c", 0,
          "4\n" },
        { "new device nodes do not",
          "for d in /tmp /dev /dev/shm; do busybox mknod $d/z c 1 5 && "
          "busybox head -c 1 $d/z 2>/dev/null || echo refused; done",
          0, "refused\nrefused\nrefused\n" },
        { "links in /dev", "for l in fd stdin ptmx; do busybox readlink /dev/$l; done", 0,
          "/proc/self/fd\n/proc/self/fd/0\npts/ptmx\n" },
        { "shm", "busybox stat -c %a /dev/shm; echo x >/dev/shm/x", 0, "1777\n" },
        { "masked files", "busybox wc -c </proc/interrupts", 0, "0\n" },
        { "masked directories", "busybox ls /sys/firmware", 0, "" },
        { "read-only paths", "echo x 2>/dev/null >/proc/sys/kernel/domainname || echo no", 0,
          "no\n" },
        { "read-only sys", "busybox mkdir /sys/fs/cgroup/x 2>/dev/null || echo no", 0, "no\n" },
        { "only its own cgroups, named as such",
          "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do [ -e $d/cgroup.procs ] && "
          "busybox cat $d/cgroup.procs | busybox grep -vxE '0|1|2|3|4|5'; done; "
          "busybox grep -v ':/$' /proc/self/cgroup; busybox find /sys/fs/cgroup -name 'imgc*'",
          0, "" },
        { "nothing of the host's mounts", "busybox grep -cE ' /(home|var|work|usr)' /proc/mounts",
          1, "0\n" },
        { "no mounting", "busybox mount -t tmpfs x /tmp 2>/dev/null || echo no", 0, "no\n" },
        { "hosts", "busybox grep -c 0123456789ab /etc/hosts /etc/hostname", 0,
          "/etc/hosts:1\n/etc/hostname:1\n" },
        { "the root is writable", "echo x >/tmp/x && busybox cat /tmp/x && busybox rm /tmp/x", 0,
          "x\n" },
        { "no terminal", "busybox tty", 1, "not a tty\n" },
        { "its own session", "busybox ps -o pid,pgid,sid | busybox grep '^ *1 '", 1, NULL },
    };
    char out[OUT_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct spec_options o = { .network = SPEC_NETWORK_NONE };
        int code = run_script(*state, o, cases[i].script, out);
        if (code != cases[i].code && cases[i].out) {
            print_error("%s: exit code %d, output %s\n", cases[i].name, code, out);
        }
        if (!cases[i].out) {
            continue;
        }
        assert_int_equal(code, cases[i].code);
        if (strcmp(out, cases[i].out) != 0) {
            fail_msg("%s: got '%s', want '%s'", cases[i].name, out, cases[i].out);
        }
    }
}

static void test_options(void **state)
{
    static const struct {
        const char *name;
        struct spec_options options;
        const char *script, *out;
    } cases[] = {
        { "user by number", { .user = "1234" }, "busybox id -u; busybox id -g", "1234\n0\n" },
        { "user by name, with all his groups",
          { .user = "joe" },
          "busybox id -u; busybox id -g; busybox id -G; echo $HOME",
          "1000\n1001\n1001 10\n/opt\n" },
        { "user and group", { .user = "joe:wheel" }, "busybox id -g; busybox id -G", "10\n10\n" },
        { "another user has no capabilities",
          { .user = "joe" },
          "busybox grep -E 'Cap(Prm|Eff|Inh|Amb)' /proc/self/status",
          "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
          "CapAmb:\t0000000000000000\n" },
        { "read-only root",
          { .read_only = true },
          "echo x >/tmp/x || echo no; echo x >/dev/shm/x && echo yes",
          "/bin/sh: can't create /tmp/x: Read-only file system\nno\nyes\n" },
        { "working directory, created", { .workdir = "/new/dir/" }, "pwd", "/new/dir\n" },
        { "host name", { .hostname = "tester" }, "busybox hostname", "tester\n" },
    };
    char out[OUT_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = run_script(*state, cases[i].options, cases[i].script, out);
        assert_int_equal(code, 0);
        if (strcmp(out, cases[i].out) != 0) {
            fail_msg("%s: got '%s', want '%s'", cases[i].name, out, cases[i].out);
        }
    }
}

/* The environment of the command itself, without a shell that adds to it. */
static void test_direct(void **state)
{
    static const char *const env[] = { "A=1", NULL };
    static const struct {
        const char *words[4];
        const char *out;
    } cases[] = {
        { { "busybox", "env" },
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
          "HOSTNAME=0123456789ab\nA=1\nHOME=/root\n" },
        { { "busybox", "grep", "SigIgn", "/proc/1/status" }, "SigIgn:\t0000000000000000\n" },
        { { "/opt/script" }, "script /opt/script\n" },
    };
    char out[OUT_MAX];

    /* What is ignored here must not be ignored inside. */
    void (*old)(int) = signal(SIGUSR1, SIG_IGN);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[5] = { NULL };
        memcpy(words, cases[i].words, sizeof cases[i].words);
        struct spec_options o = { .args = words, .env = env };
        spec_auto struct spec s = SPEC_INIT;
        struct launch_result result = { .exit_code = -1 };
        struct imgc_err err;

        make_spec(*state, &o, &s);
        assert_ok(run_spec(*state, &s, &no_args, &result, out, &err), err);
        assert_int_equal(result.exit_code, 0);
        assert_string_equal(out, cases[i].out);
    }
    (void)signal(SIGUSR1, old);
}

static void test_failures(void **state)
{
    static const struct {
        const char *command, *user;
        enum imgc_code code;
        const char *message; /* a part of it */
    } cases[] = {
        { "nosuch", NULL, IMGC_E_NOCOMMAND, "'nosuch' not found" },
        { "/no/such", NULL, IMGC_E_NOCOMMAND, "'/no/such' not found" },
        { "/opt/orphan", NULL, IMGC_E_NOCOMMAND, "'/no/such/interpreter'" },
        { "/opt/plain", NULL, IMGC_E_NOEXEC, "permission denied" },
        { "/opt/garbage", NULL, IMGC_E_NOEXEC, "neither a program" },
        { "/opt", NULL, IMGC_E_NOEXEC, "is a directory" },
        { "/opt/self", NULL, IMGC_E_NOEXEC, "imgc's own binary" },
        { "/opt/selfscript", NULL, IMGC_E_NOEXEC, "imgc's own binary" },
        { "/proc/self/exe", NULL, IMGC_E_NOEXEC, "imgc's own binary" },
        { "sh", "nobody-here", IMGC_E_USAGE, "no user 'nobody-here'" },
        { "sh", "0:nogroup-here", IMGC_E_USAGE, "no group 'nogroup-here'" },
        { "sh", "4294967296", IMGC_E_USAGE, "2147483647" },
    };
    char out[OUT_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[] = { cases[i].command, NULL };
        struct spec_options o = { .args = words, .user = cases[i].user };
        spec_auto struct spec s = SPEC_INIT;
        struct launch_result result;
        struct imgc_err err;

        make_spec(*state, &o, &s);
        int r = run_spec(*state, &s, &no_args, &result, out, &err);
        if (r != -(int)cases[i].code || !strstr(err.msg, cases[i].message)) {
            fail_msg("%s: %d '%s'", cases[i].command, r, r < 0 ? err.msg : "");
        }
        assert_string_equal(out, "");
    }
}

static void test_hostile_roots(void **state)
{
    static const struct {
        const char *dir, *link; /* in the root: dir is replaced by a link */
    } cases[] = {
        { "dev", "/tmp" },
        { "proc", "/etc" },
        { "sys", "../../../../../../tmp" },
    };
    struct world *w = *state;
    char out[OUT_MAX], path[256], name[64];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[] = { "sh", NULL };
        struct spec_options o = { .args = words };
        spec_auto struct spec s = SPEC_INIT;
        struct launch_result result;
        struct imgc_err err;

        (void)snprintf(name, sizeof name, "root/%s", cases[i].dir);
        path_in(w, name, path);
        (void)rmdir(path);
        make_link(w, name, cases[i].link);
        make_spec(w, &o, &s);
        assert_err(run_spec(w, &s, &no_args, &result, out, &err), IMGC_E_LAYER);
        assert_non_null(strstr(err.msg, cases[i].dir));
        assert_int_equal(unlink(path), 0);
    }
}

static void test_volumes(void **state)
{
    struct world *w = *state;
    char text[512], out[OUT_MAX];
    struct spec_mount mounts[5];
    struct imgc_err err;
    static const char *const volumes[] = { "/volume:/deep/er/rw", "/volume:/ro:ro",
                                           "/volume/file:/etc/one", "/made:/made" };

    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(text, sizeof text, "%s%s", w->dir, volumes[i]);
        assert_ok(spec_parse_volume(imgc_str_of(text), &mounts[i], &err), err);
    }
    assert_ok(spec_parse_tmpfs(IMGC_STR("/scratch:size=64k,mode=700"), &mounts[4], &err), err);
    struct spec_options o = { .mounts = mounts, .n_mounts = 5 };
    int code = run_script(w, o,
                          "busybox cat /deep/er/rw/file /etc/one; echo new >/deep/er/rw/new;"
                          "echo x 2>/dev/null >/ro/new || echo no; busybox cat /ro/new;"
                          "busybox stat -c %a /scratch; "
                          "busybox dd if=/dev/zero of=/scratch/big bs=1k count=100 2>/dev/null || "
                          "echo full; echo x >/made/x",
                          out);
    assert_string_equal(out, "host file\nhost file\nno\nnew\n700\nfull\n");
    assert_int_equal(code, 0);
    for (size_t i = 0; i < 5; i++) {
        spec_mount_done(&mounts[i]);
    }
}

static void test_volume_into_proc(void **state)
{
    struct world *w = *state;
    char text[512], out[OUT_MAX];
    struct spec_mount mount;
    struct imgc_err err;
    const char *words[] = { "sh", NULL };

    /* Not even through a link of the image. */
    make_link(w, "root/sneaky", "/proc/sys");
    (void)snprintf(text, sizeof text, "%s/volume:/sneaky", w->dir);
    assert_ok(spec_parse_volume(imgc_str_of(text), &mount, &err), err);
    struct spec_options o = { .args = words, .mounts = &mount, .n_mounts = 1 };
    spec_auto struct spec s = SPEC_INIT;
    struct launch_result result;
    make_spec(w, &o, &s);
    assert_err(run_spec(w, &s, &no_args, &result, out, &err), IMGC_E_LAYER);
    spec_mount_done(&mount);
}

static void test_overlay(void **state)
{
    struct world *w = *state;
    const char *words[] = { "sh", "-c",
                            "busybox cat /second; echo changed >/etc/group; echo x >/fresh", NULL };
    struct spec_options o = { .args = words };
    spec_auto struct spec s = SPEC_INIT;
    struct launch_result result = { .exit_code = -1 };
    struct imgc_err err;
    char out[OUT_MAX], path[256];

    make_spec(w, &o, &s);
    free(imgc_take(s.root_dir));
    s.lowerdirs = calloc(3, sizeof *s.lowerdirs);
    assert_non_null(s.lowerdirs);
    s.lowerdirs[0] = world_path(w, "lower2");
    s.lowerdirs[1] = world_path(w, "root");
    s.upper_dir = world_path(w, "upper");
    s.work_dir = world_path(w, "work");
    assert_ok(run_spec(w, &s, &no_args, &result, out, &err), err);
    assert_string_equal(out, "from the second layer\n");
    assert_int_equal(result.exit_code, 0);

    /* Changes are in the upper directory, and nowhere else; no mount is left. */
    path_in(w, "upper/fresh", path);
    assert_int_equal(access(path, F_OK), 0);
    path_in(w, "root/fresh", path);
    assert_int_equal(access(path, F_OK), -1);
    path_in(w, "mnt/etc", path);
    assert_int_equal(access(path, F_OK), -1);
}

/* mkfs.erofs puts data and metadata into one file: an image without devices. */
static bool make_erofs(const struct world *w, const char *dir, const char *image)
{
    char from[256], to[256], command[700];

    path_in(w, dir, from);
    path_in(w, image, to);
    (void)snprintf(command, sizeof command, "mkfs.erofs '%s' '%s' >/dev/null 2>&1", to, from);
    return system(command) == 0; /* NOLINT(cert-env33-c): a tool of this test */
}

static void test_erofs(void **state)
{
    struct world *w = *state;
    const char *words[] = { "sh", "-c",
                            "busybox cat /opt/plain; echo x >/fresh; exec 2>&1; "
                            "busybox grep -c erofs /proc/mounts",
                            NULL };
    struct spec_options o = { .args = words };
    spec_auto struct spec s = SPEC_INIT;
    struct launch_result result = { .exit_code = -1 };
    struct imgc_err err;
    char out[OUT_MAX], path[256];

    if (!make_erofs(w, "root", "image")) {
        skip();
    }
    make_spec(w, &o, &s);
    free(imgc_take(s.root_dir));
    s.erofs_image = world_path(w, "image");
    s.erofs_devices = calloc(1, sizeof *s.erofs_devices);
    s.upper_dir = world_path(w, "upper");
    s.work_dir = world_path(w, "work");
    if (run_spec(w, &s, &no_args, &result, out, &err) == -(int)IMGC_E_HOST) {
        print_message("skipped: %s\n", err.msg);
        spec_done(&s); /* skip() jumps */
        skip();
    }
    /* The container sees the overlay only. */
    assert_string_equal(out, "no program\n0\n");
    path_in(w, "upper/fresh", path);
    assert_int_equal(access(path, F_OK), 0);
    path_in(w, "mnt/etc", path);
    assert_int_equal(access(path, F_OK), -1);

    /* No image, and one that is none. */
    free(s.erofs_image);
    s.erofs_image = world_path(w, "missing");
    assert_err(run_spec(w, &s, &no_args, &result, out, &err), IMGC_E_STORE);
    make_file(w, "missing", "too short to be a file system", 0600);
    assert_err(run_spec(w, &s, &no_args, &result, out, &err), IMGC_E_STORE);
}

/* Paths longer than fsconfig() takes. */
static void test_erofs_far_away(void **state)
{
    struct world *w = *state;
    const char *words[] = { "busybox", "cat", "/opt/plain", NULL };
    struct spec_options o = { .args = words };
    spec_auto struct spec s = SPEC_INIT;
    struct launch_result result = { .exit_code = -1 };
    struct imgc_err err;
    char out[OUT_MAX], name[256], path[1024], image[256];

    if (!make_erofs(w, "root", "image")) {
        skip();
    }
    make_spec(w, &o, &s);
    free(imgc_take(s.root_dir));
    memset(name, 'n', 250);
    name[250] = '\0';
    path_in(w, "image", image);
    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/%s/image", w->dir, name);
    assert_int_equal(rename(image, path), 0);
    s.erofs_image = strdup(path);
    s.erofs_devices = calloc(1, sizeof *s.erofs_devices);
    s.upper_dir = world_path(w, "upper");
    s.work_dir = world_path(w, "work");
    if (run_spec(w, &s, &no_args, &result, out, &err) == -(int)IMGC_E_HOST) {
        spec_done(&s);
        skip();
    }
    assert_string_equal(out, "no program\n");
}

struct seen {
    struct process_id id;
    char cgroup[4096];
    int fail;
};

static int on_started(void *arg, const struct process_id *init, const char *cgroup,
                      struct imgc_err *reterr)
{
    struct seen *seen = arg;
    seen->id = *init;
    (void)snprintf(seen->cgroup, sizeof seen->cgroup, "%s", cgroup ? cgroup : "");
    return seen->fail ? imgc_fail(reterr, IMGC_E_EXISTS, "told to fail") : 0;
}

static void test_started_and_log(void **state)
{
    struct world *w = *state;
    const char *words[] = { "sh", "-c", "echo out; echo err >&2; printf tail", NULL };
    struct spec_options o = { .args = words };
    spec_auto struct spec s = SPEC_INIT;
    struct launch_result result = { .exit_code = -1 };
    struct imgc_err err;
    struct seen seen = { .fail = 0 };
    char out[OUT_MAX], path[256], log[4096];

    make_spec(w, &o, &s);
    path_in(w, "log", path);
    imgc_autoclose int log_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct launch_args args = { .log_fd = log_fd, .started = on_started, .arg = &seen };
    assert_ok(run_spec(w, &s, &args, &result, out, &err), err);
    assert_true(seen.id.pid > 1);
    assert_false(process_alive(&seen.id));
    assert_non_null(strstr(out, "out\n"));
    assert_non_null(strstr(out, "err\n"));
    ssize_t n = pread(log_fd, log, sizeof log - 1, 0);
    assert_true(n > 0);
    log[n] = '\0';
    assert_non_null(strstr(log, " stdout F out\n"));
    assert_non_null(strstr(log, " stderr F err\n"));
    assert_non_null(strstr(log, " stdout P tail\n"));

    seen.fail = 1;
    assert_err(run_spec(w, &s, &args, &result, out, &err), IMGC_E_EXISTS);
    assert_false(process_alive(&seen.id));
    assert_string_equal(out, "");
}

/* A signal to the launcher reaches the command; the parent of the launcher sends it here. */
static void test_signals(void **state)
{
    struct world *w = *state;
    const char *words[] = { "sh", "-c",
                            "trap 'echo got; exit 3' TERM; echo up >/tmp/up; "
                            "while true; do busybox sleep 0.05; done",
                            NULL };
    struct spec_options o = { .args = words };
    spec_auto struct spec s = SPEC_INIT;
    struct launch_result result = { .exit_code = -1 };
    struct imgc_err err;
    char out[OUT_MAX], path[256];

    path_in(w, "root/tmp/up", path);
    (void)unlink(path);
    pid_t launcher = getpid();
    pid_t sender = fork();
    if (sender == 0) {
        for (int i = 0; i < 200 && access(path, F_OK) < 0; i++) {
            (void)usleep(10000);
        }
        (void)kill(launcher, SIGTERM);
        _exit(0);
    }
    make_spec(w, &o, &s);
    assert_ok(run_spec(w, &s, &no_args, &result, out, &err), err);
    assert_int_equal(waitpid(sender, NULL, 0), sender);
    assert_int_equal(result.exit_code, 3);
    assert_string_equal(out, "got\n");
}

/* The launcher is killed: the container must not outlive it, whoever its user is. */
static void test_launcher_killed(void **state)
{
    struct world *w = *state;
    const char *words[] = { "busybox", "sleep", "1000", NULL };
    struct spec_options o = { .args = words, .user = "joe" };
    spec_auto struct spec s = SPEC_INIT;
    struct imgc_err err;
    struct seen *seen =
        mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;

    assert_true(seen != MAP_FAILED);
    make_spec(w, &o, &s);
    pid_t launcher = fork();
    if (launcher == 0) {
        struct launch_result result;
        struct launch_args args = { .log_fd = -1, .started = on_started, .arg = seen };
        _exit(launch_run(&s, &args, &result, &err) < 0);
    }
    for (int i = 0; i < 200 && seen->cgroup[0] == '\0'; i++) {
        (void)usleep(10000);
    }
    (void)usleep(50000); /* into the command */
    assert_true(process_alive(&seen->id));
    (void)kill(launcher, SIGKILL);
    assert_int_equal(waitpid(launcher, &status, 0), launcher);
    assert_true(WIFSIGNALED(status));
    for (int i = 0; i < 200 && process_alive(&seen->id); i++) {
        (void)usleep(10000);
    }
    assert_false(process_alive(&seen->id));
    assert_ok(launch_cleanup_cgroup(seen->cgroup, NULL, true, &err), err);
    (void)munmap(seen, sizeof *seen);
}

/* With -t and -i on a terminal: the size arrives, keys go in, and the modes come back. */
static void test_terminal(void **state)
{
    struct world *w = *state;
    const char *words[] = { "sh", "-c",
                            "busybox stty size; busybox tty; read x; echo read=$x; "
                            "busybox ls -l /dev/console | busybox cut -c1",
                            NULL };
    struct spec_options o = { .args = words, .terminal = true, .interactive = true };
    struct winsize size = { .ws_row = 33, .ws_col = 77 };
    int master, slave;
    char out[4096] = "";
    size_t len = 0;

    assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
    struct termios before, after;
    assert_int_equal(tcgetattr(slave, &before), 0);
    pid_t pid = fork();
    if (pid == 0) {
        spec_auto struct spec s = SPEC_INIT;
        struct launch_result result = { .exit_code = -1 };
        struct imgc_err err;

        make_spec(w, &o, &s);
        for (int i = 0; i < 3; i++) {
            (void)dup2(slave, i);
        }
        int r = launch_run(&s, &no_args, &result, &err);
        _exit(r < 0 ? 99 : result.exit_code);
    }
    assert_int_equal(write(master, "hello\r", 6), 6);
    int status = -1;
    (void)fcntl(master, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 3000; i++) {
        bool ended = waitpid(pid, &status, WNOHANG) == pid;
        ssize_t n;
        do { /* one read gives what the terminal has passed on so far, not all that was written */
            n = read(master, out + len, sizeof out - 1 - len);
            len += n > 0 ? (size_t)n : 0;
        } while (n > 0);
        if (ended) {
            break;
        }
        (void)usleep(10000);
    }
    out[len] = '\0';
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_non_null(strstr(out, "33 77\r\n"));
    assert_non_null(strstr(out, "/dev/pts/0\r\n"));
    assert_non_null(strstr(out, "read=hello\r\n"));
    assert_non_null(strstr(out, "c\r\n"));
    assert_int_equal(tcgetattr(slave, &after), 0);
    assert_int_equal(before.c_lflag, after.c_lflag);
    assert_int_equal(before.c_iflag, after.c_iflag);
    assert_int_equal(before.c_oflag, after.c_oflag);
    (void)close(master);
    (void)close(slave);
}

static void test_terminal_without_one(void **state)
{
    const char *words[] = { "sh", NULL };
    struct spec_options o = { .args = words, .terminal = true, .interactive = true };
    spec_auto struct spec s = SPEC_INIT;
    struct launch_result result;
    struct imgc_err err;
    char out[OUT_MAX];

    make_spec(*state, &o, &s);
    assert_err(run_spec(*state, &s, &no_args, &result, out, &err), IMGC_E_USAGE);
    assert_non_null(strstr(err.msg, "the input device is not a TTY"));
}

/* @return why containers cannot run here, or NULL. */
static const char *hindrance(void)
{
    int status = 0;

    if (access(BUSYBOX, X_OK) < 0) {
        return "no static busybox in " BUSYBOX;
    }
    if (geteuid() != 0) {
        return "needs root";
    }
    pid_t pid = fork();
    if (pid == 0) {
        _exit(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) < 0);
    }
    (void)waitpid(pid, &status, 0);
    return status != 0 ? "this host forbids namespaces" : NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_mounts_are_held),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_direct),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_hostile_roots),
        cmocka_unit_test(test_volumes),
        cmocka_unit_test(test_volume_into_proc),
        cmocka_unit_test(test_overlay),
        cmocka_unit_test_setup_teardown(test_erofs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_erofs_far_away, setup, teardown),
        cmocka_unit_test(test_started_and_log),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_launcher_killed),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_terminal_without_one),
    };
    const char *why = hindrance();

    if (why) {
        (void)printf("skipped: containers cannot be run: %s\n", why);
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
