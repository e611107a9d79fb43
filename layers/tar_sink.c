/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written by hand rather than with libarchive, which is for reading tars of others: its restricted
 * pax format drops nanoseconds, its full one adds records that nobody asked for, xattr names come
 * out percent-encoded, and names go through the locale.
 */
#include "layers/tar_sink.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/cleanup.h"
#include "schema/limits.h"

#define BLOCK 512
#define COPY_BYTES (128u << 10)
#define NAME_ROOM 100
#define OCTAL_7_MAX 07777777u               /* a field of 8 with its NUL */
#define OCTAL_11_MAX UINT64_C(077777777777) /* a field of 12 with its NUL */
#define PAX_BYTES_MAX ((size_t)LIMIT_XATTRS_PER_ENTRY * LIMIT_XATTR_BYTES)

/* POSIX.1-2008, pax, "ustar Interchange Format". All text. */
struct ustar {
    char name[NAME_ROOM], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
    char linkname[NAME_ROOM], magic[6], version[2], uname[32], gname[32], devmajor[8], devminor[8];
    char prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a tar header is one block");

struct tar_sink {
    tar_sink_output output;
    void *arg;
    struct imgc_buf pax; /* records of the entry at hand */
    char *buffer;
};

int tar_sink_new(tar_sink_output output, void *arg, struct tar_sink **ret, struct imgc_err *reterr)
{
    imgc_auto(tar_sink_freep) struct tar_sink *t = calloc(1, sizeof *t);
    if (!t) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    t->output = output;
    t->arg = arg;
    imgc_buf_init(&t->pax, PAX_BYTES_MAX);
    t->buffer = malloc(COPY_BYTES);
    if (!t->buffer) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret = imgc_take(t);
    return 0;
}

struct tar_sink *tar_sink_free(struct tar_sink *t)
{
    if (t) {
        imgc_buf_done(&t->pax);
        free(t->buffer);
        free(t);
    }
    return NULL;
}

void tar_sink_freep(struct tar_sink **t)
{
    *t = tar_sink_free(*t);
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts its own digits. */
static void add_record(struct tar_sink *t, const char *key, const void *value, size_t len)
{
    size_t rest = strlen(key) + len + 3; /* blank, '=', newline */
    size_t total = rest + 1;

    for (size_t digits = 1, limit = 10; total >= limit; limit *= 10) {
        digits++;
        total = rest + digits;
    }
    imgc_buf_printf(&t->pax, "%zu %s=", total, key);
    imgc_buf_add(&t->pax, value, len);
    imgc_buf_putc(&t->pax, '\n');
}

/* A number that its field holds, else zero there and a record. */
static unsigned long long fit(struct tar_sink *t, const char *key, uint64_t value, uint64_t max)
{
    char text[24];

    if (value <= max) {
        return value;
    }
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    add_record(t, key, text, (size_t)n);
    return 0;
}

static void put_octal(char *field, size_t size, unsigned long long value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%0*llo", (int)size - 1, value);
    memcpy(field, text, size);
}

/* Seconds with a fraction; before 1970 both parts count down. */
static void put_mtime(struct tar_sink *t, struct ustar *h, const struct entry *e)
{
    bool is_negative = e->mtime_s < 0;
    uint64_t s = is_negative ? -(uint64_t)e->mtime_s : (uint64_t)e->mtime_s;
    uint32_t ns = e->mtime_ns;
    char text[40];

    put_octal(h->mtime, sizeof h->mtime, is_negative ? 0 : s <= OCTAL_11_MAX ? s : OCTAL_11_MAX);
    if (!is_negative && ns == 0 && s <= OCTAL_11_MAX) {
        return;
    }
    if (is_negative && ns > 0) {
        s--;
        ns = 1000000000 - ns;
    }
    int n = snprintf(text, sizeof text, "%s%llu.%09u", is_negative ? "-" : "",
                     (unsigned long long)s, ns);
    while (text[n - 1] == '0') {
        n--;
    }
    add_record(t, "mtime", text, (size_t)(text[n - 1] == '.' ? n - 1 : n));
}

/* Bytes that follow the first one of a UTF-8 character, -1 for what is none. Readers only need to
 * be told of what they cannot decode, so overlong forms may pass. */
static int utf8_more(unsigned char c)
{
    if (c < 0x80) {
        return 0;
    }
    if (c < 0xc2 || c > 0xf4) {
        return -1;
    }
    return c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
}

static bool is_utf8(const char *z)
{
    while (*z != '\0') {
        int more = utf8_more((unsigned char)*z++);
        if (more < 0) {
            return false;
        }
        for (; more > 0; more--, z++) {
            if (((unsigned char)*z & 0xc0) != 0x80) {
                return false;
            }
        }
    }
    return true;
}

/* Pax names are UTF-8 unless it is said otherwise. GNU tar does not know the word and warns, so it
 * is there only where it must be. */
static void add_name(struct tar_sink *t, const char *key, const char *name)
{
    if (!is_utf8(name)) {
        add_record(t, "hdrcharset", "BINARY", 6);
    }
    add_record(t, key, name, strlen(name));
}

/* Where to cut @name into prefix and name, or 0. */
static size_t split_point(const char *name, size_t len)
{
    for (size_t i = len > NAME_ROOM ? len - NAME_ROOM - 1 : 0; i < len && i <= 155; i++) {
        if (name[i] == '/' && i > 0 && i + 1 < len) {
            return i;
        }
    }
    return 0;
}

static void put_name(struct tar_sink *t, struct ustar *h, const char *name)
{
    size_t len = strlen(name);
    size_t cut = len > NAME_ROOM ? split_point(name, len) : 0;

    if (len > NAME_ROOM && cut == 0) {
        add_name(t, "path", name);
        len = NAME_ROOM;
    }
    memcpy(h->prefix, name, cut);
    memcpy(h->name, name + (cut > 0 ? cut + 1 : 0), cut > 0 ? len - cut - 1 : len);
}

static void put_target(struct tar_sink *t, struct ustar *h, const char *target)
{
    size_t len = target ? strlen(target) : 0;

    if (len > NAME_ROOM) {
        add_name(t, "linkpath", target);
        len = NAME_ROOM;
    }
    memcpy(h->linkname, target ? target : "", len);
}

static int put_header(struct tar_sink *t, struct ustar *h, struct imgc_err *reterr)
{
    unsigned sum = 0;

    memcpy(h->magic, "ustar", sizeof h->magic);
    memcpy(h->version, "00", sizeof h->version);
    memset(h->checksum, ' ', sizeof h->checksum);
    for (size_t i = 0; i < BLOCK; i++) {
        sum += ((const unsigned char *)h)[i];
    }
    put_octal(h->checksum, sizeof h->checksum - 1, sum);
    return t->output(t->arg, h, BLOCK, reterr);
}

static int put_padding(struct tar_sink *t, uint64_t len, struct imgc_err *reterr)
{
    static const char zeros[BLOCK];
    size_t rest = (size_t)(len % BLOCK);

    return rest > 0 ? t->output(t->arg, zeros, BLOCK - rest, reterr) : 0;
}

/* The records collected, as an entry of type 'x' before the one that they are about. */
static int put_pax(struct tar_sink *t, struct imgc_err *reterr)
{
    struct ustar h = { .name = "PaxHeaders.0/x", .type = 'x' };
    struct imgc_str records;

    int r = imgc_buf_finish(&t->pax, &records, reterr);
    if (r < 0 || records.len == 0) {
        return r;
    }
    put_octal(h.mode, sizeof h.mode, 0644);
    put_octal(h.uid, sizeof h.uid, 0);
    put_octal(h.gid, sizeof h.gid, 0);
    put_octal(h.size, sizeof h.size, records.len);
    put_octal(h.mtime, sizeof h.mtime, 0);
    r = put_header(t, &h, reterr);
    if (r >= 0) {
        r = t->output(t->arg, records.ptr, records.len, reterr);
    }
    return r < 0 ? r : put_padding(t, records.len, reterr);
}

static int put_path(struct tar_sink *t, struct ustar *h, const struct entry *e,
                    struct imgc_err *reterr)
{
    imgc_autofree char *slashed = NULL;

    if (e->type != ENTRY_DIR) {
        put_name(t, h, e->path);
        return 0;
    }
    if (asprintf(&slashed, "%s/", *e->path != '\0' ? e->path : ".") < 0) {
        slashed = NULL;
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    put_name(t, h, slashed);
    return 0;
}

static int put_entry(struct tar_sink *t, const struct entry *e, struct imgc_err *reterr)
{
    static const char types[] = {
        [ENTRY_FILE] = '0', [ENTRY_DIR] = '5',   [ENTRY_SYMLINK] = '2', [ENTRY_HARDLINK] = '1',
        [ENTRY_CHAR] = '3', [ENTRY_BLOCK] = '4', [ENTRY_FIFO] = '6',
    };
    struct ustar h = { .type = types[e->type] };
    uint64_t size = e->type == ENTRY_FILE ? e->size : 0;

    imgc_buf_clear(&t->pax);
    int r = put_path(t, &h, e, reterr);
    if (r < 0) {
        return r;
    }
    put_target(t, &h, e->target);
    put_octal(h.mode, sizeof h.mode, e->mode & 07777);
    put_octal(h.uid, sizeof h.uid, fit(t, "uid", e->uid, OCTAL_7_MAX));
    put_octal(h.gid, sizeof h.gid, fit(t, "gid", e->gid, OCTAL_7_MAX));
    put_octal(h.size, sizeof h.size, fit(t, "size", size, OCTAL_11_MAX));
    put_octal(h.devmajor, sizeof h.devmajor, fit(t, "SCHILY.devmajor", e->major, OCTAL_7_MAX));
    put_octal(h.devminor, sizeof h.devminor, fit(t, "SCHILY.devminor", e->minor, OCTAL_7_MAX));
    put_mtime(t, &h, e);
    for (size_t i = 0; i < e->n_xattrs; i++) {
        char key[sizeof "SCHILY.xattr." + LIMIT_NAME_BYTES];
        int n = snprintf(key, sizeof key, "SCHILY.xattr.%s", e->xattrs[i].name);
        /* '=' ends the key: no way to write such a name, and none is lost silently. */
        if (n < 0 || (size_t)n >= sizeof key || strchr(e->xattrs[i].name, '=')) {
            return imgc_fail(reterr, IMGC_E_UNSUPPORTED, "xattr '%s' has no place in a tar",
                             e->xattrs[i].name);
        }
        add_record(t, key, e->xattrs[i].value, e->xattrs[i].len);
    }
    r = put_pax(t, reterr);
    return r < 0 ? r : put_header(t, &h, reterr);
}

static int put_zeros(struct tar_sink *t, uint64_t len, struct imgc_err *reterr)
{
    memset(t->buffer, 0, len < COPY_BYTES ? (size_t)len : COPY_BYTES);
    while (len > 0) {
        size_t n = len < COPY_BYTES ? (size_t)len : COPY_BYTES;
        int r = t->output(t->arg, t->buffer, n, reterr);
        if (r < 0) {
            return r;
        }
        len -= n;
    }
    return 0;
}

static int put_extent(struct tar_sink *t, struct tar_data *data, const struct extent *x,
                      struct imgc_err *reterr)
{
    for (uint64_t done = 0; done < x->len;) {
        size_t n = x->len - done < COPY_BYTES ? (size_t)(x->len - done) : COPY_BYTES;
        int r = tar_data_read(data, x->source_offset + done, t->buffer, n, reterr);
        if (r >= 0) {
            r = t->output(t->arg, t->buffer, n, reterr);
        }
        if (r < 0) {
            return r;
        }
        done += n;
    }
    return 0;
}

static int put_data(struct tar_sink *t, const struct entry *e, struct tar_data *data,
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
        int r = put_zeros(t, x->file_offset - end, reterr);
        if (r >= 0) {
            r = put_extent(t, data, x, reterr);
        }
        if (r < 0) {
            return r;
        }
        end = x_end;
    }
    int r = put_zeros(t, e->size - end, reterr);
    return r < 0 ? r : put_padding(t, e->size, reterr);
}

int tar_sink_add(struct tar_sink *t, const struct entry *e, struct tar_data *data,
                 struct imgc_err *reterr)
{
    int r = 0;

    if (e->type == ENTRY_FILE && e->size > INT64_MAX) {
        r = imgc_fail(reterr, IMGC_E_LIMIT, "file over %lld bytes", (long long)INT64_MAX);
    }
    if (r >= 0) {
        r = put_entry(t, e, reterr);
    }
    if (r >= 0 && e->type == ENTRY_FILE) {
        r = put_data(t, e, data, reterr);
    }
    return r < 0 ? imgc_context(reterr, "'%s'", e->path) : 0;
}

int tar_sink_finish(struct tar_sink *t, struct imgc_err *reterr)
{
    return put_zeros(t, 2 * (uint64_t)BLOCK, reterr);
}
