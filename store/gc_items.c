/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gc_items.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "store/disk.h"
#include "store/store_handle.h"
#include "store/trash.h"

#define NAME_LEN_MAX \
    128 /* the hex digits of a sha512; nothing of ours but a volume has a longer name */

void gc_items_done(struct gc_items *list)
{
    free(list->items);
    *list = (struct gc_items){ .n = 0 };
}

int gc_items_add(struct gc_items *list, const struct place *place, struct imgc_err *reterr)
{
    if (list->n == list->room) {
        size_t room = list->room ? list->room * 2 : 16;
        struct place *p = reallocarray(list->items, room, sizeof *p);
        if (!p) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        list->items = p;
        list->room = room;
    }
    list->items[list->n++] = *place;
    return 0;
}

int gc_items_bytes(struct store *s, const struct gc_items *list, uint64_t *bytes,
                   struct imgc_err *reterr)
{
    for (size_t i = 0; i < list->n; i++) {
        int r = disk_tree_bytes(s->root_fd, list->items[i].path, bytes, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static void closedirp(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

int gc_items_list_dir(struct store *s, const char *path,
                      int (*fn)(void *arg, const char *name, struct imgc_err *reterr), void *arg,
                      struct imgc_err *reterr)
{
    int fd = -1;

    int r = fd_open_at(s->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, reterr);
    if (r < 0) {
        return reterr->sys == ENOENT ? 0 : r; /* went away meanwhile */
    }
    imgc_auto(closedirp) DIR *d = fdopendir(fd);
    if (!d) {
        int saved = errno;
        (void)close(fd);
        return imgc_fail_sys(reterr, saved, "list '%s/%s'", s->root, path);
    }
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(d);
        if (!e) {
            return errno ? imgc_fail_sys(reterr, errno, "list '%s/%s'", s->root, path) : 0;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        r = fn(arg, e->d_name, reterr);
        if (r < 0) {
            return r;
        }
    }
}

struct scan {
    struct store *s;
    struct gc_items *list; /* everything found */
    enum place_kind kind;
    const char *dir, *key_prefix;
};

/* Layer and view names do not say their algorithm, but its length does. */
static const char *prefix_of(const struct scan *scan, size_t len)
{
    return scan->key_prefix ? scan->key_prefix : len == NAME_LEN_MAX ? "sha512:" : "sha256:";
}

static int note(void *arg, const char *name, struct imgc_err *reterr)
{
    const struct scan *scan = arg;
    struct place p = { .kind = scan->kind };
    size_t len = strlen(name);

    if (scan->kind == PLACE_VOLUME && len < sizeof p.key) {
        place_volume(&p, name);
        return gc_items_add(scan->list, &p, reterr);
    }
    if (len > NAME_LEN_MAX) {
        return 0;
    }
    /* Both fit: at most 7 + 128 bytes, and 7 + 128 + 4 + 128. */
    (void)snprintf(p.key, sizeof p.key, "%s%s", prefix_of(scan, len), name);
    (void)snprintf(p.path, sizeof p.path, "%.180s/%.128s", scan->dir, name);
    return gc_items_add(scan->list, &p, reterr);
}

static int scan_dir(struct store *s, enum place_kind kind, const char *dir, const char *key_prefix,
                    struct gc_items *list, struct imgc_err *reterr)
{
    struct scan scan = { .s = s, .list = list, .kind = kind, .dir = dir, .key_prefix = key_prefix };

    return gc_items_list_dir(s, dir, note, &scan, reterr);
}

static int scan_all(struct store *s, struct gc_items *list, struct imgc_err *reterr)
{
    int r = scan_dir(s, PLACE_BLOB, "blobs/sha256", "sha256:", list, reterr);
    if (r == 0) {
        r = scan_dir(s, PLACE_BLOB, "blobs/sha512", "sha512:", list, reterr);
    }
    if (r == 0) {
        r = scan_dir(s, PLACE_CONTAINER, PATHS_CONTAINERS, "", list, reterr);
    }
    if (r == 0) {
        r = scan_dir(s, PLACE_VOLUME, PATHS_VOLUMES, "", list, reterr);
    }
    if (r == 0) {
        r = scan_dir(s, PLACE_EROFS, PATHS_VIEWS, NULL, list, reterr);
    }
    size_t first = list->n;
    if (r == 0) {
        r = scan_dir(s, PLACE_LAYER, PATHS_LAYERS, NULL, list, reterr);
    }
    for (size_t i = first, end = list->n; r == 0 && i < end; i++) {
        char dir[PATHS_MAX];
        (void)snprintf(dir, sizeof dir, "%.300s/fs", list->items[i].path);
        r = scan_dir(s, PLACE_VIEW, dir, NULL, list, reterr);
    }
    return r;
}

/* A view of an orphaned layer goes with it and is not counted twice. */
static bool is_inside(const struct place *view, const struct place *layer)
{
    size_t len = strlen(layer->path);

    return view->kind == PLACE_VIEW && layer->kind == PLACE_LAYER &&
           strncmp(view->path, layer->path, len) == 0 && view->path[len] == '/';
}

int gc_items_orphans(struct store *s, struct gc_items *ret, struct imgc_err *reterr)
{
    gc_items_auto struct gc_items all = { .n = 0 };
    size_t first = ret->n;

    int r = scan_all(s, &all, reterr);
    if (r < 0) {
        return r;
    }
    db_tx_auto struct db_tx tx = DB_TX_INIT;
    r = db_begin(s->db, DB_READ, &tx, reterr);
    for (size_t i = 0; r == 0 && i < all.n; i++) {
        bool known = false;
        r = place_has_row(s, &all.items[i], &known, reterr);
        if (r == 0 && !known) {
            r = trash_has(s, &all.items[i], &known, reterr);
        }
        for (size_t j = first; r == 0 && !known && j < ret->n; j++) {
            known = is_inside(&all.items[i], &ret->items[j]);
        }
        if (r == 0 && !known) {
            r = gc_items_add(ret, &all.items[i], reterr);
        }
    }
    return r;
}
