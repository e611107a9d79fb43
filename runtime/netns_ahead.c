/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/netns_ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/userns.h"
#include "schema/base/fd.h"

#define STACK_BYTES ((size_t)64 << 10)

/* Half of what a new namespace costs is its loopback coming up. The container's process sees to it
 * again, in the order of its plan, and finds it done. */
static void bring_up_loopback(void)
{
    struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK };
    imgc_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r = fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request);

    (void)r;
}

/* Only system calls: no memory is allocated, so that the thread gets no heap of its own. */
static void *make(void *arg)
{
    struct netns_ahead *n = arg;

    if (unshare(CLONE_NEWNET) == 0) {
        n->fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        bring_up_loopback();
    }
    return NULL;
}

void netns_ahead_begin(struct netns_ahead *n)
{
    pthread_attr_t attr;
    sigset_t all, old;

    /* In a user namespace the way home is closed: the host's network belongs to the first one. */
    if (!userns_is_initial() || pthread_attr_init(&attr) != 0) {
        return;
    }
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    (void)sigfillset(&all); /* signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    n->is_running = pthread_create(&n->thread, &attr, make, n) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_attr_destroy(&attr);
}

bool netns_ahead_finish(struct netns_ahead *n)
{
    if (n->is_running) {
        (void)pthread_join(n->thread, NULL);
        n->is_running = false;
    }
    return n->fd >= 0;
}

void netns_ahead_done(struct netns_ahead *n)
{
    (void)netns_ahead_finish(n);
    imgc_closep(&n->fd);
}

int netns_ahead_enter(const struct netns_ahead *n, int *ret_home_fd, struct imgc_err *reterr)
{
    imgc_autoclose int home_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

    if (home_fd < 0 || setns(n->fd, CLONE_NEWNET) < 0) {
        return imgc_fail_sys(reterr, errno, "enter the container's network namespace");
    }
    *ret_home_fd = imgc_take_fd(home_fd);
    return 0;
}

int netns_ahead_leave(int *home_fd, struct imgc_err *reterr)
{
    if (setns(*home_fd, CLONE_NEWNET) < 0) {
        return imgc_fail_sys(reterr, errno, "leave the container's network namespace");
    }
    imgc_closep(home_fd);
    return 0;
}
