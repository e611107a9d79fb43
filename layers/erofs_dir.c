/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/erofs_dir.h"

#include "layers/erofs_format.h"

/* A name of one byte is the shortest. */
#define ENTRIES_MAX (EROFS_BLOCK / (sizeof(struct erofs_dirent) + 1))

struct item {
    const char *name;
    size_t len;
    const struct tree_inode *inode;
};

/* Goes through a directory in byte order: children are, and the two dots are put between. */
struct cursor {
    const struct tree_dentry *dir;
    size_t child, n_children;
    unsigned dots; /* how many of them are past */
};

static struct cursor cursor_of(const struct tree_dentry *dir)
{
    return (struct cursor){ .dir = dir, .n_children = tree_children(dir) };
}

static bool next_item(struct cursor *c, struct item *ret)
{
    static const char *const dots[] = { ".", ".." };
    const struct tree_dentry *d = NULL;

    if (c->child < c->n_children) {
        d = tree_child(c->dir, c->child);
    }
    if (c->dots < 2 && (!d || strcmp(dots[c->dots], d->name) < 0)) {
        const struct tree_dentry *to = c->dots == 1 && c->dir->parent ? c->dir->parent : c->dir;
        *ret = (struct item){ dots[c->dots], c->dots + 1, to->inode };
        c->dots++;
        return true;
    }
    if (!d) {
        return false;
    }
    c->child++;
    *ret = (struct item){ d->name, strlen(d->name), d->inode };
    return true;
}

static size_t item_bytes(const struct item *i)
{
    return sizeof(struct erofs_dirent) + i->len;
}

struct erofs_dir_size erofs_dir_size(const struct tree_dentry *dir)
{
    struct cursor c = cursor_of(dir);
    struct erofs_dir_size size = { .bytes = 0 };
    size_t used = 0;
    struct item i;

    while (next_item(&c, &i)) {
        if (used + item_bytes(&i) > EROFS_BLOCK) {
            size.bytes += EROFS_BLOCK;
            used = 0;
        }
        used += item_bytes(&i);
        size.subdirs += i.inode->type == ENTRY_DIR;
    }
    size.bytes += used;
    size.subdirs -= 2; /* the dots */
    return size;
}

struct block {
    struct item items[ENTRIES_MAX];
    size_t n;
    size_t used; /* bytes */
};

static uint8_t type_of(const struct tree_inode *inode)
{
    static const uint8_t types[] = {
        [ENTRY_FILE] = EROFS_TYPE_FILE,       [ENTRY_DIR] = EROFS_TYPE_DIR,
        [ENTRY_SYMLINK] = EROFS_TYPE_SYMLINK, [ENTRY_CHAR] = EROFS_TYPE_CHAR,
        [ENTRY_BLOCK] = EROFS_TYPE_BLOCK,     [ENTRY_FIFO] = EROFS_TYPE_FIFO,
    };
    return types[inode->type];
}

static int write_block(const struct block *b, struct erofs_out *out, struct imgc_err *reterr)
{
    size_t name_offset = b->n * sizeof(struct erofs_dirent);
    int r = 0;

    for (size_t i = 0; r >= 0 && i < b->n; i++) {
        const struct item *item = &b->items[i];
        struct erofs_dirent d = { .nid = htole64(item->inode->mark),
                                  .name_offset = htole16((uint16_t)name_offset),
                                  .type = type_of(item->inode) };
        name_offset += item->len;
        r = erofs_out_add(out, &d, sizeof d, reterr);
    }
    for (size_t i = 0; r >= 0 && i < b->n; i++) {
        r = erofs_out_add(out, b->items[i].name, b->items[i].len, reterr);
    }
    return r;
}

int erofs_dir_write(const struct tree_dentry *dir, struct erofs_out *out, struct imgc_err *reterr)
{
    struct cursor c = cursor_of(dir);
    struct block b = { .n = 0 };
    struct item i;
    int r = 0;

    while (r >= 0 && next_item(&c, &i)) {
        if (b.used + item_bytes(&i) > EROFS_BLOCK) {
            r = write_block(&b, out, reterr);
            if (r >= 0) {
                r = erofs_out_pad(out, out->at + (EROFS_BLOCK - b.used), reterr);
            }
            b.n = b.used = 0;
        }
        b.items[b.n++] = i;
        b.used += item_bytes(&i);
    }
    return r < 0 ? r : write_block(&b, out, reterr);
}
