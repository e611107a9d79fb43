/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/mounts_chown.h"
#include "schema/base/fd.h"

static bool disk_fails; /* after the first entry of each directory */

/* In the place of libc's: no file system at hand fails to be read half way. */
struct dirent *readdir(DIR *dir) /* NOLINT(readability-inconsistent-declaration-parameter-name) */
{
    static DIR *last;
    union {
        void *in;
        struct dirent *(*out)(DIR *);
    } real = { dlsym(RTLD_NEXT, "readdir") };

    if (disk_fails && dir == last) {
        errno = EIO;
        return NULL;
    }
    last = dir;
    return real.out(dir);
}

static void test_what_cannot_be_read_is_an_error(void **state)
{
    char path[] = "/tmp/imgc-chown-XXXXXX";
    imgc_autoclose int fd = -1;
    struct imgc_err err;
    (void)state;

    assert_non_null(mkdtemp(path));
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(mkdirat(fd, "dir", 0700), 0);
    assert_int_equal(mkdirat(fd, "dir/within", 0700), 0);
    disk_fails = false;
    assert_int_equal(mounts_chown(fd, getuid(), getgid(), &err), 0);
    disk_fails = true;
    assert_int_equal(mounts_chown(fd, getuid(), getgid(), &err), -IMGC_E_SYS);
    assert_int_equal(err.sys, EIO);
    disk_fails = false;
    assert_int_equal(fd_remove_tree(AT_FDCWD, path, NULL, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_what_cannot_be_read_is_an_error) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
