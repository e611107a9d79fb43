/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_publish.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/caps.h"
#include "runtime/net_port_relay.h"
#include "runtime/slim.h"
#include "schema/base/fd.h"

#define FDS_MAX 32768 /* enough for all ports and connections that there may be */

struct place {
    struct ip_addr address4, address6;
};

/* ---- in the process ---- */

/* Nothing of the command's stays: not its files, terminal, signals, directory. Whoever kills the
 * parent kills it. */
static bool step_away(int *fd)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)prctl(PR_SET_NAME, "imgc-ports");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setsid();
    int high = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (high < 0 || close_range(0, (unsigned)high - 1, 0) < 0 ||
        close_range((unsigned)high + 1, ~0U, 0) < 0) {
        return false;
    }
    *fd = high;
    for (int i = 0; i <= STDERR_FILENO; i++) {
        if (open("/dev/null", O_RDWR | O_CLOEXEC) != i) {
            return false;
        }
    }
    return chdir("/") == 0;
}

/* As many as the host lets a process have: the caller's own limit is often 1024. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < FDS_MAX ? limit.rlim_max : FDS_MAX;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Ports below 1024 are taken: it needs no privilege any more. */
static int give_up_privileges(struct imgc_err *reterr)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0) {
        return imgc_fail_sys(reterr, errno, "give up privileges");
    }
    return caps_apply(0, true, reterr);
}

/* First how it went, then the ports that were taken. */
static int report(int fd, const struct imgc_err *err, const struct net_port_list *ports)
{
    imgc_autofree uint16_t *numbers = calloc(ports->n + 1, sizeof *numbers);
    struct imgc_err copy = *err;

    if (!numbers) {
        copy.code = IMGC_E_NOMEM;
    }
    if (send(fd, &copy, sizeof copy, MSG_NOSIGNAL) < 0 || copy.code != IMGC_OK) {
        return -1;
    }
    for (size_t i = 0; i < ports->n; i++) {
        numbers[i] = ports->items[i].first;
    }
    return send(fd, numbers, ports->n * sizeof *numbers, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static _Noreturn void run(struct net_port_list *ports, int fd)
{
    struct net_port_sockets sockets = { .n = 0 };
    struct net_port_relay_args args = { .sockets = &sockets };
    struct imgc_err err = { .code = IMGC_OK };
    struct place place;

    int r = step_away(&fd) ? 0 : imgc_fail_sys(&err, errno, "start the process for the ports");
    raise_limit();
    r = r < 0 ? r : net_port_bind(ports, &sockets, &err);
    r = r < 0 ? r : give_up_privileges(&err);
    if (report(fd, &err, ports) < 0 || r < 0) {
        _exit(1);
    }
    if (recv(fd, &place, sizeof place, 0) != (ssize_t)sizeof place) {
        _exit(1); /* the container is not started after all */
    }
    net_port_list_done(ports);
    slim_down();
    args.address4 = place.address4;
    args.address6 = place.address6;
    args.control_fd = fd;
    _exit(net_port_relay_run(&args, &err) < 0 ? 1 : 0);
}

/* ---- in the parent ---- */

static int receive(int fd, void *bytes, size_t len, struct imgc_err *reterr)
{
    ssize_t n;

    do {
        n = recv(fd, bytes, len, 0);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)len
               ? 0
               : imgc_fail(reterr, IMGC_E_SYS, "the process for the published ports was killed");
}

static int receive_report(int fd, struct net_port_list *ports, struct imgc_err *reterr)
{
    imgc_autofree uint16_t *numbers = calloc(ports->n + 1, sizeof *numbers);
    struct imgc_err said;

    if (!numbers) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = receive(fd, &said, sizeof said, reterr);
    if (r == 0 && said.code != IMGC_OK) {
        *reterr = said;
        return -(int)said.code;
    }
    r = r < 0 ? r : receive(fd, numbers, ports->n * sizeof *numbers, reterr);
    for (size_t i = 0; r == 0 && i < ports->n; i++) {
        ports->items[i].first = ports->items[i].last = numbers[i];
    }
    return r;
}

int net_publish_begin(struct net_port_list *ports, struct net_publish *ret, struct imgc_err *reterr)
{
    imgc_autoclose int ours = -1, theirs = -1;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        return imgc_fail_sys(reterr, errno, "make a socket");
    }
    ours = fds[0];
    theirs = fds[1];
    pid_t pid = fork();
    if (pid < 0) {
        return imgc_fail_sys(reterr, errno, "start the process for the ports");
    }
    if (pid == 0) {
        run(ports, theirs);
    }
    struct net_publish p = { .pid = pid, .fd = imgc_take_fd(ours) };
    imgc_closep(&theirs);
    int r = receive_report(p.fd, ports, reterr);
    if (r < 0) {
        net_publish_end(&p);
        return r;
    }
    *ret = p;
    return 0;
}

int net_publish_serve(const struct net_publish *p, const struct ip_addr *address4,
                      const struct ip_addr *address6, struct imgc_err *reterr)
{
    const struct place place = { .address4 = *address4, .address6 = *address6 };

    if (p->pid > 0 && send(p->fd, &place, sizeof place, MSG_NOSIGNAL) < 0) {
        return imgc_fail_sys(reterr, errno, "speak to the process for the published ports");
    }
    return 0;
}

void net_publish_end(struct net_publish *p)
{
    if (p->pid > 0) {
        imgc_closep(&p->fd);
        (void)kill(p->pid, SIGKILL);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    p->pid = 0;
}
