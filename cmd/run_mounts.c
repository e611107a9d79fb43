/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_mounts.h"

#include <stdlib.h>

#include "cmd/volumes_from.h"
#include "store/volume.h"

void run_mounts_done(struct run_mounts *m)
{
    for (size_t i = 0; i < m->n; i++) {
        spec_mount_done(&m->items[i]);
    }
    free(m->items);
    *m = (struct run_mounts){ .items = NULL };
}

/* The second would hide the first without a word. */
static int check_targets(const struct run_mounts *m, struct imgc_err *reterr)
{
    for (size_t i = 0; i < m->n; i++) {
        for (size_t j = 0; j < i; j++) {
            const char *target = m->items[i].target, *other = m->items[j].target;
            if (target && other && strcmp(target, other) == 0) {
                return imgc_fail(reterr, IMGC_E_USAGE, "two mounts on '%s'", target);
            }
        }
    }
    return 0;
}

static int parse_image_volume(const char *text, enum run_mounts_of_image *ret,
                              struct imgc_err *reterr)
{
    static const struct {
        const char *name;
        enum run_mounts_of_image value;
    } known[] = {
        { "anonymous", RUN_MOUNTS_ANONYMOUS },
        { "bind", RUN_MOUNTS_ANONYMOUS }, /* podman's older name */
        { "tmpfs", RUN_MOUNTS_TMPFS },
        { "ignore", RUN_MOUNTS_IGNORE },
    };

    for (size_t i = 0; text && i < sizeof known / sizeof *known; i++) {
        if (strcmp(text, known[i].name) == 0) {
            *ret = known[i].value;
            return 0;
        }
    }
    return text ? imgc_fail(reterr, IMGC_E_USAGE, "--image-volume '%s': anonymous, tmpfs or ignore",
                            text)
                : 0;
}

typedef int parse_fn(struct imgc_str s, struct spec_mount *ret, struct imgc_err *reterr);

static int parse_list(const struct option_list *list, parse_fn *parse, struct run_mounts *m,
                      struct imgc_err *reterr)
{
    for (size_t i = 0; i < list->n; i++) {
        int r = parse(imgc_str_of(list->items[i]), &m->items[m->n], reterr);
        if (r < 0) {
            return r;
        }
        m->n++;
    }
    return 0;
}

int run_mounts_parse(const struct run_mounts_options *o, struct run_mounts *ret,
                     struct imgc_err *reterr)
{
    run_mounts_auto struct run_mounts m = { .n = 0 };

    m.items = calloc(o->volumes.n + o->mounts.n + o->tmpfs.n + 1, sizeof *m.items);
    if (!m.items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = parse_list(&o->volumes, spec_parse_volume, &m, reterr);
    r = r < 0 ? r : parse_list(&o->mounts, spec_parse_mount, &m, reterr);
    r = r < 0 ? r : parse_list(&o->tmpfs, spec_parse_tmpfs, &m, reterr);
    r = r < 0 ? r : check_targets(&m, reterr);
    r = r < 0 ? r : parse_image_volume(o->image_volume, &m.of_image, reterr);
    if (r == 0) {
        m.from = o->volumes_from;
        *ret = m;
        m = (struct run_mounts){ .items = NULL };
    }
    return r;
}

int run_mounts_check_users(const struct run_mounts *m, const struct isolation *isolation,
                           struct imgc_err *reterr)
{
    bool is_mapped = isolation_has_users(isolation) && !isolation->users.mounts_stay;

    for (size_t i = 0; i < m->n; i++) {
        if (m->items[i].idmap && !is_mapped) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "volume '%s': 'idmap' needs a user namespace of the container's own "
                             "(--userns or --uidmap, as root)",
                             m->items[i].target);
        }
    }
    return 0;
}

/* ---- what the options do not say ---- */

static bool is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* What the user mounts there or above is what he wants to see there; and where nothing can be
 * mounted it stays a directory of the container. */
static bool is_wanted(const struct spec *spec, const char *target)
{
    static const char *const system[] = { "/proc", "/dev", "/sys" };

    for (size_t i = 0; i < spec->n_mounts; i++) {
        if (is_below(target, spec->mounts[i].target)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof system / sizeof *system; i++) {
        if (is_below(target, system[i])) {
            return false;
        }
    }
    return strcmp(target, "/") != 0;
}

static int add_of_image(struct spec *spec, const char *target, enum run_mounts_of_image of_image,
                        struct imgc_err *reterr)
{
    struct spec_mount *p = reallocarray(spec->mounts, spec->n_mounts + 1, sizeof *p);
    if (!p) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    spec->mounts = p;
    p[spec->n_mounts] =
        (struct spec_mount){ .kind = of_image == RUN_MOUNTS_TMPFS ? SPEC_MOUNT_TMPFS
                                                                  : SPEC_MOUNT_VOLUME };
    return imgc_str_dup(imgc_str_of(target), &p[spec->n_mounts++].target, reterr);
}

static int name_anonymous(struct spec_mount *m, struct imgc_err *reterr)
{
    char name[VOLUME_MADE_NAME_MAX];

    if (m->kind != SPEC_MOUNT_VOLUME || m->source) {
        return 0;
    }
    int r = volume_make_name(name, reterr);
    m->is_anonymous = true;
    return r < 0 ? r : imgc_str_dup(imgc_str_of(name), &m->source, reterr);
}

int run_mounts_complete(struct store *s, const struct run_mounts *m, struct spec *spec,
                        struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < m->from.n && r == 0; i++) {
        r = volumes_from_add(s, m->from.items[i], spec, reterr);
    }
    for (char **v = spec->volumes; m->of_image != RUN_MOUNTS_IGNORE && r == 0 && v && *v; v++) {
        if (is_wanted(spec, *v)) {
            r = add_of_image(spec, *v, m->of_image, reterr);
        }
    }
    for (size_t i = 0; i < spec->n_mounts && r == 0; i++) {
        r = name_anonymous(&spec->mounts[i], reterr);
    }
    return r;
}
