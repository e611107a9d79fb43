/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tar_data.h"

#include <errno.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "layers/zlib_lib.h"
#include "schema/base/fd.h"

#define CHECK_BYTES (128u << 10)

/* A part of what was asked for, that lies in one file. */
struct piece {
    int fd;
    uint64_t offset, len;
    const char *path; /* NULL: the tar itself */
    bool ends_run;
};

int tar_data_punched(struct tar_data *d, int map_fd, int dir_fd, const char *dir_path,
                     struct imgc_err *reterr)
{
    int r = punch_map_open(map_fd, &d->map, reterr);
    if (r == 0) {
        d->dir_fd = dir_fd;
        d->dir_path = dir_path;
    }
    return r;
}

static void close_file(struct tar_data *d)
{
    imgc_closep(&d->file_fd);
    d->file_path = NULL;
}

void tar_data_done(struct tar_data *d)
{
    close_file(d);
    punch_map_done(&d->map);
}

static int lost(struct imgc_err *reterr, const char *path, const char *how)
{
    return imgc_fail(reterr, IMGC_E_STORE,
                     "'%s' in the layer's directory %s: remove the images that use the layer and "
                     "pull again",
                     path, how);
}

/* The map was written by us, but the directory holds links that an image has chosen. */
static int open_file(struct tar_data *d, const char *path, struct imgc_err *reterr)
{
    struct open_how how = { .flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

    if (d->file_path == path) {
        return 0;
    }
    close_file(d);
    imgc_autoclose int dir_fd =
        openat(d->dir_fd, d->dir_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    long fd = dir_fd < 0 ? -1 : syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
    if (fd < 0) {
        bool is_missing = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
        return is_missing
                   ? lost(reterr, path, "is missing")
                   : imgc_fail_sys(reterr, errno, "open '%s' in the layer's directory", path);
    }
    d->file_fd = (int)fd;
    d->file_path = path;
    return 0;
}

/* Where the first bytes of @len at @offset are, and how many of them. */
static int find_piece(struct tar_data *d, uint64_t offset, uint64_t len, struct piece *ret,
                      struct imgc_err *reterr)
{
    *ret = (struct piece){ .fd = d->fd, .offset = offset, .len = len };
    size_t i = d->map.n > 0 ? punch_map_find(&d->map, offset) : 0;
    if (i >= d->map.n) {
        return 0;
    }
    struct punch_run run = punch_map_run(&d->map, i);
    if (run.tar_offset > offset) {
        ret->len = run.tar_offset - offset < len ? run.tar_offset - offset : len;
        return 0;
    }
    int r = open_file(d, run.path, reterr);
    uint64_t skipped = offset - run.tar_offset;
    *ret = (struct piece){ .fd = d->file_fd,
                           .offset = run.file_offset + skipped,
                           .len = run.len - skipped < len ? run.len - skipped : len,
                           .path = run.path };
    ret->ends_run = skipped + ret->len == run.len;
    return r;
}

/* A run is read to its end and then not again, and every layer of a stack would keep a file open.
 */
static void leave_piece(struct tar_data *d, const struct piece *piece)
{
    if (piece->ends_run) {
        close_file(d);
    }
}

static int ends_early(const struct piece *p, struct imgc_err *reterr)
{
    return p->path ? lost(reterr, p->path, "is too short")
                   : imgc_fail(reterr, IMGC_E_LAYER, "the data ends too early");
}

static int read_piece(const struct piece *piece, char *p, struct imgc_err *reterr)
{
    for (uint64_t done = 0; done < piece->len;) {
        ssize_t n =
            pread(piece->fd, p + done, (size_t)(piece->len - done), (off_t)(piece->offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return imgc_fail_sys(reterr, errno, "read");
        }
        if (n == 0) {
            return ends_early(piece, reterr);
        }
        done += (uint64_t)n;
    }
    return 0;
}

int tar_data_read(struct tar_data *d, uint64_t offset, void *ptr, size_t len,
                  struct imgc_err *reterr)
{
    for (uint64_t done = 0; done < len;) {
        struct piece piece;
        int r = find_piece(d, offset + done, len - done, &piece, reterr);
        if (r >= 0) {
            r = read_piece(&piece, (char *)ptr + done, reterr);
        }
        if (r < 0) {
            return r;
        }
        leave_piece(d, &piece);
        done += piece.len;
    }
    return 0;
}

int tar_data_copy(struct tar_data *d, uint64_t offset, uint64_t len, int to, uint64_t to_offset,
                  struct imgc_err *reterr)
{
    for (uint64_t done = 0; done < len;) {
        struct piece piece;
        int r = find_piece(d, offset + done, len - done, &piece, reterr);
        if (r >= 0) {
            r = fd_copy_range(piece.fd, piece.offset, to, to_offset + done, piece.len, reterr);
        }
        if (r == -(int)IMGC_E_LAYER && piece.path) {
            return ends_early(&piece, reterr);
        }
        if (r < 0) {
            return r;
        }
        leave_piece(d, &piece);
        done += piece.len;
    }
    return 0;
}

static int check_run(struct tar_data *d, const struct zlib_lib *zlib, const struct punch_run *run,
                     char *buffer, struct imgc_err *reterr)
{
    uint32_t crc = 0;

    for (uint64_t done = 0; done < run->len;) {
        size_t n = run->len - done < CHECK_BYTES ? (size_t)(run->len - done) : CHECK_BYTES;
        int r = tar_data_read(d, run->tar_offset + done, buffer, n, reterr);
        if (r < 0) {
            return r;
        }
        crc = (uint32_t)zlib->crc32(crc, (const Bytef *)buffer, n);
        done += n;
    }
    return crc == run->crc ? 0 : lost(reterr, run->path, "was changed");
}

int tar_data_check(struct tar_data *d, struct imgc_err *reterr)
{
    imgc_autofree char *buffer = malloc(CHECK_BYTES);
    struct zlib_lib zlib;

    if (!buffer) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = d->map.n > 0 ? zlib_lib_load(&zlib, reterr) : 0;
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < d->map.n; i++) {
        const struct punch_run run = punch_map_run(&d->map, i);
        r = check_run(d, &zlib, &run, buffer, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}
