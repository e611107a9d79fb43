/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/network_guard.h"

#include <sys/file.h>
#include <unistd.h>

#include "schema/base/fd.h"

/* A child that was cloned meanwhile has the file, too, so that closing it would not be enough. */
void network_guard_release(int *fd)
{
    if (*fd >= 0) {
        (void)flock(*fd, LOCK_UN);
    }
    imgc_closep(fd);
}

/* A file that cannot be read has never been used. */
uint64_t network_guard_uses(int fd)
{
    uint64_t n = 0;

    return pread(fd, &n, sizeof n, 0) == (ssize_t)sizeof n ? n : 0;
}

int network_guard_take(struct store *s, bool is_use, int *ret_fd, struct imgc_err *reterr)
{
    int r = network_lock(s, ret_fd, reterr);

    if (r == 0 && is_use) {
        uint64_t n = network_guard_uses(*ret_fd) + 1;
        (void)!pwrite(*ret_fd, &n, sizeof n, 0);
    }
    return r;
}
