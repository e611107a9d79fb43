/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/network_use.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cmd/network_guard.h"
#include "cmd/network_names.h"
#include "runtime/net_conntrack.h"
#include "schema/base/fd.h"

/* How long the network of the last container stays: the next one, in a script's loop, finds it. */
#define GRACE_MS 500
#define WARNINGS_BYTES 8192

void network_use_member_done(struct network_use_member *m)
{
    network_lease_done(&m->lease);
    network_done(&m->network);
}

/* "imv" and the first digits of the id; the others have their number for the "v". */
const char *network_use_interface(const char *container_id, unsigned slot, char out[IFNAMSIZ])
{
    static const char letters[] = "v123456789abcdef";

    _Static_assert(sizeof letters - 1 == NET_WANT_NETWORKS_MAX, "one for each network");
    assert(slot < NET_WANT_NETWORKS_MAX);
    (void)snprintf(out, IFNAMSIZ, "im%c%.12s", letters[slot], container_id);
    return out;
}

const char *network_use_inside(unsigned slot, char out[IFNAMSIZ])
{
    (void)snprintf(out, IFNAMSIZ, "eth%u", slot);
    return out;
}

static int fill_lease(const struct container *c, const struct net_want_link *w, unsigned slot,
                      struct network_lease *l, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf names = IMGC_BUF_INIT(65536);

    (void)snprintf(l->container_id, sizeof l->container_id, "%s", c->id);
    l->slot = slot;
    for (char *const *a = w->aliases; a && *a; a++) {
        imgc_buf_printf(&names, "%s\n", *a);
    }
    imgc_buf_puts(&names, "");
    (void)(w->ip4 && ip_parse(imgc_str_of(w->ip4), &l->address4)); /* checked when it was given */
    (void)(w->ip6 && ip_parse(imgc_str_of(w->ip6), &l->address6));
    (void)(w->mac && ip_mac_parse(imgc_str_of(w->mac), l->mac));
    int r = imgc_buf_take(&names, &l->names, reterr);
    return r < 0 ? r : imgc_str_dup(imgc_str_of(c->name), &l->container_name, reterr);
}

static bool has_member(const struct network_lease_list *leases, const struct network *n)
{
    for (size_t i = 0; i < leases->n; i++) {
        if (strcmp(leases->items[i].network_id, n->id) == 0) {
            return true;
        }
    }
    return false;
}

static int find_network(struct store *s, const char *name, struct network *ret,
                        struct imgc_err *reterr)
{
    int r = network_host_find(s, name ? name : NETWORK_DEFAULT, ret, reterr);

    return r == NETWORK_MISSING
               ? imgc_fail(reterr, IMGC_E_USAGE,
                           "--network '%s': no such network (imgc network create makes one)", name)
               : r;
}

struct joining {
    struct store *store;
    const struct container *container;
    const struct network_lease_list *leases; /* before */
};

/* @m  with its network; to be released after a failure, too. */
static int join(const struct joining *j, const struct net_want_link *want, unsigned slot,
                struct network_use_member *m, struct imgc_err *reterr)
{
    int r = network_host_up(j->store, &m->network, has_member(j->leases, &m->network), &m->bridge,
                            reterr);
    r = r < 0 ? r : fill_lease(j->container, want, slot, &m->lease, reterr);
    return r < 0 ? r : network_lease_take(j->store, &m->network, &m->lease, reterr);
}

int network_use_join(struct store *s, const struct container *c, const struct net_want_link *want,
                     unsigned slot, struct network_use_member *ret, struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list leases = { .n = 0 };
    network_use_member_auto struct network_use_member m = { .network = { .name = NULL } };
    const struct joining j = { .store = s, .container = c, .leases = &leases };

    int r = network_lease_list(s, NULL, &leases, reterr);
    r = r < 0 ? r : find_network(s, want->network, &m.network, reterr);
    r = r < 0 ? r : join(&j, want, slot, &m, reterr);
    if (r == 0) {
        *ret = m;
        memset(&m, 0, sizeof m); /* taken */
    }
    return r;
}

/* Name and ID may mean the same network. */
static int check_once(const struct network_use *u, struct imgc_err *reterr)
{
    const struct network_use_member *last = &u->members[u->n - 1];

    for (size_t i = 0; i + 1 < u->n; i++) {
        if (strcmp(u->members[i].network.id, last->network.id) == 0) {
            return imgc_fail(reterr, IMGC_E_USAGE, "network '%s' is given twice",
                             last->network.name);
        }
    }
    return 0;
}

/* Of another container: a socket would only say that it is taken. */
static int refuse_published(struct network_use *u, const struct net_port_list *ports,
                            struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list leases = { .n = 0 };

    int r = network_lease_list(u->store, NULL, &leases, reterr);
    for (size_t i = 0; r == 0 && i < leases.n; i++) {
        const struct network_lease *l = &leases.items[i];
        net_port_list_auto struct net_port_list theirs = { .n = 0 };
        r = net_port_read(imgc_str_of(l->ports ? l->ports : ""), &theirs, reterr);
        for (size_t j = 0; r == 0 && j < ports->n * theirs.n; j++) {
            const struct net_port *p = &ports->items[j / theirs.n];
            if (net_port_clash(p, &theirs.items[j % theirs.n])) {
                r = imgc_fail(reterr, IMGC_E_EXISTS, "port %u/%s is published by container %s",
                              (unsigned)p->first, net_port_protocol(p), l->container_name);
            }
        }
    }
    return r;
}

/* Before anything is made on the host: a port that is taken is the likeliest reason to fail.
 * @ret_lines  for the lease; NULL: there are none. */
static int publish(struct network_use *u, const struct net_want *w, char **ret_lines,
                   struct imgc_err *reterr)
{
    net_port_list_auto struct net_port_list ports = { .n = 0 };
    imgc_autobuf struct imgc_buf lines = IMGC_BUF_INIT(NET_PORT_LINES_BYTES);

    int r = net_port_of_want(w, &ports, reterr);
    if (r < 0 || ports.n == 0) {
        return r;
    }
    r = refuse_published(u, &ports, reterr);
    r = r < 0 ? r : net_publish_begin(&ports, &u->publish, reterr);
    if (r < 0) {
        return r;
    }
    net_port_write(&ports, &lines);
    return imgc_buf_take(&lines, ret_lines, reterr);
}

/* What comes over loopback goes to the lease that has the ports. */
static int serve(struct network_use *u, struct imgc_err *reterr)
{
    for (size_t i = 0; i < u->n; i++) {
        const struct network_lease *l = &u->members[i].lease;
        if (l->ports && l->ports[0]) {
            return net_publish_serve(&u->publish, &l->address4, &l->address6, reterr);
        }
    }
    return 0;
}

/* Peers over UDP of the time before are sent here, too. */
static int redirect_peers(struct network_use *u, struct imgc_err *reterr)
{
    for (size_t i = 0; i < u->n; i++) {
        const struct network_lease *l = &u->members[i].lease;
        net_port_list_auto struct net_port_list ports = { .n = 0 };
        int r = l->ports ? net_port_read(imgc_str_of(l->ports), &ports, reterr) : 0;
        r = r < 0 ? r
                  : net_conntrack_forget(&u->netfilter, &ports, &l->address4, &l->address6, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* Published is the first network that is reached from outside; where there is none, the last. */
static void give_ports(struct network_use_member *m, bool is_last, char **take_ports)
{
    if (*take_ports && (!m->network.is_internal || is_last)) {
        m->lease.ports = imgc_take(*take_ports);
    }
}

/* Of each network that the spec names. @take_ports  emptied. @ret_is_new  whether one of them was
 * not in use before. */
static int join_all(struct network_use *u, const struct joining *j, const struct net_want *w,
                    char **take_ports, bool *ret_is_new, struct imgc_err *reterr)
{
    int r = 0;

    u->members = calloc(w->n_more + 1, sizeof *u->members);
    if (!u->members) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; r == 0 && i <= w->n_more; i++) {
        const struct net_want_link want = net_want_get(w, i);
        u->n = i + 1;
        r = find_network(u->store, want.network, &u->members[i].network, reterr);
        r = r < 0 ? r : check_once(u, reterr);
        give_ports(&u->members[i], i == w->n_more, take_ports);
        r = r < 0 ? r : join(j, &want, (unsigned)i, &u->members[i], reterr);
        if (r == 0) {
            u->has_lease = true;
            *ret_is_new = *ret_is_new || !has_member(j->leases, &u->members[i].network);
        }
    }
    return r;
}

static bool has_ports(const struct network_use *u)
{
    for (size_t i = 0; i < u->n; i++) {
        const struct network_lease *l = &u->members[i].lease;
        if (l->ports && l->ports[0]) {
            return true;
        }
    }
    return false;
}

/* What the host's other tables would drop. Where that cannot be helped, the container still has its
 * network, and others in it. */
static int let_forward(struct network_use *u, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf warnings = IMGC_BUF_INIT(WARNINGS_BYTES);
    struct imgc_str rest, line;

    int r = network_host_forward(u->store, &u->netfilter, &warnings, reterr);
    if (r == -(int)IMGC_E_HOST) {
        output_warn(u->out, "%s", reterr->msg);
        r = 0;
    }
    rest = (struct imgc_str){ warnings.ptr, warnings.len };
    while (r == 0 && imgc_str_token(&rest, '\n', &line) && line.len > 0) {
        output_warn(u->out, IMGC_STR_FMT, IMGC_STR_ARG(line));
    }
    return r;
}

/* Whether the table has to be written: it is not what the rows say any more. */
static int need_rules(struct network_use *u, bool is_first, bool *ret, struct imgc_err *reterr)
{
    char table[NET_NFT_TABLE_MAX];
    bool exists = false;

    if (is_first || has_ports(u)) {
        *ret = true;
        return 0;
    }
    int r = net_nft_exists(&u->netfilter, network_host_table(u->store, table), &exists, reterr);
    *ret = !exists;
    return r;
}

static const struct ip_addr *gateway_of(const struct network_use *u)
{
    for (size_t i = 0; i < u->n; i++) {
        if (u->members[i].network.gateway4.family != 0) {
            return &u->members[i].network.gateway4;
        }
    }
    return &u->members[0].network.gateway6;
}

static int take(struct network_use *u, const struct container *c, const struct spec *spec,
                struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list leases = { .n = 0 };
    struct network_names_args names = {
        .want = &spec->net_want, .hostname = spec->hostname, .id = c->id, .leases = &leases
    };
    const struct joining joining = { .store = u->store, .container = c, .leases = &leases };
    imgc_autofree char *ports = NULL;
    bool had_dead = false, is_new = false, rules = false;

    int r = network_lease_drop_dead(u->store, &had_dead, reterr);
    r = r < 0 ? r : publish(u, &spec->net_want, &ports, reterr);
    r = r < 0 ? r : network_lease_list(u->store, NULL, &leases, reterr);
    r = r < 0 ? r : join_all(u, &joining, &spec->net_want, &ports, &is_new, reterr);
    r = r < 0 ? r : serve(u, reterr);
    r = r < 0 ? r : need_rules(u, is_new || had_dead, &rules, reterr);
    if (r == 0 && rules) {
        r = network_host_write_rules(u->store, &u->netfilter, reterr);
        r = r < 0 ? r : let_forward(u, reterr);
        if (r == 0 && redirect_peers(u, reterr) < 0) { /* a kernel without such a list has none */
            output_debug(u->out, "%s", reterr->msg);
        }
    }
    if (r < 0) {
        return r;
    }
    network_lease_list_done(&leases);
    r = network_lease_list(u->store, NULL, &leases, reterr);
    names.gateway = gateway_of(u);
    r = r < 0 ? r : network_names_hosts(&names, &u->hosts, reterr);
    for (size_t i = 0; r == 0 && i < u->n; i++) {
        network_names_update(u->store, &leases, u->members[i].network.id, c->id);
    }
    return r;
}

static int begin_bridge(struct network_use *u, const struct container *c, const struct spec *spec,
                        struct imgc_err *reterr)
{
    network_guard_auto int lock_fd = -1;
    bool has_ipv6 = false;

    (void)snprintf(u->container_id, sizeof u->container_id, "%s", c->id);
    int r = network_guard_take(u->store, true, &lock_fd, reterr);
    r = r < 0 ? r : net_nft_open(&u->netfilter, reterr);
    r = r < 0 ? r : take(u, c, spec, reterr);
    for (size_t i = 0; r == 0 && i < u->n; i++) {
        has_ipv6 = has_ipv6 || u->members[i].network.subnet6.addr.family != 0;
    }
    return r < 0 ? r : network_names_resolv(&spec->net_want, has_ipv6, &u->resolv, reterr);
}

/* Without a network of imgc's; what was asked of the files is done all the same. */
static int begin_other(struct app *app, struct network_use *u, const struct spec *spec,
                       struct imgc_err *reterr)
{
    static const struct ip_addr loopback = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } };
    const struct net_want *w = &spec->net_want;
    const struct network_names_args names = {
        .want = w, .gateway = spec->network == SPEC_NETWORK_HOST ? &loopback : NULL
    };
    int r = 0;

    if (w->ports || w->publish_all) { /* refused but with the host's network, as it was given */
        output_warn(&app->out, "--publish has no meaning with --network host: the container's "
                               "ports are the host's");
    }
    if (w->hosts) {
        r = network_names_hosts(&names, &u->hosts, reterr);
    }
    if (r == 0 && (w->servers || w->search || w->options)) {
        r = network_names_resolv(w, true, &u->resolv, reterr);
    }
    return r;
}

/* Nobody else may make bridges. */
static int refuse_bridge(const struct spec *spec, struct imgc_err *reterr)
{
    const char *name = spec->net_want.network;

    return imgc_fail(reterr, IMGC_E_HOST,
                     "--network %s: only root has networks with bridges; an ordinary user's "
                     "container has pasta (the default), slirp4netns, host or none",
                     name ? name : NETWORK_DEFAULT);
}

static int begin_user(struct app *app, const struct container *c, struct spec *spec,
                      struct network_use *u, struct imgc_err *reterr)
{
    int r = network_user_begin(app, c, spec, &u->user, &u->resolv, reterr);
    if (r != NETWORK_USER_NONE) {
        return r;
    }
    u->without = SPEC_NETWORK_USER;
    spec->network = SPEC_NETWORK_NONE;
    return begin_other(app, u, spec, reterr);
}

int network_use_begin(struct app *app, struct store *s, const struct container *c,
                      struct spec *spec, struct network_use *ret, struct imgc_err *reterr)
{
    ret->store = s;
    ret->out = &app->out;
    if (spec->network == SPEC_NETWORK_USER) {
        return begin_user(app, c, spec, ret, reterr);
    }
    if (spec->network == SPEC_NETWORK_BRIDGE && net_user_is_needed()) {
        return refuse_bridge(spec, reterr);
    }
    if (spec->network == SPEC_NETWORK_BRIDGE) {
        int r = begin_bridge(ret, c, spec, reterr);
        if (r != -(int)IMGC_E_HOST || spec->net_want.is_asked) {
            return r;
        }
        output_debug(&app->out, "no network: %s", reterr->msg);
        network_use_end(ret);
        *ret = (struct network_use)NETWORK_USE_INIT;
        ret->store = s;
        ret->without = SPEC_NETWORK_BRIDGE;
        spec->network = SPEC_NETWORK_NONE;
    }
    return begin_other(app, ret, spec, reterr);
}

void network_use_started(const struct network_use *u, struct spec *spec)
{
    if (u->without != SPEC_NETWORK_NONE) {
        spec->network = u->without;
    }
}

void network_use_launch(const struct network_use *u, struct launch_args *args)
{
    args->etc = (struct etcfiles_net){ .hosts = u->hosts, .resolv = u->resolv };
    if (!u->has_lease && u->user.kind == NET_USER_ANY) {
        args->network = NULL;
    }
}

int network_use_plug(const struct network_use_member *m, int netns_fd, bool is_way_out4,
                     bool is_way_out6, struct imgc_err *reterr)
{
    char outside[IFNAMSIZ], inside[IFNAMSIZ];
    const struct net_bridge_member member = {
        .interface = network_use_interface(m->lease.container_id, m->lease.slot, outside),
        .inside = network_use_inside(m->lease.slot, inside),
        .address4 = m->lease.address4,
        .address6 = m->lease.address6,
        .mac = m->lease.mac,
        .is_way_out4 = is_way_out4 && !m->bridge.is_internal,
        .is_way_out6 = is_way_out6 && !m->bridge.is_internal,
    };

    return net_bridge_attach(&m->bridge, &member, netns_fd, reterr);
}

/* The way out is the first network that has one. */
int network_use_attach(struct network_use *u, int netns_fd, struct imgc_err *reterr)
{
    bool is_out4 = false, is_out6 = false;
    int r = 0;

    if (u->user.kind != NET_USER_ANY) {
        return network_user_attach(&u->user, netns_fd, reterr);
    }
    for (size_t i = 0; r == 0 && i < u->n; i++) {
        const struct network_use_member *m = &u->members[i];
        r = network_use_plug(m, netns_fd, !is_out4, !is_out6, reterr);
        is_out4 = is_out4 || (m->lease.address4.family != 0 && !m->bridge.is_internal);
        is_out6 = is_out6 || (m->lease.address6.family != 0 && !m->bridge.is_internal);
    }
    return r;
}

/* The caller's pipes must not stay open as long as this takes, and what is sent to all that is left
 * of a command does not stop it half way. */
static bool step_away(int lock_fd)
{
    static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    const struct sigaction ignore = { .sa_handler = SIG_IGN };
    bool is_away = lock_fd > STDERR_FILENO && close_range(0, (unsigned)lock_fd - 1, 0) == 0 &&
                   close_range((unsigned)lock_fd + 1, ~0U, 0) == 0;

    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        (void)sigaction(ignored[i], &ignore, NULL);
    }
    (void)setsid();
    (void)prctl(PR_SET_NAME, "imgc-network");
    for (int fd = 0; fd <= STDERR_FILENO && is_away; fd++) {
        is_away = open("/dev/null", O_RDWR) == fd;
    }
    return is_away;
}

/* Without the lock meanwhile. False: somebody uses a network again, and will trim after himself. */
static bool wait_unused(int lock_fd)
{
    const struct timespec grace = { .tv_nsec = GRACE_MS * 1000000L };
    uint64_t before = network_guard_uses(lock_fd);

    return flock(lock_fd, LOCK_UN) == 0 && nanosleep(&grace, NULL) == 0 &&
           flock(lock_fd, LOCK_EX) == 0 && network_guard_uses(lock_fd) == before;
}

/* What takes milliseconds and nobody waits for, in a process of its own. It reads no rows: the
 * connection to the index is its parent's. What process 1 leaves behind, the kernel kills at
 * once. */
static int trim_behind(struct store *s, bool at_once, int *lock_fd, struct imgc_err *reterr)
{
    network_host_rest_auto struct network_host_rest rest = { .n = 0 };
    struct imgc_err ignored;

    int r = network_host_find_rest(s, &rest, reterr);
    if (r < 0) {
        return r;
    }
    pid_t pid = getpid() == 1 ? -1 : fork();
    if (pid == 0) {
        _exit(step_away(*lock_fd) && (at_once || wait_unused(*lock_fd)) &&
                      network_host_trim(&rest, &ignored) == 0
                  ? 0
                  : 1);
    }
    if (pid > 0) {
        imgc_closep(lock_fd); /* not unlocked: the child's */
        return 0;
    }
    return network_host_trim(&rest, reterr);
}

/* @own  the leases that are gone: put right what is on the host. The lock is held.
 * @is_unused  it is known that a bridge may be there which nobody is on. */
static int settle(struct store *s, const struct network_lease_list *own, bool is_unused,
                  int *lock_fd, struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list leases = { .n = 0 };
    bool had_ports = false;

    int r = network_lease_list(s, NULL, &leases, reterr);
    for (size_t i = 0; r == 0 && i < own->n; i++) {
        const struct network_lease *l = &own->items[i];
        bool has_others = false;
        for (size_t j = 0; j < leases.n && !has_others; j++) {
            has_others = strcmp(leases.items[j].network_id, l->network_id) == 0;
        }
        network_names_update(s, &leases, l->network_id, NULL);
        is_unused = is_unused || !has_others;
        had_ports = had_ports || (l->ports && l->ports[0]);
    }
    return r == 0 && (is_unused || had_ports) ? trim_behind(s, had_ports, lock_fd, reterr) : r;
}

/* Those of the container, among them what `network connect` has added. */
static int drop(struct network_use *u, int *lock_fd, struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list own = { .n = 0 };

    int r = network_guard_take(u->store, false, lock_fd, reterr);
    r = r < 0 ? r : network_lease_list_of(u->store, u->container_id, &own, reterr);
    r = r < 0 ? r : network_lease_drop(u->store, u->container_id, NULL, NULL, reterr);
    return r < 0 ? r : settle(u->store, &own, own.n < u->n, lock_fd, reterr);
}

void network_use_end(struct network_use *u)
{
    network_guard_auto int lock_fd = -1;
    struct imgc_err ignored; /* the next use of a network sweeps */

    net_publish_end(&u->publish);
    netlink_close(&u->netfilter);
    if (u->n > 0) {
        (void)!drop(u, &lock_fd, &ignored);
    }
    network_user_end(&u->user);
    free(u->hosts);
    free(u->resolv);
    for (size_t i = 0; i < u->n; i++) {
        network_use_member_done(&u->members[i]);
    }
    free(u->members);
    *u = (struct network_use)NETWORK_USE_INIT;
}

int network_use_settle(struct store *s, struct imgc_err *reterr)
{
    network_host_rest_auto struct network_host_rest rest = { .n = 0 };

    int r = network_host_find_rest(s, &rest, reterr);
    return r < 0 ? r : network_host_trim(&rest, reterr);
}

int network_use_sweep(struct store *s, bool thorough, struct imgc_err *reterr)
{
    network_guard_auto int lock_fd = -1;
    bool had_dead = false;

    int r = network_guard_take(s, false, &lock_fd, reterr);
    r = r < 0 ? r : network_lease_drop_dead(s, &had_dead, reterr);
    if (r < 0 || (!had_dead && !thorough)) {
        return r;
    }
    network_host_rest_auto struct network_host_rest rest = { .n = 0 };
    r = network_host_find_rest(s, &rest, reterr);
    return r < 0 || (rest.n == 0 && !had_dead) ? r : network_host_trim(&rest, reterr);
}
