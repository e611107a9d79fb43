/* SPDX-License-Identifier: Apache-2.0 */
/* imgc network create, rm, prune: make and remove networks. */
#include <stdio.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/container_end.h"
#include "cmd/each.h"
#include "cmd/network_make.h"
#include "cmd/network_remove.h"
#include "cmd/network_text.h"
#include "cmd/sweep.h"

/* ---- create ---- */

struct create_options {
    struct option_list subnets, gateways, ranges, labels, options;
    const char *driver, *bridge;
    bool ipv6, internal, no_dns, ignore;
};

#define AT(field) offsetof(struct create_options, field)

static const struct option create_options[] = {
    { 0, "subnet", OPT_LIST, AT(subnets), "CIDR", "of IPv4, of IPv6, or both (twice)" },
    { 0, "gateway", OPT_LIST, AT(gateways), "ADDRESS", "the host's address (default: the first)" },
    { 0, "ip-range", OPT_LIST, AT(ranges), "CIDR", "where IPv4 addresses are taken from" },
    { '6', "ipv6", OPT_FLAG, AT(ipv6), NULL, "with IPv6 as well" },
    { 0, "internal", OPT_FLAG, AT(internal), NULL, "without a way out" },
    { 0, "disable-dns", OPT_FLAG, AT(no_dns), NULL, "containers do not find each other by name" },
    { 'o', "opt", OPT_LIST, AT(options), "K=V", "mtu, isolate, com.docker.network.bridge.name" },
    { 0, "interface-name", OPT_STRING, AT(bridge), "NAME", "of the bridge" },
    { 0, "label", OPT_LIST, AT(labels), "K=V", "give it a label" },
    { 'd', "driver", OPT_STRING, AT(driver), "bridge", "the only one there is" },
    { 0, "ignore", OPT_FLAG, AT(ignore), NULL, "one of that name is no error" },
    { .name = NULL },
};

static int create_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    const struct create_options *o = options;
    const struct network_make_args make = { .name = args.v[0],
                                            .subnets = &o->subnets,
                                            .gateways = &o->gateways,
                                            .ranges = &o->ranges,
                                            .labels = &o->labels,
                                            .options = &o->options,
                                            .bridge = o->bridge,
                                            .ipv6 = o->ipv6,
                                            .internal = o->internal,
                                            .no_dns = o->no_dns };
    network_auto struct network there = { .name = NULL };
    struct store *store;

    if (o->driver && strcmp(o->driver, "bridge") != 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--driver '%s': the only one is bridge", o->driver);
    }
    if (geteuid() != 0) {
        return imgc_fail(reterr, IMGC_E_UNSUPPORTED, "only root can make bridges on this host");
    }
    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : sweep_dead(app, NULL, reterr);
    r = r < 0 ? r : network_make(store, &make, reterr);
    if (r == -(int)IMGC_E_EXISTS && o->ignore) {
        r = network_find(store, imgc_str_of(make.name), &there, reterr);
        r = r == NETWORK_MISSING ? imgc_fail(reterr, IMGC_E_EXISTS, "its bridge name is taken") : r;
    }
    if (r == 0) {
        output_print(&app->out, "%s\n", make.name);
    }
    return r;
}

/* podman's. */
static int create_status(const struct imgc_err *err)
{
    (void)err;
    return 125;
}

const struct command cmd_network_create = {
    .name = "network create",
    .args = "NAME",
    .summary = "make a network",
    .help =
        "Its containers reach each other, also by name, and what is outside; containers of other\n"
        "networks do not reach them. Without --subnet a /24 is chosen that clashes with no route "
        "of\n"
        "this host and no other network. Nothing is on the host while no container is on it. A\n"
        "failure has status 125.\n"
        "\n"
        "  imgc network create --subnet 10.99.0.0/24 back\n"
        "  imgc run -d --network back:alias=db,ip=10.99.0.7 postgres\n",
    .options = create_options,
    .options_size = sizeof(struct create_options),
    .min_args = 1,
    .max_args = 1,
    .run = create_run,
    .failure_status = create_status,
};

/* ---- rm ---- */

struct rm_options {
    bool force;
};

static const struct option rm_options[] = {
    { 'f', "force", OPT_FLAG, offsetof(struct rm_options, force), NULL,
      "with the containers that are for it; a missing one is no error" },
    { .name = NULL },
};

/* podman's: a network that is removed by force takes its containers with it. */
static int remove_containers(struct app *app, const struct network_users *users,
                             const struct network *n, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < users->containers.n; i++) {
        if (network_users_has(users, i, n)) {
            r = container_end_remove(app, &users->containers.items[i], true, false, reterr);
            r = r == -(int)IMGC_E_NOTFOUND ? 0 : r; /* gone meanwhile */
        }
    }
    return r;
}

static int rm_one(struct app *app, const char *name, void *arg, struct imgc_err *reterr)
{
    network_users_auto struct network_users users = { .specs = NULL };
    network_auto struct network n = { .name = NULL };
    const struct rm_options *o = arg;

    int r = network_remove_find(app->store, name, &n, reterr);
    if (r == -(int)IMGC_E_NOTFOUND && o->force) {
        return 0;
    }
    r = r < 0 ? r : network_users_load(app->store, &users, reterr);
    if (r == 0 && o->force) {
        r = remove_containers(app, &users, &n, reterr);
    } else if (r == 0) {
        r = network_remove_check(&users, &n, reterr);
    }
    r = r < 0 ? r : network_remove_row(app->store, &n, reterr);
    if (r == 0) {
        output_print(&app->out, "%s\n", name);
    }
    return r;
}

static int rm_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    struct rm_options o = *(const struct rm_options *)options;
    struct store *store;

    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : sweep_dead(app, NULL, reterr);
    return r < 0 ? r : each_word(app, args, rm_one, &o, reterr);
}

const struct command cmd_network_rm = {
    .name = "network rm",
    .args = "NETWORK...",
    .summary = "remove networks",
    .help =
        "One that a container is for, running or not, stays: the status is 2. With --force those\n"
        "containers are killed and removed first, as in podman. The default network always stays.\n"
        "\n"
        "  imgc network rm back\n",
    .options = rm_options,
    .options_size = sizeof(struct rm_options),
    .min_args = 1,
    .max_args = SIZE_MAX,
    .run = rm_run,
};

/* ---- prune ---- */

struct prune_options {
    bool force;
    struct option_list filters;
};

static const struct option prune_options[] = {
    { 'f', "force", OPT_FLAG, offsetof(struct prune_options, force), NULL, "do not ask" },
    { 0, "filter", OPT_LIST, offsetof(struct prune_options, filters), "K=V",
      "label, label!, name, until" },
    { .name = NULL },
};

enum { ASK_NO = 1 };

static int ask(struct app *app, bool force, struct imgc_err *reterr)
{
    char answer[16] = "";

    if (force) {
        return 0;
    }
    if (isatty(STDIN_FILENO) != 1) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "network prune asks first, and there is no terminal to ask on: use "
                         "--force");
    }
    (void)fprintf(app->out.err, "Remove all networks that no container is for? [y/N] ");
    (void)fflush(app->out.err);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y') ? 0
                                                                                         : ASK_NO;
}

static int prune_one(struct app *app, const struct network *n, bool *is_first,
                     struct imgc_err *reterr)
{
    int r = network_remove_row(app->store, n, reterr);

    if (r < 0) { /* somebody was faster, or uses it now */
        return r == -(int)IMGC_E_INUSE || r == -(int)IMGC_E_NOTFOUND ? 0 : r;
    }
    output_print(&app->out, "%s%s\n", *is_first ? "Deleted Networks:\n" : "", n->name);
    *is_first = false;
    return 0;
}

static int prune_run(struct app *app, const void *options, struct args args,
                     struct imgc_err *reterr)
{
    const struct prune_options *o = options;
    network_users_auto struct network_users users = { .specs = NULL };
    network_list_auto struct network_list list = { .n = 0 };
    struct store *store;
    bool is_first = true;
    (void)args;

    int r = network_text_check(&o->filters, reterr);
    r = r < 0 ? r : ask(app, o->force, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    r = app_store(app, &store, reterr);
    r = r < 0 ? r : sweep_dead(app, NULL, reterr);
    r = r < 0 ? r : network_list(store, &list, reterr);
    r = r < 0 ? r : network_users_load(store, &users, reterr);
    for (size_t i = 0; i < list.n && r == 0; i++) {
        const struct network *n = &list.items[i];
        if (strcmp(n->name, NETWORK_DEFAULT) != 0 && !network_users_any(&users, n) &&
            network_text_match(&o->filters, n, false)) {
            r = prune_one(app, n, &is_first, reterr);
        }
    }
    return r;
}

const struct command cmd_network_prune = {
    .name = "network prune",
    .args = "",
    .summary = "remove networks that nothing uses",
    .help = "Those that no container is for, running or not; the default network stays.\n"
            "\n"
            "  imgc network prune -f --filter label!=keep\n",
    .options = prune_options,
    .options_size = sizeof(struct prune_options),
    .min_args = 0,
    .max_args = 0,
    .run = prune_run,
};
