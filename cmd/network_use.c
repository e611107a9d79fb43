/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/network_use.h"

#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cmd/network_names.h"
#include "schema/base/fd.h"

/* How long the network of the last container stays: the next one, in a script's loop, finds it. */
#define GRACE_MS 500
#define WARNINGS_BYTES 8192

/* A child that was cloned meanwhile has the file, too, so that closing it would not be enough. */
static void unlock(int *fd)
{
    if (*fd >= 0) {
        (void)flock(*fd, LOCK_UN);
    }
    imgc_closep(fd);
}

#define unlock_auto imgc_auto(unlock)

/* The lock's file counts how often a network was used, so that whoever comes back to it knows
 * whether somebody has been there. A file that cannot be read has never been used. */
static uint64_t count_uses(int lock_fd, bool one_more)
{
    uint64_t n = 0;

    if (pread(lock_fd, &n, sizeof n, 0) != (ssize_t)sizeof n) {
        n = 0;
    }
    if (one_more) {
        n++;
        (void)!pwrite(lock_fd, &n, sizeof n, 0);
    }
    return n;
}

static int fill_lease(const struct container *c, const struct net_want *w, struct network_lease *l,
                      struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf names = IMGC_BUF_INIT(65536);

    (void)snprintf(l->container_id, sizeof l->container_id, "%s", c->id);
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

/* Before anything is made on the host: a port that is taken is the likeliest reason to fail. */
static int publish(struct network_use *u, const struct net_want *w, struct imgc_err *reterr)
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
    return imgc_buf_take(&lines, &u->lease.ports, reterr);
}

static int write_rules(struct store *s, struct imgc_err *reterr)
{
    net_nft_auto struct net_nft_run run = NET_NFT_RUN_INIT;

    int r = network_host_rules(s, &run, reterr);
    return r < 0 ? r : net_nft_wait(&run, reterr);
}

/* What the host's other tables would drop. */
static int let_forward(struct network_use *u, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf warnings = IMGC_BUF_INIT(WARNINGS_BYTES);
    struct imgc_str rest, line;

    int r = network_host_forward(u->store, &warnings, reterr);
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

    if (is_first || (u->lease.ports && u->lease.ports[0])) {
        *ret = true;
        return 0;
    }
    int r = net_nft_exists(network_host_table(u->store, table), &exists, reterr);
    *ret = !exists;
    return r;
}

static int take(struct network_use *u, const struct container *c, const struct spec *spec,
                struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list members = { .n = 0 };
    const struct network_names_args names = { .want = &spec->net_want,
                                              .hostname = spec->hostname,
                                              .gateway = &u->network.gateway4,
                                              .own = &u->lease,
                                              .members = &members };
    bool had_dead = false, rules = false;

    int r = network_lease_drop_dead(u->store, &had_dead, reterr);
    r = r < 0 ? r : fill_lease(c, &spec->net_want, &u->lease, reterr);
    r = r < 0 ? r : publish(u, &spec->net_want, reterr);
    r = r < 0 ? r : network_lease_list(u->store, u->network.id, &members, reterr);
    r = r < 0 ? r : network_host_up(u->store, &u->network, members.n > 0, &u->bridge, reterr);
    r = r < 0 ? r : network_lease_take(u->store, &u->network, &u->lease, reterr);
    r = r < 0 ? r : net_publish_serve(&u->publish, &u->lease.address4, &u->lease.address6, reterr);
    if (r < 0) {
        return r;
    }
    u->has_lease = true;
    r = need_rules(u, members.n == 0 || had_dead, &rules, reterr);
    if (r == 0 && rules) {
        r = write_rules(u->store, reterr);
        r = r < 0 ? r : let_forward(u, reterr);
    }
    r = r < 0 ? r : network_names_hosts(&names, &u->hosts, reterr);
    if (r == 0) {
        network_lease_list_done(&members);
        r = network_lease_list(u->store, u->network.id, &members, reterr);
    }
    if (r == 0) {
        network_names_update(u->store, &members, u->lease.container_id);
    }
    return r;
}

static int begin_bridge(struct network_use *u, const struct container *c, const struct spec *spec,
                        struct imgc_err *reterr)
{
    unlock_auto int lock_fd = -1;
    const char *name = spec->net_want.network ? spec->net_want.network : NETWORK_DEFAULT;

    (void)snprintf(u->interface, sizeof u->interface, "imv%.12s", c->id);
    int r = network_lock(u->store, &lock_fd, reterr);
    if (r == 0) {
        (void)count_uses(lock_fd, true);
        r = network_host_find(u->store, name, &u->network, reterr);
    }
    if (r == 0 && !net_nft_program()) {
        r = imgc_fail(reterr, IMGC_E_HOST, "the program nft is not installed (nftables)");
    }
    r = r < 0 ? r : take(u, c, spec, reterr);
    return r < 0 ? r
                 : network_names_resolv(&spec->net_want, u->network.subnet6.addr.family != 0,
                                        &u->resolv, reterr);
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

int network_use_begin(struct app *app, struct store *s, const struct container *c,
                      struct spec *spec, struct network_use *ret, struct imgc_err *reterr)
{
    ret->store = s;
    ret->out = &app->out;
    if (spec->network == SPEC_NETWORK_BRIDGE) {
        int r = begin_bridge(ret, c, spec, reterr);
        if (r != -(int)IMGC_E_HOST || spec->net_want.is_asked) {
            return r;
        }
        output_debug(&app->out, "no network: %s", reterr->msg);
        network_use_end(ret);
        *ret = (struct network_use){ .store = s, .is_without = true };
        spec->network = SPEC_NETWORK_NONE;
    }
    return begin_other(app, ret, spec, reterr);
}

void network_use_started(const struct network_use *u, struct spec *spec)
{
    if (u->is_without) {
        spec->network = SPEC_NETWORK_BRIDGE;
    }
}

void network_use_launch(const struct network_use *u, struct launch_args *args)
{
    args->etc = (struct etcfiles_net){ .hosts = u->hosts, .resolv = u->resolv };
    if (!u->has_lease) {
        args->network = NULL;
    }
}

int network_use_attach(struct network_use *u, int netns_fd, struct imgc_err *reterr)
{
    const struct net_bridge_member member = { .interface = u->interface,
                                              .address4 = u->lease.address4,
                                              .address6 = u->lease.address6,
                                              .mac = u->lease.mac };

    return net_bridge_attach(&u->bridge, &member, netns_fd, reterr);
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
    uint64_t before = count_uses(lock_fd, false);

    return flock(lock_fd, LOCK_UN) == 0 && nanosleep(&grace, NULL) == 0 &&
           flock(lock_fd, LOCK_EX) == 0 && count_uses(lock_fd, false) == before;
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

/* The lease is gone, the lock is held: put right what is on the host. */
static int settle(struct store *s, const char *network_id, bool had_ports, int *lock_fd,
                  struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list members = { .n = 0 };

    int r = network_lease_list(s, network_id, &members, reterr);
    if (r < 0) {
        return r;
    }
    network_names_update(s, &members, NULL);
    return members.n == 0 || had_ports ? trim_behind(s, had_ports, lock_fd, reterr) : 0;
}

void network_use_end(struct network_use *u)
{
    unlock_auto int lock_fd = -1;
    bool had_ports = u->lease.ports && u->lease.ports[0];
    struct imgc_err ignored; /* the next use of a network sweeps */

    net_publish_end(&u->publish);
    if (u->has_lease && network_lock(u->store, &lock_fd, &ignored) == 0 &&
        network_lease_drop(u->store, u->lease.container_id, NULL, &ignored) == 0) {
        (void)!settle(u->store, u->network.id, had_ports, &lock_fd, &ignored);
    }
    free(u->hosts);
    free(u->resolv);
    network_lease_done(&u->lease);
    network_done(&u->network);
    *u = (struct network_use)NETWORK_USE_INIT;
}

int network_use_sweep(struct store *s, bool thorough, struct imgc_err *reterr)
{
    unlock_auto int lock_fd = -1;
    bool had_dead = false;

    int r = network_lock(s, &lock_fd, reterr);
    r = r < 0 ? r : network_lease_drop_dead(s, &had_dead, reterr);
    if (r < 0 || (!had_dead && !thorough)) {
        return r;
    }
    network_host_rest_auto struct network_host_rest rest = { .n = 0 };
    r = network_host_find_rest(s, &rest, reterr);
    return r < 0 || (rest.n == 0 && !had_dead) ? r : network_host_trim(&rest, reterr);
}
