/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tar_end.h"

#include <string.h>

#include "schema/limits.h"

enum { SIZE_OFFSET = 124, SIZE_BYTES = 12, TYPE_OFFSET = 156, GNU_EXTENDED_OFFSET = 482 };

/* "14 size=12345\n": a record begins with its whole length and a space. */
static const char keyword[] = "size=";

static bool is_zero(const unsigned char *block)
{
    return block[0] == 0 && memcmp(block, block + 1, TAR_PROBE_BYTES - 1) == 0;
}

/* Octal digits between spaces or NULs, or GNU's base 256. @return false for anything else. */
static bool read_size(const unsigned char *field, uint64_t *ret)
{
    uint64_t v = 0;
    int i = 0;

    if (field[0] == 0x80) {
        for (i = 1; i < SIZE_BYTES; i++) {
            if (v >> 55) {
                return false;
            }
            v = v << 8 | field[i];
        }
        *ret = v;
        return true;
    }
    while (i < SIZE_BYTES && field[i] == ' ') {
        i++;
    }
    for (; i < SIZE_BYTES && field[i] >= '0' && field[i] <= '7'; i++) {
        v = v << 3 | (uint64_t)(field[i] - '0');
    }
    *ret = v;
    return i == SIZE_BYTES || field[i] == ' ' || field[i] == '\0';
}

static uint64_t whole_blocks(uint64_t size)
{
    return (size + TAR_PROBE_BYTES - 1) / TAR_PROBE_BYTES * TAR_PROBE_BYTES;
}

/* Entries that have data for certain; links, devices and directories with a size are read in more
 * ways than one. */
static bool is_understood(const unsigned char *block, uint64_t size)
{
    switch (block[TYPE_OFFSET]) {
    case 'S': /* GNU sparse: more header blocks may follow */
        return block[GNU_EXTENDED_OFFSET] == 0;
    case '0':
    case '\0':
    case '7':
    case 'L':
    case 'K':
    case 'x':
    case 'g':
        return true;
    default:
        return size == 0;
    }
}

static void begin_record(struct tar_end *t)
{
    t->record = t->record_left = t->n_digits = 0;
    t->matched = 0;
    t->is_in_keyword = t->is_in_size = false;
}

static void read_header(struct tar_end *t)
{
    unsigned char type = t->block[TYPE_OFFSET];
    uint64_t size = 0;

    if (is_zero(t->block)) {
        t->state = TAR_END_OVER;
        return;
    }
    bool is_good = tar_probe_is_header(t->block) && read_size(t->block + SIZE_OFFSET, &size);
    bool is_meta = type == 'x' || type == 'g' || type == 'L' || type == 'K';
    if (is_good && t->has_size && !is_meta) {
        size = t->size;
        t->has_size = false;
    }
    if (!is_good || size > INT64_MAX || !is_understood(t->block, size)) {
        t->state = TAR_END_UNSURE;
        return;
    }
    t->left = whole_blocks(size);
    t->pax_left = size;
    begin_record(t);
    if (t->left > 0) {
        t->state = type == 'x' || type == 'g' ? TAR_END_PAX : TAR_END_DATA;
    }
}

static void read_record_length(struct tar_end *t, unsigned char c)
{
    if (c >= '0' && c <= '9' && t->record < UINT64_MAX / 16) {
        t->record = t->record * 10 + (uint64_t)(c - '0');
        t->n_digits++;
    } else if (c == ' ' && t->record > t->n_digits + 1) {
        t->record_left = t->record - t->n_digits - 1;
        t->is_in_keyword = true;
    } else {
        t->state = TAR_END_UNSURE;
    }
}

static void read_keyword(struct tar_end *t, unsigned char c)
{
    t->is_in_keyword = c == (unsigned char)keyword[t->matched];
    t->matched = t->is_in_keyword ? t->matched + 1 : 0;
    if (t->matched == sizeof keyword - 1) {
        if (t->block[TYPE_OFFSET] == 'g') { /* counts for more than the next entry */
            t->state = TAR_END_UNSURE;
        }
        t->matched = 0;
        t->is_in_keyword = false;
        t->is_in_size = true;
        t->has_size = true;
        t->size = 0;
    }
}

static void read_value(struct tar_end *t, unsigned char c)
{
    bool is_last = t->record_left == 0;

    if (!is_last && c >= '0' && c <= '9' && t->size < UINT64_MAX / 16) {
        t->size = t->size * 10 + (uint64_t)(c - '0');
    } else if (!is_last || c != '\n') {
        t->state = TAR_END_UNSURE;
    }
}

static void read_pax(struct tar_end *t, unsigned char c)
{
    if (t->record_left == 0) {
        read_record_length(t, c);
        return;
    }
    t->record_left--;
    if (t->is_in_keyword) {
        read_keyword(t, c);
    } else if (t->is_in_size) {
        read_value(t, c);
    }
    if (t->record_left == 0) {
        begin_record(t);
    }
}

static size_t feed_header(struct tar_end *t, const unsigned char *p, size_t len)
{
    size_t n = sizeof t->block - t->n < len ? sizeof t->block - t->n : len;

    memcpy(t->block + t->n, p, n);
    t->n += n;
    if (t->n == sizeof t->block) {
        t->n = 0;
        read_header(t);
    }
    return n;
}

static size_t feed_body(struct tar_end *t, const unsigned char *p, size_t len)
{
    size_t n = t->left < len ? (size_t)t->left : len;

    for (size_t i = 0; t->state == TAR_END_PAX && i < n && t->pax_left > 0; i++) {
        t->pax_left--;
        read_pax(t, p[i]);
    }
    t->left -= n;
    if (t->left == 0 && t->state != TAR_END_UNSURE) {
        t->state = TAR_END_HEADER;
    }
    return n;
}

int tar_end_feed(struct tar_end *t, const void *ptr, size_t len, struct imgc_err *reterr)
{
    const unsigned char *p = ptr;

    while (len > 0) {
        size_t n = len;
        switch (t->state) {
        case TAR_END_HEADER:
            n = feed_header(t, p, len);
            break;
        case TAR_END_DATA:
        case TAR_END_PAX:
            n = feed_body(t, p, len);
            break;
        case TAR_END_OVER:
            t->behind += len;
            break;
        case TAR_END_UNSURE:
            break;
        }
        p += n;
        len -= n;
    }
    if (t->behind > LIMIT_TAR_PADDING_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "more than %u bytes follow the end of the archive",
                         LIMIT_TAR_PADDING_BYTES);
    }
    return 0;
}
