/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/log_rotate.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "schema/base/fd.h"

const char *log_rotate_name(unsigned age, char out[LOG_ROTATE_NAME_MAX])
{
    if (age == 0) {
        return "log";
    }
    (void)snprintf(out, LOG_ROTATE_NAME_MAX, "log.%u", age % 100000);
    return out;
}

int log_rotate(int dir_fd, unsigned max_files, int *ret_fd, struct imgc_err *reterr)
{
    char from[LOG_ROTATE_NAME_MAX], to[LOG_ROTATE_NAME_MAX];
    unsigned last = max_files > 0 ? max_files - 1 : 0;

    /* Also one that a greater max_files has left: the oldest is overwritten by the next. */
    if (last == 0 && unlinkat(dir_fd, log_rotate_name(0, from), 0) < 0 && errno != ENOENT) {
        return imgc_fail_sys(reterr, errno, "remove a full log");
    }
    for (unsigned age = last; age > 0; age--) {
        if (renameat(dir_fd, log_rotate_name(age - 1, from), dir_fd, log_rotate_name(age, to)) <
                0 &&
            errno != ENOENT) {
            return imgc_fail_sys(reterr, errno, "rotate '%s'", from);
        }
    }
    return fd_open_at(dir_fd, log_rotate_name(0, from), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW,
                      0600, ret_fd, reterr);
}
