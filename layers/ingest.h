/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer on its way into the store, in one pass and bounded memory: bytes as they arrive ->
 * digest of them -> codec -> digest of the tar (DiffID) -> the store's layer writer. Whoever has
 * the bytes (registry, archive, import) feeds them here. The second half runs in a thread of its
 * own, behind a pipe of 512 KiB; a codec has 256 KiB of output and what its format needs (gzip
 * 90 KiB, zstd the window that the frame asks for).
 */
#ifndef IMGC_LAYERS_INGEST_H
#define IMGC_LAYERS_INGEST_H

#include "layers/codec.h"
#include "schema/base/cleanup.h"
#include "store/layer.h"

struct ingest_args {
    const struct digest *blob;    /* expected digest of the bytes fed; NULL: not known, and not
                                   * worked out either unless it is to be remembered */
    uint64_t blob_size;           /* expected bytes; UINT64_MAX: not known */
    const struct digest *diff_id; /* expected DiffID; NULL: whatever comes out */
    const char *media_type;       /* remembered for the blob; may be NULL */
    bool remember_blob;           /* keep "this blob is this layer" in the index */
    /* Called for each @mark_bytes that were fed, with the digest of all bytes before; NULL: nobody
     * asks. A negative result ends the ingest. */
    int (*mark)(void *arg, uint64_t at, const struct digest *digest, struct imgc_err *reterr);
    void *mark_arg;
    uint64_t mark_bytes;
};

struct ingest;

/** @args is copied. Not for two threads at once; different ingests may run in
 * different threads. */
IMGC_CHECK int ingest_new(struct store *s, struct lease *lease, const struct ingest_args *args,
                          struct ingest **ret, struct imgc_err *reterr);
IMGC_CHECK int ingest_write(struct ingest *in, const void *ptr, size_t len,
                            struct imgc_err *reterr);

/**
 * End of input: check sizes and digests, check that the tar can be read to its end, publish.
 * @ret  the layer as stored; success only.
 * @return 0; -DIGEST; -LAYER (no tar, cut short, damaged); -NOSPACE; -SYS.
 */
IMGC_CHECK int ingest_finish(struct ingest *in, struct layer_info *ret, struct imgc_err *reterr);

/** Drop what is not finished. Accepts NULL; returns NULL. */
struct ingest *ingest_free(struct ingest *in);
void ingest_freep(struct ingest **in);
#define ingest_auto imgc_auto(ingest_freep)

/** Bytes fed and bytes of tar so far. */
uint64_t ingest_bytes_in(const struct ingest *in);
uint64_t ingest_bytes_out(const struct ingest *in);

#endif
