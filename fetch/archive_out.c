/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/archive_out.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layers/tar_sink.h"
#include "schema/base/fd.h"

struct archive_out {
    struct archive_out_args args;
    struct tar_sink *tar; /* NULL: a directory */
};

/* Whoever reads the other end of a pipe may do so slowly, or never: a signal ends that. */
static int write_tar(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    const struct archive_out_args *args = &((const struct archive_out *)arg)->args;
    const char *from = ptr;

    while (len > 0) {
        if (args->interrupted && args->interrupted(args->arg)) {
            return imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted");
        }
        ssize_t n = write(args->fd, from, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return imgc_fail_sys(reterr, errno, "write");
        }
        from += n;
        len -= (size_t)n;
        if (args->wrote) {
            args->wrote(args->arg, (size_t)n);
        }
    }
    return 0;
}

int archive_out_new(const struct archive_out_args *args, struct archive_out **ret,
                    struct imgc_err *reterr)
{
    archive_out_auto struct archive_out *o = calloc(1, sizeof *o);
    struct stat st;

    if (!o) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (fstat(args->fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at the archive");
    }
    o->args = *args;
    int r = S_ISDIR(st.st_mode) ? 0 : tar_sink_new(write_tar, o, &o->tar, reterr);
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(o);
    return 0;
}

struct archive_out *archive_out_free(struct archive_out *o)
{
    if (o) {
        (void)tar_sink_free(o->tar);
        free(o);
    }
    return NULL;
}

void archive_out_freep(struct archive_out **o)
{
    *o = archive_out_free(*o);
}

/* The time is 1970, the owner root: the same content gives the same bytes, on any day. */
static int add_entry(struct archive_out *o, struct entry *e, const char *path,
                     struct tar_data *data, struct imgc_err *reterr)
{
    imgc_autofree char *copy = NULL;

    int r = imgc_str_dup(imgc_str_of(path), &copy, reterr);
    e->path = copy;
    return r < 0 ? r : tar_sink_add(o->tar, e, data, reterr);
}

int archive_out_dir(struct archive_out *o, const char *path, struct imgc_err *reterr)
{
    struct entry e = { .type = ENTRY_DIR, .mode = 0755 };

    if (o->tar) {
        return add_entry(o, &e, path, NULL, reterr);
    }
    return mkdirat(o->args.fd, path, 0755) == 0 || errno == EEXIST
               ? 0
               : imgc_fail_sys(reterr, errno, "create directory '%s'", path);
}

static int copy_file(const struct archive_out *o, const char *path, struct tar_data *data,
                     uint64_t size, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r =
        fd_open_at(o->args.fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644, &fd, reterr);
    return r < 0 || size == 0 ? r : tar_data_copy(data, 0, size, fd, 0, reterr);
}

int archive_out_data(struct archive_out *o, const char *path, struct tar_data *data, uint64_t size,
                     struct imgc_err *reterr)
{
    struct extent all = { .len = size };
    struct entry e = {
        .type = ENTRY_FILE, .mode = 0644, .size = size, .extents = &all, .n_extents = size > 0
    };

    return o->tar ? add_entry(o, &e, path, data, reterr) : copy_file(o, path, data, size, reterr);
}

int archive_out_text(struct archive_out *o, const char *path, struct imgc_str text,
                     struct imgc_err *reterr)
{
    imgc_autoclose int fd = memfd_create("imgc-document", MFD_CLOEXEC);

    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "make room for '%s'", path);
    }
    int r = fd_write_all(fd, text.ptr, text.len, reterr);
    struct tar_data data = TAR_DATA_FD(fd);
    return r < 0 ? r : archive_out_data(o, path, &data, text.len, reterr);
}

int archive_out_finish(struct archive_out *o, struct imgc_err *reterr)
{
    return o->tar ? tar_sink_finish(o->tar, reterr) : 0;
}
