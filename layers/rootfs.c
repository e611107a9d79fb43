/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/rootfs.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "layers/rootfs_erofs.h"
#include "schema/base/fd.h"
#include "schema/limits.h"
#include "store/lock.h"
#include "store/sync.h"

/* A stack while its views are looked for and built. */
struct plan {
    struct store *s;
    struct lease *lease;
    struct lease *own_lease; /* where the caller had none */
    const struct digest *diff_ids;
    size_t n;
    struct view *views; /* @n; bottom first */
    size_t n_missing;
    bool *is_missing; /* @n */
};

static void plan_done(struct plan *p)
{
    p->own_lease = lease_end(p->own_lease);
    free(p->views);
    free(p->is_missing);
}

static void free_list(char **list)
{
    for (char **p = list; p && *p; p++) {
        free(*p);
    }
    free(list);
}

void rootfs_done(struct rootfs *r)
{
    free(r->image);
    free_list(r->devices);
    free_list(r->lowerdirs);
    *r = (struct rootfs){ .n_lowerdirs = 0 };
}

static int plan_init(struct plan *p, struct imgc_err *reterr)
{
    if (p->n > LIMIT_LAYERS) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "%zu layers; the limit is %d", p->n, LIMIT_LAYERS);
    }
    size_t room = p->n > 0 ? p->n : 1;
    imgc_autofree struct digest *chain_ids = calloc(room, sizeof *chain_ids);
    p->views = calloc(room, sizeof *p->views);
    p->is_missing = calloc(room, sizeof *p->is_missing);
    if (!chain_ids || !p->views || !p->is_missing) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = digest_chain(p->diff_ids, p->n, chain_ids, reterr);
    for (size_t i = 0; r >= 0 && i < p->n; i++) {
        p->views[i] = (struct view){ .chain_id = chain_ids[i],
                                     .diff_id = p->diff_ids[i],
                                     .form = VIEW_DIRECTORY };
    }
    return r;
}

static int find_views(struct plan *p, struct imgc_err *reterr)
{
    p->n_missing = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct view found;
        int r = view_find(p->s, &p->views[i].chain_id, VIEW_DIRECTORY, &found, reterr);
        if (r < 0) {
            return r;
        }
        p->is_missing[i] = r == VIEW_MISSING;
        p->n_missing += r == VIEW_MISSING;
    }
    return 0;
}

/* Under the layer's lock: who waited finds it proven and does not hash it again. */
static int prove_layer(struct plan *p, size_t i, struct imgc_err *reterr)
{
    lock_auto struct lock lock = LOCK_INIT;
    const struct digest *diff_id = &p->diff_ids[i];
    char text[DIGEST_TEXT_MAX];

    int r = lock_take(p->s, diff_id, true, &lock, reterr);
    if (r >= 0) {
        r = sync_check(p->s, diff_id, true, reterr);
    }
    if (r != SYNC_SUSPECT) {
        return r;
    }
    r = rootfs_verify_layer(p->s, diff_id, reterr);
    if (r == -(int)IMGC_E_DIGEST || r == -(int)IMGC_E_STORE) {
        r = sync_lost(p->s, diff_id, true, reterr);
        return r < 0 ? r
                     : imgc_fail(reterr, IMGC_E_STORE,
                                 "layer %s was lost in a power failure: pull it again",
                                 digest_text(diff_id, text));
    }
    return r < 0 ? r : sync_proven(p->s, diff_id, true, reterr);
}

static int prove_layers(struct plan *p, struct imgc_err *reterr)
{
    for (size_t i = 0; i < p->n; i++) {
        int r = sync_check(p->s, &p->diff_ids[i], true, reterr);
        if (r == SYNC_SUSPECT) {
            r = prove_layer(p, i, reterr);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static void add_report(struct dir_sink_report *sum, const struct dir_sink_report *add)
{
    sum->entries += add->entries;
    sum->devices_skipped += add->devices_skipped;
    sum->owners_skipped += add->owners_skipped;
    sum->xattrs_skipped += add->xattrs_skipped;
    sum->links_copied += add->links_copied;
}

/* What the layer applied last changed, into the new directory @name of the lease's directory. */
static int stage_view(struct plan *p, struct rootfs_stack *stack, const char *name,
                      struct dir_sink_report *ret, struct imgc_err *reterr)
{
    int staging_fd = lease_dir_fd(p->lease);
    imgc_autoclose int fd = -1;

    if (mkdirat(staging_fd, name, 0700) < 0) {
        return imgc_fail_sys(reterr, errno, "create staging directory");
    }
    int r = fd_open_at(staging_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    const struct dir_sink_args args = { .layers = stack->data,
                                        .n_layers = stack->n,
                                        .dir_fd = fd,
                                        .is_privileged = dir_sink_privileged() };
    return dir_sink_overlay(stack->tree, &args, ret, reterr);
}

static int build_view(struct plan *p, struct rootfs_stack *stack, const struct view *view,
                      struct dir_sink_report *sum, struct imgc_err *reterr)
{
    struct dir_sink_report report = { .entries = 0 };
    struct layer_info info;
    struct imgc_err ignored;
    char name[LEASE_NAME_MAX];

    int r = layer_find(p->s, p->lease, &view->diff_id, &info, reterr);
    if (r == LAYER_MISSING) {
        return rootfs_stack_missing(&view->diff_id, reterr);
    }
    if (r < 0) {
        return r;
    }
    lease_name(p->lease, name);
    r = stage_view(p, stack, name, &report, reterr);
    if (r >= 0) {
        r = view_publish_dir(p->s, p->lease, view, name, reterr);
    }
    if (r < 0) {
        /* What cannot be removed now goes with the lease. */
        (void)!fd_remove_tree(lease_dir_fd(p->lease), name, NULL, &ignored);
        return r;
    }
    add_report(sum, &report);
    return 0;
}

static int build_views(struct plan *p, struct dir_sink_report *sum, struct imgc_err *reterr)
{
    rootfs_stack_auto struct rootfs_stack stack = { .lease = p->lease };

    int r = rootfs_stack_open(p->s, p->diff_ids, p->n, &stack, reterr);
    for (size_t i = 0; r >= 0 && p->n_missing > 0; i++) {
        r = rootfs_stack_apply(&stack, reterr);
        if (r >= 0 && p->is_missing[i]) {
            r = build_view(p, &stack, &p->views[i], sum, reterr);
            if (r < 0) {
                (void)rootfs_stack_context(p->diff_ids, i, p->n, reterr);
            }
            p->n_missing--;
        }
    }
    return r;
}

static int need_lease(struct plan *p, struct imgc_err *reterr)
{
    if (p->lease) {
        return 0;
    }
    int r = lease_begin(p->s, &p->own_lease, reterr);
    p->lease = p->own_lease;
    return r;
}

/* One build at a time of the same stack: who waited finds the views there. */
static int build_locked(struct plan *p, struct dir_sink_report *sum, struct imgc_err *reterr)
{
    lock_auto struct lock lock = LOCK_INIT;

    int r = lock_take(p->s, &p->views[p->n - 1].chain_id, true, &lock, reterr);
    if (r >= 0) {
        r = find_views(p, reterr);
    }
    if (r >= 0 && p->n_missing > 0) {
        r = need_lease(p, reterr);
        r = r < 0 ? r : build_views(p, sum, reterr);
    }
    return r;
}

static int list_paths(const struct plan *p, struct rootfs *ret, struct imgc_err *reterr)
{
    rootfs_auto struct rootfs rootfs = { .n_lowerdirs = 0 };

    rootfs.lowerdirs = calloc(p->n + 1, sizeof *rootfs.lowerdirs);
    if (!rootfs.lowerdirs) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = p->n; i > 0; i--) {
        int r = view_path(p->s, &p->views[i - 1], &rootfs.lowerdirs[rootfs.n_lowerdirs], reterr);
        if (r < 0) {
            return r;
        }
        rootfs.n_lowerdirs++;
    }
    ret->n_lowerdirs = rootfs.n_lowerdirs;
    ret->lowerdirs = imgc_take(rootfs.lowerdirs);
    return 0;
}

static struct plan plan_of(const struct rootfs_args *args)
{
    return (struct plan){
        .s = args->store, .lease = args->lease, .diff_ids = args->diff_ids, .n = args->n_diff_ids
    };
}

static int prepare_directories(const struct rootfs_args *args, struct rootfs *ret,
                               struct rootfs_report *report, struct imgc_err *reterr)
{
    imgc_auto(plan_done) struct plan p = plan_of(args);

    int r = plan_init(&p, reterr);
    if (r >= 0) {
        r = prove_layers(&p, reterr);
    }
    if (r >= 0) {
        r = find_views(&p, reterr);
    }
    if (r >= 0 && p.n_missing > 0) {
        r = build_locked(&p, &report->written, reterr);
    }
    if (r >= 0) {
        r = list_paths(&p, ret, reterr);
    }
    return r < 0 ? r : 0;
}

enum { EROFS_REFUSED = 1 };

/* @return 0; EROFS_REFUSED: the form cannot hold these layers, as was found now or earlier. Who
 * asks for it by name gets the error. */
static int prepare_erofs(const struct rootfs_args *args, struct rootfs *ret,
                         struct rootfs_report *report, struct imgc_err *reterr)
{
    imgc_auto(plan_done) struct plan p = plan_of(args);
    imgc_autofree char *reason = NULL;

    int r = rootfs_erofs_find(args, ret, reterr);
    if (r != VIEW_MISSING) {
        return r;
    }
    r = plan_init(&p, reterr);
    const struct digest *chain_id = r < 0 ? NULL : &p.views[p.n - 1].chain_id;
    if (r >= 0 && args->form == ROOTFS_AUTO) {
        r = view_refusal(args->store, chain_id, VIEW_EROFS, &reason, reterr);
    }
    if (r != 0) {
        return r < 0 ? r : EROFS_REFUSED;
    }
    r = prove_layers(&p, reterr);
    r = r < 0 ? r : need_lease(&p, reterr);
    struct rootfs_args leased = *args;
    leased.lease = p.lease;
    r = r < 0 ? r : rootfs_erofs_build(&leased, ret, reterr);
    if (r == -(int)IMGC_E_LIMIT && args->form == ROOTFS_AUTO) {
        (void)snprintf(report->fallback, sizeof report->fallback, "%s", reterr->msg);
        r = view_refuse(args->store, chain_id, VIEW_EROFS, report->fallback, reterr);
        return r < 0 ? r : EROFS_REFUSED;
    }
    return r;
}

static int prepare(const struct rootfs_args *args, const struct rootfs_choice *choice,
                   struct rootfs *ret, struct rootfs_report *ret_report, struct imgc_err *reterr)
{
    struct rootfs_report report = { .fallback = "" };
    int r = EROFS_REFUSED;

    if (choice->form == ROOTFS_EROFS && args->n_diff_ids > 0) {
        r = prepare_erofs(args, ret, &report, reterr);
    }
    if (r == EROFS_REFUSED) {
        r = prepare_directories(args, ret, &report, reterr);
    }
    if (r >= 0 && ret_report) {
        *ret_report = report;
    }
    return r;
}

int rootfs_prepare(const struct rootfs_args *args, struct rootfs *ret,
                   struct rootfs_report *ret_report, struct imgc_err *reterr)
{
    struct rootfs_choice choice;

    int r = rootfs_form_choose(args->store, args->form, &choice, reterr);
    return r < 0 ? r : prepare(args, &choice, ret, ret_report, reterr);
}

int rootfs_load(struct store *s, const struct digest *diff_ids, size_t n_diff_ids,
                struct rootfs_stack *ret, struct imgc_err *reterr)
{
    imgc_auto(plan_done) struct plan p = { .s = s, .diff_ids = diff_ids, .n = n_diff_ids };

    int r = plan_init(&p, reterr);
    if (r >= 0) {
        r = prove_layers(&p, reterr);
    }
    if (r >= 0) {
        r = rootfs_stack_open(s, diff_ids, n_diff_ids, ret, reterr);
    }
    for (size_t i = 0; r >= 0 && i < n_diff_ids; i++) {
        r = rootfs_stack_apply(ret, reterr);
    }
    return r < 0 ? r : 0;
}

int rootfs_unpack(const struct rootfs_args *args, int dir_fd, bool is_own,
                  struct dir_sink_report *ret_report, struct imgc_err *reterr)
{
    rootfs_stack_auto struct rootfs_stack stack = ROOTFS_STACK_INIT;
    struct dir_sink_report report = { .entries = 0 };

    int r = rootfs_load(args->store, args->diff_ids, args->n_diff_ids, &stack, reterr);
    if (r >= 0) {
        const struct dir_sink_args sink = { .layers = stack.data,
                                            .n_layers = stack.n,
                                            .dir_fd = dir_fd,
                                            .is_privileged = dir_sink_privileged(),
                                            .is_own = is_own };
        r = dir_sink_root(stack.tree, &sink, &report, reterr);
    }
    if (r >= 0 && ret_report) {
        *ret_report = report;
    }
    return r;
}

int rootfs_build(const struct rootfs_args *args, struct rootfs_report *ret_report,
                 struct imgc_err *reterr)
{
    rootfs_auto struct rootfs rootfs = { .lowerdirs = NULL };
    struct rootfs_choice choice;

    int r = rootfs_form_choose(args->store, args->form, &choice, reterr);
    if (r < 0) {
        return r;
    }
    r = prepare(args, &choice, &rootfs, ret_report, reterr);
    return r == -IMGC_E_HOST ? ROOTFS_UNMOUNTABLE : r;
}
