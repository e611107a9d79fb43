/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_update.h"

#include <errno.h>
#include <unistd.h>

#include "runtime/cgroup_host.h"
#include "runtime/cgroup_inner.h"
#include "runtime/cgroup_place.h"
#include "runtime/cgroup_procs.h"
#include "runtime/cgroup_v2.h"
#include "schema/base/buf.h"
#include "schema/limits.h"

#define PROCS_BYTES (1u << 20) /* cgroup.procs of 100 000 processes */
#define MOVE_PASSES 100        /* each takes along what was forked during the one before */

static const struct cgroup_host_hierarchy *hierarchy_of(const struct cgroup_host *host,
                                                        const struct cgroup_dir *d)
{
    for (size_t i = 0; i < host->n; i++) {
        const struct cgroup_host_hierarchy *h = &host->hierarchies[i];
        struct imgc_str path = imgc_str_of(d->path);

        if (h->is_v2 == d->is_v2 && imgc_str_skip(&path, imgc_str_of(h->mountpoint)) &&
            imgc_str_starts(path, IMGC_STR("/"))) {
            return h;
        }
    }
    return NULL;
}

/* Where the cgroup is, of "MOUNTPOINT/BASE/imgc/NAME". */
struct where {
    struct imgc_str above; /* "MOUNTPOINT/BASE/imgc" */
    struct imgc_str base;  /* "/BASE", or "" */
    struct imgc_str name;
};

static void locate(const struct cgroup_dir *d, const struct cgroup_host_hierarchy *h,
                   struct where *ret)
{
    struct imgc_str rest, ignored;

    (void)imgc_str_rsplit(imgc_str_of(d->path), '/', &ret->above, &ret->name);
    (void)imgc_str_rsplit(ret->above, '/', &rest, &ignored);
    (void)imgc_str_skip(&rest, imgc_str_of(h->mountpoint));
    ret->base = rest;
}

/* What v2 has of it: its controllers are switched on from the top down to above the container. */
static int update_v2(struct cgroup_place *m, const struct where *where, struct imgc_err *reterr)
{
    const struct cgroup_host_hierarchy *h = m->of[0];
    imgc_autofree char *above = NULL;
    unsigned here = m->needed & cgroup_v2_controllers(h->mountpoint);

    if (here == 0) {
        return 0;
    }
    int r = imgc_str_dup(where->above, &above, reterr);
    bool had_memory = cgroup_dir_has(&m->cg->dirs[0], "memory.max");
    r = r < 0 ? r : cgroup_v2_make_base(h->mountpoint, above, here, reterr);
    if (r < 0) {
        reterr->code = IMGC_E_HOST;
        return imgc_context(reterr, "cannot limit %s", cgroup_host_name(here & -here));
    }
    if (here & CGROUP_HOST_MEMORY && !had_memory) {
        cgroup_limits_warn(&m->change, "only memory that is allocated from now on is counted");
    }
    m->needed &= ~here;
    return cgroup_v2_limit(&m->cg->dirs[0], here, &m->change, reterr);
}

static bool is_listed(struct imgc_str list, struct imgc_str pid)
{
    struct imgc_str line;

    while (imgc_str_token(&list, '\n', &line)) {
        if (imgc_str_eq(line, pid)) {
            return true;
        }
    }
    return false;
}

/* One pass. @ret_moved how many were not there yet. One that has ended meanwhile is no failure. */
static int move_pass(const struct cgroup_dir *from, const struct cgroup_dir *to, size_t *ret_moved,
                     struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf a = IMGC_BUF_INIT(PROCS_BYTES), b = IMGC_BUF_INIT(PROCS_BYTES);
    struct imgc_str all, there, line;

    *ret_moved = 0;
    if (!cgroup_procs_list(from, &a, &all) || !cgroup_dir_text(to, "cgroup.procs", &b, &there)) {
        return imgc_fail(reterr, IMGC_E_HOST, "the container's processes cannot be listed");
    }
    while (imgc_str_token(&all, '\n', &line)) {
        uint64_t pid;
        struct imgc_err err;

        if (!imgc_str_u64(line, &pid) || is_listed(there, line)) {
            continue;
        }
        if (cgroup_dir_write_number(to, "cgroup.procs", (int64_t)pid, &err) == 0) {
            (*ret_moved)++;
        } else if (err.sys != ESRCH) {
            *reterr = err;
            return -(int)err.code;
        }
    }
    return 0;
}

static int move_all(const struct cgroup_dir *from, const struct cgroup_dir *to,
                    struct imgc_err *reterr)
{
    size_t moved = 1;
    int r = 0;

    for (int i = 0; i < MOVE_PASSES && r == 0 && moved > 0; i++) {
        r = move_pass(from, to, &moved, reterr);
    }
    return r < 0 || moved == 0 ? r
                               : imgc_fail(reterr, IMGC_E_HOST,
                                           "the container forks faster than its processes can be "
                                           "moved; pause it first");
}

/* The rest in v1. Directories that are new are entered once their limits are written. */
static int update_v1(struct cgroup_place *m, const struct cgroup_host *host,
                     struct imgc_err *reterr)
{
    size_t had = m->cg->n_dirs;
    bool memory = m->needed & CGROUP_HOST_MEMORY;

    int r = cgroup_place_v1(m, host, reterr);
    for (size_t i = had; i < m->cg->n_dirs && r == 0; i++) {
        r = move_all(&m->cg->dirs[0], &m->cg->dirs[i], reterr);
        if (r == 0 && memory && m->of[i]->controllers & CGROUP_HOST_MEMORY) {
            cgroup_limits_warn(&m->change, "only memory that is allocated from now on is counted");
        }
    }
    return r;
}

static int apply(struct cgroup_place *m, const struct cgroup_host *host, struct imgc_err *reterr)
{
    imgc_autofree char *name = NULL, *base = NULL;
    struct where where;

    for (size_t i = 0; i < m->cg->n_dirs; i++) {
        m->of[i] = hierarchy_of(host, &m->cg->dirs[i]);
        if (!m->of[i]) {
            return imgc_fail(reterr, IMGC_E_HOST, "its cgroup '%s' is not where cgroups are now",
                             m->cg->dirs[i].path);
        }
    }
    locate(&m->cg->dirs[0], m->of[0], &where);
    int r = imgc_str_dup(where.name, &name, reterr);
    r = r < 0 ? r : imgc_str_dup(where.base, &base, reterr);
    if (r < 0) {
        return r;
    }
    const struct cgroup_args args = { .name = name };
    m->args = &args;
    m->parent = base[0] ? base : NULL;
    r = m->of[0]->is_v2 ? update_v2(m, &where, reterr) : 0;
    r = r < 0 ? r : update_v1(m, host, reterr);
    r = r < 0 || !m->of[0]->is_v2
            ? r
            : cgroup_inner_update(&m->cg->dirs[0], cgroup_limits_changed(&m->change), reterr);
    r = r < 0 ? r : cgroup_place_path(m->cg, reterr);
    m->args = NULL;
    m->parent = NULL;
    return r;
}

static unsigned needed(const struct cgroup_limits_change *change)
{
    return cgroup_limits_changed(change) &
           (cgroup_limits_controllers(change->from) | cgroup_limits_controllers(change->to));
}

/* Best effort: those that were written are as before, the others are written as they are. */
static void undo(struct cgroup_place *m, const struct cgroup_host *host)
{
    struct imgc_err ignored;

    m->change = (struct cgroup_limits_change){ .from = m->change.to, .to = m->change.from };
    m->needed = needed(&m->change);
    (void)!apply(m, host, &ignored);
}

/* What was made for a limit that was refused: nothing is in it yet, else it stays. */
static void remove_new(struct cgroup *cg, size_t had)
{
    for (size_t i = had; i < cg->n_dirs; i++) {
        (void)rmdir(cg->dirs[i].path);
    }
}

int cgroup_update(const char *path, const struct cgroup_limits_change *change, char **ret_path,
                  struct imgc_err *reterr)
{
    cgroup_host_auto struct cgroup_host host = CGROUP_HOST_INIT;
    cgroup_auto struct cgroup *cg = NULL;
    struct cgroup_place m = { .change = *change, .needed = needed(change) };
    size_t had;

    int r = cgroup_limits_check(change->to, reterr);
    r = r < 0 ? r : cgroup_host_read(&host, reterr);
    r = r < 0 ? r : cgroup_open(path, &cg, reterr);
    if (r < 0) {
        return r;
    }
    if (cg->n_dirs == 0) {
        return imgc_fail(reterr, IMGC_E_HOST, "its cgroup is gone");
    }
    m.cg = cg;
    had = cg->n_dirs;
    r = apply(&m, &host, reterr);
    if (r < 0) {
        undo(&m, &host);
        remove_new(cg, had);
        return r;
    }
    return imgc_str_dup(imgc_str_of(cgroup_path(cg)), ret_path, reterr);
}
