/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_peer.h"

#include <stdio.h>

#include "schema/json.h"
#include "store/container.h"

/* docker's rule: private is the default, and cannot be joined. */
static bool shares_ipc(const struct container *c)
{
    json_auto_free json_t *j = NULL;
    struct imgc_err ignored;
    const char *mode = NULL;

    if (!c->spec_json || json_parse(imgc_str_of(c->spec_json), "options", &j, &ignored) < 0 ||
        json_get_string(j, "IpcMode", &mode, &ignored) < 0 || !mode) {
        return false;
    }
    return strcmp(mode, "private") != 0 && strcmp(mode, "none") != 0;
}

int run_peer_find(struct store *s, const char *name, struct nsjoin_peer *ret,
                  struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };

    int r = container_find(s, imgc_str_of(name), &c, reterr);
    if (r == CONTAINER_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such container: %s", name);
    }
    if (r < 0) {
        return r;
    }
    if (c.status != CONTAINER_RUNNING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "it does not run");
    }
    if (asprintf(&ret->state_dir, "%s/containers/%s", store_root_path(s), c.id) < 0) {
        ret->state_dir = NULL;
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    ret->init = c.init;
    ret->ipc_is_shared = shares_ipc(&c);
    return 0;
}
