/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/upload.h"

#include <stdio.h>
#include <stdlib.h>

#include "fetch/origin.h"
#include "fetch/upload_url.h"

#define WHAT_MAX (DIGEST_TEXT_MAX + 16)
#define CHUNK_BYTES ((size_t)8 << 20)  /* sent at once; registries want 5 MiB or more */
#define READ_BYTES ((size_t)256 << 10) /* of the tar */
#define UPLOADS "blobs/uploads/"
#define BLOB_TYPE "application/octet-stream"

/* How messages call it. */
static const char *blob_name(const struct digest *digest, char out[WHAT_MAX])
{
    char text[DIGEST_TEXT_MAX];

    (void)snprintf(out, WHAT_MAX, "blob %s", digest_text(digest, text));
    return out;
}

int upload_find(struct registry *r, const struct digest *digest, struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    char text[DIGEST_TEXT_MAX], path[DIGEST_TEXT_MAX + 16], what[WHAT_MAX];
    const struct registry_send send = {
        .method = "HEAD", .path = path, .what = blob_name(digest, what), .may_miss = true
    };

    (void)snprintf(path, sizeof path, "blobs/%s", digest_text(digest, text));
    int status = registry_send(r, &send, NULL, &x, reterr);
    return status < 0 ? status : http_status(x) == 404 ? UPLOAD_MISSING : 0;
}

int upload_mount(struct registry *r, const struct digest *digest, const char *from,
                 struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    imgc_autobuf struct imgc_buf path = IMGC_BUF_INIT(UPLOAD_URL_MAX);
    char text[DIGEST_TEXT_MAX], what[WHAT_MAX];
    struct imgc_str done;
    struct registry_send send = { .method = "POST",
                                  .what = blob_name(digest, what),
                                  .may_miss = true };

    imgc_buf_printf(&path, UPLOADS "?mount=%s&from=%s", digest_text(digest, text), from);
    int status = imgc_buf_finish(&path, &done, reterr);
    if (status < 0) {
        return status;
    }
    send.path = path.ptr;
    status = registry_send(r, &send, NULL, &x, reterr);
    if (status == -IMGC_E_AUTH || status == -IMGC_E_REGISTRY) {
        return UPLOAD_MISSING;
    }
    return status < 0 ? status : http_status(x) == 201 ? 0 : UPLOAD_MISSING;
}

/* ---- one upload ---- */

struct upload {
    struct registry *registry;
    struct registry_try *attempt; /* see registry_send() */
    const char *what;
    struct imgc_buf url; /* where it goes on; empty before it has begun */
    uint64_t sent;
};

static void upload_done(struct upload *u)
{
    imgc_buf_done(&u->url);
}

/* Note where the answer to @base says that it goes on. */
static int note_location(struct upload *u, const char *base, const struct http_exchange *x,
                         struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf next = IMGC_BUF_INIT(UPLOAD_URL_MAX);
    struct imgc_str location = http_location(x), done;

    if (location.len == 0 && u->url.len > 0) {
        return 0; /* it stays */
    }
    int status = upload_url_resolve(base, location, &next, reterr);
    if (status < 0) {
        return imgc_context(reterr, "%s", u->what);
    }
    imgc_buf_clear(&u->url);
    imgc_buf_add(&u->url, next.ptr, next.len);
    return imgc_buf_finish(&u->url, &done, reterr);
}

static int begin(struct upload *u, struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    imgc_autobuf struct imgc_buf base = IMGC_BUF_INIT(UPLOAD_URL_MAX);
    const struct registry_send send = { .method = "POST", .path = UPLOADS, .what = u->what };

    u->sent = 0;
    imgc_buf_clear(&u->url);
    int status = registry_send(u->registry, &send, u->attempt, &x, reterr);
    status = status != 0 ? status : registry_url(u->registry, UPLOADS, &base, reterr);
    return status != 0 ? status : note_location(u, base.ptr, x, reterr);
}

/* To where the upload goes on. @ret may be NULL. */
static int send_there(struct upload *u, struct registry_send *send, const char *url,
                      struct http_exchange **ret, struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    imgc_autobuf struct imgc_buf own = IMGC_BUF_INIT(UPLOAD_URL_MAX);

    int status = registry_url(u->registry, "", &own, reterr);
    if (status < 0) {
        return status;
    }
    send->url = url;
    send->is_part = true;
    send->what = u->what;
    send->is_elsewhere = !origin_is_same(own.ptr, url);
    status = registry_send(u->registry, send, u->attempt, &x, reterr);
    if (status == 0) {
        *ret = imgc_take(x);
    }
    return status;
}

static int send_chunk(struct upload *u, struct imgc_str bytes, struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    char range[48];
    struct registry_send send = {
        .method = "PATCH", .payload = bytes, .payload_type = BLOB_TYPE, .payload_range = range
    };
    uint64_t arrived;

    (void)snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)u->sent,
                   (unsigned long long)(u->sent + bytes.len - 1));
    int status = send_there(u, &send, u->url.ptr, &x, reterr);
    if (status != 0) {
        return status;
    }
    u->sent += bytes.len;
    if (upload_url_received(http_range(x), &arrived) && arrived != u->sent) {
        return imgc_fail(reterr, IMGC_E_REGISTRY, "%s: %llu bytes were sent, the registry has %llu",
                         u->what, (unsigned long long)u->sent, (unsigned long long)arrived);
    }
    return note_location(u, u->url.ptr, x, reterr);
}

/* The rest of it, and what all of it has to be. */
static int finish(struct upload *u, struct imgc_str bytes, const struct digest *digest,
                  struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    imgc_autobuf struct imgc_buf url = IMGC_BUF_INIT(UPLOAD_URL_MAX + DIGEST_TEXT_MAX);
    char text[DIGEST_TEXT_MAX];
    struct registry_send send = { .method = "PUT",
                                  .payload = bytes,
                                  .payload_type = bytes.len ? BLOB_TYPE : NULL };

    int status = upload_url_finish(u->url.ptr, digest_text(digest, text), &url, reterr);
    return status < 0 ? status : send_there(u, &send, url.ptr, &x, reterr);
}

static int send_text(struct registry *r, const struct digest *digest, struct imgc_str text,
                     struct registry_try *attempt, struct imgc_err *reterr)
{
    char what[WHAT_MAX];
    imgc_auto(upload_done) struct upload u = { .registry = r,
                                               .attempt = attempt,
                                               .what = blob_name(digest, what),
                                               .url = IMGC_BUF_INIT(UPLOAD_URL_MAX) };
    int status = begin(&u, reterr);

    return status != 0 ? status : finish(&u, text, digest, reterr);
}

int upload_text(struct registry *r, const struct digest *digest, struct imgc_str text,
                struct imgc_err *reterr)
{
    struct registry_try attempt = { .n_asked = 0 };
    int status;

    do {
        status = send_text(r, digest, text, &attempt, reterr);
    } while (status == REGISTRY_AGAIN);
    return status;
}

/* ---- a layer ---- */

/* The layer on its way: from the tar through the encoder into chunks. */
struct stream {
    const struct upload_layer *layer;
    struct encoder *encoder;
    struct digest_hasher *tar_hash, *blob_hash;
    char *read, *chunk; /* READ_BYTES, CHUNK_BYTES */
    struct imgc_str in; /* what is left of @read */
    uint64_t n_read;    /* of the tar */
    uint64_t n_out;     /* bytes made */
    unsigned n_retries;
};

static void stream_done(struct stream *s)
{
    s->encoder = encoder_free(s->encoder);
    s->tar_hash = digest_hasher_free(s->tar_hash);
    s->blob_hash = digest_hasher_free(s->blob_hash);
    free(s->read);
    free(s->chunk);
}

static int stream_init(struct stream *s, const struct upload_layer *layer, unsigned n_retries,
                       struct imgc_err *reterr)
{
    s->layer = layer;
    s->n_retries = n_retries;
    s->read = malloc(READ_BYTES);
    s->chunk = malloc(CHUNK_BYTES);
    if (!s->read || !s->chunk) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int status = encoder_new(layer->encoder, layer->level, &s->encoder, reterr);
    status = status < 0 ? status : digest_hasher_new(layer->diff_id->alg, &s->tar_hash, reterr);
    return status < 0 ? status : digest_hasher_new(DIGEST_SHA256, &s->blob_hash, reterr);
}

static int read_more(struct stream *s, struct imgc_err *reterr)
{
    uint64_t left = s->layer->tar_size - s->n_read;
    size_t n = left < READ_BYTES ? (size_t)left : READ_BYTES;

    int status = tar_data_read(s->layer->tar, s->n_read, s->read, n, reterr);
    status = status < 0 ? status : digest_hasher_update(s->tar_hash, s->read, n, reterr);
    s->in = (struct imgc_str){ s->read, n };
    s->n_read += n;
    return status;
}

/* Nothing that is not the layer gets a name at the registry. */
static int check_tar(struct stream *s, struct imgc_err *reterr)
{
    struct digest got;

    int status = digest_hasher_final(s->tar_hash, &got, reterr);
    return status < 0 ? status : digest_expect(s->layer->diff_id, &got, "layer", reterr);
}

enum { STREAM_END = 1 };

static void tell(const struct stream *s)
{
    if (s->layer->progress) {
        s->layer->progress(s->layer->arg, s->n_read, s->n_retries);
    }
}

/* Make the next chunk, for which any amount may have to be read where it compresses well.
 * @return 0 for a full one; STREAM_END with the last one. */
static int next_chunk(struct registry *r, struct stream *s, struct imgc_str *ret,
                      struct imgc_err *reterr)
{
    struct encoder_out out = { .ptr = s->chunk, .room = CHUNK_BYTES };
    int status = 0;

    while (status == 0 && out.used < CHUNK_BYTES) {
        if (s->in.len == 0 && s->n_read < s->layer->tar_size) {
            status = read_more(s, reterr);
            tell(s);
            status = status < 0 ? status : registry_idle(r, reterr);
        }
        if (status == 0) {
            bool is_last = s->n_read == s->layer->tar_size;
            status = encoder_run(s->encoder, &s->in, is_last, &out, reterr);
        }
    }
    if (status < 0) {
        return status;
    }
    *ret = (struct imgc_str){ s->chunk, out.used };
    s->n_out += out.used;
    int done = digest_hasher_update(s->blob_hash, s->chunk, out.used, reterr);
    if (done == 0 && status == ENCODER_DONE) {
        done = check_tar(s, reterr);
    }
    return done < 0 ? done : status == ENCODER_DONE ? STREAM_END : 0;
}

/* All but the last chunk. @ret_last the last one. */
static int send_chunks(struct upload *u, struct stream *s, struct imgc_str *ret_last,
                       struct imgc_err *reterr)
{
    for (;;) {
        int status = next_chunk(u->registry, s, ret_last, reterr);
        if (status != 0) {
            return status < 0 ? status : 0;
        }
        if (u->url.len == 0) {
            status = begin(u, reterr);
        }
        status = status != 0 ? status : send_chunk(u, *ret_last, reterr);
        if (status != 0) {
            return status;
        }
        tell(s);
    }
}

static int send_stream(struct upload *u, struct stream *s, struct digest *ret,
                       struct imgc_err *reterr)
{
    struct imgc_str last;

    tell(s);
    int status = send_chunks(u, s, &last, reterr);
    status = status != 0 ? status : digest_hasher_final(s->blob_hash, ret, reterr);
    if (status != 0) {
        return status;
    }
    if (u->url.len == 0) { /* one chunk is all: it is known before anything was sent */
        status = upload_find(u->registry, ret, reterr);
        if (status <= 0) {
            return status;
        }
        status = begin(u, reterr);
    } else if (last.len > 0) {
        status = send_chunk(u, last, reterr);
        last.len = 0;
    }
    status = status != 0 ? status : finish(u, last, ret, reterr);
    tell(s);
    return status;
}

int upload_layer(struct registry *r, const struct upload_layer *layer, struct digest *ret_digest,
                 uint64_t *ret_sent, struct imgc_err *reterr)
{
    struct registry_try attempt = { .n_asked = 0 };
    char text[DIGEST_TEXT_MAX], what[WHAT_MAX];
    int status;

    (void)snprintf(what, sizeof what, "layer %s", digest_text(layer->diff_id, text));
    do {
        imgc_auto(stream_done) struct stream s = { .n_read = 0 };
        imgc_auto(upload_done) struct upload u = {
            .registry = r, .attempt = &attempt, .what = what, .url = IMGC_BUF_INIT(UPLOAD_URL_MAX)
        };
        status = stream_init(&s, layer, attempt.retry.n_failures, reterr);
        status = status < 0 ? status : send_stream(&u, &s, ret_digest, reterr);
        *ret_sent = s.n_out;
    } while (status == REGISTRY_AGAIN);
    return status;
}

/* ---- manifests ---- */

int upload_find_manifest(struct registry *r, const char *reference, const struct digest *digest,
                         struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    imgc_autobuf struct imgc_buf path = IMGC_BUF_INIT(UPLOAD_URL_MAX);
    struct registry_send send = {
        .method = "HEAD", .accept = MEDIA_ACCEPT_MANIFESTS, .what = "manifest", .may_miss = true
    };
    char text[DIGEST_TEXT_MAX];
    struct imgc_str done;

    imgc_buf_printf(&path, "manifests/%s", reference);
    int status = imgc_buf_finish(&path, &done, reterr);
    if (status < 0) {
        return status;
    }
    send.path = path.ptr;
    status = registry_send(r, &send, NULL, &x, reterr);
    if (status < 0) {
        return status;
    }
    return http_status(x) != 404 &&
                   imgc_str_eq(http_content_digest(x), imgc_str_of(digest_text(digest, text)))
               ? 0
               : UPLOAD_MISSING;
}

int upload_manifest(struct registry *r, const char *reference, const char *type,
                    struct imgc_str text, bool *ret_is_new, struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    imgc_autobuf struct imgc_buf path = IMGC_BUF_INIT(UPLOAD_URL_MAX);
    struct registry_send send = {
        .method = "PUT", .payload = text, .payload_type = type, .what = "manifest"
    };
    struct digest digest;
    struct imgc_str done;

    int status = digest_of(DIGEST_SHA256, text.ptr, text.len, &digest, reterr);
    status = status < 0 ? status : upload_find_manifest(r, reference, &digest, reterr);
    if (ret_is_new && status >= 0) {
        *ret_is_new = status == UPLOAD_MISSING;
    }
    if (status != UPLOAD_MISSING) {
        return status;
    }
    imgc_buf_printf(&path, "manifests/%s", reference);
    status = imgc_buf_finish(&path, &done, reterr);
    if (status < 0) {
        return status;
    }
    send.path = path.ptr;
    return registry_send(r, &send, NULL, &x, reterr);
}
