/* SPDX-License-Identifier: Apache-2.0 */
/* Layers written as text, and trees as text, for tests of the tree. Include after unit.h. */
#ifndef IMGC_TESTS_LIB_LAYER_TEXT_H
#define IMGC_TESTS_LIB_LAYER_TEXT_H

#include "layers/tree.h"
#include "schema/base/buf.h"

/* One entry a line: "d PATH [MODE]", "f PATH", "l PATH TARGET", "h PATH TARGET", "p PATH",
 * "c PATH MAJOR MINOR". */
struct layer_text {
    struct source source; /* first, so that a source is one of these */
    const char *at;
};

static inline int layer_text_parse(const char *line, struct entry *e, struct imgc_err *reterr)
{
    static const struct {
        char letter;
        enum entry_type type;
    } types[] = {
        { 'd', ENTRY_DIR },      { 'f', ENTRY_FILE }, { 'l', ENTRY_SYMLINK },
        { 'h', ENTRY_HARDLINK }, { 'c', ENTRY_CHAR }, { 'p', ENTRY_FIFO },
    };
    char letter = 0;
    char path[300] = "";
    char arg[300] = "";

    if (sscanf(line, "%c %299s %299s %u", &letter, path, arg, &e->minor) < 2) {
        return imgc_fail(reterr, IMGC_E_LAYER, "bad line %s", line);
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].letter == letter) {
            e->type = types[i].type;
        }
    }
    e->mode = letter != 'd' ? 0644 : arg[0] ? (uint32_t)strtoul(arg, NULL, 8) : 0755;
    e->major = letter == 'c' ? (uint32_t)strtoul(arg, NULL, 10) : 0;
    if (letter == 'l') {
        e->target = strdup(arg);
    } else if (letter == 'h') {
        int r = entry_clean_target(imgc_str_of(arg), &e->target, reterr);
        if (r < 0) {
            return r;
        }
    }
    return entry_clean_path(imgc_str_of(path), &e->path, reterr);
}

static inline int layer_text_next(struct source *src, struct entry *ret, struct imgc_err *reterr)
{
    struct layer_text *l = (struct layer_text *)src;
    char line[700] = "";
    size_t n = 0;

    if (!*l->at) {
        return SOURCE_END;
    }
    /* strcspn() of AddressSanitizer reads all of the rest for each line. */
    while (l->at[n] && l->at[n] != '\n') {
        n++;
    }
    memcpy(line, l->at, n);
    l->at += n + (l->at[n] == '\n');
    return layer_text_parse(line, ret, reterr);
}

static inline int layer_text_apply(struct tree *t, const char *text, struct imgc_err *reterr)
{
    struct layer_text l = { .source = { layer_text_next }, .at = text };

    return tree_apply(t, &l.source, reterr);
}

static inline void layer_text_add_dentry(struct imgc_buf *b, const struct tree_dentry *d)
{
    static const char *const marks[] = { [ENTRY_FILE] = "",
                                         [ENTRY_DIR] = "/",
                                         [ENTRY_CHAR] = "%",
                                         [ENTRY_BLOCK] = "#",
                                         [ENTRY_FIFO] = "|" };
    struct imgc_err err;
    char *path = NULL;

    assert_ok(tree_path(d, &path, &err), err);
    imgc_buf_printf(b, "%s%s", b->len ? " " : "", path);
    free(path);
    if (d->inode->type == ENTRY_SYMLINK) {
        imgc_buf_printf(b, "@%s", d->inode->target);
    } else {
        imgc_buf_puts(b, marks[d->inode->type]);
    }
    if (d->inode->type == ENTRY_DIR && d->inode->mode != 0755) {
        imgc_buf_printf(b, "%o", d->inode->mode);
    }
    if (d->inode->nlink > 1) {
        imgc_buf_printf(b, "*%u", d->inode->nlink);
    }
}

/* "PATH[/MODE][@TARGET][*LINKS]" of all below @d in byte order; a mode of 0755 is left out. */
static inline void layer_text_add_tree(struct imgc_buf *b, const struct tree_dentry *d)
{
    for (size_t i = 0; i < tree_children(d); i++) {
        const struct tree_dentry *c = tree_child(d, i);
        assert_ptr_equal(c->parent, d);
        layer_text_add_dentry(b, c);
        layer_text_add_tree(b, c);
    }
}

/* The ghosts below @d, each with what is below it. */
static inline void layer_text_add_ghosts(struct imgc_buf *b, const struct tree_dentry *d)
{
    for (size_t i = 0; i < tree_ghosts(d); i++) {
        const struct tree_dentry *g = tree_ghost(d, i);
        layer_text_add_dentry(b, g);
        layer_text_add_tree(b, g);
        assert_int_equal(tree_ghosts(g), 0);
    }
    for (size_t i = 0; i < tree_children(d); i++) {
        layer_text_add_ghosts(b, tree_child(d, i));
    }
}

static inline void layer_text_expect(struct tree *t, const char *want, const char *want_ghosts)
{
    struct imgc_buf b = IMGC_BUF_INIT(64u << 10);

    imgc_buf_puts(&b, "");
    layer_text_add_tree(&b, tree_root(t));
    assert_string_equal(b.ptr, want);
    if (want_ghosts) {
        imgc_buf_clear(&b);
        layer_text_add_ghosts(&b, tree_root(t));
        assert_string_equal(b.ptr, want_ghosts);
    }
    imgc_buf_done(&b);
}
#endif
