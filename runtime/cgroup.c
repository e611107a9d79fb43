/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cgroup_devices.h"
#include "runtime/cgroup_handle.h"
#include "runtime/cgroup_host.h"
#include "runtime/cgroup_limits.h"
#include "runtime/cgroup_parent.h"
#include "runtime/cgroup_place.h"
#include "runtime/cgroup_v1.h"
#include "runtime/cgroup_v2.h"
#include "schema/base/buf.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

static bool is_component(const char *name)
{
    return name[0] != '\0' && strlen(name) <= NAME_MAX && !strpbrk(name, "/:\n") &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int new_cgroup(struct cgroup **ret, struct imgc_err *reterr)
{
    struct cgroup *cg = calloc(1, sizeof *cg);

    if (!cg) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "cgroup");
    }
    for (size_t i = 0; i < CGROUP_DIRS; i++) {
        cg->dirs[i] = (struct cgroup_dir)CGROUP_DIR_INIT;
    }
    cg->inner = (struct cgroup_dir)CGROUP_DIR_INIT;
    *ret = cg;
    return 0;
}

static int check_args(const struct cgroup_args *args, struct imgc_err *reterr)
{
    if (!is_component(args->name)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'%s' cannot name a cgroup", args->name);
    }
    if (args->disabled && cgroup_limits_controllers(args->limits) != 0) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "without a cgroup (--cgroups=disabled) nothing can "
                         "be limited");
    }
    return cgroup_limits_check(args->limits, reterr);
}

void cgroup_ahead_read(struct cgroup_ahead *ret)
{
    struct imgc_err ignored; /* whoever needs it tries again, and tells */

    *ret = (struct cgroup_ahead)CGROUP_AHEAD_INIT;
    ret->has_host = cgroup_host_read(&ret->host, &ignored) == 0;
    if (geteuid() == 0) {
        (void)!cgroup_devices_load(NULL, 0, &ret->devices_fd, &ignored);
    }
}

void cgroup_ahead_done(struct cgroup_ahead *a)
{
    cgroup_host_done(&a->host);
    imgc_closep(&a->devices_fd);
}

int cgroup_create(const struct cgroup_args *args, struct cgroup **ret, struct imgc_err *reterr)
{
    static const struct spec_limits none;
    cgroup_auto struct cgroup *cg = NULL;
    imgc_autofree char *parent = NULL;
    struct cgroup_place m = {
        .args = args,
        .change = { .from = &none, .to = args->limits, .warn = args->warn, .arg = args->arg }
    };
    int r;

    r = check_args(args, reterr);
    r = r < 0 ? r : new_cgroup(&cg, reterr);
    r = r < 0 || !args->parent ? r : cgroup_parent_path(args->parent, &parent, reterr);
    if (r < 0) {
        return r;
    }
    m.cg = cg;
    m.parent = parent;
    m.needed = cgroup_limits_controllers(args->limits);
    if (args->disabled) {
        cgroup_limits_warn(
            &m.change,
            "the container's access to devices is not restricted: there is no cgroup for it");
    } else {
        r = cgroup_place_all(&m, reterr);
        if (r < 0) {
            return r;
        }
    }
    cg->keep = true;
    *ret = imgc_take(cg);
    return 0;
}

int cgroup_open(const char *path, struct cgroup **ret, struct imgc_err *reterr)
{
    cgroup_auto struct cgroup *cg = NULL;
    struct imgc_str rest = imgc_str_of(path), part;

    int r = new_cgroup(&cg, reterr);
    if (r < 0) {
        return r;
    }
    cg->keep = true;
    while (imgc_str_token(&rest, ':', &part)) {
        if (cg->n_dirs == CGROUP_DIRS) {
            return imgc_fail(reterr, IMGC_E_USAGE, "'%s' names too many cgroups", path);
        }
        r = cgroup_dir_open(part, &cg->dirs[cg->n_dirs], reterr);
        if (r < 0) {
            return r;
        }
        cg->n_dirs += r == 0 ? 1 : 0;
    }
    r = cgroup_place_path(cg, reterr);
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(cg);
    return 0;
}

const char *cgroup_path(const struct cgroup *cg)
{
    return cg->path;
}

int cgroup_clone_fd(const struct cgroup *cg)
{
    return cg->inner.fd >= 0                     ? cg->inner.fd
           : cg->n_dirs > 0 && cg->dirs[0].is_v2 ? cg->dirs[0].fd
                                                 : -1;
}

int cgroup_add(struct cgroup *cg, pid_t pid, struct imgc_err *reterr)
{
    for (size_t i = 0; i < cg->n_dirs; i++) {
        bool is_within = i == 0 && cg->inner.fd >= 0;
        int r = cgroup_dir_add(is_within ? &cg->inner : &cg->dirs[i], pid, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* Take what another process has made for it since: the limits of an update. */
static void adopt(struct cgroup *cg)
{
    for (size_t i = 0; i < cg->n_later && cg->n_dirs < CGROUP_DIRS; i++) {
        struct imgc_err ignored;

        if (access(cg->later[i], F_OK) == 0 &&
            cgroup_dir_open(imgc_str_of(cg->later[i]), &cg->dirs[cg->n_dirs], &ignored) == 0) {
            cg->n_dirs++;
        }
        free(cg->later[i]);
        cg->later[i] = NULL;
    }
    cg->n_later = 0;
}

bool cgroup_oom_killed(struct cgroup *cg)
{
    adopt(cg);
    for (size_t i = 0; i < cg->n_dirs; i++) {
        if (cg->dirs[i].is_v2 ? cgroup_v2_oom_killed(&cg->dirs[i])
                              : cgroup_v1_oom_killed(&cg->dirs[i])) {
            return true;
        }
    }
    return false;
}

/* All are tried; the first failure is reported. */
static int remove_all(struct cgroup *cg, struct imgc_err *reterr)
{
    int result = 0;

    for (size_t i = 0; i < cg->n_dirs; i++) {
        struct imgc_err err;
        int r = cgroup_dir_remove(&cg->dirs[i], true, &err);
        if (r < 0 && result == 0) {
            *reterr = err;
            result = r;
        }
    }
    return result;
}

int cgroup_remove(struct cgroup *cg, struct imgc_err *reterr)
{
    adopt(cg);
    return remove_all(cg, reterr);
}

int cgroup_remove_path(const char *path, bool patience, struct imgc_err *reterr)
{
    struct imgc_str rest = imgc_str_of(path), part;
    int result = 0;

    while (imgc_str_token(&rest, ':', &part)) {
        cgroup_dir_auto struct cgroup_dir d = CGROUP_DIR_INIT;
        struct imgc_err err;
        int r = cgroup_dir_open(part, &d, &err);

        if (r == CGROUP_DIR_GONE) {
            continue;
        }
        if (r == 0) {
            r = cgroup_dir_remove(&d, patience, &err);
        }
        if (r < 0 && result == 0) {
            *reterr = err;
            result = r;
        }
    }
    return result;
}

/* @base/imgc/@name, if it is there. */
static int remove_below(struct imgc_str mountpoint, struct imgc_str base, const char *name,
                        bool patience, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    struct imgc_str path;

    imgc_buf_str(&b, mountpoint);
    imgc_buf_str(&b, base);
    imgc_buf_printf(&b, "/imgc/%s", name);
    int r = imgc_buf_finish(&b, &path, reterr);
    return r < 0 ? r : cgroup_remove_path(path.ptr, patience, reterr);
}

int cgroup_remove_name(const char *name, bool patience, struct imgc_err *reterr)
{
    cgroup_host_auto struct cgroup_host host = CGROUP_HOST_INIT;
    int r = 0;

    if (!is_component(name)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'%s' cannot name a cgroup", name);
    }
    r = cgroup_host_read(&host, reterr);
    for (size_t i = 0; i < host.n && r == 0; i++) {
        const struct cgroup_host_hierarchy *h = &host.hierarchies[i];
        struct imgc_str own = imgc_str_of(h->own), ignored;

        r = remove_below(imgc_str_of(h->mountpoint), (struct imgc_str){ NULL, 0 }, name, patience,
                         reterr);
        while (r == 0 && own.len > 1) { /* the places of make_somewhere() */
            r = remove_below(imgc_str_of(h->mountpoint), own, name, patience, reterr);
            imgc_str_rsplit(own, '/', &own, &ignored);
        }
    }
    return r;
}

struct cgroup *cgroup_free(struct cgroup *cg)
{
    struct imgc_err ignored;

    if (!cg) {
        return NULL;
    }
    if (!cg->keep) {
        (void)remove_all(cg, &ignored);
    }
    for (size_t i = 0; i < CGROUP_DIRS; i++) {
        cgroup_dir_done(&cg->dirs[i]);
    }
    cgroup_dir_done(&cg->inner);
    for (size_t i = 0; i < cg->n_later; i++) {
        free(cg->later[i]);
    }
    free(cg->path);
    free(cg);
    return NULL;
}

void cgroup_freep(struct cgroup **cg)
{
    *cg = cgroup_free(*cg);
}
