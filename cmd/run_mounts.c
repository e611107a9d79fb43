/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_mounts.h"

#include <stdlib.h>

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

static int check_kinds(const struct run_mounts *m, struct imgc_err *reterr)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->items[i].kind == SPEC_MOUNT_VOLUME) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "volume '%s' for '%s': named volumes are not supported (write ./NAME)",
                             m->items[i].source ? m->items[i].source : "", m->items[i].target);
        }
    }
    return 0;
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
    r = r < 0 ? r : check_kinds(&m, reterr);
    if (r == 0) {
        *ret = m;
        m = (struct run_mounts){ .items = NULL };
    }
    return r;
}
