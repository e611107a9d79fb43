/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tree.h"

#include "schema/limits.h"
#include "tests/lib/unit.h"

#include "tests/lib/layer_text.h"

/* Layers from the bottom, and the merged root with the ghosts of the last layer (layer_text.h). */
struct merge {
    const char *what;
    const char *layers[4];
    const char *root, *ghosts;
};

static const struct merge merges[] = {
    { "nothing", { "" }, "", "" },
    { "implied parents", { "f a/b/c" }, "a/ a/b/ a/b/c", "" },
    { "an entry gives an implied parent its attributes", { "f a/b\nd a 700" }, "a/700 a/b", "" },
    { "an existing parent keeps its attributes", { "d a 700", "f a/b" }, "a/700 a/b", "" },
    { "byte order", { "f b\nf a-\nf a\nf \xff\nf a/\nf aa" }, "a a- aa b \xff", "" },

    /* T1 */
    { "whiteout", { "f a\nf b", "f .wh.a" }, "b", "a" },
    { "whiteout before the entry", { "f a", "f .wh.a\nf a" }, "a", "a" },
    { "whiteout after the entry", { "f a", "f a\nf .wh.a" }, "a", "a" },
    { "whiteout of the same layer's entry", { "d d", "f d/a\nf d/.wh.a" }, "d/ d/a", "" },
    { "whiteout of a directory with this layer's entries, after them",
      { "d d 700\nf d/a\nd d/s 700\nf d/s/x", "f d/s/b\nf .wh.d" },
      "d/ d/s/ d/s/b",
      "d/700 d/a d/s/700 d/s/x" },
    { "the same, whiteout first",
      { "d d 700\nf d/a\nd d/s 700\nf d/s/x", "f .wh.d\nf d/s/b" },
      "d/ d/s/ d/s/b",
      "d/700 d/a d/s/700 d/s/x" },
    { "the same, with an entry for the directory",
      { "d d 700\nf d/a", "d d 711\nf d/b\nf .wh.d" },
      "d/711 d/b",
      "d/700 d/a" },
    { "the same, with nothing but the entry",
      { "d d 700\nf d/a", "d d 711\nf .wh.d" },
      "d/711",
      "d/700 d/a" },
    { "whiteouts inside and of the directory",
      { "f d/a\nf d/b", "f d/.wh.a\nf d/c\nf .wh.d" },
      "d/ d/c",
      "d/ d/a d/b" },
    { "whiteout of nothing", { "f a", "f .wh.b\nf c/.wh.d" }, "a", "" },
    { "whiteout below a file", { "f a", "f a/.wh.b" }, "a", "" },
    { "whiteout twice", { "f a", "f .wh.a\nf .wh.a" }, "", "a" },
    { "whiteouts are over with their layer", { "f a", "f .wh.a", "f b" }, "b", "" },
    { "a whiteout node of overlayfs", { "f a\nd d\nf d/x", "c a 0 0\nc d 0 0" }, "", "a d/ d/x" },
    { "a device is none", { "c a 1 3" }, "a%", "" },

    /* T2 */
    { "opaque", { "f d/a\nf d/s/b", "d d\nf d/.wh..wh..opq\nf d/c" }, "d/ d/c", "d/a d/s/ d/s/b" },
    { "opaque after", { "f d/a\nf d/c", "f d/c\nd d\nf d/.wh..wh..opq" }, "d/ d/c", "d/a d/c" },
    { "opaque without an entry keeps the attributes",
      { "d d 700\nf d/a", "f d/.wh..wh..opq" },
      "d/700",
      "d/a" },
    { "opaque root", { "f a\nd d", "f b\nf .wh..wh..opq" }, "b", "a d/" },
    { "opaque keeps this layer's files in lower directories",
      { "d d/s 700\nf d/s/x", "f d/s/y\nf d/.wh..wh..opq" },
      "d/ d/s/ d/s/y",
      "d/s/700 d/s/x" },
    { "opaque twice", { "f d/a", "f d/.wh..wh..opq\nf d/b\nf d/.wh..wh..opq" }, "d/ d/b", "d/a" },
    { "opaque in each of two layers",
      { "f d/a", "f d/.wh..wh..opq\nf d/b", "f d/c\nf d/.wh..wh..opq" },
      "d/ d/c",
      "d/b" },
    { "AUFS leftovers", { "f .wh..wh.aufs\nf .wh..wh.plnk/1.2\nd .wh..wh.orph\nf a" }, "a", "" },

    /* T5, T6 */
    { "a directory again is a new one",
      { "f d/a", "f .wh.d\nd d 700\nf d/b" },
      "d/700 d/b",
      "d/ d/a" },
    { "a directory over a directory", { "d d\nf d/a", "d d 700" }, "d/700 d/a", "" },
    { "a file over a directory", { "f d/a\nf d/s/b", "f d" }, "d", "d/ d/a d/s/ d/s/b" },
    { "a file over a directory of the same layer", { "f d/a\nf d" }, "d", "" },
    { "a file over a directory that this layer changed",
      { "d d 700\nf d/a\nf d/b", "d d 711\nf d/.wh.a\nf d/c\nf d" },
      "d",
      "d/700 d/a d/b" },
    { "a directory over a file", { "f d", "d d\nf d/a" }, "d/ d/a", "d" },
    { "a directory over a link to a directory",
      { "f etc/a\nl d etc", "d d\nf d/b" },
      "d/ d/b etc/ etc/a",
      "d@etc" },
    { "a file over a link does not write through it",
      { "f etc/a\nl l etc/a", "f l" },
      "etc/ etc/a l",
      "l@etc/a" },

    /* T7, T8, T9 */
    { "whiteout of one name", { "f a\nh b a\nh c a", "f .wh.b" }, "a*2 c*2", "b*2" },
    { "hard link", { "f a\nh d/b /a" }, "a*2 d/ d/b*2", "" },
    { "hard link before its target", { "h b a\nf a" }, "a*2 b*2", "" },
    { "hard link to a late hard link", { "h b a\nh c b\nf a" }, "a*3 b*3 c*3", "" },
    { "hard link to a lower file", { "f a", "h b a" }, "a*2 b*2", "" },
    { "hard link through a linked parent",
      { "f etc/a\nl e /etc\nh b e/a" },
      "b*2 e@/etc etc/ etc/a*2",
      "" },
    { "hard link to a link", { "l a nowhere\nh b a" }, "a@nowhere*2 b@nowhere*2", "" },
    { "hard link in the place of its target's directory", { "f d/a", "h d d/a" }, "d", "d/ d/a" },
    { "hard link to itself", { "f a\nh a a" }, "a", "" },
    { "replacing one name leaves the others", { "f a\nh b a", "f b" }, "a b", "b" },
    { "hard link goes up, but not out", { "f a\nh b ../../a" }, "a*2 b*2", "" },

    /* T12 */
    { "the last of two entries", { "f a\nl a b" }, "a@b", "" },

    /* T16, T17 */
    { "parent is a link",
      { "d run\nl var/run /run", "f var/run/a" },
      "run/ run/a var/ var/run@/run",
      "" },
    { "parent is a relative link",
      { "d usr/lib\nl lib usr/lib", "f lib/a/b" },
      "lib@usr/lib usr/ usr/lib/ usr/lib/a/ usr/lib/a/b",
      "" },
    { "parent is a link out",
      { "d etc\nl l ../../../etc", "f l/a" },
      "etc/ etc/a l@../../../etc",
      "" },
    { "parent is a link to nowhere", { "l l /x/y", "f l/a" }, "l@/x/y x/ x/y/ x/y/a", "" },
    { "links in links",
      { "l a b/c\nl b d\nd d\nl d/c ../e\nd e", "f a/x" },
      "a@b/c b@d d/ d/c@../e e/ e/x",
      "" },
    { "parent is a link through what is not there",
      { "l l no/../../etc", "f l/a" },
      "etc/ etc/a l@no/../../etc",
      "" },
    { "whiteout through a link", { "f etc/a\nl l /etc", "f l/.wh.a" }, "etc/ l@/etc", "etc/a" },
    { "opaque through a link", { "f etc/a\nl l etc", "f l/.wh..wh..opq" }, "etc/ etc/a l@etc", "" },
    { "whiteout node through a link", { "f etc/a\nl l etc", "c l/a 0 0" }, "etc/ l@etc", "etc/a" },
    { "a name like a whiteout in the middle",
      { "d etc", "f .wh.etc/a" },
      ".wh.etc/ .wh.etc/a etc/",
      "" },

    { "four layers",
      { "f a\nf b", "f .wh.a", "f a\nf .wh.b", "d b\nf b/.wh..wh..opq\nf b/a" },
      "a b/ b/a",
      "" },
};

static void merges_layers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof merges / sizeof *merges; i++) {
        const struct merge *m = &merges[i];
        struct imgc_err err;
        tree_auto struct tree *t = NULL;
        size_t n = 0;

        print_message("  %s\n", m->what);
        assert_ok(tree_new(&t, &err), err);
        for (; n < 4 && m->layers[n]; n++) {
            assert_ok(layer_text_apply(t, m->layers[n], &err), err);
        }
        layer_text_expect(t, m->root, m->ghosts);
        assert_int_equal(tree_layers(t), n);
        size_t words = m->root[0] != '\0';
        for (const char *s = m->root; *s; s++) {
            words += *s == ' ';
        }
        assert_int_equal(tree_entries(t), words);
    }
}

static const struct {
    const char *what;
    const char *layers[2];
    enum imgc_code code;
} refusals[] = {
    { "whiteout of nothing", { "f d/.wh." }, IMGC_E_LAYER },
    { "whiteout of the directory", { "f d/.wh.." }, IMGC_E_LAYER },
    { "whiteout of the parent", { "f d/.wh..." }, IMGC_E_LAYER },
    { "root is a link", { "l . etc" }, IMGC_E_LAYER },
    { "root is a file", { "f /" }, IMGC_E_LAYER },
    { "root is a hard link", { "f a\nh ./ a" }, IMGC_E_LAYER },
    { "'..' in a name", { "f a/../../b" }, IMGC_E_LAYER },
    { "parent is a file", { "f a", "f a/b" }, IMGC_E_LAYER },
    { "parent is a link to a file", { "f a\nl l a", "f l/b" }, IMGC_E_LAYER },
    { "links in a circle", { "l a b\nl b a\nf a/x" }, IMGC_E_LAYER },
    { "link to itself", { "l a a/b\nf a/x" }, IMGC_E_LAYER },
    { "hard link to nothing", { "h a b" }, IMGC_E_LAYER },
    { "hard link to itself", { "h a a" }, IMGC_E_LAYER },
    { "hard links in a circle", { "h a b\nh b a" }, IMGC_E_LAYER },
    { "hard link to a directory", { "d a\nh b a" }, IMGC_E_LAYER },
    { "hard link to the root", { "h a /" }, IMGC_E_LAYER },
    { "hard link to a whited out file", { "f a", "f .wh.a\nh b a" }, IMGC_E_LAYER },
};

static void refuses_hostile_layers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct imgc_err err;
        tree_auto struct tree *t = NULL;
        int r = 0;

        print_message("  %s\n", refusals[i].what);
        assert_ok(tree_new(&t, &err), err);
        for (size_t n = 0; r == 0 && n < 2 && refusals[i].layers[n]; n++) {
            r = layer_text_apply(t, refusals[i].layers[n], &err);
        }
        assert_int_equal(r, -(int)refusals[i].code);
    }
}

static void stamps_layers(void **state)
{
    struct imgc_err err;
    tree_auto struct tree *t = NULL;

    (void)state;
    assert_ok(tree_new(&t, &err), err);
    assert_ok(layer_text_apply(t, "d d\nf d/a\nf d/b\nd e", &err), err);
    assert_ok(layer_text_apply(t, "f d/b\nh d/c d/a\nd e 700", &err), err);
    static const struct {
        const char *path;
        uint32_t dentry, inode;
    } cases[] = { { "", 0, 0 },    { "d", 0, 0 },   { "d/a", 0, 0 },
                  { "d/b", 1, 1 }, { "d/c", 1, 0 }, { "e", 1, 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tree_dentry *d = tree_lookup(t, imgc_str_of(cases[i].path), false);
        assert_non_null(d);
        assert_int_equal(d->layer, cases[i].dentry);
        assert_int_equal(d->inode->layer, cases[i].inode);
    }
    const struct tree_inode *a = tree_lookup(t, IMGC_STR("d/a"), false)->inode;
    assert_ptr_equal(a->names, tree_lookup(t, IMGC_STR("d/a"), false));
    assert_ptr_equal(a->names->next_name, tree_lookup(t, IMGC_STR("d/c"), false));
    assert_null(a->names->next_name->next_name);
}

static void root_entry_sets_the_attributes_of_the_root(void **state)
{
    struct imgc_err err;
    tree_auto struct tree *t = NULL;

    (void)state;
    assert_ok(tree_new(&t, &err), err);
    assert_int_equal(tree_root(t)->inode->mode, 0755);
    assert_ok(layer_text_apply(t, "d ./ 700\nf a", &err), err);
    assert_int_equal(tree_root(t)->inode->mode, 0700);
    assert_ok(layer_text_apply(t, "d / 711", &err), err);
    assert_int_equal(tree_root(t)->inode->mode, 0711);
    assert_int_equal(tree_root(t)->layer, 1);
    layer_text_expect(t, "a", "");
    assert_int_equal(tree_entries(t), 1);
}

static void looks_up_inside_the_root(void **state)
{
    static const struct {
        const char *path;
        bool follow;
        const char *found; /* NULL: nothing */
    } cases[] = {
        { "", true, "" },
        { "/", true, "" },
        { "..", true, "" },
        { "l", false, "l" },
        { "l", true, "etc" },
        { "l/p", false, "etc/p" },
        { "/l/../etc//p", true, "etc/p" },
        { "out/p", true, "etc/p" },
        { "abs", true, "etc/p" },
        { "dead", true, NULL },
        { "dead", false, "dead" },
        { "loop", true, NULL },
        { "etc/p/x", true, NULL },
        { "nope/x", true, NULL },
    };
    struct imgc_err err;
    tree_auto struct tree *t = NULL;

    (void)state;
    assert_ok(tree_new(&t, &err), err);
    assert_ok(layer_text_apply(t,
                               "f etc/p\nl l etc\nl out ../../etc\nl abs /l/p\nl dead x/y\n"
                               "l loop loop",
                               &err),
              err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tree_dentry *d = tree_lookup(t, imgc_str_of(cases[i].path), cases[i].follow);
        if (!cases[i].found) {
            assert_null(d);
            continue;
        }
        assert_non_null(d);
        imgc_autofree char *path = NULL;
        assert_ok(tree_path(d, &path, &err), err);
        assert_string_equal(path, cases[i].found);
    }
}

/* n entries "f PREFIXi" in an order that is neither ascending nor descending. */
struct many {
    struct source source;
    const char *prefix;
    uint32_t n, i;
};

static int many_next(struct source *src, struct entry *ret, struct imgc_err *reterr)
{
    struct many *m = (struct many *)src;
    char path[64];

    if (m->i == m->n) {
        return SOURCE_END;
    }
    uint32_t k = (uint32_t)((uint64_t)m->i++ * 7919 % m->n);
    (void)snprintf(path, sizeof path, "d/%s%u", m->prefix, k);
    ret->type = ENTRY_FILE;
    return imgc_str_dup(imgc_str_of(path), &ret->path, reterr);
}

static void holds_big_directories(void **state)
{
    enum { N = 100000 };
    struct imgc_err err;
    tree_auto struct tree *t = NULL;
    struct many files = { { many_next }, "", N, 0 };
    struct many whiteouts = { { many_next }, ".wh.", N, 0 };

    (void)state;
    assert_ok(tree_new(&t, &err), err);
    assert_ok(tree_apply(t, &files.source, &err), err);
    const struct tree_dentry *d = tree_lookup(t, IMGC_STR("d"), false);
    assert_int_equal(tree_children(d), N);
    for (size_t i = 1; i < N; i++) {
        assert_true(strcmp(tree_child(d, i - 1)->name, tree_child(d, i)->name) < 0);
    }
    assert_non_null(tree_find(d, IMGC_STR("99999")));
    assert_null(tree_find(d, IMGC_STR("100000")));
    assert_ok(tree_apply(t, &whiteouts.source, &err), err);
    assert_int_equal(tree_children(d), 0);
    assert_int_equal(tree_ghosts(d), N);
    assert_int_equal(tree_entries(t), 1);
}

/* Each layer goes one level deeper than a path may say, through a link to the end of the last. */
static void caps_the_depth_behind_links(void **state)
{
    struct imgc_err err;
    tree_auto struct tree *t = NULL;
    int r = 0;

    (void)state;
    assert_ok(tree_new(&t, &err), err);
    assert_ok(layer_text_apply(t, "d d", &err), err);
    for (int i = 0; r == 0 && i < 100; i++) {
        char text[300];
        (void)snprintf(text, sizeof text,
                       "d l%d/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p\nl l%d l%d/a/b/c/d/e/f/g/h/i/j/k/l/m",
                       i, i + 1, i);
        if (i == 0) {
            assert_ok(layer_text_apply(t, "l l0 d", &err), err);
        }
        /* A chain of links is followed 40 deep at most, so that the end has a name of its own. */
        r = layer_text_apply(t, text, &err);
    }
    assert_true(r == -(int)IMGC_E_LIMIT || r == -(int)IMGC_E_LAYER);
}

static void clears_marks(void **state)
{
    struct imgc_err err;
    tree_auto struct tree *t = NULL;

    (void)state;
    assert_ok(tree_new(&t, &err), err);
    assert_ok(layer_text_apply(t, "f a/b/c", &err), err);
    struct tree_inode *c = tree_lookup(t, IMGC_STR("a/b/c"), false)->inode;
    c->mark = 7;
    tree_root(t)->inode->mark = 8;
    tree_clear_marks(t);
    assert_int_equal(c->mark, 0);
    assert_int_equal(tree_root(t)->inode->mark, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_layers),
        cmocka_unit_test(refuses_hostile_layers),
        cmocka_unit_test(stamps_layers),
        cmocka_unit_test(root_entry_sets_the_attributes_of_the_root),
        cmocka_unit_test(looks_up_inside_the_root),
        cmocka_unit_test(holds_big_directories),
        cmocka_unit_test(caps_the_depth_behind_links),
        cmocka_unit_test(clears_marks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
