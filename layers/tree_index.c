/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tree_index.h"

#include <assert.h>

/* A side may weigh this many times the other (weights count the empty tree as one). */
enum { DELTA = 3, GAMMA = 2 };

size_t tree_index_count(const struct tree_dentry *root)
{
    return root ? root->weight : 0;
}

static size_t weight(const struct tree_dentry *n)
{
    return tree_index_count(n) + 1;
}

static struct tree_dentry *joined(struct tree_dentry *left, struct tree_dentry *n,
                                  struct tree_dentry *right)
{
    n->left = left;
    n->right = right;
    n->weight = tree_index_count(left) + tree_index_count(right) + 1;
    return n;
}

/* @r is the right side of @n, and goes up. */
static struct tree_dentry *rotated_left(struct tree_dentry *n, struct tree_dentry *r)
{
    return joined(joined(n->left, n, r->left), r, r->right);
}

static struct tree_dentry *rotated_right(struct tree_dentry *n, struct tree_dentry *l)
{
    return joined(l->left, l, joined(l->right, n, n->right));
}

/* Both subtrees are balanced; one of them has changed by one node. */
static struct tree_dentry *balanced(struct tree_dentry *n)
{
    struct tree_dentry *l = n->left;
    struct tree_dentry *r = n->right;

    if (r && weight(r) > DELTA * weight(l)) {
        if (r->left && weight(r->left) >= GAMMA * weight(r->right)) {
            r = n->right = rotated_right(r, r->left);
        }
        return rotated_left(n, r);
    }
    if (l && weight(l) > DELTA * weight(r)) {
        if (l->right && weight(l->right) >= GAMMA * weight(l->left)) {
            l = n->left = rotated_left(l, l->right);
        }
        return rotated_right(n, l);
    }
    return joined(l, n, r);
}

static struct tree_dentry *added(struct tree_dentry *n, struct tree_dentry *d)
{
    if (!n) {
        return joined(NULL, d, NULL);
    }
    if (strcmp(d->name, n->name) < 0) {
        n->left = added(n->left, d);
    } else {
        n->right = added(n->right, d);
    }
    return balanced(n);
}

/* Take the first node out of @n, which is not empty. */
static struct tree_dentry *without_first(struct tree_dentry *n, struct tree_dentry **ret_first)
{
    if (!n->left) {
        *ret_first = n;
        return n->right;
    }
    n->left = without_first(n->left, ret_first);
    return balanced(n);
}

static struct tree_dentry *removed(struct tree_dentry *n, struct tree_dentry *d)
{
    assert(n);
    int order = strcmp(d->name, n->name);
    if (order < 0) {
        n->left = removed(n->left, d);
        return balanced(n);
    }
    if (order > 0) {
        n->right = removed(n->right, d);
        return balanced(n);
    }
    if (!n->left || !n->right) {
        return n->left ? n->left : n->right;
    }
    struct tree_dentry *first = NULL;
    struct tree_dentry *right = without_first(n->right, &first);
    first->left = n->left;
    first->right = right;
    return balanced(first);
}

void tree_index_add(struct tree_dentry **root, struct tree_dentry *d)
{
    *root = added(*root, d);
}

void tree_index_remove(struct tree_dentry **root, struct tree_dentry *d)
{
    *root = removed(*root, d);
    d->left = d->right = NULL;
}

struct tree_dentry *tree_index_find(struct tree_dentry *root, struct imgc_str name)
{
    while (root) {
        int order = imgc_str_cmp(name, imgc_str_of(root->name));
        if (order == 0) {
            break;
        }
        root = order < 0 ? root->left : root->right;
    }
    return root;
}

struct tree_dentry *tree_index_at(struct tree_dentry *root, size_t i)
{
    while (root) {
        size_t before = tree_index_count(root->left);
        if (i == before) {
            break;
        }
        if (i < before) {
            root = root->left;
        } else {
            i -= before + 1;
            root = root->right;
        }
    }
    return root;
}
