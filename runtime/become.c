/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/become.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/caps.h"
#include "runtime/mountfd.h"
#include "runtime/tty.h"
#include "runtime/userns.h"
#include "schema/base/buf.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

void become_separate(void)
{
    /* Nothing of ours is to be read by what the container starts (CVE-2016-9962). */
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setsid(); /* away from the caller's terminal: no TIOCSTI into it (CVE-2017-5226) */
    (void)umask(022);

    /* A session keyring of its own, not the caller's; hosts may forbid keyrings altogether. */
    (void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

/* A low value of the caller's (a service that must not be killed) is not for containers. */
int become_oom_score(int value, struct imgc_err *reterr)
{
    imgc_autoclose int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    char text[16];
    int n = snprintf(text, sizeof text, "%d", value);

    if ((fd < 0 || write(fd, text, (size_t)n) != n) && value != 0) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "--oom-score-adj %d: %s (a lower one than imgc's own needs "
                         "CAP_SYS_RESOURCE)",
                         value, strerrordesc_np(errno));
    }
    return 0;
}

int become_dependent(struct imgc_err *reterr)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
        return imgc_fail_sys(reterr, errno, "ask to die with imgc");
    }
    return 0;
}

static bool has_env(char *const *env, const char *key)
{
    size_t n = strlen(key);

    for (; *env; env++) {
        if (strncmp(*env, key, n) == 0 && (*env)[n] == '=') {
            return true;
        }
    }
    return false;
}

int become_env(const struct spec *spec, const struct user *user, char ***ret,
               struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf home = IMGC_BUF_INIT(LIMIT_ENV_BYTES);
    imgc_autobuf struct imgc_buf name = IMGC_BUF_INIT(LIMIT_ENV_BYTES);
    char *const *env = spec->env;
    char hostname[65] = "";
    size_t n = 0;

    while (env[n]) {
        n++;
    }
    imgc_autofree char **all = calloc(n + 3, sizeof *all);
    if (!all) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    memcpy(all, env, n * sizeof *all);
    int r = 0;
    if (!spec->no_home && !has_env(env, "HOME")) {
        imgc_buf_printf(&home, "HOME=%s", user->home);
        r = imgc_buf_take(&home, &all[n++], reterr);
    }
    if (r == 0 && !spec->no_hostname && !has_env(env, "HOSTNAME") &&
        gethostname(hostname, sizeof hostname - 1) == 0) {
        imgc_buf_printf(&name, "HOSTNAME=%s", hostname);
        r = imgc_buf_take(&name, &all[n], reterr);
    }
    if (r == 0) {
        *ret = imgc_take(all);
    }
    return r;
}

/* The working directory must be below the new root: a directory fd of the host that leaked would
 * show as "(unreachable)" (CVE-2024-21626). The system call itself is asked, since libc's getcwd()
 * searches on its own. */
int become_workdir(int fd, const char *name, struct imgc_err *reterr)
{
    char path[8];

    if (fchdir(fd) < 0) {
        return imgc_fail_sys(reterr, errno, "enter the working directory '%s'", name);
    }
    long n = syscall(SYS_getcwd, path, sizeof path);
    if (n < 0 && errno == ERANGE) { /* longer; long enough for "(unreachable)" too */
        char longer[LIMIT_PATH_BYTES + 1];
        n = syscall(SYS_getcwd, longer, sizeof longer);
        path[0] = longer[0];
    }
    if (n < 0 || path[0] != '/') {
        return imgc_fail(reterr, IMGC_E_SYS, "the working directory '%s' is outside of the root",
                         name);
    }
    return 0;
}

static int move_fd(int from, int to, struct imgc_err *reterr)
{
    if (from >= 0 && dup2(from, to) < 0) {
        return imgc_fail_sys(reterr, errno, "set up standard input and output");
    }
    return 0;
}

/* The user owns the pipes that he is given, so that opening /dev/stdout again works; where it
 * cannot be, only that is missing. */
static void give_to(int fd, const struct user *user)
{
    int r = fchown(fd, user->uid, (gid_t)-1);
    (void)r;
}

bool become_is_null(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static int replace_null(int null_fd, int fd, struct imgc_err *reterr)
{
    return null_fd >= 0 ? move_fd(null_fd, fd, reterr)
                        : imgc_fail(reterr, IMGC_E_USAGE,
                                    "'/dev/null' of the container is not the null device: what is "
                                    "started there needs a terminal (-it)");
}

int become_stdio(const struct become_stdio *stdio, const struct user *user, struct imgc_err *reterr)
{
    if (stdio->tty_fd >= 0) {
        give_to(stdio->tty_fd, user);
        int r = tty_control(stdio->tty_fd, reterr);
        for (int fd = 0; fd <= 2 && r == 0; fd++) {
            r = move_fd(stdio->tty_fd, fd, reterr);
        }
        return r;
    }
    int r = 0;
    for (int fd = 0; fd <= 2 && r == 0; fd++) {
        int from = stdio->fds[fd];
        if (stdio->null[fd] || become_is_null(from >= 0 ? from : fd)) {
            r = replace_null(stdio->null_fd, fd, reterr);
        } else if (from >= 0) {
            give_to(from, user);
            r = move_fd(from, fd, reterr);
        }
    }
    return r;
}

/* In a namespace without group ranges the kernel lets nobody change groups: the caller's stay, as
 * groups that have no number inside. With the capability EPERM can mean nothing else (/proc, which
 * would tell it, may not show this process). */
static int set_groups(const struct user *user, struct imgc_err *reterr)
{
    if (user->n_groups == 0 || setgroups(user->n_groups, user->groups) == 0 ||
        (errno == EPERM && caps_has(CAP_SETGID))) {
        return 0;
    }
    if (errno == EINVAL) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "a group of user %u is not among the IDs of this user namespace: a larger "
                         "range in /etc/subgid is needed",
                         (unsigned)user->uid);
    }
    return mountfd_fail(reterr, errno, "set the groups");
}

static int set_id(const char *what, unsigned id, int result, struct imgc_err *reterr)
{
    if (result == 0) {
        return 0;
    }
    if (errno == EINVAL) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "%s %u is not among the IDs of this user namespace: a larger range in "
                         "/etc/subuid and /etc/subgid is needed",
                         what, id);
    }
    return imgc_fail_sys(reterr, errno, "become %s %u", what, id);
}

static int set_ids(const struct user *user, struct imgc_err *reterr)
{
    int r = set_groups(user, reterr);
    if (r < 0) {
        return r;
    }
    r = set_id("group", user->gid, setresgid(user->gid, user->gid, user->gid), reterr);
    if (r < 0) {
        return r;
    }
    r = set_id("user", user->uid, setresuid(user->uid, user->uid, user->uid), reterr);
    /* The change has made it what fs.suid_dumpable says. */
    if (r == 0 && prctl(PR_SET_DUMPABLE, 0) < 0) {
        r = imgc_fail_sys(reterr, errno, "hide from the container");
    }
    return r < 0 ? r : become_dependent(reterr);
}

/* The last thing that needs a privilege. Without no_new_privs that is CAP_SYS_ADMIN, which outlives
 * the change of user for it. */
static int keep_for_filter(struct imgc_err *reterr)
{
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0
               ? imgc_fail_sys(reterr, errno, "keep capabilities for the seccomp filter")
               : 0;
}

static int install_early(const struct seccomp_filter *filter, struct imgc_err *reterr)
{
    int r = caps_raise(reterr);
    return r < 0 ? r : seccomp_install(filter, reterr);
}

int become_user(const struct become_who *who, struct imgc_err *reterr)
{
    bool is_early = who->filter && !who->no_new_privs;

    if (who->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return imgc_fail_sys(reterr, errno, "set no_new_privs");
    }
    int r = caps_drop_bounding(who->caps, reterr);
    r = r < 0 || !is_early ? r : keep_for_filter(reterr);
    r = r < 0 ? r : set_ids(who->user, reterr);
    r = r < 0 || !is_early ? r : install_early(who->filter, reterr);
    r = r < 0 ? r : caps_apply(who->caps, who->user->uid == 0, reterr);
    return r < 0 || is_early || !who->filter ? r : seccomp_install(who->filter, reterr);
}

/* Handlers go at exec, but "ignore" would stay: nohup and shells leave it behind. */
void become_default_signals(void)
{
    struct sigaction action = { .sa_handler = SIG_DFL };
    sigset_t none;

    for (int i = 1; i < NSIG; i++) {
        (void)sigaction(i, &action, NULL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}
