/* SPDX-License-Identifier: Apache-2.0 */
/* What partial.h offers for df, prune and the chores: all downloads that are kept. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "store/gc_items.h"
#include "store/lock.h"
#include "store/partial.h"
#include "store/store_handle.h"

#define BLOCK_BYTES 512u /* the unit of st_blocks, whatever the file system's is */
#define NS_PER_S 1000000000
#define S_PER_DAY ((int64_t)24 * 3600)

struct visit {
    struct store *s;
    struct partial_usage usage;
    bool is_sweep;
    int64_t age_s; /* of a sweep */
};

/* @return whether it is the sweep's business. */
static bool is_old(const struct visit *v, const struct stat *st)
{
    return v->age_s == 0 || clock_now_ns() / NS_PER_S - st->st_mtim.tv_sec >= v->age_s;
}

static int visit_name(void *arg, const char *name, struct imgc_err *reterr)
{
    struct visit *v = arg;
    struct digest blob;
    char path[PATHS_MAX];
    struct stat st;
    lock_auto struct lock lock = LOCK_INIT;

    if (!paths_parse_partial(name, &blob) ||
        fstatat(v->s->root_fd, paths_partial(&blob, path), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !is_old(v, &st)) {
        return 0; /* not ours, gone meanwhile, or not asked for */
    }
    int r = lock_take(v->s, &blob, false, &lock, reterr);
    if (r < 0) {
        return r;
    }
    uint64_t bytes = (uint64_t)st.st_blocks * BLOCK_BYTES;
    v->usage.n++;
    v->usage.bytes += bytes;
    if (r == LOCK_HELD_ELSEWHERE) {
        v->usage.n_active++;
        return 0;
    }
    v->usage.reclaimable += bytes;
    if (v->is_sweep) {
        partial_remove(v->s, &blob);
    }
    return 0;
}

static int visit_all(struct visit *v, struct partial_usage *ret, struct imgc_err *reterr)
{
    int r = gc_items_list_dir(v->s, PATHS_PARTIAL, visit_name, v, reterr);

    if (r == 0) {
        *ret = v->usage;
    }
    return r;
}

int partial_usage(struct store *s, struct partial_usage *ret, struct imgc_err *reterr)
{
    struct visit v = { .s = s };

    return visit_all(&v, ret, reterr);
}

int partial_sweep(struct store *s, int64_t age_s, struct partial_usage *ret,
                  struct imgc_err *reterr)
{
    struct visit v = { .s = s, .is_sweep = true, .age_s = age_s };

    return visit_all(&v, ret, reterr);
}

int partial_expire(struct store *s, struct imgc_err *reterr)
{
    struct partial_usage ignored;

    return partial_sweep(s, PARTIAL_DAYS * S_PER_DAY, &ignored, reterr);
}
