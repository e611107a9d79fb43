/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/entry_list.h"

#include "tests/lib/unit.h"

#include <sys/stat.h>

#include "layers/ingest.h"
#include "layers/rootfs_stack.h"
#include "schema/base/fd.h"
#include "schema/limits.h"
#include "store/paths.h"
#include "tests/lib/layer_gen.h"
#include "tests/lib/layer_tar.h"
#include "tests/lib/layer_text.h"
#include "tests/lib/list_tar.h"
#include "tests/lib/store.h"

#define TAR_BYTES (1u << 20)

/* Entries that are given one after another. */
struct given {
    struct source source; /* first: a source is one of these */
    const struct entry *entries;
    size_t n, at;
};

static char *dup_or_null(const char *z)
{
    return z ? strdup(z) : NULL;
}

static void copy_entry(const struct entry *from, struct entry *to)
{
    struct imgc_err err;

    *to = *from;
    to->path = dup_or_null(from->path);
    to->target = dup_or_null(from->target);
    to->extents = NULL;
    to->xattrs = NULL;
    to->n_extents = to->n_xattrs = 0;
    for (size_t i = 0; i < from->n_extents; i++) {
        assert_ok(entry_add_extent(to, &from->extents[i], &err), err);
    }
    for (size_t i = 0; i < from->n_xattrs; i++) {
        const struct xattr *x = &from->xattrs[i];
        assert_ok(entry_add_xattr(to, x->name, x->value, x->len, &err), err);
    }
    entry_sort_xattrs(to);
}

static int given_next(struct source *src, struct entry *ret, struct imgc_err *reterr)
{
    struct given *g = (struct given *)src;

    (void)reterr;
    if (g->at == g->n) {
        return SOURCE_END;
    }
    copy_entry(&g->entries[g->at++], ret);
    return 0;
}

/* Write them, read them, compare. @return the list's fd. */
static int round_trip(const struct entry *entries, size_t n)
{
    struct given g = { .source = { given_next }, .entries = entries, .n = n };
    imgc_auto(entry_list_freep) struct entry_list *l = NULL;
    struct imgc_err err;
    int fd = layer_tar_memfd("", 0);

    assert_ok(entry_list_write(&g.source, TAR_BYTES, fd, &err), err);
    assert_ok(entry_list_open(fd, TAR_BYTES, &l, &err), err);
    for (size_t i = 0; i <= n; i++) {
        entry_auto struct entry e = ENTRY_INIT;
        entry_auto struct entry want = ENTRY_INIT;
        int r = entry_list_entries(l)->next(entry_list_entries(l), &e, &err);
        if (i == n) {
            assert_int_equal(r, SOURCE_END);
            break;
        }
        assert_ok(r, err);
        copy_entry(&entries[i], &want);
        list_tar_same(&e, &want);
    }
    return fd;
}

/* Every kind, and every number at its end. */
static void keeps_every_attribute(void **state)
{
    static char big[LIMIT_XATTR_BYTES];
    struct extent runs[] = { { 0, 512, 1 }, { 1, 514, 1 }, { 9000, 2048, 512 } };
    struct xattr xattrs[] = { { (char[]){ "security.capability" }, (char[]){ "\0\1\2" }, 3 },
                              { (char[]){ "trusted.\xff" }, (char[]){ "" }, 0 },
                              { (char[]){ "user.big" }, big, sizeof big } };
    char path[LIMIT_PATH_BYTES + 1];
    (void)state;

    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < LIMIT_PATH_BYTES; i++) {
        path[i] = i % 200 == 199 && i != LIMIT_PATH_BYTES - 1 ? '/' : 'p';
    }
    path[LIMIT_PATH_BYTES] = '\0';
    const struct entry entries[] = {
        { .path = (char[]){ "" }, .type = ENTRY_DIR, .mode = 07777, .mtime_s = INT64_MIN },
        { .path = (char[]){ "a" }, .type = ENTRY_FILE, .mtime_s = INT64_MAX, .size = INT64_MAX },
        { .path = (char[]){ "a/b" },
          .type = ENTRY_FILE,
          .uid = UINT32_MAX - 1,
          .gid = UINT32_MAX - 1,
          .mtime_s = -1,
          .mtime_ns = 999999999,
          .size = 10000,
          .extents = runs,
          .n_extents = 3,
          .xattrs = xattrs,
          .n_xattrs = 3 },
        { .path = (char[]){ "a/bc\xff\n" },
          .type = ENTRY_SYMLINK,
          .target = (char[]){ "../\x01" } },
        { .path = path, .type = ENTRY_SYMLINK, .target = path },
        { .path = path, .type = ENTRY_HARDLINK, .target = (char[]){ "" } },
        { .path = (char[]){ "a" }, .type = ENTRY_HARDLINK, .target = (char[]){ "a/b" } },
        { .path = (char[]){ "ax" },
          .type = ENTRY_CHAR,
          .major = ENTRY_MAJOR_MAX,
          .minor = ENTRY_MINOR_MAX },
        { .path = (char[]){ ".wh.z" }, .type = ENTRY_BLOCK, .major = 1, .minor = 2 },
        { .path = (char[]){ "p" }, .type = ENTRY_FIFO, .mtime_ns = 1 },
    };
    (void)close(round_trip(entries, sizeof entries / sizeof *entries));
    (void)close(round_trip(NULL, 0));
}

static void keeps_a_sparse_map_of_many_runs(void **state)
{
    enum { RUNS = 100000 };
    struct extent *runs = calloc(RUNS, sizeof *runs);
    (void)state;

    assert_non_null(runs);
    for (uint64_t i = 0; i < RUNS; i++) {
        runs[i] = (struct extent){ .file_offset = i * 4096, .source_offset = i, .len = 1 };
    }
    const struct entry e = { .path = (char[]){ "sparse" },
                             .type = ENTRY_FILE,
                             .size = (uint64_t)RUNS * 4096,
                             .extents = runs,
                             .n_extents = RUNS };
    (void)close(round_trip(&e, 1));
    free(runs);
}

static void keeps_random_layers(void **state)
{
    uint64_t seed = 20240607;
    (void)state;

    for (size_t i = 0; i < 300; i++) {
        struct layer_gen gen;
        struct entry entries[LAYER_GEN_ENTRIES];
        struct xattr xattrs[LAYER_GEN_ENTRIES];
        layer_gen_make(&gen, &seed);
        for (size_t k = 0; k < gen.n; k++) {
            struct layer_gen_entry *g = &gen.entries[k];
            xattrs[k] = (struct xattr){ g->xattr, g->value, g->value_len };
            bool is_link = g->type == ENTRY_HARDLINK;
            entries[k] = (struct entry){ .path = g->path,
                                         .type = g->type,
                                         .mode = is_link ? 0 : g->mode,
                                         .uid = is_link ? 0 : g->uid,
                                         .gid = is_link ? 0 : g->gid,
                                         .mtime_s = is_link ? 0 : g->mtime_s,
                                         .mtime_ns = is_link ? 0 : g->mtime_ns,
                                         .size = g->size,
                                         .target = g->target[0] ? g->target : NULL,
                                         .extents = g->extents,
                                         .n_extents = g->n_extents,
                                         .xattrs = &xattrs[k],
                                         .n_xattrs = g->xattr[0] && !is_link };
        }
        (void)close(round_trip(entries, gen.n));
    }
}

static int a_list(void)
{
    const struct entry entries[] = {
        { .path = (char[]){ "dir" }, .type = ENTRY_DIR, .mode = 0755 },
        { .path = (char[]){ "dir/link" }, .type = ENTRY_SYMLINK, .target = (char[]){ "x" } },
    };
    return round_trip(entries, 2);
}

/* Every bit of it: a list that differs anywhere from what was written is not used. */
static void does_not_use_a_damaged_list(void **state)
{
    imgc_autoclose int fd = a_list();
    struct imgc_err err;
    struct entry_list *l = NULL;
    struct stat st;
    (void)state;

    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_size > ENTRY_LIST_HEADER_BYTES);
    for (off_t i = 0; i < st.st_size * 8; i++) {
        unsigned char byte = 0;
        assert_int_equal(pread(fd, &byte, 1, i / 8), 1);
        byte ^= (unsigned char)(1u << (i % 8));
        assert_int_equal(pwrite(fd, &byte, 1, i / 8), 1);
        assert_int_equal(entry_list_open(fd, TAR_BYTES, &l, &err), ENTRY_LIST_STALE);
        byte ^= (unsigned char)(1u << (i % 8));
        assert_int_equal(pwrite(fd, &byte, 1, i / 8), 1);
    }
    assert_int_equal(entry_list_open(fd, TAR_BYTES + 1, &l, &err), ENTRY_LIST_STALE);
    for (off_t size = st.st_size; size-- > 0;) {
        assert_int_equal(ftruncate(fd, size), 0);
        assert_int_equal(entry_list_open(fd, TAR_BYTES, &l, &err), ENTRY_LIST_STALE);
    }
    assert_null(l);
}

/* A tar of one file, through ingest: "file" with @size bytes. */
static struct digest ingest(struct test_store *t, uint64_t size)
{
    static unsigned char tar[4096];
    const struct ingest_args args = { .blob_size = UINT64_MAX };
    struct layer_info info;
    ingest_auto struct ingest *in = NULL;

    memset(tar, 0, sizeof tar);
    layer_tar_header(tar, "file", '0', size);
    assert_ok(ingest_new(t->s, t->lease, &args, &in, &t->err), t->err);
    assert_ok(ingest_write(in, tar, sizeof tar, &t->err), t->err);
    assert_ok(ingest_finish(in, &info, &t->err), t->err);
    return info.diff_id;
}

static void list_path(struct test_store *t, const struct digest *diff_id, char out[600])
{
    char path[PATHS_MAX];
    (void)snprintf(out, 600, "%s/%s", t->root, paths_layer_entries(diff_id, path));
}

static ino_t inode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* The size of "file" in the tree of the one layer. */
static uint64_t file_size(struct test_store *t, const struct digest *diff_id, bool renew,
                          bool tars_only)
{
    rootfs_stack_auto struct rootfs_stack stack = { .lease = renew ? t->lease : NULL,
                                                    .tars_only = tars_only };

    assert_ok(rootfs_stack_open(t->s, diff_id, 1, &stack, &t->err), t->err);
    assert_ok(rootfs_stack_apply(&stack, &t->err), t->err);
    const struct tree_dentry *d = tree_find(tree_root(stack.tree), IMGC_STR("file"));
    assert_non_null(d);
    return d->inode->size;
}

static void is_used_but_not_by_who_verifies(void **state)
{
    struct test_store *t = *state;
    struct digest diff_id = ingest(t, 512);
    char path[600];

    /* a list that says something else, which only a test can make */
    const struct entry lie = { .path = (char[]){ "file" }, .type = ENTRY_FILE, .size = 77 };
    struct given g = { .source = { given_next }, .entries = &lie, .n = 1 };
    list_path(t, &diff_id, path);
    assert_true(inode_of(path) != 0);
    assert_int_equal(file_size(t, &diff_id, false, false), 512);
    imgc_autoclose int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
    assert_ok(entry_list_write(&g.source, 4096, fd, &t->err), t->err);
    assert_int_equal(file_size(t, &diff_id, false, false), 77);
    assert_int_equal(file_size(t, &diff_id, true, true), 512);
}

static void is_made_again_where_it_is_lost(void **state)
{
    struct test_store *t = *state;
    struct digest diff_id = ingest(t, 1024);
    struct layer_info before, after;
    char path[600];

    list_path(t, &diff_id, path);
    assert_ok(layer_find(t->s, NULL, &diff_id, &before, &t->err), t->err);

    /* damaged: read past; made again only by who has a lease */
    ino_t damaged = inode_of(path);
    imgc_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "?", 1, ENTRY_LIST_HEADER_BYTES), 1);
    assert_int_equal(file_size(t, &diff_id, false, false), 1024);
    assert_int_equal(inode_of(path), damaged);
    assert_int_equal(file_size(t, &diff_id, true, false), 1024);
    assert_true(inode_of(path) != damaged);
    ino_t made = inode_of(path);
    assert_int_equal(file_size(t, &diff_id, true, false), 1024);
    assert_int_equal(inode_of(path), made);
    assert_ok(layer_find(t->s, NULL, &diff_id, &after, &t->err), t->err);
    assert_int_equal(after.disk_bytes, before.disk_bytes);

    /* of an older imgc: there is none, and it was not counted */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(file_size(t, &diff_id, false, false), 1024);
    assert_int_equal(inode_of(path), 0);
    assert_int_equal(file_size(t, &diff_id, true, false), 1024);
    assert_true(inode_of(path) != 0);
    assert_ok(layer_find(t->s, NULL, &diff_id, &after, &t->err), t->err);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(after.disk_bytes, before.disk_bytes + (uint64_t)st.st_blocks * 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_every_attribute),
        cmocka_unit_test(keeps_a_sparse_map_of_many_runs),
        cmocka_unit_test(keeps_random_layers),
        cmocka_unit_test(does_not_use_a_damaged_list),
        cmocka_unit_test_setup_teardown(is_used_but_not_by_who_verifies, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test_setup_teardown(is_made_again_where_it_is_lost, test_store_setup,
                                        test_store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
