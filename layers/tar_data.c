/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tar_data.h"

#include <errno.h>
#include <unistd.h>

#include "schema/base/fd.h"

int tar_data_read(struct tar_data *d, uint64_t offset, void *ptr, size_t len,
                  struct imgc_err *reterr)
{
    char *p = ptr;

    while (len > 0) {
        ssize_t n = pread(d->fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return imgc_fail_sys(reterr, errno, "read");
        }
        if (n == 0) {
            return imgc_fail(reterr, IMGC_E_LAYER, "the data ends too early");
        }
        p += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int tar_data_copy(struct tar_data *d, uint64_t offset, uint64_t len, int to, uint64_t to_offset,
                  struct imgc_err *reterr)
{
    return fd_copy_range(d->fd, offset, to, to_offset, len, reterr);
}
