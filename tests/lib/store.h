/* SPDX-License-Identifier: Apache-2.0 */
/* A store in its own temporary directory, and content to put into it. Include after unit.h. */
#ifndef IMGC_TESTS_LIB_STORE_H
#define IMGC_TESTS_LIB_STORE_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/ref.h"
#include "store/blob.h"
#include "store/image.h"
#include "store/layer.h"
#include "store/lease.h"
#include "store/store.h"

struct test_store {
    char dir[64];  /* mkdtemp() */
    char root[80]; /* the store, below it */
    struct store *s;
    struct lease *lease;
    struct imgc_err err;
};

static inline int test_store_unlink(const char *path, const struct stat *st, int type,
                                    struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int test_store_open(struct test_store *t)
{
    struct store_args args = { .root = t->root, .runroot = NULL };
    return store_open(&args, &t->s, &t->err);
}

/* The default place is the build's: /tmp may be a tmpfs, where nothing costs disk blocks. */
static inline void test_store_dir(struct test_store *t)
{
    *t = (struct test_store){ .s = NULL };
    (void)snprintf(t->dir, sizeof t->dir, "./store-test-XXXXXX");
    if (!mkdtemp(t->dir)) {
        (void)snprintf(t->dir, sizeof t->dir, "/tmp/store-test-XXXXXX");
        assert_non_null(mkdtemp(t->dir));
    }
    (void)snprintf(t->root, sizeof t->root, "%s/root", t->dir);
}

static inline int test_store_setup(void **state)
{
    struct test_store *t = malloc(sizeof *t);
    assert_non_null(t);
    test_store_dir(t);
    assert_ok(test_store_open(t), t->err);
    assert_ok(lease_begin(t->s, &t->lease, &t->err), t->err);
    *state = t;
    return 0;
}

static inline void test_store_remove(struct test_store *t)
{
    t->lease = lease_end(t->lease);
    t->s = store_close(t->s);
    (void)nftw(t->dir, test_store_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int test_store_teardown(void **state)
{
    test_store_remove(*state);
    free(*state);
    return 0;
}

static inline struct digest test_digest(const void *ptr, size_t len)
{
    struct imgc_err err;
    struct digest d;
    assert_ok(digest_of(DIGEST_SHA256, ptr, len, &d, &err), err);
    return d;
}

static inline struct digest test_blob(struct test_store *t, const char *text)
{
    struct digest d = test_digest(text, strlen(text));
    assert_ok(blob_put(t->s, t->lease, &d, imgc_str_of(text), &t->err), t->err);
    return d;
}

/* A layer of @len bytes made from @seed (no tar: the store does not look inside). */
static inline struct digest test_layer(struct test_store *t, char seed, size_t len)
{
    char *bytes = malloc(len + 1);
    assert_non_null(bytes);
    memset(bytes, seed, len);
    struct digest d = test_digest(bytes, len);
    struct layer_writer *w = NULL;
    assert_ok(layer_writer_new(t->s, t->lease, &w, &t->err), t->err);
    assert_ok(layer_writer_write(w, bytes, len, &t->err), t->err);
    struct layer_commit c = { .diff_id = &d };
    assert_ok(layer_writer_commit(w, &c, &t->err), t->err);
    layer_writer_free(w);
    free(bytes);
    return d;
}

/* An image of the given layers; its "config" is @config, and its only other blob. @name may be
 * NULL. Returns its ID. */
static inline struct digest test_image(struct test_store *t, const char *config, const char *name,
                                       const struct digest *diff_ids, size_t n)
{
    struct digest blobs[1] = { test_blob(t, config) };
    struct ref ref = REF_INIT;
    if (name) {
        assert_ok(ref_parse(imgc_str_of(name), &ref, &t->err), t->err);
    }
    struct image_add add = { .id = blobs[0],
                             .manifest = blobs[0],
                             .top = blobs[0],
                             .blobs = blobs,
                             .n_blobs = 1,
                             .diff_ids = diff_ids,
                             .n_diff_ids = n,
                             .platform = { "linux", "amd64", "" },
                             .created_ns = 1,
                             .ref = name ? &ref : NULL };
    int r = image_add(t->s, t->lease, &add, &t->err);
    if (r < 0) {
        fail_msg("image_add: %s", t->err.msg);
    }
    ref_done(&ref);
    return blobs[0];
}

/* How many entries a directory under the root has. */
static inline size_t test_count(struct test_store *t, const char *path)
{
    char full[256];
    size_t n = 0;
    (void)snprintf(full, sizeof full, "%s/%s", t->root, path);
    DIR *d = opendir(full);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        n += e->d_name[0] != '.';
    }
    if (d) {
        (void)closedir(d);
    }
    return n;
}

#endif
