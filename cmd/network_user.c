/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/network_user.h"

#include <stdio.h>

#include "cmd/network_guard.h"
#include "cmd/network_names.h"
#include "runtime/net_names.h"
#include "runtime/net_port_bind.h"
#include "schema/base/fd.h"
#include "store/network_lease.h"
#include "store/probe.h"

#define ADVICE "user-network" /* of probe.h: that it was told */

/* Every command would say the same. */
static void advise(struct app *app, const char *why)
{
    imgc_autofree char *told = NULL;
    struct imgc_err ignored;

    if (probe_find(app->store, ADVICE, &told, &ignored) == 0 && strcmp(told, why) == 0) {
        output_debug(&app->out, "no network: %s", why);
        return;
    }
    output_warn(&app->out, "containers have no network: %s; or use --network host", why);
    (void)!probe_put(app->store, ADVICE, why, &ignored);
}

/* ---- names ---- */

static bool asks_loopback_only(void)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(NET_NAMES_FILE_BYTES);
    imgc_autoclose int fd = -1;
    struct imgc_err ignored;

    return fd_open_at(AT_FDCWD, "/etc/resolv.conf", O_RDONLY, 0, &fd, &ignored) == 0 &&
           fd_read_all(fd, &text, &ignored) == 0 &&
           net_names_is_loopback((struct imgc_str){ text.ptr, text.len });
}

/* slirp4netns has a name server that asks the host's. Of pasta's, which speaks UDP alone in older
 * versions, there is need only where the host's own cannot be reached from another network. */
static int make_resolv(struct network_user *u, char **ret, struct imgc_err *reterr)
{
    char slirp_dns[] = NET_USER_SLIRP_DNS, pasta_dns[] = NET_USER_PASTA_DNS;
    char *const slirp[] = { slirp_dns, NULL }, *const pasta[] = { pasta_dns, NULL };
    union { /* only looked at */
        char *const *in;
        char **out;
    } servers = { .in = u->kind == NET_USER_SLIRP ? slirp : pasta };
    struct net_want want = u->spec->net_want;

    u->forwards_dns = !want.servers && u->kind == NET_USER_PASTA && asks_loopback_only();
    if (!want.servers && (u->kind == NET_USER_SLIRP || u->forwards_dns)) {
        want.servers = servers.out;
    }
    return network_names_resolv(&want, true, ret, reterr);
}

int network_user_begin(struct app *app, const struct container *c, const struct spec *spec,
                       struct network_user *ret, char **ret_resolv, struct imgc_err *reterr)
{
    struct network_user u = NETWORK_USER_INIT;
    const struct net_want *want = &spec->net_want;
    enum net_user_kind wanted =
        want->helper ? net_user_kind_of(imgc_str_of(want->helper)) : NET_USER_ANY;

    int r = net_user_find(wanted, &u.kind, reterr);
    if (r == -(int)IMGC_E_HOST && !want->is_asked) {
        advise(app, reterr->msg);
        return NETWORK_USER_NONE;
    }
    if (r < 0) {
        return want->helper ? imgc_context(reterr, "--network %s", want->helper) : r;
    }
    u.app = app;
    u.spec = spec;
    (void)snprintf(u.container_id, sizeof u.container_id, "%s", c->id);
    r = make_resolv(&u, ret_resolv, reterr);
    if (r == 0) {
        *ret = u;
    }
    return r;
}

/* ---- ports ---- */

/* Ports stand in a lease, also where no addresses do: `port` and `ps` read them there. */
static int find_network(struct store *s, const char *name, struct network *ret,
                        struct imgc_err *reterr)
{
    network_auto struct network n = { .name = NULL };

    int r = network_find(s, imgc_str_of(name), ret, reterr);
    if (r != NETWORK_MISSING) {
        return r;
    }
    r = imgc_str_dup(imgc_str_of(name), &n.name, reterr);
    r = r < 0 ? r : network_insert(s, &n, reterr);
    if (r == 0) {
        *ret = n;
        n = (struct network){ .name = NULL };
    }
    return r;
}

static int take_lease(struct network_user *u, const struct net_port_list *ports,
                      struct imgc_err *reterr)
{
    network_lease_auto struct network_lease l = { .names = NULL };
    network_auto struct network n = { .name = NULL };
    imgc_autobuf struct imgc_buf lines = IMGC_BUF_INIT((size_t)NET_PORT_LINES_BYTES);

    (void)snprintf(l.container_id, sizeof l.container_id, "%s", u->container_id);
    net_port_write(ports, &lines);
    int r = imgc_buf_take(&lines, &l.ports, reterr);
    r = r < 0 ? r : find_network(u->app->store, net_user_name(u->kind), &n, reterr);
    r = r < 0 ? r : network_lease_take(u->app->store, &n, &l, reterr);
    u->has_lease = r == 0;
    return r;
}

static int start_helper(struct network_user *u, const struct net_port_list *ports, int netns_fd,
                        struct imgc_err *reterr)
{
    const struct net_user_start start = { .args = { .kind = u->kind,
                                                    .options = u->spec->net_want.helper_options,
                                                    .ports = ports,
                                                    .forwards_dns = u->forwards_dns },
                                          .netns_fd = netns_fd,
                                          .dir = u->spec->state_dir,
                                          .mount_dir = u->spec->mountpoint };

    return net_user_begin(&start, &u->helper, reterr);
}

/* One after the other in a store: between letting go of a free port and its use by the program
 * nobody else of the store takes it. */
static int publish(struct network_user *u, struct net_port_list *ports, int netns_fd,
                   struct imgc_err *reterr)
{
    net_port_sockets_auto struct net_port_sockets held = { .n = 0 };
    network_guard_auto int lock_fd = -1;

    int r = network_guard_take(u->app->store, false, &lock_fd, reterr);
    r = r < 0 ? r : net_port_bind(ports, &held, reterr);
    net_port_sockets_done(&held);
    r = r < 0 ? r : start_helper(u, ports, netns_fd, reterr);
    return r < 0 ? r : take_lease(u, ports, reterr);
}

int network_user_attach(struct network_user *u, int netns_fd, struct imgc_err *reterr)
{
    net_port_list_auto struct net_port_list ports = { .n = 0 };

    int r = net_port_of_want(&u->spec->net_want, &ports, reterr);
    if (r == 0) {
        r = ports.n > 0 ? publish(u, &ports, netns_fd, reterr)
                        : start_helper(u, &ports, netns_fd, reterr);
    }
    if (r == -(int)IMGC_E_HOST && !u->spec->net_want.is_asked) {
        output_warn(&u->app->out, "the container has no network: %s", reterr->msg);
        return 0;
    }
    return r;
}

void network_user_end(struct network_user *u)
{
    network_guard_auto int lock_fd = -1;
    struct imgc_err ignored; /* sweeping drops what stays */

    net_user_end(&u->helper);
    if (u->has_lease && network_guard_take(u->app->store, false, &lock_fd, &ignored) == 0) {
        (void)!network_lease_drop(u->app->store, u->container_id, NULL, NULL, &ignored);
    }
    *u = (struct network_user)NETWORK_USER_INIT;
}
