/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/erofs_out.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/cleanup.h"

#define BUFFER_BYTES (128u << 10)

void erofs_out_done(struct erofs_out *o)
{
    free(o->buffer);
    o->buffer = NULL;
    digest_hasher_freep(&o->hasher);
}

int erofs_out_begin(struct erofs_out *o, int fd, uint64_t at, struct imgc_err *reterr)
{
    o->fd = fd;
    o->at = at;
    o->used = 0;
    o->buffer = malloc(BUFFER_BYTES);
    if (!o->buffer) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return digest_hasher_new(DIGEST_SHA256, &o->hasher, reterr);
}

int erofs_out_write_at(int fd, const void *ptr, size_t len, uint64_t offset,
                       struct imgc_err *reterr)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, (const char *)ptr + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return imgc_fail_sys(reterr, errno, "write the image");
        }
        done += (size_t)n;
    }
    return 0;
}

static int flush(struct erofs_out *o, struct imgc_err *reterr)
{
    int r = digest_hasher_update(o->hasher, o->buffer, o->used, reterr);

    if (r >= 0) {
        r = erofs_out_write_at(o->fd, o->buffer, o->used, o->at - o->used, reterr);
    }
    o->used = 0;
    return r;
}

/* Room in the buffer, at least one byte. */
static int make_room(struct erofs_out *o, size_t *ret, struct imgc_err *reterr)
{
    int r = o->used == BUFFER_BYTES ? flush(o, reterr) : 0;

    *ret = BUFFER_BYTES - o->used;
    return r;
}

static void advance(struct erofs_out *o, size_t len)
{
    o->used += len;
    o->at += len;
}

int erofs_out_add(struct erofs_out *o, const void *ptr, size_t len, struct imgc_err *reterr)
{
    for (size_t done = 0; done < len;) {
        size_t n = 0;
        int r = make_room(o, &n, reterr);
        if (r < 0) {
            return r;
        }
        n = n < len - done ? n : len - done;
        memcpy(o->buffer + o->used, (const char *)ptr + done, n);
        advance(o, n);
        done += n;
    }
    return 0;
}

int erofs_out_pad(struct erofs_out *o, uint64_t offset, struct imgc_err *reterr)
{
    assert(offset >= o->at);
    while (o->at < offset) {
        size_t n = 0;
        int r = make_room(o, &n, reterr);
        if (r < 0) {
            return r;
        }
        n = n < offset - o->at ? n : (size_t)(offset - o->at);
        memset(o->buffer + o->used, 0, n);
        advance(o, n);
    }
    return 0;
}

int erofs_out_copy(struct erofs_out *o, struct tar_data *from, uint64_t offset, uint64_t len,
                   struct imgc_err *reterr)
{
    for (uint64_t done = 0; done < len;) {
        size_t n = 0;
        int r = make_room(o, &n, reterr);
        if (r >= 0) {
            n = n < len - done ? n : (size_t)(len - done);
            r = tar_data_read(from, offset + done, o->buffer + o->used, n, reterr);
        }
        if (r < 0) {
            return r;
        }
        advance(o, n);
        done += n;
    }
    return 0;
}

int erofs_out_end(struct erofs_out *o, struct digest *ret, struct imgc_err *reterr)
{
    int r = flush(o, reterr);

    return r < 0 ? r : digest_hasher_final(o->hasher, ret, reterr);
}
