/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a tree as text: modes, times, and JSON objects.
 */
#ifndef IMGC_CMD_TREE_TEXT_H
#define IMGC_CMD_TREE_TEXT_H

#include <jansson.h>

#include "layers/tree.h"

#define TREE_TEXT_MODE_MAX 11
/** "drwxr-xr-x", as ls writes it. Returns @out. */
const char *tree_text_mode(const struct tree_inode *inode, char out[TREE_TEXT_MODE_MAX]);

#define TREE_TEXT_TIME_MAX 64
/** "2024-01-02 03:04:05" in UTC, with ".678000000Z" and a 'T' where @exact; "@SECONDS" for a time
 * beyond all calendars. Returns @out. */
const char *tree_text_time(const struct tree_inode *inode, bool exact,
                           char out[TREE_TEXT_TIME_MAX]);

/** "file", "directory", "symlink", "char", "block", "fifo". */
const char *tree_text_type(enum entry_type type);

/** What `ls -l` shows as the size: a file's bytes, a link's length, else 0. */
uint64_t tree_text_size(const struct tree_inode *inode);

/** Set the member @key to the bytes of a name. JSON holds UTF-8 alone: other bytes become U+FFFD,
 * and the member "@key_hex" then has them all. @return 0; -NOMEM. */
IMGC_CHECK int tree_text_put_name(json_t *obj, const char *key, const char *name,
                                  struct imgc_err *reterr);

/** Path with a leading '/'. @ret caller frees. */
IMGC_CHECK int tree_text_path(const struct tree_dentry *d, char **ret, struct imgc_err *reterr);

/** Everything about @d but its data. @ret new reference. @return 0; -NOMEM. */
IMGC_CHECK int tree_text_json(const struct tree_dentry *d, json_t **ret, struct imgc_err *reterr);

#endif
