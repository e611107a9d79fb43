/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_place.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/cgroup_advice.h"
#include "runtime/cgroup_devices.h"
#include "runtime/cgroup_inner.h"
#include "runtime/cgroup_v1.h"
#include "runtime/cgroup_v2.h"
#include "schema/base/buf.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

/*
 * Which hierarchies are used. Making and removing a directory costs a tenth of a millisecond, but
 * moving a process into one takes a lock behind an RCU grace period: about ten milliseconds for the
 * first move (measured, Linux 6.18). Only v2 can be entered without a move, by CLONE_INTO_CGROUP.
 * So where there is a v2 hierarchy, even one without controllers (hybrid), it does what it can:
 * killing (cgroup.kill), devices (BPF). A v1 hierarchy is touched only for a limit that was asked.
 * On a host with v1 alone: freezer for killing, devices, and those of the limits.
 */

#define LIMITING \
    (CGROUP_HOST_MEMORY | CGROUP_HOST_CPU | CGROUP_HOST_PIDS | CGROUP_HOST_CPUSET | CGROUP_HOST_IO)

/* Makes the directory below @base. */
typedef int make_fn(const struct cgroup_place *m, const char *base, unsigned controllers,
                    struct cgroup_dir *ret, struct imgc_err *reterr);

static void tell(const struct cgroup_place *m, const char *msg)
{
    cgroup_limits_warn(&m->change, "%s", msg);
}

static int make_v2(const struct cgroup_place *m, const char *base, unsigned controllers,
                   struct cgroup_dir *ret, struct imgc_err *reterr)
{
    return cgroup_v2_make(base, m->args->name, controllers, ret, reterr);
}

static int make_v1(const struct cgroup_place *m, const char *base, unsigned controllers,
                   struct cgroup_dir *ret, struct imgc_err *reterr)
{
    (void)controllers; /* always on */
    return cgroup_dir_make(base, m->args->name, false, ret, reterr);
}

/* Where the user says, or nowhere. */
static int make_below_parent(struct cgroup_place *m, const struct cgroup_host_hierarchy *h,
                             make_fn *make, unsigned controllers, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    struct imgc_str base;

    imgc_buf_puts(&b, h->mountpoint);
    imgc_buf_puts(&b, m->parent);
    int r = imgc_buf_finish(&b, &base, reterr);
    r = r < 0 ? r
              : cgroup_v2_make_base(h->mountpoint, base.ptr, h->is_v2 ? controllers : 0, reterr);
    r = r < 0 ? r : make(m, base.ptr, controllers, &m->cg->dirs[m->cg->n_dirs], reterr);
    if (r == 0) {
        m->of[m->cg->n_dirs++] = h;
    }
    return r;
}

/* Make our directory at the mount's root or, where that is forbidden, at the nearest ancestor of
 * the caller that allows it (a delegated session: often not the caller's own cgroup, which has
 * processes). Of several refusals the first is reported: it is the one at the root. */
static int make_somewhere(struct cgroup_place *m, const struct cgroup_host_hierarchy *h,
                          make_fn *make, unsigned controllers, struct imgc_err *reterr)
{
    struct cgroup_dir *slot = &m->cg->dirs[m->cg->n_dirs];
    struct imgc_str own = imgc_str_of(h->own), ignored; /* empty where it is not known */
    struct imgc_err err;
    int r;

    if (m->parent) {
        return make_below_parent(m, h, make, controllers, reterr);
    }
    r = make(m, h->mountpoint, controllers, slot, reterr);
    while (r < 0 && r != -IMGC_E_NOMEM && own.len > 1) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
        struct imgc_str base;

        imgc_buf_puts(&b, h->mountpoint);
        imgc_buf_str(&b, own);
        if (imgc_buf_finish(&b, &base, &err) == 0 &&
            make(m, base.ptr, controllers, slot, &err) == 0) {
            r = 0;
        }
        imgc_str_rsplit(own, '/', &own, &ignored);
    }
    if (r == 0) {
        m->of[m->cg->n_dirs++] = h;
    }
    return r;
}

/* The directory in the v1 hierarchy that has @controller; controllers may be mounted together, so
 * it may be there already. */
static int place_one_v1(struct cgroup_place *m, const struct cgroup_host *host, unsigned controller,
                        const struct cgroup_dir **ret, struct imgc_err *reterr)
{
    const struct cgroup_host_hierarchy *h = cgroup_host_v1(host, controller);
    size_t i = 0;
    int r;

    if (!h) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host does not offer the cgroup controller '%s' here",
                         cgroup_host_name(controller));
    }
    while (i < m->cg->n_dirs && m->of[i] != h) {
        i++;
    }
    r = i < m->cg->n_dirs ? 0 : make_somewhere(m, h, make_v1, 0, reterr);
    if (r == 0 && h->controllers & CGROUP_HOST_CPUSET) {
        r = cgroup_v1_inherit_cpuset(h->mountpoint, m->cg->dirs[i].path, reterr);
    }
    if (r < 0) {
        return r;
    }
    *ret = &m->cg->dirs[i];
    return 0;
}

/* A user namespace below the initial one cannot open devices by nodes of its own making. */
static bool in_initial_userns(void)
{
    imgc_autoclose int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    char text[64];
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
    struct imgc_str line = { text, n > 0 ? (size_t)n : 0 };

    return line.len == 0 || imgc_str_ends(imgc_str_trim(line), IMGC_STR(" 4294967295"));
}

static int need_failed(const struct cgroup_host *host, unsigned controllers,
                       struct imgc_err *reterr)
{
    unsigned first = controllers & -controllers;
    enum cgroup_advice advice =
        cgroup_advice_here(host, geteuid() == 0 && in_initial_userns(), first);

    (void)imgc_context(reterr, "cannot limit %s (%s; or leave out the limit)",
                       cgroup_host_name(first), cgroup_advice_text(advice));
    reterr->code = IMGC_E_HOST;
    return -IMGC_E_HOST;
}

/* The v2 directory, with those of the needed controllers that v2 has. */
static int place_v2(struct cgroup_place *m, const struct cgroup_host *host, struct imgc_err *reterr)
{
    const struct cgroup_host_hierarchy *h = cgroup_host_v2(host);
    unsigned here;
    int r;

    if (!h) {
        return 0;
    }
    here = m->needed ? m->needed & cgroup_v2_controllers(h->mountpoint) : 0;
    r = make_somewhere(m, h, make_v2, here, reterr);
    if (r < 0) {
        return here != 0 ? need_failed(host, here, reterr) : m->parent ? r : 0;
    }
    m->needed &= ~here;
    return cgroup_v2_limit(&m->cg->dirs[m->cg->n_dirs - 1], here, &m->change, reterr);
}

/* Whatever v2 does not have, one controller after the other. */
int cgroup_place_v1(struct cgroup_place *m, const struct cgroup_host *host, struct imgc_err *reterr)
{
    while (m->needed != 0) {
        unsigned controller = m->needed & -m->needed;
        const struct cgroup_dir *d = NULL;
        int r;

        r = place_one_v1(m, host, controller, &d, reterr);
        if (r < 0) {
            return need_failed(host, controller, reterr);
        }
        m->needed &= ~controller;
        r = cgroup_v1_limit(d, controller, &m->change, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int place_devices_v1(struct cgroup_place *m, const struct cgroup_host *host,
                            struct imgc_err *reterr)
{
    const struct cgroup_dir *d = NULL;
    int r;

    r = place_one_v1(m, host, CGROUP_HOST_DEVICES, &d, reterr);
    return d ? cgroup_devices_write(d->fd, m->args->device_rules, m->args->n_device_rules, reterr)
             : r;
}

static int attach_devices(const struct cgroup_place *m, struct imgc_err *reterr)
{
    imgc_autoclose int own_fd = -1;
    int fd = m->args->ahead ? m->args->ahead->devices_fd : -1;
    int r = 0;

    if (fd < 0 || m->args->n_device_rules > 0) { /* the one made ahead knows no rules */
        r = cgroup_devices_load(m->args->device_rules, m->args->n_device_rules, &own_fd, reterr);
        fd = own_fd;
    }
    return r < 0 ? r : cgroup_devices_attach(m->cg->dirs[0].fd, fd, reterr);
}

/* Survivable: warn, where the lack of it leaves a hole. */
static void place_devices(struct cgroup_place *m, const struct cgroup_host *host)
{
    struct imgc_err err, second;
    int r = -1;

    if (m->args->all_devices || geteuid() != 0 || !in_initial_userns()) {
        return;
    }
    if (m->cg->n_dirs > 0 && m->cg->dirs[0].is_v2) {
        r = attach_devices(m, &err);
    } else {
        (void)imgc_fail(&err, IMGC_E_HOST, "there is no cgroup for it");
    }
    if (r < 0 && place_devices_v1(m, host, &second) < 0) {
        (void)imgc_context(&err, "the container's access to devices is not restricted");
        tell(m, err.msg);
    }
}

int cgroup_place_path(struct cgroup *cg, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT((size_t)CGROUP_DIRS * (LIMIT_PATH_BYTES + 1));

    for (size_t i = 0; i < cg->n_dirs; i++) {
        imgc_buf_puts(&b, i > 0 ? ":" : "");
        imgc_buf_puts(&b, cg->dirs[i].path);
    }
    free(cg->path);
    cg->path = NULL;
    return cg->n_dirs > 0 ? imgc_buf_take(&b, &cg->path, reterr) : 0;
}

/* Paths are joined, nothing is asked: this is part of each container's start. */
static int note_later(struct cgroup_place *m, const struct cgroup_host *host,
                      struct imgc_err *reterr)
{
    struct cgroup *cg = m->cg;
    struct imgc_str tail = imgc_str_of(cg->dirs[0].path); /* "/BASE/imgc/NAME" */
    int r = 0;

    (void)imgc_str_skip(&tail, imgc_str_of(m->of[0]->mountpoint));
    for (size_t i = 0; i < host->n && r == 0 && cg->n_later < CGROUP_DIRS; i++) {
        const struct cgroup_host_hierarchy *h = &host->hierarchies[i];
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
        bool is_used = h->is_v2 || (h->controllers & LIMITING) == 0;

        for (size_t j = 0; j < cg->n_dirs; j++) {
            is_used = is_used || m->of[j] == h;
        }
        if (is_used) {
            continue;
        }
        imgc_buf_puts(&b, h->mountpoint);
        imgc_buf_str(&b, tail);
        r = imgc_buf_take(&b, &cg->later[cg->n_later], reterr);
        cg->n_later += r == 0 ? 1 : 0;
    }
    return r;
}

static int place_inner(struct cgroup_place *m, const struct cgroup_host *host,
                       struct imgc_err *reterr)
{
    const struct cgroup_host_hierarchy *v2 = cgroup_host_v2(host);
    struct cgroup *cg = m->cg;

    return m->args->delegate && v2 && !v2->is_delegating && cg->n_dirs > 0 && cg->dirs[0].is_v2
               ? cgroup_inner_make(&cg->dirs[0], &cg->inner, reterr)
               : 0;
}

static int place_on(struct cgroup_place *m, const struct cgroup_host *host, struct imgc_err *reterr)
{
    int r;

    if (m->change.to->cgroup_conf && !cgroup_host_v2(host)) {
        return imgc_fail(reterr, IMGC_E_HOST, "--cgroup-conf needs a host with cgroup v2");
    }
    r = place_v2(m, host, reterr);
    if (r < 0) {
        return r;
    }
    if (m->cg->n_dirs == 0) { /* something to kill by; a host that forbids it is no failure */
        const struct cgroup_dir *d = NULL;
        (void)place_one_v1(m, host, CGROUP_HOST_FREEZER, &d, reterr);
    }
    r = cgroup_place_v1(m, host, reterr);
    if (r < 0) {
        return r;
    }
    place_devices(m, host);
    r = m->cg->n_dirs > 0 ? note_later(m, host, reterr) : 0;
    r = r < 0 ? r : place_inner(m, host, reterr);
    if (r < 0) {
        return r;
    }
    return cgroup_place_path(m->cg, reterr);
}

int cgroup_place_all(struct cgroup_place *m, struct imgc_err *reterr)
{
    cgroup_host_auto struct cgroup_host host = CGROUP_HOST_INIT;
    const struct cgroup_ahead *ahead = m->args->ahead;
    int r;

    if (ahead && ahead->has_host) {
        return place_on(m, &ahead->host, reterr);
    }
    r = cgroup_host_read(&host, reterr);
    return r < 0 ? r : place_on(m, &host, reterr);
}
