/* SPDX-License-Identifier: Apache-2.0 */
#include "store/partial.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "schema/base/process.h"
#include "store/paths.h"
#include "store/store_handle.h"

/*
 * The file: a head, how many bytes each cell has (u32), the marks, and, from a multiple of a page
 * on, the bytes of the blob. All in the machine's byte order: nobody else reads it.
 */
#define MAGIC "imgcpart"
#define VERSION 1u
#define ALIGN_BYTES ((uint64_t)4096)

struct head {
    char magic[8];
    uint32_t version; /* in the machine's byte order */
    uint32_t pad;
    uint64_t size; /* of the blob */
    char boot_id[PROCESS_BOOT_ID_MAX + 3];
};

typedef uint8_t mark_t[64];

struct partial {
    int dir_fd; /* of the store; borrowed */
    int fd;
    char path[PATHS_MAX];
    uint64_t size;
    size_t n_cells, n_marks;
    uint32_t *cells; /* bytes that each one has */
    mark_t *marks;   /* number i stands at (i + 1) * PARTIAL_MARK_BYTES; all zero: not set */
    size_t first;    /* the cells before this one are full */
    uint64_t data_at;
};

static uint64_t cells_at(void)
{
    return sizeof(struct head);
}

static uint64_t marks_at(const struct partial *p)
{
    return cells_at() + p->n_cells * sizeof *p->cells;
}

static int write_at(const struct partial *p, uint64_t at, const void *ptr, size_t len,
                    struct imgc_err *reterr)
{
    const char *from = ptr;

    while (len > 0) {
        ssize_t n = pwrite(p->fd, from, len, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return imgc_fail_sys(reterr, errno, "keep a download");
        }
        from += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int read_at(const struct partial *p, uint64_t at, void *ptr, size_t len,
                   struct imgc_err *reterr)
{
    char *to = ptr;

    while (len > 0) {
        ssize_t n = pread(p->fd, to, len, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return imgc_fail_sys(reterr, n < 0 ? errno : EIO, "read a download back");
        }
        to += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

/* ---- cells ---- */

static uint64_t size_of_cell(const struct partial *p, size_t i)
{
    uint64_t left = p->size - i * PARTIAL_CELL_BYTES;

    return left < PARTIAL_CELL_BYTES ? left : PARTIAL_CELL_BYTES;
}

static void skip_full_cells(struct partial *p)
{
    while (p->first < p->n_cells && p->cells[p->first] == size_of_cell(p, p->first)) {
        p->first++;
    }
}

uint64_t partial_prefix(const struct partial *p)
{
    return p->first == p->n_cells ? p->size : p->first * PARTIAL_CELL_BYTES + p->cells[p->first];
}

uint64_t partial_bytes(const struct partial *p)
{
    uint64_t n = 0;

    for (size_t i = 0; i < p->n_cells; i++) {
        n += p->cells[i];
    }
    return n;
}

bool partial_has_gaps(const struct partial *p)
{
    for (size_t i = p->first + 1; i < p->n_cells; i++) {
        if (p->cells[i] > 0) {
            return true;
        }
    }
    return false;
}

uint64_t partial_missing(const struct partial *p, uint64_t at)
{
    size_t i = (size_t)(at / PARTIAL_CELL_BYTES);

    return i * PARTIAL_CELL_BYTES + p->cells[i];
}

uint64_t partial_cell_end(const struct partial *p, uint64_t at)
{
    size_t i = (size_t)(at / PARTIAL_CELL_BYTES);

    return i * PARTIAL_CELL_BYTES + size_of_cell(p, i);
}

/* Bytes of one cell; those that it has are skipped. */
static int write_in_cell(struct partial *p, uint64_t at, const char *ptr, size_t len,
                         struct imgc_err *reterr)
{
    size_t i = (size_t)(at / PARTIAL_CELL_BYTES);
    uint64_t has = p->cells[i], from = at % PARTIAL_CELL_BYTES;
    size_t known = has > from ? (size_t)(has - from) : 0;

    if (known >= len) {
        return 0;
    }
    assert(from <= has);
    int r = write_at(p, p->data_at + at + known, ptr + known, len - known, reterr);
    if (r < 0) {
        return r;
    }
    uint32_t now = (uint32_t)(from + len);
    r = write_at(p, cells_at() + i * sizeof now, &now, sizeof now, reterr);
    if (r == 0) {
        p->cells[i] = now;
    }
    return r;
}

int partial_write(struct partial *p, uint64_t at, const void *ptr, size_t len,
                  struct imgc_err *reterr)
{
    const char *from = ptr;
    int r = 0;

    assert(at <= p->size && len <= p->size - at);
    while (r == 0 && len > 0) {
        uint64_t room = partial_cell_end(p, at) - at;
        size_t n = len < room ? len : (size_t)room;
        r = write_in_cell(p, at, from, n, reterr);
        at += n;
        from += n;
        len -= n;
    }
    skip_full_cells(p);
    return r;
}

int partial_read(const struct partial *p, uint64_t at, void *ptr, size_t len,
                 struct imgc_err *reterr)
{
    return read_at(p, p->data_at + at, ptr, len, reterr);
}

/* ---- marks ---- */

static bool is_set(const mark_t m)
{
    static const mark_t none = { 0 };

    return memcmp(m, none, sizeof none) != 0;
}

int partial_mark(struct partial *p, uint64_t at, const struct digest *digest)
{
    size_t i = (size_t)(at / PARTIAL_MARK_BYTES);
    struct imgc_err ignored; /* a mark less: after a reboot a little more is fetched again */

    if (at % PARTIAL_MARK_BYTES != 0 || i == 0 || i > p->n_marks) {
        return 0;
    }
    mark_t *m = &p->marks[i - 1];
    if (is_set(*m)) {
        return memcmp(*m, digest->bytes, sizeof *m) == 0 ? 0 : PARTIAL_WRONG;
    }
    memcpy(*m, digest->bytes, sizeof *m);
    (void)!write_at(p, marks_at(p) + (i - 1) * sizeof *m, *m, sizeof *m, &ignored);
    return 0;
}

/* What stands behind the last mark of an unbroken row. */
static uint64_t marked(const struct partial *p)
{
    size_t i = 0;

    while (i < p->n_marks && is_set(p->marks[i])) {
        i++;
    }
    return i * PARTIAL_MARK_BYTES;
}

/* ---- opening and closing ---- */

static int write_table(const struct partial *p, struct imgc_err *reterr)
{
    int r = write_at(p, cells_at(), p->cells, p->n_cells * sizeof *p->cells, reterr);

    return r < 0 ? r : write_at(p, marks_at(p), p->marks, p->n_marks * sizeof *p->marks, reterr);
}

/* The head comes last: without it the file is none. */
static int write_head(const struct partial *p, struct imgc_err *reterr)
{
    struct head head = { .magic = MAGIC, .version = VERSION, .size = p->size };
    char boot_id[PROCESS_BOOT_ID_MAX];

    process_boot_id(boot_id);
    memcpy(head.boot_id, boot_id, sizeof boot_id);
    return write_at(p, 0, &head, sizeof head, reterr);
}

void partial_trim(struct partial *p, uint64_t at)
{
    struct imgc_err ignored;
    size_t cell = (size_t)(at / PARTIAL_CELL_BYTES), mark = (size_t)(at / PARTIAL_MARK_BYTES);

    for (size_t i = cell; i < p->n_cells; i++) {
        p->cells[i] = 0;
    }
    for (size_t i = mark; i < p->n_marks; i++) {
        memset(p->marks[i], 0, sizeof p->marks[i]);
    }
    p->first = 0;
    skip_full_cells(p);
    (void)!write_table(p, &ignored);
}

static int begin_file(struct partial *p, struct imgc_err *reterr)
{
    if (ftruncate(p->fd, 0) < 0 || ftruncate(p->fd, (off_t)p->data_at) < 0) {
        return imgc_fail_sys(reterr, errno, "keep a download");
    }
    memset(p->cells, 0, p->n_cells * sizeof *p->cells);
    memset(p->marks, 0, p->n_marks * sizeof *p->marks);
    p->first = 0;
    return write_head(p, reterr);
}

/* Whether the tables are read, and what they say can be. */
static bool read_tables(struct partial *p)
{
    struct imgc_err ignored;
    struct stat st;

    if (fstat(p->fd, &st) < 0 ||
        read_at(p, cells_at(), p->cells, p->n_cells * sizeof *p->cells, &ignored) < 0 ||
        read_at(p, marks_at(p), p->marks, p->n_marks * sizeof *p->marks, &ignored) < 0) {
        return false;
    }
    for (size_t i = 0; i < p->n_cells; i++) {
        uint64_t end = p->data_at + i * PARTIAL_CELL_BYTES + p->cells[i];
        if (p->cells[i] > size_of_cell(p, i) || (p->cells[i] > 0 && end > (uint64_t)st.st_size)) {
            return false;
        }
    }
    return true;
}

/* @return whether there is something to go on with. */
static bool load(struct partial *p)
{
    struct head head;
    char boot_id[PROCESS_BOOT_ID_MAX];
    struct imgc_err ignored;

    if (read_at(p, 0, &head, sizeof head, &ignored) < 0 ||
        memcmp(head.magic, MAGIC, sizeof head.magic) != 0 || head.version != VERSION ||
        head.size != p->size || !read_tables(p)) {
        return false;
    }
    skip_full_cells(p);
    process_boot_id(boot_id);
    if (boot_id[0] != '\0' && strncmp(head.boot_id, boot_id, sizeof boot_id) == 0) {
        return true;
    }
    /* Another boot: perhaps the machine lost power, and these pages never reached the disk. */
    uint64_t known = marked(p), prefix = partial_prefix(p) / PARTIAL_MARK_BYTES;
    prefix *= PARTIAL_MARK_BYTES;
    partial_trim(p, known < prefix ? known : prefix);
    return write_head(p, &ignored) == 0;
}

static int set_up(struct partial *p, uint64_t size, struct imgc_err *reterr)
{
    p->size = size;
    p->n_cells = (size_t)((size + PARTIAL_CELL_BYTES - 1) / PARTIAL_CELL_BYTES);
    p->n_marks = (size_t)(size / PARTIAL_MARK_BYTES);
    p->cells = calloc(p->n_cells + 1, sizeof *p->cells);
    p->marks = calloc(p->n_marks + 1, sizeof *p->marks);
    if (!p->cells || !p->marks) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    uint64_t end = marks_at(p) + p->n_marks * sizeof *p->marks;
    p->data_at = (end + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    return 0;
}

static void partial_closep(struct partial **p)
{
    *p = partial_close(*p);
}

int partial_open(struct store *s, const struct digest *blob, uint64_t size, struct partial **ret,
                 struct imgc_err *reterr)
{
    imgc_auto(partial_closep) struct partial *p = calloc(1, sizeof *p);

    assert(size >= PARTIAL_MIN_BYTES && size <= PARTIAL_MAX_BYTES);
    if (!p) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    p->fd = -1;
    p->dir_fd = s->root_fd;
    (void)paths_partial(blob, p->path);
    int r = set_up(p, size, reterr);
    if (r == 0) {
        r = fd_open_at(p->dir_fd, p->path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &p->fd, reterr);
    }
    if (r == 0 && !load(p)) {
        r = begin_file(p, reterr);
    }
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(p);
    return 0;
}

struct partial *partial_close(struct partial *p)
{
    if (p) {
        imgc_closep(&p->fd);
        free(p->cells);
        free(p->marks);
        free(p);
    }
    return NULL;
}

struct partial *partial_discard(struct partial *p)
{
    if (p) {
        (void)unlinkat(p->dir_fd, p->path, 0);
    }
    return partial_close(p);
}

void partial_remove(struct store *s, const struct digest *blob)
{
    char path[PATHS_MAX];

    (void)unlinkat(s->root_fd, paths_partial(blob, path), 0);
}
