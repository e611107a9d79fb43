/* SPDX-License-Identifier: Apache-2.0 */
/* imgc network connect, disconnect, reload: networks of containers that are there. */
#include "cmd/commands.h"
#include "cmd/each.h"
#include "cmd/kept_spec.h"
#include "cmd/lookup.h"
#include "cmd/network_live.h"
#include "cmd/network_users.h"
#include "cmd/run_network.h"
#include "cmd/sweep.h"
#include "schema/json.h"

/* Spec and row say the same. */
static int save(struct store *s, const struct container *c, const struct spec *spec,
                struct imgc_err *reterr)
{
    json_auto_free json_t *told = NULL;
    imgc_autofree char *text = NULL;
    const char *mode = spec->net_want.network ? spec->net_want.network : NETWORK_DEFAULT;

    int r = json_parse(imgc_str_of(c->spec_json), "container", &told, reterr);
    r = r < 0 ? r : json_put_string(told, "NetworkMode", mode, reterr);
    r = r < 0 ? r : json_dump(told, true, &text, reterr);
    r = r < 0 ? r : kept_spec_save(s, c->id, spec, true, reterr);
    return r < 0 ? r : container_changed(s, c->id, text, NULL, reterr);
}

static int load(struct app *app, const char *name, struct container *c, struct spec *spec,
                struct imgc_err *reterr)
{
    int r = lookup_container(app->store, name, c, reterr);
    r = r < 0 ? r : kept_spec_load(app->store, c->id, spec, reterr);
    if (r == 0 && spec->network != SPEC_NETWORK_BRIDGE) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "container %s was made without a network of imgc's (--network %s)",
                         c->name, spec->network == SPEC_NETWORK_HOST ? "host" : "none");
    }
    return r;
}

/* ---- connect ---- */

struct connect_options {
    const char *ip4, *ip6, *mac;
    struct option_list aliases;
};

#define AT(field) offsetof(struct connect_options, field)

static const struct option connect_options[] = {
    { 0, "alias", OPT_LIST, AT(aliases), "NAME", "one more name in the network" },
    { 0, "ip", OPT_STRING, AT(ip4), "ADDRESS", "IPv4 address" },
    { 0, "ip6", OPT_STRING, AT(ip6), "ADDRESS", "IPv6 address" },
    { 0, "mac-address", OPT_STRING, AT(mac), "MAC", "MAC address" },
    { .name = NULL },
};

/* In the words of --network, which are checked in one place. */
static int parse_link(const struct connect_options *o, const char *network,
                      struct net_want_link *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    const struct {
        const char *key, *value;
    } options[] = { { "ip", o->ip4 }, { "ip6", o->ip6 }, { "mac", o->mac } };
    struct imgc_str text;

    imgc_buf_printf(&b, "%s:", network);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (options[i].value) {
            imgc_buf_printf(&b, "%s=%s,", options[i].key, options[i].value);
        }
    }
    for (size_t i = 0; i < o->aliases.n; i++) {
        imgc_buf_printf(&b, "alias=%s,", o->aliases.items[i]);
    }
    b.len -= b.len > 0 && b.ptr[b.len - 1] == ',' ? 1 : 0;
    int r = imgc_buf_finish(&b, &text, reterr);
    if (r == 0) {
        b.ptr[b.len] = '\0';
        r = run_network_link(text.ptr, ret, reterr);
    }
    return r;
}

/* Of one that does not run: at its next start it will be there. */
static int check_later(struct store *s, const struct container *c, const struct spec *spec,
                       const struct net_want_link *want, struct imgc_err *reterr)
{
    network_auto struct network n = { .name = NULL };

    int r = network_host_find(s, want->network ? want->network : NETWORK_DEFAULT, &n, reterr);
    if (r == NETWORK_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such network: %s", want->network);
    }
    return r == 0 && network_users_wants(spec, &n)
               ? imgc_fail(reterr, IMGC_E_EXISTS, "container %s is on network %s already", c->name,
                           n.name)
               : r;
}

static int connect_run(struct app *app, const void *options, struct args args,
                       struct imgc_err *reterr)
{
    net_want_link_auto struct net_want_link want = { .network = NULL };
    container_auto struct container c = { .name = NULL };
    spec_auto struct spec spec = SPEC_INIT;
    struct store *store;

    int r = parse_link(options, args.v[0], &want, reterr);
    r = r < 0 ? r : app_store(app, &store, reterr);
    r = r < 0 ? r : sweep_dead(app, NULL, reterr);
    r = r < 0 ? r : load(app, args.v[1], &c, &spec, reterr);
    if (r < 0) {
        return r;
    }
    r = c.status == CONTAINER_RUNNING ? network_live_connect(store, &c, &want, reterr)
                                      : check_later(store, &c, &spec, &want, reterr);
    r = r < 0 ? r : net_want_add(&spec.net_want, &want, reterr);
    return r < 0 ? r : save(store, &c, &spec, reterr);
}

const struct command cmd_network_connect = {
    .name = "network connect",
    .args = "NETWORK CONTAINER",
    .summary = "put a container onto one more network",
    .help = "One that runs gets another interface at once; one that does not, when it starts.\n"
            "\n"
            "  imgc network connect --alias db back postgres\n",
    .options = connect_options,
    .options_size = sizeof(struct connect_options),
    .min_args = 2,
    .max_args = 2,
    .run = connect_run,
};

/* ---- disconnect ---- */

struct disconnect_options {
    bool force;
};

static const struct option disconnect_options[] = {
    { 'f', "force", OPT_FLAG, offsetof(struct disconnect_options, force), NULL, NULL },
    { .name = NULL },
};

static int find_wanted(const struct spec *spec, const struct network *n, size_t *ret)
{
    for (size_t i = 0; i <= spec->net_want.n_more; i++) {
        if (network_users_means(net_want_get(&spec->net_want, i).network, n)) {
            *ret = i;
            return 0;
        }
    }
    return NETWORK_MISSING;
}

static int disconnect_run(struct app *app, const void *options, struct args args,
                          struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    network_auto struct network n = { .name = NULL };
    spec_auto struct spec spec = SPEC_INIT;
    struct store *store;
    size_t i = 0;
    (void)options;

    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : sweep_dead(app, NULL, reterr);
    r = r < 0 ? r : network_find(store, imgc_str_of(args.v[0]), &n, reterr);
    if (r == NETWORK_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such network: %s", args.v[0]);
    }
    r = r < 0 ? r : load(app, args.v[1], &c, &spec, reterr);
    if (r < 0) {
        return r;
    }
    if (find_wanted(&spec, &n, &i) == NETWORK_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "container %s is not on network %s", c.name,
                         n.name);
    }
    if (spec.net_want.n_more == 0) {
        return imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                         "%s is the only network of container %s: connect another one first",
                         n.name, c.name);
    }
    r = c.status == CONTAINER_RUNNING ? network_live_disconnect(store, &c, &n, reterr) : 0;
    if (r < 0) {
        return r;
    }
    net_want_remove(&spec.net_want, i);
    return save(store, &c, &spec, reterr);
}

const struct command cmd_network_disconnect = {
    .name = "network disconnect",
    .args = "NETWORK CONTAINER",
    .summary = "take a container off a network",
    .help = "Not off its only one.\n"
            "\n"
            "  imgc network disconnect back postgres\n",
    .options = disconnect_options,
    .options_size = sizeof(struct disconnect_options),
    .min_args = 2,
    .max_args = 2,
    .run = disconnect_run,
};

/* ---- reload ---- */

struct reload_options {
    bool all;
};

static const struct option reload_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct reload_options, all), NULL,
      "of all containers that run" },
    { .name = NULL },
};

static int reload_one(struct app *app, const char *name, void *arg, struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    (void)arg;

    int r = lookup_container(app->store, name, &c, reterr);
    if (r == 0 && c.status != CONTAINER_RUNNING) {
        return imgc_fail(reterr, IMGC_E_NOTRUNNING, "container %s does not run", c.name);
    }
    r = r < 0 ? r : network_live_reload(app->store, &c, reterr);
    if (r == 0) {
        output_print(&app->out, "%s\n", c.id);
    }
    return r;
}

static int reload_all(struct app *app, struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list leases = { .n = 0 };
    const char *last = "";

    int r = network_live_reload(app->store, NULL, reterr);
    r = r < 0 ? r : network_lease_list(app->store, NULL, &leases, reterr);
    for (size_t i = 0; r == 0 && i < leases.n; i++) {
        if (strcmp(leases.items[i].container_id, last) != 0) {
            last = leases.items[i].container_id;
            output_print(&app->out, "%s\n", last);
        }
    }
    return r;
}

static int reload_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    const struct reload_options *o = options;
    struct store *store;

    if (o->all == (args.n > 0)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "network reload takes containers, or --all");
    }
    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : sweep_dead(app, NULL, reterr);
    if (r < 0) {
        return r;
    }
    return o->all ? reload_all(app, reterr) : each_word(app, args, reload_one, NULL, reterr);
}

const struct command cmd_network_reload = {
    .name = "network reload",
    .args = "[CONTAINER...]",
    .summary = "put back what was removed from under running containers",
    .help = "After a firewall was flushed or a bridge deleted: bridges, interfaces, addresses,\n"
            "rules and names are as they were. Prints the containers' IDs.\n"
            "\n"
            "  imgc network reload --all\n",
    .options = reload_options,
    .options_size = sizeof(struct reload_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .run = reload_run,
};
