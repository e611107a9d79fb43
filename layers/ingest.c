/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/ingest.h"

#include <stdlib.h>
#include <string.h>

#include "layers/entry_list.h"
#include "layers/tar_end.h"
#include "layers/tar_source.h"
#include "schema/base/fd.h"

/* The stages, in the order that bytes pass them: each is one function, and knows only the next. */
struct ingest {
    struct store *store; /* borrowed, as the lease */
    struct lease *lease;
    struct digest want_blob, want_diff_id; /* DIGEST_NONE: not known */
    uint64_t want_size;
    char *media_type;
    bool remember_blob;

    struct digest_hasher *blob_hash;
    struct codec *codec;
    struct digest_hasher *tar_hash;  /* sha256: the name that the layer is stored under */
    struct digest_hasher *diff_hash; /* of want_diff_id's kind, where that is another; or NULL */
    struct tar_end end;
    struct layer_writer *writer;
    uint64_t bytes_in, bytes_out;
    bool is_damaged; /* the codec gave up, as @damage says */
    struct imgc_err damage;
};

/* Stage 4: the tar goes into the store. */
static int store_tar(struct ingest *in, const void *ptr, size_t len, struct imgc_err *reterr)
{
    in->bytes_out += len;
    return layer_writer_write(in->writer, ptr, len, reterr);
}

/* Stage 3: hash of the tar, to its last byte: padding behind the end-of-archive counts too. */
static int hash_tar(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    struct ingest *in = arg;
    int r = digest_hasher_update(in->tar_hash, ptr, len, reterr);

    if (r == 0 && in->diff_hash) {
        r = digest_hasher_update(in->diff_hash, ptr, len, reterr);
    }
    if (r == 0) {
        r = tar_end_feed(&in->end, ptr, len, reterr);
    }
    return r < 0 ? r : store_tar(in, ptr, len, reterr);
}

/* Stage 2: inflate; hash_tar() is its output. A stream that cannot be inflated is hashed to its end
 * nevertheless: whether it came so from its maker or was damaged on the way, the digest tells. */
static int inflate_blob(struct ingest *in, const void *ptr, size_t len, struct imgc_err *reterr)
{
    if (in->is_damaged) {
        return 0;
    }
    int r = codec_write(in->codec, ptr, len, reterr);
    if (r == -(int)IMGC_E_LAYER && digest_is_set(&in->want_blob)) {
        in->is_damaged = true;
        in->damage = *reterr;
        return 0;
    }
    return r;
}

/* Stage 1: size and hash of the bytes as they came. */
static int hash_blob(struct ingest *in, const void *ptr, size_t len, struct imgc_err *reterr)
{
    if (len > UINT64_MAX - in->bytes_in || in->bytes_in + len > in->want_size) {
        return imgc_fail(reterr, IMGC_E_DIGEST, "more than the %llu bytes that were announced",
                         (unsigned long long)in->want_size);
    }
    in->bytes_in += len;
    int r = digest_hasher_update(in->blob_hash, ptr, len, reterr);
    return r < 0 ? r : inflate_blob(in, ptr, len, reterr);
}

static int copy_args(struct ingest *in, const struct ingest_args *args, struct imgc_err *reterr)
{
    if (args->blob) {
        in->want_blob = *args->blob;
    }
    if (args->diff_id) {
        in->want_diff_id = *args->diff_id;
    }
    in->want_size = args->blob_size;
    in->remember_blob = args->remember_blob;
    return args->media_type ? imgc_str_dup(imgc_str_of(args->media_type), &in->media_type, reterr)
                            : 0;
}

static int new_hashers(struct ingest *in, struct imgc_err *reterr)
{
    enum digest_alg blob_alg = digest_is_set(&in->want_blob) ? in->want_blob.alg : DIGEST_SHA256;
    int r = digest_hasher_new(blob_alg, &in->blob_hash, reterr);

    if (r == 0) {
        r = digest_hasher_new(DIGEST_SHA256, &in->tar_hash, reterr);
    }
    if (r == 0 && digest_is_set(&in->want_diff_id) && in->want_diff_id.alg != DIGEST_SHA256) {
        r = digest_hasher_new(in->want_diff_id.alg, &in->diff_hash, reterr);
    }
    return r;
}

int ingest_new(struct store *s, struct lease *lease, const struct ingest_args *args,
               struct ingest **ret, struct imgc_err *reterr)
{
    ingest_auto struct ingest *in = calloc(1, sizeof *in);

    if (!in) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    in->store = s;
    in->lease = lease;
    int r = copy_args(in, args, reterr);
    if (r == 0) {
        r = new_hashers(in, reterr);
    }
    if (r == 0) {
        r = codec_new(hash_tar, in, &in->codec, reterr);
    }
    if (r == 0) {
        r = layer_writer_new(s, lease, &in->writer, reterr);
    }
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(in);
    return 0;
}

int ingest_write(struct ingest *in, const void *ptr, size_t len, struct imgc_err *reterr)
{
    return len ? hash_blob(in, ptr, len, reterr) : 0;
}

static int check_blob(struct ingest *in, struct digest *ret, struct imgc_err *reterr)
{
    if (in->want_size != UINT64_MAX && in->bytes_in != in->want_size) {
        return imgc_fail(reterr, IMGC_E_DIGEST, "%llu bytes instead of the %llu announced",
                         (unsigned long long)in->bytes_in, (unsigned long long)in->want_size);
    }
    int r = digest_hasher_final(in->blob_hash, ret, reterr);
    if (r == 0 && digest_is_set(&in->want_blob)) {
        r = digest_expect(&in->want_blob, ret, "the layer's bytes", reterr);
    }
    return r;
}

/* @ret is the sha256, whatever the image calls the layer. */
static int check_diff_id(struct ingest *in, struct digest *ret, struct imgc_err *reterr)
{
    struct digest got;
    int r = digest_hasher_final(in->tar_hash, ret, reterr);

    if (r < 0 || !digest_is_set(&in->want_diff_id)) {
        return r;
    }
    got = *ret;
    if (in->diff_hash) {
        r = digest_hasher_final(in->diff_hash, &got, reterr);
    }
    if (r == 0) {
        r = digest_expect(&in->want_diff_id, &got, "the layer's DiffID", reterr);
    }
    if (r == 0) {
        *ret = got;
    }
    return r;
}

/* Read the tar once to its end: what cannot be read must not get into the store. What was read is
 * kept, so that no tree has to read the tar again. */
static int check_tar(struct ingest *in, struct imgc_err *reterr)
{
    imgc_auto(tar_source_freep) struct tar_source *t = NULL;
    imgc_autoclose int list_fd = -1;
    int r = tar_source_new(layer_writer_fd(in->writer), &t, reterr);

    if (r == 0) {
        r = layer_writer_entries(in->writer, &list_fd, reterr);
    }
    return r < 0 ? r : entry_list_write(tar_source_entries(t), in->bytes_out, list_fd, reterr);
}

int ingest_finish(struct ingest *in, struct layer_info *ret, struct imgc_err *reterr)
{
    struct digest blob;
    struct digest diff_id;
    /* Digests first: of bytes that are not the right ones, nothing else is worth saying. */
    int r = check_blob(in, &blob, reterr);

    if (r == 0 && in->is_damaged) {
        *reterr = in->damage;
        r = -(int)IMGC_E_LAYER;
    }
    if (r == 0) {
        r = codec_finish(in->codec, reterr);
    }
    if (r == 0) {
        r = check_diff_id(in, &diff_id, reterr);
    }
    if (r == 0) {
        r = check_tar(in, reterr);
    }
    if (r < 0) {
        return r;
    }
    const struct layer_commit commit = {
        .diff_id = &diff_id,
        .blob = in->remember_blob ? &blob : NULL,
        .blob_size = in->bytes_in,
        .media_type = in->remember_blob ? in->media_type : NULL,
    };
    r = layer_writer_commit(in->writer, &commit, reterr);
    if (r < 0) {
        return r;
    }
    r = layer_find(in->store, in->lease, &diff_id, ret, reterr);
    return r == LAYER_MISSING ? imgc_fail(reterr, IMGC_E_STORE, "a layer vanished from the index")
                              : r;
}

struct ingest *ingest_free(struct ingest *in)
{
    if (!in) {
        return NULL;
    }
    (void)layer_writer_free(in->writer);
    (void)codec_free(in->codec);
    (void)digest_hasher_free(in->blob_hash);
    (void)digest_hasher_free(in->tar_hash);
    (void)digest_hasher_free(in->diff_hash);
    free(in->media_type);
    free(in);
    return NULL;
}

void ingest_freep(struct ingest **in)
{
    *in = ingest_free(*in);
}

uint64_t ingest_bytes_in(const struct ingest *in)
{
    return in->bytes_in;
}

uint64_t ingest_bytes_out(const struct ingest *in)
{
    return in->bytes_out;
}
