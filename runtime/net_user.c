/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_user.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/net_slirp.h"
#include "runtime/userns.h"
#include "schema/base/fd.h"

#define ARGS_BYTES (1u << 20) /* of a command line; the kernel takes twice as much */
#define SAID_BYTES 4096
#define READY_MS 30000 /* on a machine with much else to do */
#define READY_FILE "network-ready"
#define TUN_DEVICE "/dev/net/tun"

/* AppArmor's profile for pasta lets it read namespaces in /run/user/UID/netns only. */
#define RUN_USER "/run/user"
#define NETNS_DIR "0/netns"
#define NETNS_FILE NETNS_DIR "/imgc"

bool net_user_is_needed(void)
{
    imgc_autoclose int net_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    imgc_autoclose int owner_fd = net_fd < 0 ? -1 : ioctl(net_fd, NS_GET_USERNS);
    struct stat owner, own;

    if (net_fd < 0) {
        return false;
    }
    /* EPERM: it belongs to a user namespace above this one. */
    return owner_fd < 0 ? errno == EPERM
                        : fstat(owner_fd, &owner) == 0 && stat("/proc/self/ns/user", &own) == 0 &&
                              (owner.st_ino != own.st_ino || owner.st_dev != own.st_dev);
}

/* Not the caller's PATH: what runs here stays as long as the container does. */
static const char *program_of(enum net_user_kind kind)
{
    static const char *const pasta[] = { "/usr/bin/pasta", "/bin/pasta", "/usr/local/bin/pasta",
                                         "/run/current-system/sw/bin/pasta", NULL };
    static const char *const slirp[] = { "/usr/bin/slirp4netns", "/bin/slirp4netns",
                                         "/usr/local/bin/slirp4netns",
                                         "/run/current-system/sw/bin/slirp4netns", NULL };

    for (const char *const *p = kind == NET_USER_SLIRP ? slirp : pasta; *p; p++) {
        if (access(*p, X_OK) == 0) {
            return *p;
        }
    }
    return NULL;
}

static int check_tun(struct imgc_err *reterr)
{
    imgc_autoclose int fd = open(TUN_DEVICE, O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        return 0;
    }
    return errno == EACCES || errno == EPERM
               ? imgc_fail(reterr, IMGC_E_HOST,
                           TUN_DEVICE " is closed to you: root has to run 'chmod 666 " TUN_DEVICE
                                      "'")
               : imgc_fail(reterr, IMGC_E_HOST,
                           "this host has no " TUN_DEVICE ": root has to run 'modprobe tun'");
}

int net_user_find(enum net_user_kind wanted, enum net_user_kind *ret, struct imgc_err *reterr)
{
    enum net_user_kind kind = wanted;

    if (kind == NET_USER_ANY) {
        kind = !program_of(NET_USER_PASTA) && program_of(NET_USER_SLIRP) ? NET_USER_SLIRP
                                                                         : NET_USER_PASTA;
    }
    if (!program_of(kind)) {
        return imgc_fail(reterr, IMGC_E_HOST, "%s is not installed (package %s%s)",
                         net_user_name(kind), kind == NET_USER_PASTA ? "passt" : "slirp4netns",
                         wanted == NET_USER_ANY ? ", or slirp4netns" : "");
    }
    *ret = kind;
    return check_tun(reterr);
}

/* ---- its process ---- */

/* All that the child needs, made before there is one. */
struct child {
    const char *program;
    char **argv;
    const char *mount_base;
    char netns_path[PATH_MAX];
    const char *dir; /* slirp4netns makes its socket there */
    int netns_fd, said_fd;
    int given[2]; /* stay open in the program; -1: none */
};

static bool place_netns(const struct child *c)
{
    char source[64], dir[PATH_MAX];

    (void)snprintf(source, sizeof source, "/proc/self/fd/%d", c->netns_fd);
    if (mount("imgc", c->mount_base, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "mode=700,size=64k") < 0) {
        return false;
    }
    (void)snprintf(dir, sizeof dir, "%s/0", c->mount_base);
    if (mkdir(dir, 0700) < 0) {
        return false;
    }
    (void)snprintf(dir, sizeof dir, "%s/" NETNS_DIR, c->mount_base);
    return mkdir(dir, 0700) == 0 && mknod(c->netns_path, S_IFREG | 0600, 0) == 0 &&
           mount(source, c->netns_path, NULL, MS_BIND, NULL) == 0;
}

static bool set_files(const struct child *c)
{
    imgc_autoclose int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0 ||
        dup2(c->said_fd, STDERR_FILENO) < 0 || close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof c->given / sizeof *c->given; i++) {
        if (c->given[i] >= 0 && fcntl(c->given[i], F_SETFD, 0) < 0) {
            return false;
        }
    }
    return true;
}

static void reset_signals(void)
{
    sigset_t none;

    for (int i = 1; i < SIGRTMAX; i++) {
        (void)signal(i, SIG_DFL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void child_main(const struct child *c, pid_t parent)
{
    char locale[] = "LC_ALL=C";
    char *const env[] = { locale, NULL };
    struct imgc_err err;

    /* Whoever kills the launcher ends this too; it may have been killed just now. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) {
        _exit(127);
    }
    (void)setsid(); /* what the terminal sends is the container's */
    if (userns_own_mounts(&err) < 0) {
        (void)dprintf(c->said_fd, "%s\n", err.msg);
        _exit(127);
    }
    if (!place_netns(c)) {
        (void)dprintf(c->said_fd, "mount the network namespace: %s\n", strerror(errno));
        _exit(127);
    }
    if (chdir(c->dir) == 0 && set_files(c)) {
        reset_signals();
        (void)execve(c->program, c->argv, env);
    }
    (void)dprintf(c->said_fd, "start %s: %s\n", c->program, strerror(errno));
    _exit(127);
}

/* The words of a buffer, each with its NUL. @ret  borrows from it; the caller frees the array. */
static int split_words(const struct imgc_buf *b, char ***ret, struct imgc_err *reterr)
{
    size_t n = 0;

    for (size_t i = 0; i < b->len; i++) {
        n += b->ptr[i] == '\0';
    }
    char **words = calloc(n + 1, sizeof *words);
    if (!words) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    n = 0;
    for (char *p = b->ptr; p && p < b->ptr + b->len; p += strlen(p) + 1) {
        words[n++] = p;
    }
    *ret = words;
    return 0;
}

/* A file that never grows: whatever it says in a long life, it takes no memory. */
static int make_said(int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = memfd_create("imgc-network", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || ftruncate(fd, SAID_BYTES) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0) {
        return imgc_fail_sys(reterr, errno, "make a file in memory");
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

/* slirp4netns says first why it fails; pasta last, unless it is about its command line. */
static struct imgc_str find_reason(struct imgc_str said, enum net_user_kind kind)
{
    struct imgc_str line, best = IMGC_STR("it ended without a word");

    while (imgc_str_token(&said, '\n', &line)) {
        line = imgc_str_trim(line);
        if (line.len == 0 || imgc_str_starts(line, IMGC_STR("Failed to send"))) {
            continue; /* to a system log that is not there */
        }
        best = line;
        if (imgc_str_skip(&best, IMGC_STR("pasta: ")) || kind == NET_USER_SLIRP) {
            break;
        }
    }
    return best;
}

static int tell_said(const struct net_user *u, enum net_user_kind kind, struct imgc_err *reterr)
{
    char said[SAID_BYTES + 1] = "";
    ssize_t n = pread(u->said_fd, said, SAID_BYTES, 0);

    said[n > 0 ? n : 0] = '\0';
    struct imgc_str reason = find_reason(imgc_str_of(said), kind);
    return imgc_fail(reterr, IMGC_E_HOST, "%s: " IMGC_STR_FMT, net_user_name(kind),
                     IMGC_STR_ARG(reason));
}

static int await_ready(const struct net_user *u, int ready_fd, enum net_user_kind kind,
                       struct imgc_err *reterr)
{
    imgc_autoclose int pid_fd = pidfd_open(u->pid, 0);
    struct pollfd fds[] = { { .fd = ready_fd, .events = POLLIN },
                            { .fd = pid_fd, .events = POLLIN } };
    char byte;

    if (pid_fd < 0) {
        return imgc_fail_sys(reterr, errno, "watch %s", net_user_name(kind));
    }
    for (;;) {
        int n = poll(fds, 2, READY_MS);
        if (n == 0) {
            return imgc_fail(reterr, IMGC_E_HOST, "%s did not get ready in %d seconds",
                             net_user_name(kind), READY_MS / 1000);
        }
        if (n < 0 && errno != EINTR) {
            return imgc_fail_sys(reterr, errno, "wait for %s", net_user_name(kind));
        }
        if (n > 0 && (fds[0].revents & POLLIN) && read(ready_fd, &byte, 1) == 1) {
            return 0;
        }
        if (n > 0 && fds[1].revents) {
            return tell_said(u, kind, reterr);
        }
        if (n > 0 && fds[0].revents) {
            fds[0].fd = -1; /* closed without a word: it ends */
        }
    }
}

struct begin {
    const struct net_user_start *start;
    struct net_user_args args;
    struct child child;
    struct imgc_buf words;
    char **argv;
    int dir_fd, ready_fd;         /* ready_fd: this end */
    int given_ready, given_alive; /* slirp4netns' ends */
    char ready_path[PATH_MAX];
};

static void begin_done(struct begin *b)
{
    imgc_buf_done(&b->words);
    free(b->argv);
    if (b->dir_fd >= 0) {
        (void)unlinkat(b->dir_fd, READY_FILE, 0);
        (void)unlinkat(b->dir_fd, NET_SLIRP_SOCKET, 0);
    }
    imgc_closep(&b->dir_fd);
    imgc_closep(&b->ready_fd);
    imgc_closep(&b->given_ready);
    imgc_closep(&b->given_alive);
}

#define begin_auto imgc_auto(begin_done)

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A directory that may be hidden in a mount namespace of its own, without what is needed there. */
static const char *choose_base(const struct net_user_start *start)
{
    return is_dir(RUN_USER) && !imgc_str_starts(imgc_str_of(start->dir), IMGC_STR(RUN_USER "/"))
               ? RUN_USER
               : start->mount_dir;
}

/* pasta opens a path and writes into it when it is ready: a pipe with a name. */
static int prepare_pasta(struct begin *b, struct imgc_err *reterr)
{
    (void)snprintf(b->ready_path, sizeof b->ready_path, "%s/" READY_FILE, b->start->dir);
    b->args.ready_path = b->ready_path;
    (void)unlinkat(b->dir_fd, READY_FILE, 0);
    if (mkfifoat(b->dir_fd, READY_FILE, 0600) < 0) {
        return imgc_fail_sys(reterr, errno, "make '%s'", b->ready_path);
    }
    b->child.dir = "/";
    return fd_open_at(b->dir_fd, READY_FILE, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, &b->ready_fd,
                      reterr);
}

static int prepare_slirp(struct begin *b, struct net_user *u, struct imgc_err *reterr)
{
    int ready[2], alive[2];

    if (pipe2(ready, O_CLOEXEC) < 0) {
        return imgc_fail_sys(reterr, errno, "make a pipe");
    }
    b->ready_fd = ready[0];
    b->given_ready = ready[1];
    if (pipe2(alive, O_CLOEXEC) < 0) {
        return imgc_fail_sys(reterr, errno, "make a pipe");
    }
    b->given_alive = alive[0];
    u->alive_fd = alive[1];
    b->args.ready_fd = b->child.given[0] = b->given_ready;
    b->args.alive_fd = b->child.given[1] = b->given_alive;
    b->args.socket_path = b->args.ports && b->args.ports->n > 0 ? NET_SLIRP_SOCKET : NULL;
    b->child.dir = b->start->dir;
    (void)unlinkat(b->dir_fd, NET_SLIRP_SOCKET, 0);
    return 0;
}

static int prepare(struct begin *b, struct net_user *u, struct imgc_err *reterr)
{
    const struct net_user_start *start = b->start;
    struct child *c = &b->child;

    c->program = program_of(start->args.kind);
    c->mount_base = choose_base(start);
    c->netns_fd = start->netns_fd;
    int n = snprintf(c->netns_path, sizeof c->netns_path, "%s/" NETNS_FILE, c->mount_base);
    if (!c->program || n < 0 || (size_t)n >= sizeof c->netns_path) {
        return imgc_fail(reterr, IMGC_E_HOST, "%s cannot be started",
                         net_user_name(start->args.kind));
    }
    b->args.netns_path = c->netns_path;
    int r = fd_open_at(AT_FDCWD, start->dir, O_PATH | O_DIRECTORY, 0, &b->dir_fd, reterr);
    r = r < 0 ? r : make_said(&u->said_fd, reterr);
    c->said_fd = u->said_fd;
    if (r == 0) {
        r = start->args.kind == NET_USER_SLIRP ? prepare_slirp(b, u, reterr)
                                               : prepare_pasta(b, reterr);
    }
    r = r < 0 ? r : net_user_args(&b->args, &b->words, reterr);
    r = r < 0 ? r : split_words(&b->words, &b->argv, reterr);
    c->argv = b->argv;
    return r;
}

int net_user_begin(const struct net_user_start *start, struct net_user *ret,
                   struct imgc_err *reterr)
{
    net_user_auto struct net_user u = NET_USER_INIT;
    begin_auto struct begin b = { .start = start,
                                  .args = start->args,
                                  .child = { .given = { -1, -1 } },
                                  .words = IMGC_BUF_INIT(ARGS_BYTES),
                                  .dir_fd = -1,
                                  .ready_fd = -1,
                                  .given_ready = -1,
                                  .given_alive = -1 };
    pid_t self = getpid();

    int r = prepare(&b, &u, reterr);
    if (r < 0) {
        return r;
    }
    u.pid = fork();
    if (u.pid < 0) {
        return imgc_fail_sys(reterr, errno, "fork");
    }
    if (u.pid == 0) {
        child_main(&b.child, self);
    }
    imgc_closep(&b.given_ready);
    imgc_closep(&b.given_alive);
    r = await_ready(&u, b.ready_fd, start->args.kind, reterr);
    if (r == 0 && b.args.socket_path) {
        r = net_slirp_publish(b.dir_fd, start->args.ports, reterr);
    }
    if (r == 0) {
        imgc_closep(&u.said_fd);
        *ret = u;
        u = (struct net_user)NET_USER_INIT;
    }
    return r;
}

void net_user_end(struct net_user *u)
{
    imgc_closep(&u->alive_fd);
    if (u->pid > 0) {
        (void)kill(u->pid, SIGKILL);
        while (waitpid(u->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    imgc_closep(&u->said_fd);
    *u = (struct net_user)NET_USER_INIT;
}
