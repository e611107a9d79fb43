/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/inode_map.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct seen {
    dev_t dev;
    ino_t ino;
    char path[];
};

static int by_inode(const void *a, const void *b)
{
    const struct seen *x = a;
    const struct seen *y = b;

    if (x->dev != y->dev) {
        return x->dev < y->dev ? -1 : 1;
    }
    return (x->ino > y->ino) - (x->ino < y->ino);
}

void inode_map_done(struct inode_map *m)
{
    tdestroy(m->root, free);
    m->root = NULL;
}

int inode_map_see(struct inode_map *m, dev_t dev, ino_t ino, const char *path,
                  const char **ret_first, struct imgc_err *reterr)
{
    size_t len = strlen(path) + 1;
    struct seen *s = malloc(sizeof *s + len);
    struct seen *const *found = NULL;

    if (s) {
        s->dev = dev;
        s->ino = ino;
        memcpy(s->path, path, len);
        found = tsearch(s, &m->root, by_inode);
    }
    if (!found) {
        free(s);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret_first = NULL;
    if (*found != s) {
        free(s);
        *ret_first = (*found)->path;
    }
    return 0;
}
