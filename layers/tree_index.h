/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dentries of one directory in byte order of their names: a weight-balanced search tree through
 * the dentries themselves. Logarithmic whatever names a layer chooses (a hash could be flooded, a
 * sorted array moves too much), and it answers "the i-th" without a second index. Only for the
 * tree's own files.
 *
 * Source: Hirai and Yamamoto, "Balancing weight-balanced trees" (2011): delta 3, gamma 2.
 */
#ifndef IMGC_LAYERS_TREE_INDEX_H
#define IMGC_LAYERS_TREE_INDEX_H

#include "layers/tree.h"

/** Add @d, whose name is not in the index *root (NULL: empty). Cannot fail. */
void tree_index_add(struct tree_dentry **root, struct tree_dentry *d);

/** Take out @d, which is in the index. */
void tree_index_remove(struct tree_dentry **root, struct tree_dentry *d);

struct tree_dentry *tree_index_find(struct tree_dentry *root, struct imgc_str name);

size_t tree_index_count(const struct tree_dentry *root);

/** The @i-th in byte order; @i < count. */
struct tree_dentry *tree_index_at(struct tree_dentry *root, size_t i);

#endif
