/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/diff.h"

#include <stdlib.h>

#define CHUNK_BYTES (128u << 10)

/* Files of several names that were compared once: the mark of both inodes is 1 + its index. */
struct pair {
    unsigned what; /* DIFF_* */
};

struct compare {
    const struct diff_side *from, *to;
    struct diff *ret;
    struct pair *pairs;
    size_t n_pairs;
    char *chunk[2]; /* CHUNK_BYTES each */
};

static void compare_done(struct compare *c)
{
    free(c->pairs);
    free(c->chunk[0]);
    free(c->chunk[1]);
}

void diff_done(struct diff *d)
{
    free(d->changes);
    *d = (struct diff)DIFF_INIT;
}

static int add_change(struct diff *d, const struct diff_change *change, struct imgc_err *reterr)
{
    if (d->n == d->room) {
        size_t room = d->room ? d->room * 2 : 64;
        struct diff_change *grown = reallocarray(d->changes, room, sizeof *grown);
        if (!grown) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        d->changes = grown;
        d->room = room;
    }
    d->changes[d->n++] = *change;
    return 0;
}

static bool same_xattrs(const struct tree_inode *a, const struct tree_inode *b)
{
    if (a->n_xattrs != b->n_xattrs) {
        return false;
    }
    for (size_t i = 0; i < a->n_xattrs; i++) {
        const struct xattr *x = &a->xattrs[i];
        const struct xattr *y = &b->xattrs[i];
        if (strcmp(x->name, y->name) != 0 || x->len != y->len ||
            (x->len && memcmp(x->value, y->value, x->len) != 0)) {
            return false;
        }
    }
    return true;
}

/* The same run, or runs, of the same layer. */
static bool same_place(const struct compare *c, const struct tree_inode *a,
                       const struct tree_inode *b)
{
    if (a->n_extents != b->n_extents) {
        return false;
    }
    if (a->n_extents == 0) {
        return true;
    }
    if (!digest_eq(&c->from->diff_ids[a->layer], &c->to->diff_ids[b->layer])) {
        return false;
    }
    for (size_t i = 0; i < a->n_extents; i++) {
        const struct extent *x = &a->extents[i];
        const struct extent *y = &b->extents[i];
        if (x->file_offset != y->file_offset || x->source_offset != y->source_offset ||
            x->len != y->len) {
            return false;
        }
    }
    return true;
}

/* A file that is read from its start to its end. */
struct reader {
    struct tar_data *data;
    const struct tree_inode *inode;
    size_t next; /* extent */
};

/* The bytes [at, at + len) of the file, or fewer: up to where data and hole meet. @ret_hole whether
 * it is a hole, and then nothing is read yet. */
static uint64_t run_length(struct reader *f, uint64_t at, bool *ret_hole)
{
    const struct tree_inode *i = f->inode;

    while (f->next < i->n_extents &&
           i->extents[f->next].file_offset + i->extents[f->next].len <= at) {
        f->next++;
    }
    if (f->next == i->n_extents) {
        *ret_hole = true;
        return i->size - at;
    }
    const struct extent *x = &i->extents[f->next];
    *ret_hole = at < x->file_offset;
    return *ret_hole ? x->file_offset - at : x->file_offset + x->len - at;
}

static int read_run(struct reader *f, uint64_t at, bool is_hole, char *to, size_t len,
                    struct imgc_err *reterr)
{
    if (is_hole) {
        memset(to, 0, len);
        return 0;
    }
    const struct extent *x = &f->inode->extents[f->next];
    return tar_data_read(f->data, x->source_offset + (at - x->file_offset), to, len, reterr);
}

/* Two files of one size. A hole is equal to zeros. */
static int compare_bytes(struct compare *c, const struct tree_inode *a, const struct tree_inode *b,
                         bool *ret_same, struct imgc_err *reterr)
{
    struct reader x = { .data = &c->from->layers[a->layer], .inode = a };
    struct reader y = { .data = &c->to->layers[b->layer], .inode = b };

    *ret_same = true;
    for (uint64_t at = 0; at < a->size;) {
        bool x_hole = false;
        bool y_hole = false;
        uint64_t len = run_length(&x, at, &x_hole);
        uint64_t y_len = run_length(&y, at, &y_hole);
        len = y_len < len ? y_len : len;
        if (x_hole && y_hole) {
            at += len;
            continue;
        }
        size_t n = len < CHUNK_BYTES ? (size_t)len : CHUNK_BYTES;
        int r = read_run(&x, at, x_hole, c->chunk[0], n, reterr);
        if (r == 0) {
            r = read_run(&y, at, y_hole, c->chunk[1], n, reterr);
        }
        if (r < 0) {
            return r;
        }
        if (memcmp(c->chunk[0], c->chunk[1], n) != 0) {
            *ret_same = false;
            return 0;
        }
        at += n;
    }
    return 0;
}

static int compare_data(struct compare *c, const struct tree_inode *a, const struct tree_inode *b,
                        unsigned *what, struct imgc_err *reterr)
{
    bool is_same = true;

    if (a->size != b->size) {
        *what |= DIFF_SIZE;
        return 0;
    }
    int r = same_place(c, a, b) ? 0 : compare_bytes(c, a, b, &is_same, reterr);
    *what |= is_same ? 0 : DIFF_CONTENT;
    return r;
}

static int compare_by_type(struct compare *c, const struct tree_inode *a,
                           const struct tree_inode *b, unsigned *what, struct imgc_err *reterr)
{
    switch (a->type) {
    case ENTRY_FILE:
        return compare_data(c, a, b, what, reterr);
    case ENTRY_SYMLINK:
        *what |= strcmp(a->target, b->target) != 0 ? DIFF_TARGET : 0;
        break;
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
        *what |= a->major != b->major || a->minor != b->minor ? DIFF_DEVICE : 0;
        break;
    case ENTRY_DIR:
    case ENTRY_FIFO:
    case ENTRY_HARDLINK:
        break;
    }
    return 0;
}

/* Everything about two inodes but their names. */
static int compare_inodes(struct compare *c, const struct tree_inode *a, const struct tree_inode *b,
                          unsigned *ret, struct imgc_err *reterr)
{
    bool is_dir = a->type == ENTRY_DIR;
    unsigned what = 0;

    if (a->type != b->type) {
        *ret = DIFF_TYPE;
        return 0;
    }
    what |= a->mode != b->mode ? DIFF_MODE : 0;
    what |= a->uid != b->uid || a->gid != b->gid ? DIFF_OWNER : 0;
    what |= !is_dir && (a->mtime_s != b->mtime_s || a->mtime_ns != b->mtime_ns) ? DIFF_MTIME : 0;
    what |= same_xattrs(a, b) ? 0 : DIFF_XATTRS;
    int r = compare_by_type(c, a, b, &what, reterr);
    *ret = what;
    return r;
}

/* The names of an inode that both trees have must be names of one inode in both. */
static int compare_linked(struct compare *c, struct tree_inode *a, struct tree_inode *b,
                          unsigned *ret, struct imgc_err *reterr)
{
    if (c->pairs && a->mark != 0 && a->mark == b->mark) {
        *ret = c->pairs[a->mark - 1].what;
        return 0;
    }
    bool is_first = a->mark == 0 && b->mark == 0;
    int r = compare_inodes(c, a, b, ret, reterr);
    if (r < 0) {
        return r;
    }
    if (!is_first) {
        *ret |= DIFF_LINKS;
        return 0;
    }
    if ((c->n_pairs & (c->n_pairs - 1)) == 0) {
        size_t room = c->n_pairs ? c->n_pairs * 2 : 1;
        struct pair *grown = reallocarray(c->pairs, room, sizeof *grown);
        if (!grown) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        c->pairs = grown;
    }
    c->pairs[c->n_pairs++].what = *ret;
    a->mark = b->mark = c->n_pairs;
    return 0;
}

/* @d and all below it. */
static int add_tree(struct diff *diff, const struct tree_dentry *d, struct imgc_err *reterr)
{
    int r = add_change(diff, &(struct diff_change){ .kind = DIFF_ADDED, .to = d }, reterr);

    for (size_t i = 0; r == 0 && i < tree_children(d); i++) {
        r = add_tree(diff, tree_child(d, i), reterr);
    }
    return r;
}

static int compare_dentries(struct compare *c, const struct tree_dentry *a,
                            const struct tree_dentry *b, struct imgc_err *reterr);

/* The next names of two directories, in order: one of both, or of one alone. */
static int compare_next(struct compare *c, const struct tree_dentry *a, const struct tree_dentry *b,
                        struct imgc_err *reterr)
{
    if (!b) {
        return add_change(c->ret, &(struct diff_change){ .kind = DIFF_DELETED, .from = a }, reterr);
    }
    return a ? compare_dentries(c, a, b, reterr) : add_tree(c->ret, b, reterr);
}

static int compare_children(struct compare *c, const struct tree_dentry *a,
                            const struct tree_dentry *b, struct imgc_err *reterr)
{
    /* What was in a directory that is none any more goes without saying. */
    size_t n = b->dir ? tree_children(a) : 0;
    size_t i = 0;
    size_t k = 0;
    int r = 0;

    while (r == 0 && (i < n || k < tree_children(b))) {
        const struct tree_dentry *x = i < n ? tree_child(a, i) : NULL;
        const struct tree_dentry *y = k < tree_children(b) ? tree_child(b, k) : NULL;
        int order = !x ? 1 : !y ? -1 : strcmp(x->name, y->name);
        r = compare_next(c, order <= 0 ? x : NULL, order >= 0 ? y : NULL, reterr);
        i += order <= 0;
        k += order >= 0;
    }
    return r;
}

/* Two that have the same path. A directory's own change stands before those below it, but whether
 * it has one shows only behind them. */
static int compare_dentries(struct compare *c, const struct tree_dentry *a,
                            const struct tree_dentry *b, struct imgc_err *reterr)
{
    struct diff_change change = { .kind = DIFF_CHANGED, .from = a, .to = b };
    size_t at = c->ret->n;
    bool is_linked = a->inode->nlink > 1 || b->inode->nlink > 1;

    int r = is_linked ? compare_linked(c, a->inode, b->inode, &change.what, reterr)
                      : compare_inodes(c, a->inode, b->inode, &change.what, reterr);
    if (r == 0) {
        r = add_change(c->ret, &change, reterr);
    }
    if (r == 0) {
        r = compare_children(c, a, b, reterr);
    }
    if (r < 0) {
        return r;
    }
    bool is_below = c->ret->n > at + 1;
    if (is_below) {
        c->ret->changes[at].what |= DIFF_BELOW;
    }
    if (c->ret->changes[at].what == 0) {
        c->ret->n = at;
    }
    return 0;
}

int diff_trees(const struct diff_side *from, const struct diff_side *to, struct diff *ret,
               struct imgc_err *reterr)
{
    imgc_auto(compare_done) struct compare c = { .from = from, .to = to, .ret = ret };

    c.chunk[0] = malloc(CHUNK_BYTES);
    c.chunk[1] = malloc(CHUNK_BYTES);
    if (!c.chunk[0] || !c.chunk[1]) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    tree_clear_marks(from->tree);
    tree_clear_marks(to->tree);
    struct diff_change root = { .kind = DIFF_CHANGED,
                                .from = tree_root(from->tree),
                                .to = tree_root(to->tree) };
    /* The root is named for what it has itself, not for what is below it: that would be always. */
    int r = compare_inodes(&c, root.from->inode, root.to->inode, &root.what, reterr);
    if (r == 0 && root.what != 0) {
        r = add_change(ret, &root, reterr);
    }
    return r < 0 ? r : compare_children(&c, root.from, root.to, reterr);
}
