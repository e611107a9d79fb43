/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/volumes_from.h"

#include "cmd/kept_spec.h"
#include "store/container.h"

static bool has_target(const struct spec *spec, const char *target)
{
    for (size_t i = 0; i < spec->n_mounts; i++) {
        if (strcmp(spec->mounts[i].target, target) == 0) {
            return true;
        }
    }
    return false;
}

static int add_copy(struct spec *spec, const struct spec_mount *from, bool read_only,
                    struct imgc_err *reterr)
{
    struct spec_mount *p = reallocarray(spec->mounts, spec->n_mounts + 1, sizeof *p);
    if (!p) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    spec->mounts = p;
    struct spec_mount *m = &p[spec->n_mounts++];
    *m = *from;
    m->source = m->target = m->subpath = m->host_dir =
        NULL; /* the last is looked up at each start */
    m->read_only |= read_only;
    int r = imgc_str_dup(imgc_str_of(from->target), &m->target, reterr);
    if (r == 0 && from->subpath) {
        r = imgc_str_dup(imgc_str_of(from->subpath), &m->subpath, reterr);
    }
    return r < 0 || !from->source ? r : imgc_str_dup(imgc_str_of(from->source), &m->source, reterr);
}

static int parse_options(struct imgc_str s, bool *ret_read_only, struct imgc_err *reterr)
{
    struct imgc_str word;

    while (imgc_str_token(&s, ',', &word)) {
        if (imgc_str_eq(word, IMGC_STR("ro"))) {
            *ret_read_only = true;
        } else if (!imgc_str_eq(word, IMGC_STR("rw")) && !imgc_str_eq(word, IMGC_STR("z"))) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "option '" IMGC_STR_FMT "' is not supported (ro, rw)",
                             IMGC_STR_ARG(word));
        }
    }
    return 0;
}

static int load(struct store *s, struct imgc_str name, struct spec *ret, struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };

    int r = container_find(s, name, &c, reterr);
    if (r == CONTAINER_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such container: " IMGC_STR_FMT,
                         IMGC_STR_ARG(name));
    }
    r = r < 0 ? r : kept_spec_load(s, c.id, ret, reterr);
    return r == -(int)IMGC_E_NOTFOUND
               ? imgc_fail(reterr, IMGC_E_NOTFOUND,
                           "container %s keeps no list of its mounts (it runs in the foreground "
                           "with --rm)",
                           c.name)
               : r;
}

int volumes_from_add(struct store *s, const char *text, struct spec *spec, struct imgc_err *reterr)
{
    spec_auto struct spec from = SPEC_INIT;
    struct imgc_str name, options;
    bool read_only = false;

    bool has_options = imgc_str_split(imgc_str_of(text), ':', &name, &options);
    int r = has_options ? parse_options(options, &read_only, reterr) : 0;
    r = r < 0 ? r : load(s, name, &from, reterr);
    for (size_t i = 0; i < from.n_mounts && r == 0; i++) {
        const struct spec_mount *m = &from.mounts[i];
        if (m->kind != SPEC_MOUNT_TMPFS && !has_target(spec, m->target)) {
            r = add_copy(spec, m, read_only, reterr);
        }
    }
    return r < 0 ? imgc_context(reterr, "--volumes-from '%s'", text) : 0;
}
