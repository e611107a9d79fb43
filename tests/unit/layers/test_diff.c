/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/diff.h"

#include "tests/lib/unit.h"

#include "schema/base/fd.h"
#include "tests/lib/layer_tar.h"
#include "tests/lib/layer_text.h"

/* "KIND /path" and, for what changed, its aspects as letters in the order of the bits. */
static void write_changes(const struct diff *d, struct imgc_buf *b)
{
    static const char letters[] = "btmouscldxk";

    for (size_t i = 0; i < d->n; i++) {
        const struct diff_change *c = &d->changes[i];
        struct imgc_err err;
        imgc_autofree char *path = NULL;
        assert_int_equal(c->from == NULL, c->kind == DIFF_ADDED);
        assert_int_equal(c->to == NULL, c->kind == DIFF_DELETED);
        assert_ok(tree_path(c->to ? c->to : c->from, &path, &err), err);
        imgc_buf_printf(b, "%s%c%s%s", i ? " " : "", "ACD"[c->kind], path, c -> what ? ":" : "");
        for (size_t k = 0; k < sizeof letters - 1; k++) {
            if (c->what & (1u << k)) {
                imgc_buf_putc(b, letters[k]);
            }
        }
    }
}

static struct tree *tree_of(const char *text)
{
    struct tree *t = NULL;
    struct imgc_err err;

    assert_ok(tree_new(&t, &err), err);
    assert_ok(layer_text_apply(t, text, &err), err);
    return t;
}

static void expect(const struct diff_side *a, const struct diff_side *b, const char *want)
{
    diff_auto struct diff d = DIFF_INIT;
    imgc_autobuf struct imgc_buf got = IMGC_BUF_INIT(64u << 10);
    struct imgc_err err;

    assert_ok(diff_trees(a, b, &d, &err), err);
    imgc_buf_puts(&got, "");
    write_changes(&d, &got);
    assert_string_equal(got.ptr, want);
}

static void tells_names_types_and_attributes(void **state)
{
    static const struct {
        const char *from, *to, *want;
    } cases[] = {
        { "", "", "" },
        { "f a\n", "f a\n", "" },
        { "", "f a\n", "Aa" },
        { "f a\n", "", "Da" },
        /* in the order of bytes, a directory with what is in it before "a-" */
        { "", "f a/b\nf a-\nf B\n", "AB Aa Aa/b Aa-" },
        { "d a\nf a/b\nf a/c\n", "d a\nf a/b\n", "Ca:b Da/c" },
        { "d a\nf a/b/c\n", "", "Da" },
        { "d a\n", "d a 0700\n", "Ca:m" },
        { "d a\nf a/b\n", "d a 0700\n", "Ca:bm Da/b" },
        { "d .\n", "d . 0700\n", "C:m" },
        { "l a x\n", "l a y\n", "Ca:l" },
        { "c a 1 3\n", "c a 1 5\n", "Ca:d" },
        /* another type; the children of a directory that is gone are not told, those of a new
         * one are */
        { "f a\n", "l a x\n", "Ca:t" },
        { "d a\nf a/b\n", "f a\n", "Ca:t" },
        { "f a\n", "d a\nf a/b\n", "Ca:bt Aa/b" },
        /* hard links */
        { "f a\nh b a\n", "f a\nh b a\n", "" },
        { "f a\nh b a\n", "f a\nf b\n", "Cb:k" },
        { "f a\nf b\n", "f a\nh b a\n", "Cb:k" },
        { "f a\nh b a\nf c\nh d c\n", "f a\nh d a\nf c\nh b c\n", "Cb:k Cd:k" },
        { "f a\nh b a\n", "f a\n", "Db" },
        { "f a\n", "f a\nh b a\n", "Ab" },
        { "f a\nh b a\nh c a\n", "f b\nh c b\n", "Da" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tree_auto struct tree *from = tree_of(cases[i].from);
        tree_auto struct tree *to = tree_of(cases[i].to);
        const struct digest ids[] = { { .alg = DIGEST_SHA256 } };
        const struct diff_side a = { .tree = from, .diff_ids = ids };
        const struct diff_side b = { .tree = to, .diff_ids = ids };
        expect(&a, &b, cases[i].want);
    }
}

/* A tree of one file "f" of @size bytes with these runs. */
struct one_file {
    struct source source; /* first */
    uint64_t size;
    const struct extent *extents;
    size_t n;
    bool is_over;
};

static int one_file_next(struct source *src, struct entry *ret, struct imgc_err *reterr)
{
    struct one_file *f = (struct one_file *)src;

    if (f->is_over) {
        return SOURCE_END;
    }
    f->is_over = true;
    *ret = (struct entry){ .path = strdup("f"), .type = ENTRY_FILE, .size = f->size };
    for (size_t i = 0; i < f->n; i++) {
        assert_ok(entry_add_extent(ret, &f->extents[i], reterr), *reterr);
    }
    return 0;
}

static struct tree *file_of(uint64_t size, const struct extent *extents, size_t n)
{
    struct one_file f = { .source = { one_file_next }, .size = size, .extents = extents, .n = n };
    struct tree *t = NULL;
    struct imgc_err err;

    assert_ok(tree_new(&t, &err), err);
    assert_ok(tree_apply(t, &f.source, &err), err);
    return t;
}

#define BIG (300u << 10) /* several chunks */

/* The layers' data: zeros, but for what @at says. */
static int data_of(size_t at, char byte)
{
    char *bytes = calloc(1, BIG);

    assert_non_null(bytes);
    bytes[at] = byte;
    int fd = layer_tar_memfd(bytes, BIG);
    free(bytes);
    return fd;
}

static void compares_contents(void **state)
{
    static const struct extent whole[] = { { 0, 0, BIG } };
    static const struct extent split[] = { { 0, 0, 100 }, { 200, 200, BIG - 200 } };
    static const struct extent moved[] = { { 0, 1, BIG - 1 } };
    static const struct extent last[] = { { BIG - 1, BIG - 1, 1 } };
    const struct {
        uint64_t size[2];
        const struct extent *extents[2];
        size_t n[2];
        size_t at[2]; /* the byte that is not zero */
        const char *want;
    } cases[] = {
        { { BIG, BIG }, { whole, whole }, { 1, 1 }, { 9, 9 }, "" },
        { { BIG, BIG }, { whole, whole }, { 1, 1 }, { 9, 8 }, "Cf:c" },
        { { BIG, BIG }, { whole, whole }, { 1, 1 }, { BIG - 1, 8 }, "Cf:c" },
        { { BIG, BIG }, { whole, split }, { 1, 2 }, { 9, 9 }, "" },
        { { BIG, BIG }, { split, whole }, { 2, 1 }, { 299, 299 }, "" },
        { { BIG, BIG }, { whole, split }, { 1, 2 }, { 150, 150 }, "Cf:c" }, /* in the hole */
        { { BIG, BIG }, { split, split }, { 2, 2 }, { 150, 160 }, "" },
        { { BIG, BIG }, { whole, last }, { 1, 1 }, { BIG - 1, BIG - 1 }, "" },
        { { BIG, BIG }, { last, whole }, { 1, 1 }, { BIG - 1, 0 }, "Cf:c" },
        { { BIG, BIG }, { whole, NULL }, { 1, 0 }, { 5, 5 }, "Cf:c" },
        { { BIG, BIG }, { NULL, NULL }, { 0, 0 }, { 5, 6 }, "" },
        { { BIG - 1, BIG - 1 }, { moved, moved }, { 1, 1 }, { 0, 0 }, "" },
        { { BIG, BIG - 1 }, { whole, moved }, { 1, 1 }, { 9, 9 }, "Cf:s" },
    };
    const struct digest ids[2] = { { .alg = DIGEST_SHA256, .bytes = { 1 } },
                                   { .alg = DIGEST_SHA256, .bytes = { 2 } } };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tree_auto struct tree *from = file_of(cases[i].size[0], cases[i].extents[0], cases[i].n[0]);
        tree_auto struct tree *to = file_of(cases[i].size[1], cases[i].extents[1], cases[i].n[1]);
        imgc_autoclose int from_fd = data_of(cases[i].at[0], 'x');
        imgc_autoclose int to_fd = data_of(cases[i].at[1], 'x');
        struct tar_data data[] = { TAR_DATA_FD(from_fd), TAR_DATA_FD(to_fd) };
        const struct diff_side a = { .tree = from, .layers = &data[0], .diff_ids = &ids[0] };
        const struct diff_side b = { .tree = to, .layers = &data[1], .diff_ids = &ids[1] };
        print_message("  case %zu\n", i);
        expect(&a, &b, cases[i].want);
    }
}

/* Without a file to read from: equal where layer and runs are, else reading it fails. */
static void reads_nothing_of_the_same_layer(void **state)
{
    static const struct extent whole[] = { { 0, 512, 100 } };
    static const struct extent other[] = { { 0, 1024, 100 } };
    tree_auto struct tree *from = file_of(100, whole, 1);
    tree_auto struct tree *same = file_of(100, whole, 1);
    tree_auto struct tree *moved = file_of(100, other, 1);
    struct tar_data none = TAR_DATA_FD(-1);
    const struct digest ids[2] = { { .alg = DIGEST_SHA256, .bytes = { 1 } },
                                   { .alg = DIGEST_SHA256, .bytes = { 2 } } };
    const struct diff_side a = { .tree = from, .layers = &none, .diff_ids = &ids[0] };
    struct diff_side b = { .tree = same, .layers = &none, .diff_ids = &ids[0] };
    diff_auto struct diff d = DIFF_INIT;
    struct imgc_err err;
    (void)state;

    expect(&a, &b, "");
    b.diff_ids = &ids[1];
    assert_err(diff_trees(&a, &b, &d, &err), IMGC_E_SYS);
    diff_done(&d);
    b.diff_ids = &ids[0];
    b.tree = moved;
    assert_err(diff_trees(&a, &b, &d, &err), IMGC_E_SYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_names_types_and_attributes),
        cmocka_unit_test(compares_contents),
        cmocka_unit_test(reads_nothing_of_the_same_layer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
