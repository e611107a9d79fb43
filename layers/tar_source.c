/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tar_source.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layers/libarchive.h"
#include "layers/posix_acl.h"
#include "layers/posix_acl_raw.h"
#include "layers/tar_probe.h"
#include "schema/limits.h"

/* Mapped pages count as memory; those behind are let go in steps of this. */
#define DROP_BYTES ((uint64_t)1 << 20)

#define READ_BYTES ((size_t)64 << 10)

#define ID_MAX_VALUE ((int64_t)UINT32_MAX - 1) /* (uid_t)-1 means "leave it" to chown() */
#define NS_MAX 999999999

struct tar_source {
    struct source source; /* first: a source of ours is a tar_source */
    struct libarchive lib;
    struct archive *archive;
    locale_t locale;
    unsigned char *map; /* the whole tar, read-only; NULL: it is read piece by piece */
    uint64_t size;
    int fd;             /* borrowed; of one that is read */
    unsigned char *buf; /* READ_BYTES of it */
    uint64_t at;        /* its next byte to read */
    int read_errno;
    bool is_cut;
    size_t dropped; /* bytes from the start that are let go */
    uint64_t n_entries;
    bool is_given; /* the block was given to libarchive */
};

/* libarchive gets the whole mapping as one block, so that every pointer that it returns into the
 * data lies in the mapping. */
static la_ssize_t give_block(struct archive *a, void *arg, const void **ret)
{
    struct tar_source *t = arg;

    (void)a;
    if (t->is_given) {
        return 0;
    }
    t->is_given = true;
    *ret = t->map;
    return (la_ssize_t)t->size;
}

/* The headers alone are needed: a little at a time, and what lies between them is skipped. */
static la_ssize_t read_block(struct archive *a, void *arg, const void **ret)
{
    struct tar_source *t = arg;
    ssize_t n;

    (void)a;
    do {
        n = pread(t->fd, t->buf, READ_BYTES, (off_t)t->at);
    } while (n < 0 && errno == EINTR);
    if (n < 0 || (n == 0 && t->at < t->size)) { /* it was longer a moment ago */
        t->read_errno = n < 0 ? errno : 0;
        t->is_cut = n == 0;
        return -1;
    }
    t->at += (uint64_t)n;
    *ret = t->buf;
    return n;
}

static la_int64_t skip_bytes(struct archive *a, void *arg, la_int64_t wanted)
{
    struct tar_source *t = arg;
    uint64_t left = t->size > t->at ? t->size - t->at : 0;
    uint64_t n = wanted < 0 ? 0 : (uint64_t)wanted < left ? (uint64_t)wanted : left;

    (void)a;
    t->at += n;
    return (la_int64_t)n;
}

static void drop_behind(struct tar_source *t, uint64_t position)
{
    static const uint64_t page_mask = 0xffff; /* 64 KiB: whole pages on every architecture */

    if (t->map && position > t->dropped && position - t->dropped >= DROP_BYTES) {
        size_t end = (size_t)(position & ~page_mask);
        (void)madvise(t->map + t->dropped, end - t->dropped, MADV_DONTNEED);
        t->dropped = end;
    }
}

/* Warnings that cost nothing that we keep: names stay bytes, and the rest is metadata that we do
 * not use. Any other warning means that a part of the headers was not understood. */
static bool is_harmless(const char *warning)
{
    static const char *const harmless[] = {
        "to current locale", "selinux", " atime",    " ctime", " mtime",
        "creationtime",      " ACL",    "SCHILY.acl"
    };

    for (size_t i = 0; warning && i < sizeof harmless / sizeof *harmless; i++) {
        if (strstr(warning, harmless[i])) {
            return true;
        }
    }
    return false;
}

static bool type_of(const struct libarchive *la, struct archive_entry *ae, enum entry_type *ret)
{
    static const struct {
        unsigned format;
        enum entry_type type;
    } types[] = {
        { AE_IFREG, ENTRY_FILE }, { AE_IFDIR, ENTRY_DIR },   { AE_IFLNK, ENTRY_SYMLINK },
        { AE_IFCHR, ENTRY_CHAR }, { AE_IFBLK, ENTRY_BLOCK }, { AE_IFIFO, ENTRY_FIFO },
    };

    if (la->entry_hardlink(ae)) {
        *ret = ENTRY_HARDLINK;
        return true;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].format == la->entry_filetype(ae)) {
            *ret = types[i].type;
            return true;
        }
    }
    return false;
}

static int read_id(int64_t value, const char *what, uint32_t *ret, struct imgc_err *reterr)
{
    if (value < 0 || value > ID_MAX_VALUE) {
        return imgc_fail(reterr, IMGC_E_LAYER, "the %s %lld is out of range", what,
                         (long long)value);
    }
    *ret = (uint32_t)value;
    return 0;
}

static int read_device(const struct libarchive *la, struct archive_entry *ae, struct entry *e,
                       struct imgc_err *reterr)
{
    uint64_t major = la->entry_rdevmajor(ae);
    uint64_t minor = la->entry_rdevminor(ae);

    if (major > ENTRY_MAJOR_MAX || minor > ENTRY_MINOR_MAX) {
        return imgc_fail(reterr, IMGC_E_LAYER, "the device number %llu:%llu is out of range",
                         (unsigned long long)major, (unsigned long long)minor);
    }
    e->major = (uint32_t)major;
    e->minor = (uint32_t)minor;
    return 0;
}

static int read_symlink(const struct libarchive *la, struct archive_entry *ae, struct entry *e,
                        struct imgc_err *reterr)
{
    struct imgc_str target = imgc_str_of(la->entry_symlink(ae));

    if (target.len == 0) {
        return imgc_fail(reterr, IMGC_E_LAYER, "a symbolic link to nothing");
    }
    if (target.len > LIMIT_PATH_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a symbolic link of %zu bytes, more than %d",
                         target.len, LIMIT_PATH_BYTES);
    }
    return imgc_str_dup(target, &e->target, reterr);
}

static int read_xattrs(const struct libarchive *la, struct archive_entry *ae, struct entry *e,
                       struct imgc_err *reterr)
{
    const char *name = NULL;
    const void *value = NULL;
    size_t len = 0;

    (void)la->entry_xattr_reset(ae);
    while (la->entry_xattr_next(ae, &name, &value, &len) == ARCHIVE_OK) {
        int r = name ? entry_add_xattr(e, name, value, len, reterr) : 0;
        if (r < 0) {
            return r;
        }
    }
    int r = posix_acl_add(la, ae, e, reterr);
    entry_sort_xattrs(e);
    return r < 0 ? r : posix_acl_raw_settle(e, reterr);
}

/* Where the bytes lie: libarchive's pointer minus the start of the mapping. */
static int add_block(struct tar_source *t, struct entry *e, const void *ptr, size_t len,
                     int64_t offset, struct imgc_err *reterr)
{
    const struct extent *last = e->n_extents ? &e->extents[e->n_extents - 1] : NULL;
    uintptr_t at = (uintptr_t)ptr - (uintptr_t)t->map;

    if (len == 0) {
        return 0;
    }
    if ((uintptr_t)ptr < (uintptr_t)t->map || at > t->size || len > t->size - at) {
        return imgc_fail(reterr, IMGC_E_LAYER, "data outside of the tar");
    }
    uint64_t start = (uint64_t)offset;
    if (offset < 0 || start > e->size || len > e->size - start ||
        (last && start < last->file_offset + last->len)) {
        return imgc_fail(reterr, IMGC_E_LAYER, "sparse data outside of the file, or overlapping");
    }
    struct extent x = { .file_offset = start, .source_offset = at, .len = len };
    return entry_add_extent(e, &x, reterr);
}

static int tar_fail(struct tar_source *t, struct imgc_err *reterr)
{
    if (t->is_cut) {
        return imgc_fail(reterr, IMGC_E_LAYER, "the tar was cut short while it was read");
    }
    return t->read_errno ? imgc_fail_sys(reterr, t->read_errno, "cannot read the tar")
                         : libarchive_fail(reterr, &t->lib, t->archive, "cannot read the tar");
}

/* Where the data of the file begins, whose header was read last. */
static int add_place(struct tar_source *t, struct archive_entry *ae, struct entry *e,
                     struct imgc_err *reterr)
{
    int64_t at = t->lib.filter_bytes(t->archive, 0);

    if (e->size == 0 || t->lib.entry_sparse_count(ae) > 0) {
        return 0;
    }
    if (at < 0 || (uint64_t)at > t->size || e->size > t->size - (uint64_t)at) {
        return imgc_fail(reterr, IMGC_E_LAYER, "the tar ends too early");
    }
    struct extent x = { .source_offset = (uint64_t)at, .len = e->size };
    return entry_add_extent(e, &x, reterr);
}

static int read_extents(struct tar_source *t, struct archive_entry *ae, struct entry *e,
                        struct imgc_err *reterr)
{
    const void *ptr = NULL;
    size_t len = 0;
    la_int64_t offset = 0;
    int64_t size = t->lib.entry_size(ae);

    if (size < 0) {
        return imgc_fail(reterr, IMGC_E_LAYER, "a negative size");
    }
    e->size = (uint64_t)size;
    if (!t->map) {
        return add_place(t, ae, e, reterr);
    }
    for (;;) {
        int ar = t->lib.read_data_block(t->archive, &ptr, &len, &offset);
        if (ar == ARCHIVE_EOF) {
            return 0;
        }
        if (ar != ARCHIVE_OK) {
            return libarchive_fail(reterr, &t->lib, t->archive, "cannot read the tar");
        }
        int r = add_block(t, e, ptr, len, offset, reterr);
        if (r < 0) {
            return r;
        }
    }
}

static int read_by_type(struct tar_source *t, struct archive_entry *ae, struct entry *e,
                        struct imgc_err *reterr)
{
    switch (e->type) {
    case ENTRY_FILE:
        return read_extents(t, ae, e, reterr);
    case ENTRY_SYMLINK:
        return read_symlink(&t->lib, ae, e, reterr);
    case ENTRY_HARDLINK:
        return entry_clean_target(imgc_str_of(t->lib.entry_hardlink(ae)), &e->target, reterr);
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
        return read_device(&t->lib, ae, e, reterr);
    case ENTRY_DIR:
    case ENTRY_FIFO:
        break;
    }
    return 0;
}

/* A time before 1970 with a fraction: libarchive gives "-5.25" as -5 s and 250 000 000 ns, a
 * timespec wants -6 s and 750 000 000 ns. */
static void read_mtime(const struct libarchive *la, struct archive_entry *ae, struct entry *e)
{
    long ns = la->entry_mtime_nsec(ae);

    e->mtime_s = la->entry_mtime(ae);
    e->mtime_ns = ns < 0 ? 0 : ns > NS_MAX ? NS_MAX : (uint32_t)ns;
    if (e->mtime_s < 0 && e->mtime_s > INT64_MIN && e->mtime_ns > 0) {
        e->mtime_s--;
        e->mtime_ns = NS_MAX + 1 - e->mtime_ns;
    }
}

static int read_attributes(const struct libarchive *la, struct archive_entry *ae, struct entry *e,
                           struct imgc_err *reterr)
{
    int r = read_id(la->entry_uid(ae), "uid", &e->uid, reterr);

    if (r < 0) {
        return r;
    }
    e->mode = (uint32_t)la->entry_perm(ae) & 07777;
    read_mtime(la, ae, e);
    return read_id(la->entry_gid(ae), "gid", &e->gid, reterr);
}

/* Fill *e, whose path is set. A hard link has no attributes of its own. */
static int read_entry(struct tar_source *t, struct archive_entry *ae, struct entry *e,
                      struct imgc_err *reterr)
{
    int r = read_by_type(t, ae, e, reterr);

    if (r < 0 || e->type == ENTRY_HARDLINK) {
        return r;
    }
    r = read_attributes(&t->lib, ae, e, reterr);
    return r < 0 ? r : read_xattrs(&t->lib, ae, e, reterr);
}

enum { HEADER_SKIP = 2 };

/* @return 0; SOURCE_END; HEADER_SKIP for what has no place in a tree (sockets, no name). */
static int next_header(struct tar_source *t, struct archive_entry **ret, struct entry *e,
                       struct imgc_err *reterr)
{
    int ar = t->lib.read_next_header(t->archive, ret);

    if (ar == ARCHIVE_EOF) {
        return SOURCE_END;
    }
    if (ar == ARCHIVE_WARN && is_harmless(t->lib.error_string(t->archive))) {
        ar = ARCHIVE_OK;
    }
    if (ar != ARCHIVE_OK) {
        return tar_fail(t, reterr);
    }
    const char *name = t->lib.entry_pathname(*ret);
    if (!name) {
        return imgc_fail(reterr, IMGC_E_LAYER, "an entry whose name cannot be read");
    }
    if (++t->n_entries > LIMIT_LAYER_ENTRIES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "more than %u entries in one layer",
                         LIMIT_LAYER_ENTRIES);
    }
    if (!name[0] || !type_of(&t->lib, *ret, &e->type)) {
        return HEADER_SKIP;
    }
    return entry_clean_path(imgc_str_of(name), &e->path, reterr);
}

static int read_next(struct tar_source *t, struct entry *ret, struct imgc_err *reterr)
{
    entry_auto struct entry e = ENTRY_INIT;
    struct archive_entry *ae = NULL;
    int r;

    do {
        r = next_header(t, &ae, &e, reterr);
    } while (r == HEADER_SKIP);
    if (r != 0) {
        return r;
    }
    r = read_entry(t, ae, &e, reterr);
    if (r < 0) {
        return imgc_context(reterr, "%s", e.path && e.path[0] ? e.path : "/");
    }
    int64_t position = t->lib.read_header_position(t->archive);
    if (position > 0) {
        drop_behind(t, (uint64_t)position);
    }
    *ret = e;
    e = (struct entry)ENTRY_INIT;
    return 0;
}

static int tar_source_next(struct source *src, struct entry *ret, struct imgc_err *reterr)
{
    struct tar_source *t = (struct tar_source *)src;
    locale_t before = uselocale(t->locale);
    int r = read_next(t, ret, reterr);

    (void)uselocale(before);
    return r;
}

static int check_file(struct tar_source *t, struct imgc_err *reterr)
{
    struct stat st;

    if (fstat(t->fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "cannot read the layer's tar");
    }
    if (!S_ISREG(st.st_mode) || st.st_size < TAR_PROBE_BYTES) {
        return imgc_fail(reterr, IMGC_E_LAYER, "is no tar");
    }
    t->size = (uint64_t)st.st_size;
    return 0;
}

static int map_tar(struct tar_source *t, struct imgc_err *reterr)
{
    void *map = mmap(NULL, (size_t)t->size, PROT_READ, MAP_PRIVATE, t->fd, 0);

    if (map == MAP_FAILED) {
        return imgc_fail_sys(reterr, errno, "cannot map the layer's tar");
    }
    t->map = map;
    return tar_probe_is_header(t->map) ? 0 : imgc_fail(reterr, IMGC_E_LAYER, "is no tar");
}

static int begin_reading(struct tar_source *t, struct imgc_err *reterr)
{
    t->buf = malloc(READ_BYTES);
    if (!t->buf) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    ssize_t n = pread(t->fd, t->buf, TAR_PROBE_BYTES, 0);
    if (n < 0) {
        return imgc_fail_sys(reterr, errno, "cannot read the tar");
    }
    return n == TAR_PROBE_BYTES && tar_probe_is_header(t->buf)
               ? 0
               : imgc_fail(reterr, IMGC_E_LAYER, "is no tar");
}

static int open_archive(struct tar_source *t, struct imgc_err *reterr)
{
    t->archive = t->lib.read_new();
    if (!t->archive) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    /* Only this one format: each of libarchive's others is a parser more for hostile bytes. */
    if (t->lib.read_support_format_tar(t->archive) != ARCHIVE_OK ||
        t->lib.read_set_format_option(t->archive, "tar", "mac-ext", NULL) < ARCHIVE_WARN ||
        t->lib.read_open2(t->archive, t, NULL, t->map ? give_block : read_block,
                          t->map ? NULL : skip_bytes, NULL) != ARCHIVE_OK) {
        return tar_fail(t, reterr);
    }
    return 0;
}

static int new_source(int fd, bool is_shared, struct tar_source **ret, struct imgc_err *reterr)
{
    imgc_auto(tar_source_freep) struct tar_source *t = calloc(1, sizeof *t);

    if (!t) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    t->source.next = tar_source_next;
    t->fd = fd;
    int r = libarchive_load(&t->lib, reterr);
    r = r < 0 ? r : libarchive_locale(&t->locale, reterr);
    r = r < 0 ? r : check_file(t, reterr);
    r = r < 0 ? r : is_shared ? begin_reading(t, reterr) : map_tar(t, reterr);
    r = r < 0 ? r : open_archive(t, reterr);
    if (r == 0) {
        *ret = imgc_take(t);
    }
    return r;
}

int tar_source_new(int fd, struct tar_source **ret, struct imgc_err *reterr)
{
    return new_source(fd, false, ret, reterr);
}

int tar_source_new_shared(int fd, struct tar_source **ret, struct imgc_err *reterr)
{
    return new_source(fd, true, ret, reterr);
}

struct tar_source *tar_source_free(struct tar_source *t)
{
    if (!t) {
        return NULL;
    }
    if (t->archive) {
        (void)t->lib.read_free(t->archive);
    }
    if (t->map) {
        (void)munmap(t->map, (size_t)t->size);
    }
    free(t->buf);
    if (t->locale != (locale_t)0) {
        freelocale(t->locale);
    }
    free(t);
    return NULL;
}

void tar_source_freep(struct tar_source **t)
{
    *t = tar_source_free(*t);
}

struct source *tar_source_entries(struct tar_source *t)
{
    return &t->source;
}
