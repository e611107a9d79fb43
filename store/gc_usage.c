/* SPDX-License-Identifier: Apache-2.0 */
/* What gc.h offers for `df`: totals. */
#include "store/container.h"
#include "store/disk.h"
#include "store/gc_dead.h"
#include "store/gc_items.h"
#include "store/partial.h"
#include "store/store_handle.h"
#include "store/volume.h"

static int number(struct store *s, const char *sql, uint64_t *ret, struct imgc_err *reterr)
{
    int64_t n = 0;

    int r = db_number(s->db, sql, &n, reterr);
    *ret = n < 0 ? 0 : (uint64_t)n;
    return r;
}

static int usage_of_images(struct store *s, struct gc_usage *u, struct imgc_err *reterr)
{
    const struct {
        uint64_t *ret;
        const char *sql;
    } numbers[] = {
        { &u->images, "SELECT count(*) FROM image" },
        { &u->images_used, "SELECT count(DISTINCT image_id) FROM container" },
        { &u->images_bytes, "SELECT coalesce((SELECT sum(disk) FROM layer), 0) + "
                            "coalesce((SELECT sum(disk) FROM view), 0) + "
                            "coalesce((SELECT sum(disk) FROM blob), 0)" },
    };
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    for (size_t i = 0; r == 0 && i < sizeof numbers / sizeof *numbers; i++) {
        r = number(s, numbers[i].sql, numbers[i].ret, reterr);
    }
    return r;
}

static int usage_of_containers(struct store *s, struct gc_usage *u, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .n = 0 };

    int r = container_list(s, &list, reterr);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        char path[PATHS_MAX];
        uint64_t bytes = 0;
        r = disk_tree_bytes(s->root_fd, paths_container(list.items[i].id, path), &bytes, reterr);
        u->containers++;
        u->containers_bytes += bytes;
        if (list.items[i].status == CONTAINER_RUNNING) {
            u->containers_running++;
        } else {
            u->containers_reclaimable += bytes;
        }
    }
    return r;
}

static int usage_of_volumes(struct store *s, struct gc_usage *u, struct imgc_err *reterr)
{
    volume_list_auto struct volume_list list = { .n = 0 };

    int r = volume_list(s, &list, reterr);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        uint64_t bytes = 0;
        r = volume_bytes(s, list.items[i].name, &bytes, reterr);
        u->volumes++;
        u->volumes_bytes += bytes;
        u->volumes_used += list.items[i].uses > 0;
        u->volumes_reclaimable += list.items[i].uses > 0 ? 0 : bytes;
    }
    return r;
}

static int usage_of_downloads(struct store *s, struct gc_usage *u, struct imgc_err *reterr)
{
    struct partial_usage p = { .n = 0 };

    int r = partial_usage(s, &p, reterr);
    u->downloads = p.n;
    u->downloads_active = p.n_active;
    u->downloads_bytes = p.bytes;
    u->downloads_reclaimable = p.reclaimable;
    return r;
}

int gc_usage(struct store *s, struct gc_usage *ret, struct imgc_err *reterr)
{
    struct gc_usage u = { .images = 0 };
    struct gc_report report = { .bytes = 0 };
    gc_items_auto struct gc_items orphans = { .n = 0 };

    int r = usage_of_images(s, &u, reterr);
    if (r == 0) {
        r = usage_of_containers(s, &u, reterr);
    }
    if (r == 0) {
        r = usage_of_volumes(s, &u, reterr);
    }
    if (r == 0) {
        r = usage_of_downloads(s, &u, reterr);
    }
    if (r == 0) {
        r = gc_reclaimable(s, &report, reterr);
    }
    if (r == 0) {
        r = gc_items_orphans(s, &orphans, reterr);
    }
    if (r == 0) {
        r = gc_items_bytes(s, &orphans, &u.leaked_bytes, reterr);
    }
    if (r == 0) {
        r = gc_dead_stray_bytes(s, &u.leaked_bytes, reterr);
    }
    if (r == 0) {
        u.images_reclaimable = report.bytes;
        *ret = u;
    }
    return r;
}
