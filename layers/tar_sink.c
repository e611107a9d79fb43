/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tar_sink.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/cleanup.h"

#define COPY_BYTES (128u << 10)

/*
 * libarchive converts names to UTF-8 from the process's locale, or, with hdrcharset=BINARY, takes
 * the bytes as they are and says so in an extra header of every entry. A library has no say in the
 * locale, and most entries need no extra header: so there are two writers into one stream, and an
 * entry goes through the second one only where it holds bytes that are not ASCII.
 */
struct tar_sink {
    tar_sink_output output;
    void *arg;
    struct archive *ascii, *binary;
    struct archive_entry *entry;
    char *buffer;
    struct imgc_err err; /* what the output said, through libarchive's callback */
    bool has_failed;     /* then @err is set */
};

static int fail_archive(struct tar_sink *t, struct archive *a, const char *what,
                        struct imgc_err *reterr)
{
    if (t->has_failed) {
        *reterr = t->err;
        return -(int)reterr->code;
    }
    int sys = archive_errno(a);
    const char *text = archive_error_string(a);
    if (sys == ENOMEM) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return imgc_fail(reterr, IMGC_E_SYS, "%s: %s", what, text ? text : "unknown error");
}

static la_ssize_t on_write(struct archive *a, void *arg, const void *ptr, size_t len)
{
    struct tar_sink *t = arg;

    if (t->has_failed || t->output(t->arg, ptr, len, &t->err) < 0) {
        t->has_failed = true;
        archive_set_error(a, EIO, "output failed");
        return -1;
    }
    return (la_ssize_t)len;
}

static int open_writer(struct tar_sink *t, bool is_binary, struct archive **ret,
                       struct imgc_err *reterr)
{
    struct archive *a = archive_write_new();

    *ret = a;
    if (!a) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
        archive_write_set_format_option(a, "pax", "xattrheader", "SCHILY") != ARCHIVE_OK ||
        (is_binary &&
         archive_write_set_format_option(a, "pax", "hdrcharset", "BINARY") != ARCHIVE_OK) ||
        archive_write_add_filter_none(a) != ARCHIVE_OK ||
        /* No blocking: what one writer is given is out before the other writes. */
        archive_write_set_bytes_per_block(a, 0) != ARCHIVE_OK ||
        archive_write_open(a, t, NULL, on_write, NULL) != ARCHIVE_OK) {
        return fail_archive(t, a, "start tar", reterr);
    }
    return 0;
}

int tar_sink_new(tar_sink_output output, void *arg, struct tar_sink **ret, struct imgc_err *reterr)
{
    imgc_auto(tar_sink_freep) struct tar_sink *t = calloc(1, sizeof *t);
    if (!t) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    t->output = output;
    t->arg = arg;
    t->entry = archive_entry_new();
    t->buffer = malloc(COPY_BYTES);
    if (!t->entry || !t->buffer) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = open_writer(t, false, &t->ascii, reterr);
    if (r >= 0) {
        r = open_writer(t, true, &t->binary, reterr);
    }
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(t);
    return 0;
}

static bool is_ascii(const char *z)
{
    for (; z && *z != '\0'; z++) {
        if ((unsigned char)*z >= 0x80) {
            return false;
        }
    }
    return true;
}

static struct archive *choose_writer(const struct tar_sink *t, const struct entry *e)
{
    bool fits = is_ascii(e->path) && is_ascii(e->target);

    for (size_t i = 0; fits && i < e->n_xattrs; i++) {
        fits = is_ascii(e->xattrs[i].name);
    }
    return fits ? t->ascii : t->binary;
}

static void describe(struct archive_entry *ae, const struct entry *e)
{
    static const __LA_MODE_T types[] = {
        [ENTRY_FILE] = AE_IFREG,     [ENTRY_DIR] = AE_IFDIR,  [ENTRY_SYMLINK] = AE_IFLNK,
        [ENTRY_HARDLINK] = AE_IFREG, [ENTRY_CHAR] = AE_IFCHR, [ENTRY_BLOCK] = AE_IFBLK,
        [ENTRY_FIFO] = AE_IFIFO,
    };

    archive_entry_clear(ae);
    archive_entry_copy_pathname(ae, *e->path != '\0' ? e->path : "./");
    archive_entry_set_filetype(ae, types[e->type]);
    archive_entry_set_perm(ae, (__LA_MODE_T)e->mode);
    archive_entry_set_uid(ae, e->uid);
    archive_entry_set_gid(ae, e->gid);
    archive_entry_set_mtime(ae, (time_t)e->mtime_s, (long)e->mtime_ns);
    archive_entry_set_size(ae, e->type == ENTRY_FILE ? (la_int64_t)e->size : 0);
    if (e->type == ENTRY_SYMLINK) {
        archive_entry_copy_symlink(ae, e->target);
    } else if (e->type == ENTRY_HARDLINK) {
        archive_entry_copy_hardlink(ae, e->target);
    } else if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK) {
        archive_entry_set_rdevmajor(ae, e->major);
        archive_entry_set_rdevminor(ae, e->minor);
    }
    for (size_t i = 0; i < e->n_xattrs; i++) {
        archive_entry_xattr_add_entry(ae, e->xattrs[i].name, e->xattrs[i].value, e->xattrs[i].len);
    }
}

static int put(struct tar_sink *t, struct archive *a, size_t len, struct imgc_err *reterr)
{
    la_ssize_t n = archive_write_data(a, t->buffer, len);
    return n < 0 || (size_t)n != len ? fail_archive(t, a, "write tar", reterr) : 0;
}

static int put_zeros(struct tar_sink *t, struct archive *a, uint64_t len, struct imgc_err *reterr)
{
    memset(t->buffer, 0, len < COPY_BYTES ? (size_t)len : COPY_BYTES);
    while (len > 0) {
        size_t n = len < COPY_BYTES ? (size_t)len : COPY_BYTES;
        int r = put(t, a, n, reterr);
        if (r < 0) {
            return r;
        }
        len -= n;
    }
    return 0;
}

static int put_extent(struct tar_sink *t, struct archive *a, int fd, const struct extent *x,
                      struct imgc_err *reterr)
{
    for (uint64_t done = 0; done < x->len;) {
        size_t want = x->len - done < COPY_BYTES ? (size_t)(x->len - done) : COPY_BYTES;
        ssize_t n = pread(fd, t->buffer, want, (off_t)(x->source_offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return imgc_fail_sys(reterr, errno, "read");
        }
        if (n == 0) {
            return imgc_fail(reterr, IMGC_E_LAYER, "the data ends too early");
        }
        int r = put(t, a, (size_t)n, reterr);
        if (r < 0) {
            return r;
        }
        done += (uint64_t)n;
    }
    return 0;
}

static int put_data(struct tar_sink *t, struct archive *a, const struct entry *e, int data_fd,
                    struct imgc_err *reterr)
{
    uint64_t end = 0;

    for (size_t i = 0; i < e->n_extents; i++) {
        const struct extent *x = &e->extents[i];
        uint64_t x_end;
        if (x->file_offset < end || __builtin_add_overflow(x->file_offset, x->len, &x_end) ||
            x_end > e->size) {
            return imgc_fail(reterr, IMGC_E_LAYER, "data outside the file");
        }
        int r = put_zeros(t, a, x->file_offset - end, reterr);
        if (r >= 0) {
            r = put_extent(t, a, data_fd, x, reterr);
        }
        if (r < 0) {
            return r;
        }
        end = x_end;
    }
    return put_zeros(t, a, e->size - end, reterr);
}

static int check_size(const struct entry *e, struct imgc_err *reterr)
{
    return e->type == ENTRY_FILE && e->size > INT64_MAX
               ? imgc_fail(reterr, IMGC_E_LIMIT, "file over %lld bytes", (long long)INT64_MAX)
               : 0;
}

int tar_sink_add(struct tar_sink *t, const struct entry *e, int data_fd, struct imgc_err *reterr)
{
    struct archive *a = choose_writer(t, e);
    int r = check_size(e, reterr);

    if (r >= 0) {
        describe(t->entry, e);
        /* A warning would be a name or an attribute that is lost: not in a layer of ours. */
        if (archive_write_header(a, t->entry) != ARCHIVE_OK) {
            r = fail_archive(t, a, "write tar", reterr);
        }
    }
    if (r >= 0 && e->type == ENTRY_FILE) {
        r = put_data(t, a, e, data_fd, reterr);
    }
    if (r >= 0 && archive_write_finish_entry(a) != ARCHIVE_OK) {
        r = fail_archive(t, a, "write tar", reterr);
    }
    return r < 0 ? imgc_context(reterr, "'%s'", e->path) : 0;
}

int tar_sink_finish(struct tar_sink *t, struct imgc_err *reterr)
{
    /* Not the other writer: that would end the archive a second time. */
    return archive_write_close(t->ascii) != ARCHIVE_OK
               ? fail_archive(t, t->ascii, "end tar", reterr)
               : 0;
}

/* A writer that is freed in the middle would fill up its entry and end the archive. */
static void free_writer(struct archive *a)
{
    if (a) {
        (void)archive_write_fail(a);
        (void)archive_write_free(a);
    }
}

struct tar_sink *tar_sink_free(struct tar_sink *t)
{
    if (!t) {
        return NULL;
    }
    free_writer(t->ascii);
    free_writer(t->binary);
    archive_entry_free(t->entry);
    free(t->buffer);
    free(t);
    return NULL;
}

void tar_sink_freep(struct tar_sink **t)
{
    *t = tar_sink_free(*t);
}
