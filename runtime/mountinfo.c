/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "schema/base/fd.h"

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue" */
#define FIELDS_BEFORE_MOUNTPOINT 4
#define FIELDS_BEFORE_OPTIONAL 6

static bool parse_line(struct imgc_str line, uint64_t id, struct mountinfo *ret)
{
    struct mountinfo m = { .is_shared = false };
    struct imgc_str field;
    uint64_t n = 0;

    for (size_t i = 0; imgc_str_token(&line, ' ', &field); i++) {
        if (i == 0 && (!imgc_str_u64(field, &n) || n != id)) {
            return false;
        }
        if (i == FIELDS_BEFORE_MOUNTPOINT) {
            m.mountpoint = field;
        }
        if (i < FIELDS_BEFORE_OPTIONAL) {
            continue;
        }
        if (imgc_str_eq(field, IMGC_STR("-"))) { /* the optional fields end */
            *ret = m;
            return true;
        }
        m.is_shared |= imgc_str_starts(field, IMGC_STR("shared:"));
        m.is_slave |= imgc_str_starts(field, IMGC_STR("master:"));
    }
    return false;
}

bool mountinfo_find(struct imgc_str text, uint64_t id, struct mountinfo *ret)
{
    struct imgc_str line;

    while (imgc_str_token(&text, '\n', &line)) {
        if (parse_line(line, id, ret)) {
            return true;
        }
    }
    return false;
}

int mountinfo_of(int fd, struct imgc_buf *text, struct mountinfo *ret, struct imgc_err *reterr)
{
    imgc_autoclose int info_fd = -1;
    struct statx sx = { .stx_mask = 0 };
    struct imgc_str s;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) < 0) {
        return imgc_fail_sys(reterr, errno, "find the mount of a path");
    }
    int r = fd_open_at(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0, &info_fd, reterr);
    r = r < 0 ? r : fd_read_all(info_fd, text, reterr);
    r = r < 0 ? r : imgc_buf_finish(text, &s, reterr);
    if (r < 0) {
        return r;
    }
    if ((sx.stx_mask & STATX_MNT_ID) == 0 || !mountinfo_find(s, sx.stx_mnt_id, ret)) {
        return imgc_fail(reterr, IMGC_E_HOST, "/proc does not tell how the source is mounted");
    }
    return 0;
}
