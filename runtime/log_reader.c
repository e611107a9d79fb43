/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/log_reader.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/log_rotate.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define BUFFER_BYTES ((size_t)4 * LIMIT_LOG_LINE_BYTES) /* a record is below two of them */

void log_reader_done(struct log_reader *r)
{
    imgc_closep(&r->fd);
    free(r->buf);
    *r = (struct log_reader)LOG_READER_INIT;
}

int log_reader_open(int dir_fd, struct log_reader *ret, struct imgc_err *reterr)
{
    *ret = (struct log_reader){ .dir_fd = dir_fd, .fd = -1, .buf = malloc(BUFFER_BYTES) };
    return ret->buf ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

enum { NOTHING_NEWER = 1 };

/* Which rotation the file that is read has reached. @return false where it is gone. */
static bool find_age(const struct log_reader *r, const struct stat *own, unsigned *ret)
{
    for (unsigned age = 0; age < LOG_ROTATE_FILES_LIMIT; age++) {
        char name[LOG_ROTATE_NAME_MAX];
        struct stat st;
        if (fstatat(r->dir_fd, log_rotate_name(age, name), &st, AT_SYMLINK_NOFOLLOW) < 0) {
            if (age > 0) { /* "log" itself may be missing for a moment */
                return false;
            }
        } else if (st.st_ino == own->st_ino && st.st_dev == own->st_dev) {
            *ret = age;
            return true;
        }
    }
    return false;
}

static unsigned oldest_age(const struct log_reader *r)
{
    unsigned age = 0;
    char name[LOG_ROTATE_NAME_MAX];

    while (age + 1 < LOG_ROTATE_FILES_LIMIT &&
           faccessat(r->dir_fd, log_rotate_name(age + 1, name), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        age++;
    }
    return age;
}

static int open_age(const struct log_reader *r, unsigned age, int *ret_fd, struct imgc_err *reterr)
{
    char name[LOG_ROTATE_NAME_MAX];

    int result =
        fd_open_at(r->dir_fd, log_rotate_name(age, name), O_RDONLY | O_NOFOLLOW, 0, ret_fd, reterr);
    return result < 0 && reterr->sys == ENOENT ? NOTHING_NEWER : result;
}

/* Go to the file that was begun after the one that is read. Files are renamed meanwhile: what was
 * opened counts only if ours is where it was. */
static int open_newer(struct log_reader *r, struct imgc_err *reterr)
{
    struct stat own;
    unsigned age = 0, again = 0;

    if (r->fd < 0) {
        return open_age(r, oldest_age(r), &r->fd, reterr);
    }
    if (fstat(r->fd, &own) < 0) {
        return imgc_fail_sys(reterr, errno, "look at a log");
    }
    for (int tries = 0; tries < 100; tries++) {
        imgc_autoclose int fd = -1;
        bool is_there = find_age(r, &own, &age);
        if (is_there && age == 0) {
            return NOTHING_NEWER;
        }
        int result = open_age(r, is_there ? age - 1 : oldest_age(r), &fd, reterr);
        if (result != 0) {
            return result;
        }
        if (find_age(r, &own, &again) == is_there && again == age) {
            imgc_closep(&r->fd);
            r->fd = imgc_take_fd(fd);
            r->at = r->len = 0;
            return 0;
        }
    }
    return NOTHING_NEWER;
}

/* @return 0, *ret_any telling whether anything came. */
static int fill(struct log_reader *r, bool *ret_any, struct imgc_err *reterr)
{
    size_t n = 0;

    memmove(r->buf, r->buf + r->at, r->len - r->at);
    r->len -= r->at;
    r->at = 0;
    if (r->len == BUFFER_BYTES) {
        return imgc_fail(reterr, IMGC_E_STORE, "a damaged line in the log of a container");
    }
    int result =
        r->fd < 0 ? 0 : fd_read_some(r->fd, r->buf + r->len, BUFFER_BYTES - r->len, &n, reterr);
    r->len += n;
    *ret_any = n > 0;
    return result;
}

int log_reader_next(struct log_reader *r, struct log_record *ret, struct imgc_err *reterr)
{
    bool is_last_look = false;

    for (;;) {
        struct imgc_str rest = { r->buf + r->at, r->len - r->at };
        size_t end = imgc_str_find(rest, '\n');
        if (end < rest.len) {
            r->at += end + 1;
            return log_parse(imgc_str_first(rest, end), ret, reterr);
        }
        bool any = false;
        int result = fill(r, &any, reterr);
        if (result < 0) {
            return result;
        }
        if (any) {
            is_last_look = false;
            continue;
        }
        struct stat own;
        unsigned age = 0;
        /* It may have grown between the look at its end and its rotation: look once more. */
        if (r->fd >= 0 && !is_last_look &&
            (fstat(r->fd, &own) < 0 || !find_age(r, &own, &age) || age > 0)) {
            is_last_look = true;
            continue;
        }
        if (r->fd >= 0 && !is_last_look) {
            return LOG_READER_END;
        }
        result = open_newer(r, reterr);
        if (result != 0) {
            return result < 0 ? result : LOG_READER_END;
        }
        is_last_look = false;
    }
}
