/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/network_remove.h"

#include "cmd/network_guard.h"
#include "cmd/network_host.h"

#define USERS_BYTES 400 /* of a message; the rest is not said */

int network_remove_find(struct store *s, const char *name, struct network *ret,
                        struct imgc_err *reterr)
{
    network_auto struct network n = { .name = NULL };

    if (strcmp(name, NETWORK_DEFAULT) == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "the default network '%s' cannot be removed", name);
    }
    int r = network_find(s, imgc_str_of(name), &n, reterr);
    if (r == NETWORK_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such network: %s", name);
    }
    if (r == 0 && strcmp(n.name, NETWORK_DEFAULT) == 0) { /* by its ID */
        return imgc_fail(reterr, IMGC_E_USAGE, "the default network '%s' cannot be removed",
                         n.name);
    }
    if (r == 0) {
        *ret = n;
        n = (struct network){ .name = NULL };
    }
    return r;
}

int network_remove_check(const struct network_users *users, const struct network *n,
                         struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(USERS_BYTES);
    struct imgc_str names;
    struct imgc_err ignored;
    bool is_used = false;

    for (size_t i = 0; i < users->containers.n; i++) {
        if (network_users_has(users, i, n)) {
            imgc_buf_printf(&text, "%s%s", is_used ? ", " : "", users->containers.items[i].name);
            is_used = true;
        }
    }
    if (!is_used) {
        return 0;
    }
    bool is_whole = imgc_buf_finish(&text, &names, &ignored) == 0;
    return imgc_fail(reterr, IMGC_E_INUSE, "network %s is used by %s", n->name,
                     is_whole ? names.ptr : "containers");
}

/* Not counted as a use: who waits to take down what nobody uses goes on with that. */
int network_remove_row(struct store *s, const struct network *n, struct imgc_err *reterr)
{
    const struct net_bridge b = network_host_bridge(s, n);
    network_guard_auto int lock_fd = -1;

    int r = network_guard_take(s, false, &lock_fd, reterr);
    r = r < 0 ? r : network_remove(s, n, reterr);
    return r < 0 || !b.name[0] ? r : net_bridge_down(&b, reterr);
}
