/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/ingest.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "layers/entry_list.h"
#include "layers/pipe.h"
#include "layers/tar_end.h"
#include "layers/tar_source.h"
#include "schema/base/fd.h"

/* Between the stages of the one thread and those of the other. */
#define PIPE_BYTES_EACH ((size_t)512 << 10)

/* The stages, in the order that bytes pass them: each is one function, and knows only the next.
 * Stages 1 and 2 run in the caller's thread; 3 and 4 in one of our own, because inflating takes
 * about as long as hashing and writing what comes of it. That thread starts when the pipe to it is
 * full for the first time: a small layer needs none. */
struct ingest {
    struct store *store; /* borrowed, as the lease */
    struct lease *lease;
    struct digest want_blob, want_diff_id; /* DIGEST_NONE: not known */
    uint64_t want_size;
    char *media_type;
    bool remember_blob;
    int (*mark)(void *arg, uint64_t at, const struct digest *digest, struct imgc_err *reterr);
    void *mark_arg;
    uint64_t mark_bytes;

    /* The caller's thread. */
    struct digest_hasher *blob_hash; /* NULL: nobody asks for that digest */
    struct codec *codec;
    uint64_t bytes_in, bytes_out;
    bool is_damaged; /* the codec gave up, as @damage says */
    struct imgc_err damage;

    struct pipe *tar; /* from stage 2 to stage 3 */
    pthread_t thread;
    bool has_thread;

    /* The other one, until it is joined. */
    struct digest_hasher *tar_hash;  /* sha256: the name that the layer is stored under */
    struct digest_hasher *diff_hash; /* of want_diff_id's kind, where that is another; or NULL */
    struct tar_end end;
    struct layer_writer *writer;
    int tar_result;
    struct imgc_err tar_err; /* tar_result is negative */
};

/* Stage 4: the tar goes into the store. */
static int store_tar(struct ingest *in, const void *ptr, size_t len, struct imgc_err *reterr)
{
    return layer_writer_write(in->writer, ptr, len, reterr);
}

/* Stage 3: hash of the tar, to its last byte: padding behind the end-of-archive counts too. */
static int hash_tar(struct ingest *in, const void *ptr, size_t len, struct imgc_err *reterr)
{
    int r = digest_hasher_update(in->tar_hash, ptr, len, reterr);

    if (r == 0 && in->diff_hash) {
        r = digest_hasher_update(in->diff_hash, ptr, len, reterr);
    }
    if (r == 0) {
        r = tar_end_feed(&in->end, ptr, len, reterr);
    }
    return r < 0 ? r : store_tar(in, ptr, len, reterr);
}

/* Stages 3 and 4 until the pipe is empty and ended, or aborted. */
static int take_tar(struct ingest *in, struct imgc_err *reterr)
{
    const void *ptr;
    size_t len;
    int r = 0;

    while (r == 0 && pipe_take(in->tar, &ptr, &len) == PIPE_BYTES) {
        r = hash_tar(in, ptr, len, reterr);
        (void)pipe_release(in->tar, len);
    }
    pipe_close(in->tar);
    return r;
}

static void *thread_main(void *arg)
{
    struct ingest *in = arg;

    in->tar_result = take_tar(in, &in->tar_err);
    return NULL;
}

/* Signals are for the main thread: its system calls are the ones to interrupt. */
static int start_thread(struct ingest *in, struct imgc_err *reterr)
{
    sigset_t all, old;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int errnum = pthread_create(&in->thread, NULL, thread_main, in);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (errnum != 0) {
        return imgc_fail_sys(reterr, errnum, "start a thread");
    }
    in->has_thread = true;
    return 0;
}

/* What became of stages 3 and 4; the pipe has been ended, aborted or closed. */
static int join_tar(struct ingest *in, struct imgc_err *reterr)
{
    if (in->has_thread) {
        (void)pthread_join(in->thread, NULL);
        in->has_thread = false;
    }
    if (in->tar_result < 0) {
        *reterr = in->tar_err;
    }
    return in->tar_result;
}

/* From stage 2 to stage 3. */
static int pass_tar(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    struct ingest *in = arg;

    if (!in->has_thread && !pipe_has_room(in->tar, len)) {
        int r = start_thread(in, reterr);
        if (r < 0) {
            return r;
        }
    }
    in->bytes_out += len;
    return pipe_put(in->tar, ptr, len) ? 0 : join_tar(in, reterr);
}

/* All of the tar is in the pipe. */
static int finish_tar(struct ingest *in, struct imgc_err *reterr)
{
    pipe_end(in->tar);
    if (!in->has_thread) {
        return take_tar(in, reterr);
    }
    return join_tar(in, reterr);
}

/* Stage 2: inflate; pass_tar() is its output. A stream that cannot be inflated is hashed to its end
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

static int tell_mark(struct ingest *in, struct imgc_err *reterr)
{
    struct digest digest;
    int r = digest_hasher_peek(in->blob_hash, &digest, reterr);

    return r < 0 ? r : in->mark(in->mark_arg, in->bytes_in, &digest, reterr);
}

/* Stage 1: size and hash of the bytes as they came. */
static int hash_blob(struct ingest *in, const void *ptr, size_t len, struct imgc_err *reterr)
{
    if (len > UINT64_MAX - in->bytes_in || in->bytes_in + len > in->want_size) {
        return imgc_fail(reterr, IMGC_E_DIGEST, "more than the %llu bytes that were announced",
                         (unsigned long long)in->want_size);
    }
    in->bytes_in += len;
    int r = in->blob_hash ? digest_hasher_update(in->blob_hash, ptr, len, reterr) : 0;
    if (r == 0 && in->mark && in->bytes_in % in->mark_bytes == 0) {
        r = tell_mark(in, reterr);
    }
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
    in->mark = args->blob ? args->mark : NULL;
    in->mark_arg = args->mark_arg;
    in->mark_bytes = args->mark_bytes;
    return args->media_type ? imgc_str_dup(imgc_str_of(args->media_type), &in->media_type, reterr)
                            : 0;
}

static int new_hashers(struct ingest *in, struct imgc_err *reterr)
{
    enum digest_alg blob_alg = digest_is_set(&in->want_blob) ? in->want_blob.alg : DIGEST_SHA256;
    int r = digest_hasher_new(DIGEST_SHA256, &in->tar_hash, reterr);

    if (r == 0 && (digest_is_set(&in->want_blob) || in->remember_blob)) {
        r = digest_hasher_new(blob_alg, &in->blob_hash, reterr);
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
        r = codec_new(pass_tar, in, &in->codec, reterr);
    }
    if (r == 0) {
        r = pipe_new(PIPE_BYTES_EACH, &in->tar, reterr);
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
    const char *from = ptr;
    int r = 0;

    while (r == 0 && len > 0) {
        size_t n = len;
        if (in->mark && in->mark_bytes - in->bytes_in % in->mark_bytes < n) {
            n = (size_t)(in->mark_bytes - in->bytes_in % in->mark_bytes);
        }
        r = hash_blob(in, from, n, reterr);
        from += n;
        len -= n;
    }
    return r;
}

/* @ret stays as it is where nobody asks for the digest. */
static int check_blob(struct ingest *in, struct digest *ret, struct imgc_err *reterr)
{
    if (in->want_size != UINT64_MAX && in->bytes_in != in->want_size) {
        return imgc_fail(reterr, IMGC_E_DIGEST, "%llu bytes instead of the %llu announced",
                         (unsigned long long)in->bytes_in, (unsigned long long)in->want_size);
    }
    int r = in->blob_hash ? digest_hasher_final(in->blob_hash, ret, reterr) : 0;
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
    struct digest blob = { .alg = DIGEST_NONE };
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
        r = finish_tar(in, reterr);
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
    if (in->has_thread) {
        struct imgc_err ignored;
        pipe_abort(in->tar);
        (void)!join_tar(in, &ignored);
    }
    (void)pipe_free(in->tar);
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
