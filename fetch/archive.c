/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/archive.h"

#include <errno.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "layers/codec.h"
#include "layers/tar_data.h"
#include "layers/tar_source.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define READ_BYTES 262144
#define POLL_MS 250
#define MAX_MEMBERS 100000
#define MAX_NAMES_BYTES ((size_t)32 << 20) /* of all members: names may have 4 kB each */
#define PROBE_BYTES 16

struct archive_file {
    struct archive_args args;
    int dir_fd; /* of a directory, borrowed; else -1 */
    int tar_fd; /* plain and seekable; else -1 */
    bool owns_tar_fd;
    struct entry *members; /* files and links of the tar, sorted by name */
    size_t n_members, n_slots, names_bytes;
};

/* ---- reading ---- */

static int check_interrupt(const struct archive_file *a, struct imgc_err *reterr)
{
    return a->args.interrupted && a->args.interrupted(a->args.arg)
               ? imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted")
               : 0;
}

/* A pipe may stay silent for ever: look up now and then whether it is still wanted. */
static int await_input(const struct archive_file *a, struct imgc_err *reterr)
{
    struct pollfd p = { .fd = a->args.fd, .events = POLLIN };
    int n, r;

    do {
        r = check_interrupt(a, reterr);
        n = r < 0 ? 1 : poll(&p, 1, POLL_MS);
    } while (n == 0 || (n < 0 && errno == EINTR));
    return r;
}

static int write_plain(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    const struct archive_file *a = arg;

    return fd_write_all(a->tar_fd, ptr, len, reterr);
}

static int inflate(struct archive_file *a, struct codec *codec, struct imgc_err *reterr)
{
    imgc_autofree char *buf = malloc(READ_BYTES);

    if (!buf) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (;;) {
        size_t n = 0;
        int r = await_input(a, reterr);
        r = r < 0 ? r : fd_read_some(a->args.fd, buf, READ_BYTES, &n, reterr);
        if (r < 0) {
            return r;
        }
        r = n == 0 ? codec_finish(codec, reterr) : codec_write(codec, buf, n, reterr);
        if (r < 0 || n == 0) {
            return r;
        }
    }
}

/* Into a file without a name: gone with the process, however it ends. */
static int write_out(struct archive_file *a, struct imgc_err *reterr)
{
    imgc_auto(codec_freep) struct codec *codec = NULL;

    int r =
        fd_open_at(lease_dir_fd(a->args.lease), ".", O_TMPFILE | O_RDWR, 0600, &a->tar_fd, reterr);
    if (r < 0) {
        return r;
    }
    a->owns_tar_fd = true;
    r = codec_new(write_plain, a, &codec, reterr);
    return r < 0 ? r : inflate(a, codec, reterr);
}

/* ---- the members of a tar ---- */

/* What tells where a file lies, and no more: xattrs and the runs of sparse files, which are not
 * read, take megabytes each and next to nothing in a compressed archive. */
static struct entry take_place(struct entry *take)
{
    struct entry kept = { .type = take->type,
                          .path = imgc_take(take->path),
                          .target = imgc_take(take->target),
                          .size = take->size };

    if (take->n_extents == 1) {
        kept.n_extents = 1;
        kept.extents = imgc_take(take->extents);
    }
    return kept;
}

static int count_member(struct archive_file *a, const struct entry *e, struct imgc_err *reterr)
{
    if (a->n_members == MAX_MEMBERS) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "the archive has more than %d files", MAX_MEMBERS);
    }
    a->names_bytes += strlen(e->path) + (e->target ? strlen(e->target) : 0);
    return a->names_bytes <= MAX_NAMES_BYTES
               ? 0
               : imgc_fail(reterr, IMGC_E_LIMIT, "the archive has more than %zu bytes of names",
                           MAX_NAMES_BYTES);
}

static int keep_member(struct archive_file *a, struct entry *take, struct imgc_err *reterr)
{
    if (take->type != ENTRY_FILE && take->type != ENTRY_SYMLINK && take->type != ENTRY_HARDLINK) {
        return 0;
    }
    int r = count_member(a, take, reterr);
    if (r < 0) {
        return r;
    }
    if (a->n_members == a->n_slots) {
        size_t n = a->n_slots ? 2 * a->n_slots : 64;
        struct entry *grown = reallocarray(a->members, n, sizeof *grown);
        if (!grown) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        a->members = grown;
        a->n_slots = n;
    }
    a->members[a->n_members++] = take_place(take);
    return 0;
}

static int compare_members(const void *left, const void *right)
{
    const struct entry *x = left, *y = right;

    return strcmp(x->path, y->path);
}

static int list_members(struct archive_file *a, struct imgc_err *reterr)
{
    imgc_auto(tar_source_freep) struct tar_source *tar = NULL;

    /* What was written out here is nobody else's. */
    int r = a->owns_tar_fd ? tar_source_new(a->tar_fd, &tar, reterr)
                           : tar_source_new_shared(a->tar_fd, &tar, reterr);
    if (r < 0) {
        return r;
    }
    struct source *entries = tar_source_entries(tar);
    for (;;) {
        entry_auto struct entry e = ENTRY_INIT;
        r = entries->next(entries, &e, reterr);
        if (r == SOURCE_END) {
            break;
        }
        r = r < 0 ? r : keep_member(a, &e, reterr);
        r = r < 0 ? r : check_interrupt(a, reterr);
        if (r < 0) {
            return r;
        }
    }
    if (a->n_members > 0) {
        qsort(a->members, a->n_members, sizeof *a->members, compare_members);
    }
    for (size_t i = 1; i < a->n_members; i++) {
        if (strcmp(a->members[i - 1].path, a->members[i].path) == 0) {
            return imgc_fail(reterr, IMGC_E_LAYER, "the archive has '%s' twice",
                             a->members[i].path);
        }
    }
    return 0;
}

/* Where the link @e points to, as a name in the archive. @ret caller frees. */
static int link_target(const struct entry *e, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT((size_t)2 * LIMIT_PATH_BYTES);
    const char *slash = strrchr(e->path, '/');
    struct imgc_str joined;

    if (e->type == ENTRY_HARDLINK) {
        return imgc_str_dup(imgc_str_of(e->target), ret, reterr);
    }
    if (slash && e->target[0] != '/') {
        imgc_buf_str(&b, (struct imgc_str){ e->path, (size_t)(slash - e->path) + 1 });
    }
    imgc_buf_puts(&b, e->target);
    int r = imgc_buf_finish(&b, &joined, reterr);
    return r < 0 ? r : entry_clean_target(joined, ret, reterr);
}

/* @ret NULL: there is no such file. Borrowed. */
static int find_member(const struct archive_file *a, const char *name, const struct entry **ret,
                       struct imgc_err *reterr)
{
    imgc_autofree char *path = NULL;

    *ret = NULL;
    int r = entry_clean_path(imgc_str_of(name), &path, reterr);
    for (int n_links = 0; r == 0 && a->n_members > 0; n_links++) {
        const struct entry key = { .path = path };
        const struct entry *e =
            bsearch(&key, a->members, a->n_members, sizeof *a->members, compare_members);
        if (!e || e->type == ENTRY_FILE) {
            *ret = e;
            return 0;
        }
        if (n_links == LIMIT_SYMLINKS) {
            return imgc_fail(reterr, IMGC_E_LAYER, "'%s' is a link in a circle", name);
        }
        char *next = NULL;
        r = link_target(e, &next, reterr);
        if (r == 0) {
            free(path);
            path = next;
        }
    }
    return r;
}

/* ---- one file ---- */

/* An open member: a file of the directory, or a part of the tar. */
struct member {
    struct tar_data data;
    struct entry whole; /* of a directory's file, whose extent is this one */
    struct extent extent;
    const struct entry *entry;
    int fd; /* owned, or -1 */
};

static int open_in_directory(const struct archive_file *a, const char *name, struct member *m,
                             struct imgc_err *reterr)
{
    struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                            .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
    struct stat st;

    m->fd = (int)syscall(SYS_openat2, a->dir_fd, name, &how, sizeof how);
    if (m->fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return ARCHIVE_MISSING;
    }
    if (m->fd < 0 || fstat(m->fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "open '%s'", name);
    }
    if (!S_ISREG(st.st_mode)) {
        return imgc_fail(reterr, IMGC_E_LAYER, "'%s' is no file", name);
    }
    m->whole.size = (uint64_t)st.st_size;
    m->extent = (struct extent){ .len = m->whole.size };
    m->whole.extents = &m->extent;
    m->whole.n_extents = m->whole.size > 0;
    m->entry = &m->whole;
    m->data = (struct tar_data)TAR_DATA_FD(m->fd);
    return 0;
}

static int open_member(const struct archive_file *a, const char *name, struct member *m,
                       struct imgc_err *reterr)
{
    if (a->dir_fd >= 0) {
        return open_in_directory(a, name, m, reterr);
    }
    int r = find_member(a, name, &m->entry, reterr);
    if (r == 0) {
        m->data = (struct tar_data)TAR_DATA_FD(a->tar_fd);
    }
    return r < 0 ? r : (m->entry ? 0 : ARCHIVE_MISSING);
}

int archive_size(struct archive_file *a, const char *name, uint64_t *ret, struct imgc_err *reterr)
{
    struct member m = { .fd = -1 };
    int r = open_member(a, name, &m, reterr);

    if (r == 0) {
        *ret = m.entry->size;
    }
    imgc_closep(&m.fd);
    return r;
}

int archive_feed(struct archive_file *a, const char *name,
                 int (*feed)(void *arg, const void *ptr, size_t len, struct imgc_err *reterr),
                 void *arg, struct imgc_err *reterr)
{
    struct member m = { .fd = -1 };
    imgc_autofree char *buf = malloc(READ_BYTES);

    if (!buf) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = open_member(a, name, &m, reterr);
    if (r == 0 && (m.entry->n_extents > 1 ||
                   (m.entry->n_extents == 1 && m.entry->extents[0].len != m.entry->size) ||
                   (m.entry->n_extents == 0 && m.entry->size > 0))) {
        r = imgc_fail(reterr, IMGC_E_UNSUPPORTED, "'%s' is a sparse file", name);
    }
    for (uint64_t done = 0; r == 0 && done < m.entry->size;) {
        uint64_t left = m.entry->size - done;
        size_t n = left < READ_BYTES ? (size_t)left : READ_BYTES;
        r = check_interrupt(a, reterr);
        r = r < 0
                ? r
                : tar_data_read(&m.data, m.entry->extents[0].source_offset + done, buf, n, reterr);
        r = r < 0 ? r : feed(arg, buf, n, reterr);
        done += n;
    }
    imgc_closep(&m.fd);
    return r;
}

static int feed_buf(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    struct imgc_buf *b = arg;
    struct imgc_str all;

    imgc_buf_str(b, (struct imgc_str){ ptr, len });
    return imgc_buf_finish(b, &all, reterr);
}

int archive_read(struct archive_file *a, const char *name, struct imgc_buf *ret,
                 struct imgc_err *reterr)
{
    int r = archive_feed(a, name, feed_buf, ret, reterr);
    return r < 0 ? imgc_context(reterr, "%s", name) : r;
}

/* ---- open and close ---- */

/* Whether what is at the file's start is no compressed stream: then the file is read in place. */
static int is_plain(int fd, bool *ret, struct imgc_err *reterr)
{
    static const struct {
        const char *bytes;
        size_t n;
    } compressed[] = { { "\x1f\x8b", 2 },
                       { "\x28\xb5\x2f\xfd", 4 },
                       { "\xfd"
                         "7zXZ",
                         5 },
                       { "BZh", 3 } };
    char start[PROBE_BYTES] = { 0 };

    if (pread(fd, start, sizeof start, 0) < 0) {
        return imgc_fail_sys(reterr, errno, "read the archive");
    }
    *ret = ((unsigned char)start[0] & 0xf0) != 0x50 || memcmp(start + 1, "\x2a\x4d\x18", 3) != 0;
    for (size_t i = 0; i < sizeof compressed / sizeof *compressed; i++) {
        *ret = *ret && memcmp(start, compressed[i].bytes, compressed[i].n) != 0;
    }
    return 0;
}

static int open_tar(struct archive_file *a, const struct stat *st, struct imgc_err *reterr)
{
    bool in_place = false;

    if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode) && !S_ISSOCK(st->st_mode)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "is a device, not an archive in a file or a pipe");
    }
    int r = S_ISREG(st->st_mode) ? is_plain(a->args.fd, &in_place, reterr) : 0;
    if (r < 0) {
        return r;
    }
    if (in_place) {
        a->tar_fd = a->args.fd;
    }
    r = in_place ? 0 : write_out(a, reterr);
    return r < 0 ? r : list_members(a, reterr);
}

int archive_open(const struct archive_args *args, struct archive_file **ret,
                 struct imgc_err *reterr)
{
    archive_auto struct archive_file *a = calloc(1, sizeof *a);
    struct stat st;

    if (!a) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *a = (struct archive_file){ .args = *args, .dir_fd = -1, .tar_fd = -1 };
    if (fstat(args->fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at the archive");
    }
    if (S_ISDIR(st.st_mode)) {
        a->dir_fd = args->fd;
    } else {
        int r = open_tar(a, &st, reterr);
        if (r < 0) {
            return r;
        }
    }
    *ret = imgc_take(a);
    return 0;
}

struct archive_file *archive_close(struct archive_file *a)
{
    if (a) {
        for (size_t i = 0; i < a->n_members; i++) {
            entry_done(&a->members[i]);
        }
        free(a->members);
        if (a->owns_tar_fd) {
            imgc_closep(&a->tar_fd);
        }
        free(a);
    }
    return NULL;
}

void archive_closep(struct archive_file **a)
{
    *a = archive_close(*a);
}
