/* SPDX-License-Identifier: Apache-2.0 */
/* Layers made of generated entries, in a store. Include after unit.h. */
#ifndef IMGC_TESTS_LIB_LAYER_STORE_H
#define IMGC_TESTS_LIB_LAYER_STORE_H

#include "layers/tar_sink.h"
#include "tests/lib/layer_gen.h"
#include "tests/lib/store.h"

struct layer_store_writer {
    struct layer_writer *writer;
    struct digest_hasher *hasher;
};

static inline int layer_store_write(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    struct layer_store_writer *w = arg;
    int r = digest_hasher_update(w->hasher, ptr, len, reterr);
    return r < 0 ? r : layer_writer_write(w->writer, ptr, len, reterr);
}

/* A layer in the store that is the tar of these entries. */
static inline struct digest layer_store_put(struct test_store *t, const struct layer_gen *layer,
                                            int data_fd)
{
    struct layer_store_writer w = { .writer = NULL };
    struct tar_data data = TAR_DATA_FD(data_fd);
    struct tar_sink *sink = NULL;
    struct layer_gen_source s = { .source = { layer_gen_next }, .layer = layer };
    struct digest diff_id;
    int r = 0;

    assert_ok(digest_hasher_new(DIGEST_SHA256, &w.hasher, &t->err), t->err);
    assert_ok(layer_writer_new(t->s, t->lease, &w.writer, &t->err), t->err);
    assert_ok(tar_sink_new(layer_store_write, &w, &sink, &t->err), t->err);
    while (r == 0) {
        entry_auto struct entry e = ENTRY_INIT;
        r = s.source.next(&s.source, &e, &t->err);
        if (r == 0) {
            assert_ok(tar_sink_add(sink, &e, &data, &t->err), t->err);
        }
    }
    assert_ok(tar_sink_finish(sink, &t->err), t->err);
    assert_ok(digest_hasher_final(w.hasher, &diff_id, &t->err), t->err);
    struct layer_commit commit = { .diff_id = &diff_id };
    assert_ok(layer_writer_commit(w.writer, &commit, &t->err), t->err);
    tar_sink_freep(&sink);
    layer_writer_freep(&w.writer);
    digest_hasher_freep(&w.hasher);
    return diff_id;
}

#endif
