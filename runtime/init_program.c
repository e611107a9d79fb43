/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/init_program.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/init_program_bytes.h"
#include "runtime/program.h"
#include "schema/base/fd.h"

#define NAME "imgc-init"
#define PROGRAM_BYTES_MAX (32u << 20)
#ifndef MFD_EXEC
#    define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

static int new_memory(int *ret_fd, struct imgc_err *reterr)
{
    int fd = memfd_create(NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

    if (fd < 0 && errno == EINVAL) {
        fd = memfd_create(NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "make memory for --init");
    }
    *ret_fd = fd;
    return 0;
}

static int copy_file(const char *path, int to_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    struct stat st;

    int r = fd_open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    if (fstat(fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at it");
    }
    if (!S_ISREG(st.st_mode) || st.st_size > PROGRAM_BYTES_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "not a file of at most %u bytes", PROGRAM_BYTES_MAX);
    }
    return fd_copy_range(fd, 0, to_fd, 0, (uint64_t)st.st_size, reterr);
}

static int write_ours(int to_fd, struct imgc_err *reterr)
{
    return init_program_bytes_len > 0
               ? fd_write_all(to_fd, init_program_bytes, init_program_bytes_len, reterr)
               : imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                           "--init: there is none for this kind of machine; name one with "
                           "--init-path");
}

int init_program_open(const char *path, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = new_memory(&fd, reterr);
    if (r == 0) {
        r = path ? copy_file(path, fd, reterr) : write_ours(fd, reterr);
    }
    if (r < 0) {
        return path ? imgc_context(reterr, "--init-path '%s'", path) : r;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
        return imgc_fail_sys(reterr, errno, "seal the memory for --init");
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

int init_program_exec(int fd, bool is_ours, char *const *argv, char *const *env,
                      struct imgc_err *reterr)
{
    static char name[] = NAME, dashes[] = "--";
    char path[PATH_MAX];
    size_t n = 0;

    /* Now, for who asks what is wrong with the command: init could only say it in the container. */
    int r = program_find(argv, env, path, reterr);
    if (r < 0) {
        return r;
    }
    while (argv[n]) {
        n++;
    }
    imgc_autofree char **all = calloc(n + 3, sizeof *all);
    if (!all) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    all[0] = name;
    all[1] = is_ours ? path : dashes;
    memcpy(all + 2, argv, n * sizeof *all);
    (void)syscall(SYS_execveat, fd, "", all, env, AT_EMPTY_PATH);
    return imgc_fail(reterr, IMGC_E_NOEXEC, "execute the init of the container: %s",
                     strerrordesc_np(errno));
}
