/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tree_walk.h"

#include "layers/tree_index.h"
#include "schema/base/buf.h"
#include "schema/limits.h"

/* A link's target in front of what is left of the path: at most this, whatever the links say. */
#define REST_MAX ((size_t)(LIMIT_SYMLINKS + 1) * (LIMIT_PATH_BYTES + 1))

struct walk {
    struct tree *t;
    struct tree_dentry *at;
    struct imgc_str rest; /* into the caller's path, or into @text */
    char *text;           /* of the last link followed with what was left; owned */
    unsigned n_links;
    unsigned flags;
    /* Components below @at that are not there. A ".." takes the last of them away again: other
     * tools clean such paths before they look, and layers rely on it ("nothing/../etc"). */
    struct imgc_buf missing;
};

static void walk_done(struct walk *w)
{
    free(w->text);
    imgc_buf_done(&w->missing);
}

static int follow(struct walk *w, const struct tree_dentry *link, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(REST_MAX);
    const char *target = link->inode->target;

    if (++w->n_links > LIMIT_SYMLINKS) {
        return imgc_fail(reterr, IMGC_E_LAYER, "too many symbolic links on the way, at %s",
                         link->name);
    }
    imgc_buf_puts(&b, target);
    if (w->rest.len) {
        imgc_buf_putc(&b, '/');
        imgc_buf_str(&b, w->rest);
    }
    char *text = NULL;
    int r = imgc_buf_take(&b, &text, reterr);
    if (r < 0) {
        return r;
    }
    free(w->text);
    w->text = text;
    w->rest = imgc_str_of(text);
    if (target[0] == '/') {
        w->at = tree_root(w->t);
    }
    return 0;
}

static void go_up(struct walk *w)
{
    struct imgc_str parent;
    struct imgc_str last;

    if (w->missing.len) {
        (void)imgc_str_rsplit((struct imgc_str){ w->missing.ptr, w->missing.len }, '/', &parent,
                              &last);
        w->missing.len = parent.len;
    } else if (w->at->parent) {
        w->at = w->at->parent;
    }
}

static int add_missing(struct walk *w, struct imgc_str name, struct imgc_err *reterr)
{
    struct imgc_str ignored;

    if (w->missing.len) {
        imgc_buf_putc(&w->missing, '/');
    }
    imgc_buf_str(&w->missing, name);
    return imgc_buf_finish(&w->missing, &ignored, reterr);
}

static int make_implied(struct walk *w, struct imgc_str name, struct imgc_err *reterr)
{
    struct tree_inode *inode = NULL;

    if (name.len > LIMIT_NAME_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a name of %zu bytes in a symbolic link", name.len);
    }
    int r = tree_node_new_inode(w->t, ENTRY_DIR, &inode, reterr);
    if (r < 0) {
        return r;
    }
    r = tree_node_add(w->t, w->at, name, inode, &w->at, reterr);
    if (r < 0) {
        tree_node_release(inode);
    }
    return r;
}

static bool is_last(struct imgc_str rest)
{
    struct imgc_str part;

    while (imgc_str_token(&rest, '/', &part)) {
        if (part.len && !imgc_str_eq(part, IMGC_STR("."))) {
            return false;
        }
    }
    return true;
}

static int step(struct walk *w, struct imgc_str part, struct imgc_err *reterr)
{
    if (!w->at->dir) {
        return imgc_fail(reterr, IMGC_E_LAYER, "%s is not a directory", w->at->name);
    }
    if (part.len == 0 || imgc_str_eq(part, IMGC_STR("."))) {
        return 0;
    }
    if (imgc_str_eq(part, IMGC_STR(".."))) {
        go_up(w);
        return 0;
    }
    struct tree_dentry *child = w->missing.len ? NULL : tree_index_find(w->at->dir->children, part);
    if (!child) {
        return add_missing(w, part, reterr);
    }
    if (child->inode->type == ENTRY_SYMLINK &&
        ((w->flags & TREE_WALK_FOLLOW) || !is_last(w->rest))) {
        return follow(w, child, reterr);
    }
    w->at = child;
    return 0;
}

static int make_missing(struct walk *w, struct imgc_err *reterr)
{
    struct imgc_str rest = { w->missing.ptr, w->missing.len };
    struct imgc_str part;

    if (rest.len == 0) {
        return 0;
    }
    if (!(w->flags & TREE_WALK_MAKE)) {
        return TREE_WALK_NONE;
    }
    while (imgc_str_token(&rest, '/', &part)) {
        int r = make_implied(w, part, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int tree_walk(struct tree *t, struct imgc_str path, unsigned flags, struct tree_dentry **ret,
              struct imgc_err *reterr)
{
    imgc_auto(walk_done) struct walk w = {
        .t = t, .at = tree_root(t), .rest = path, .flags = flags, .missing = IMGC_BUF_INIT(REST_MAX)
    };
    struct imgc_str part;

    while (imgc_str_token(&w.rest, '/', &part)) {
        int r = step(&w, part, reterr);
        if (r < 0) {
            return r;
        }
    }
    int r = make_missing(&w, reterr);
    if (r == 0) {
        *ret = w.at;
    }
    return r;
}

struct tree_dentry *tree_walk_plain(struct tree *t, struct imgc_str path)
{
    struct tree_dentry *at = tree_root(t);
    struct imgc_str part;

    while (at && path.len && imgc_str_token(&path, '/', &part)) {
        at = at->dir ? tree_index_find(at->dir->children, part) : NULL;
    }
    return at;
}
