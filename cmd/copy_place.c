/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/copy_place.h"

#include "cmd/container_end.h"
#include "cmd/container_launch.h"
#include "cmd/kept_spec.h"
#include "cmd/volumes.h"
#include "runtime/rootview.h"
#include "schema/base/fd.h"

void copy_place_done(struct copy_place *p)
{
    struct imgc_err ignored;

    copy_path_done(&p->path);
    imgc_closep(&p->root_fd);
    if (p->is_mounted) { /* nobody may start it while its changes are mounted here */
        rootview_unmount(&p->made.spec);
    }
    if (p->is_held) {
        (void)!container_release(p->app->store, &p->made.container, &ignored);
    }
    spec_done(&p->spec);
    container_make_done(&p->made);
    container_done(&p->container);
}

const struct isolation_users *copy_place_users(const struct copy_place *p)
{
    const struct spec *s = p->is_mounted ? &p->made.spec : &p->spec;

    return p->kind == COPY_PLACE_CONTAINER && s->isolation.users.mode == ISOLATION_USERS_MAPPED
               ? &s->isolation.users
               : NULL;
}

static int parse_container(struct copy_place *p, struct imgc_str name, struct imgc_err *reterr)
{
    imgc_autofree char *copy = NULL;

    p->kind = COPY_PLACE_CONTAINER;
    int r = imgc_str_dup(name, &copy, reterr);
    return r < 0 ? r : container_end_find(p->app, copy, &p->container, reterr);
}

int copy_place_parse(struct copy_place *p, const char *word, struct imgc_err *reterr)
{
    struct imgc_str name;
    const char *path = word;
    int r = 0;

    if (strcmp(word, "-") == 0) {
        p->kind = COPY_PLACE_STREAM;
        return 0;
    }
    if (copy_path_split(word, &name, &path)) {
        r = parse_container(p, name, reterr);
    }
    if (r == 0 && *path == '\0') {
        r = imgc_fail(reterr, IMGC_E_USAGE, "'%s' names no path", word);
    }
    r = r < 0 ? r : copy_path_parse(path, p->kind == COPY_PLACE_LOCAL, &p->path, reterr);
    p->path.shown = word;
    return r;
}

int copy_place_whole(struct copy_place *p, const char *name, struct imgc_err *reterr)
{
    p->is_bare = true;
    return parse_container(p, imgc_str_of(name), reterr);
}

static enum rootview_scope scope_of(const struct copy_place *p)
{
    return p->is_bare ? ROOTVIEW_BARE : ROOTVIEW_ALL;
}

int copy_place_open_running(struct copy_place *p, struct imgc_err *reterr)
{
    if (p->kind != COPY_PLACE_CONTAINER || p->container.status != CONTAINER_RUNNING) {
        return 0;
    }
    int r = kept_spec_load(p->app->store, p->container.id, &p->spec, reterr);
    r = r == -(int)IMGC_E_NOTFOUND ? 0 : r; /* its users are those of the host then */
    r = r < 0 ? r : rootview_open(&p->container.init, scope_of(p), &p->root_fd, reterr);
    return r == ROOTVIEW_GONE ? imgc_fail(reterr, IMGC_E_NOTRUNNING, "container %s has just ended",
                                          p->container.name)
           : r < 0            ? imgc_context(reterr, "container %s", p->container.name)
                              : 0;
}

static int hold(struct copy_place *p, struct imgc_err *reterr)
{
    int r = container_claim(p->app->store, p->made.container.id, reterr);

    if (r == CONTAINER_BUSY) {
        return imgc_fail(reterr, IMGC_E_INUSE,
                         "container %s is being started, or copied from or to: try again",
                         p->made.container.name);
    }
    p->is_held = r == 0;
    return r;
}

static int mount_stopped(struct copy_place *p, struct imgc_err *reterr)
{
    int r = container_make_again(p->app, &p->container, &p->made, reterr);

    r = r < 0 ? r : hold(p, reterr);
    r = r < 0 ? r : container_launch_place_root(p->app, &p->made, reterr);
    if (r == 0 && !p->is_bare) {
        r = volumes_prepare(p->app, &p->made.container, &p->made.spec, reterr);
    }
    if (r < 0) {
        return r;
    }
    r = rootview_mount(&p->made.spec, scope_of(p), &p->root_fd, reterr);
    p->is_mounted = r == 0;
    return r;
}

int copy_place_open(struct copy_place *p, struct imgc_err *reterr)
{
    if (p->kind == COPY_PLACE_STREAM || p->root_fd >= 0) {
        return 0;
    }
    return p->kind == COPY_PLACE_LOCAL
               ? fd_open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, &p->root_fd, reterr)
               : mount_stopped(p, reterr);
}
