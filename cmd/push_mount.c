/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/push_mount.h"

#include <stdlib.h>

void push_mount_done(struct push_mount *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->paths[i]);
    }
}

static bool has(const struct push_mount *m, const char *path)
{
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->paths[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static int add_names(char **names, const struct ref *to, struct push_mount *m,
                     struct imgc_err *reterr)
{
    for (char **name = names; name && *name && m->n < PUSH_MOUNT_MAX; name++) {
        ref_auto struct ref ref = REF_INIT;
        int r = ref_parse(imgc_str_of(*name), &ref, reterr);
        if (r < 0) {
            return r;
        }
        if (strcmp(ref.domain, to->domain) == 0 && strcmp(ref.path, to->path) != 0 &&
            !has(m, ref.path)) {
            r = imgc_str_dup(imgc_str_of(ref.path), &m->paths[m->n], reterr);
            if (r < 0) {
                return r;
            }
            m->n++;
        }
    }
    return 0;
}

int push_mount_find(const struct image *image, const struct ref *to, struct push_mount *ret,
                    struct imgc_err *reterr)
{
    /* Where it came from has it for sure; a tag may be no more than a name here. */
    int r = add_names(image->repo_digests, to, ret, reterr);

    return r < 0 ? r : add_names(image->tags, to, ret, reterr);
}
