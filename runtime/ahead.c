/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ahead.h"

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

#define STACK_BYTES ((size_t)128 << 10) /* the buffers that files are read with */

/* Half of what a new namespace costs is its loopback coming up. The container's process sees to it
 * again, in the order of its plan, and finds it done. */
static void bring_up_loopback(void)
{
    struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK };
    imgc_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r = fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request);

    (void)r;
}

static void make_network(struct ahead *a)
{
    if (unshare(CLONE_NEWNET) == 0) {
        a->network_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        bring_up_loopback();
    }
}

static void *prepare(void *arg)
{
    struct ahead *a = arg;

    if (a->with_network) {
        make_network(a);
    }
    cgroup_ahead_read(&a->cgroup);
    return NULL;
}

void ahead_begin(struct ahead *a, bool with_network)
{
    pthread_attr_t attr;
    sigset_t all, old;

    /* In a user namespace the way home is closed: the host's network belongs to the first one. */
    a->with_network = with_network && userns_is_initial();
    if (pthread_attr_init(&attr) != 0) {
        return;
    }
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    (void)sigfillset(&all); /* signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    a->is_running = pthread_create(&a->thread, &attr, prepare, a) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_attr_destroy(&attr);
}

void ahead_finish(struct ahead *a)
{
    if (a->is_running) {
        (void)pthread_join(a->thread, NULL);
        a->is_running = false;
    }
}

void ahead_done(struct ahead *a)
{
    ahead_finish(a);
    imgc_closep(&a->network_fd);
    cgroup_ahead_done(&a->cgroup);
}

int ahead_enter_network(const struct ahead *a, int *ret_home_fd, struct imgc_err *reterr)
{
    imgc_autoclose int home_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

    if (home_fd < 0 || setns(a->network_fd, CLONE_NEWNET) < 0) {
        return imgc_fail_sys(reterr, errno, "enter the container's network namespace");
    }
    *ret_home_fd = imgc_take_fd(home_fd);
    return 0;
}

int ahead_leave_network(int *home_fd, struct imgc_err *reterr)
{
    if (setns(*home_fd, CLONE_NEWNET) < 0) {
        return imgc_fail_sys(reterr, errno, "leave the container's network namespace");
    }
    imgc_closep(home_fd);
    return 0;
}
