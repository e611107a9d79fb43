/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/selfcopy.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/mountfd.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define SELF "/proc/self/exe"
#define COMMAND_LINE_BYTES (2u << 20) /* the kernel's usual most */

/* The arguments as they were: the parser of options has reordered argv. */
static int original_arguments(struct imgc_buf *b, char ***ret, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    size_t n = 0, at = 0;

    int r = fd_open_at(AT_FDCWD, "/proc/self/cmdline", O_RDONLY, 0, &fd, reterr);
    r = r < 0 ? r : fd_read_all(fd, b, reterr);
    if (r < 0) {
        return r;
    }
    imgc_buf_putc(b, '\0');
    for (size_t i = 0; i + 1 < b->len; i++) {
        n += b->ptr[i] == '\0';
    }
    char **argv = calloc(n + 1, sizeof *argv);
    if (!argv) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        argv[i] = b->ptr + at;
        at += strlen(argv[i]) + 1;
    }
    *ret = argv;
    return 0;
}

int selfcopy_run(struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(COMMAND_LINE_BYTES);
    imgc_autofree char **argv = NULL;
    imgc_autoclose int fd = -1;
    struct statvfs st;

    if (statvfs(SELF, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at '%s'", SELF);
    }
    if (st.f_flag & ST_RDONLY) {
        return 0;
    }
    int r = original_arguments(&text, &argv, reterr);
    r = r < 0 ? r : mountfd_clone(AT_FDCWD, SELF, false, &fd, reterr);
    r = r < 0 ? r : mountfd_restrict(fd, MOUNT_ATTR_RDONLY, false, reterr);
    if (r < 0) {
        return imgc_context(reterr, "protect imgc's own binary");
    }
    (void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
    return imgc_fail_sys(reterr, errno, "execute imgc's own binary again");
}
