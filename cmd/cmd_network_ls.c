/* SPDX-License-Identifier: Apache-2.0 */
/* imgc network ls, inspect: what networks there are. */
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/each.h"
#include "cmd/listing.h"
#include "cmd/network_guard.h"
#include "cmd/network_host.h"
#include "cmd/network_text.h"
#include "schema/json.h"

/* Root's default network is there before its first container is: it is shown with the subnets that
 * it would have. Where none can be chosen it has none yet. */
static int ensure_default(struct store *s, struct imgc_err *reterr)
{
    network_guard_auto int lock_fd = -1;
    network_auto struct network n = { .name = NULL };
    struct imgc_err ignored;

    if (geteuid() != 0) {
        return 0;
    }
    int r = network_find(s, IMGC_STR(NETWORK_DEFAULT), &n, reterr);
    if (r < 0 || (r == 0 && n.subnet4.addr.family != 0)) {
        return r < 0 ? r : 0;
    }
    network_done(&n);
    r = network_guard_take(s, false, &lock_fd, reterr);
    r = r < 0 ? r : network_host_find(s, NETWORK_DEFAULT, &n, reterr);
    if (r == 0 && n.subnet4.addr.family == 0 &&
        network_host_choose(s, &n, true, true, &ignored) == 0) {
        r = network_update(s, &n, reterr);
    }
    return r;
}

/* ---- ls ---- */

struct ls_options {
    bool quiet, no_heading, no_trunc;
    const char *format;
    struct option_list filters;
};

static const struct option ls_options[] = {
    { 'q', "quiet", OPT_FLAG, offsetof(struct ls_options, quiet), NULL, "print names only" },
    { 'f', "filter", OPT_LIST, offsetof(struct ls_options, filters), "K=V",
      "name, id, driver, label, label!, dangling, until" },
    { 0, "no-trunc", OPT_FLAG, offsetof(struct ls_options, no_trunc), NULL, "print IDs in full" },
    { 'n', "noheading", OPT_FLAG, offsetof(struct ls_options, no_heading), NULL,
      "print no headings" },
    { 0, "format", OPT_STRING, offsetof(struct ls_options, format), "FORMAT",
      "json, 'table TEMPLATE', or a template for each line" },
    { .name = NULL },
};

static int add_row(const struct ls_options *o, const struct network *n,
                   const struct network_users *users, json_t *rows, struct imgc_err *reterr)
{
    json_t *row = NULL;

    if (o->filters.n > 0 && !network_text_match(&o->filters, n, network_users_any(users, n))) {
        return 0;
    }
    int r = network_text_row(n, &users->leases, o->no_trunc, &row, reterr);
    return r == 0 && json_array_append_new(rows, row) < 0
               ? imgc_fail(reterr, IMGC_E_NOMEM, "out of memory")
               : r;
}

static int ls_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    static const struct listing_column columns[] = {
        { "ID", "NETWORK ID" },
        { "Name", "NAME" },
        { "Driver", "DRIVER" },
        { "Scope", "SCOPE" },
        { "Internal", "INTERNAL" },
        { "IPv6Enabled", "IPV6" },
        { "EnableIPv6", "IPV6" },
        { "DNSEnabled", "DNS" },
        { "NetworkInterface", "INTERFACE" },
        { "Created", "CREATED" },
        { "CreatedAt", "CREATED AT" },
        { "Labels", "LABELS" },
        { "Options", "OPTIONS" },
        { "Containers", "CONTAINERS" },
        { "Subnets", "SUBNETS" },
        { "IPAM", "IPAM" },
        { "IPAMOptions", "IPAM OPTIONS" },
        { NULL, NULL },
    };
    const struct ls_options *o = options;
    network_users_auto struct network_users users = { .specs = NULL };
    network_list_auto struct network_list list = { .n = 0 };
    json_auto_free json_t *rows = json_array();
    struct store *store;
    (void)args;

    int r = network_text_check(&o->filters, reterr);
    r = r < 0 ? r : app_store(app, &store, reterr);
    r = r < 0 ? r : ensure_default(store, reterr);
    r = r < 0 ? r : network_list(store, &list, reterr);
    r = r < 0 ? r : network_users_load(store, &users, reterr);
    for (size_t i = 0; i < list.n && r == 0; i++) {
        r = add_row(o, &list.items[i], &users, rows, reterr);
    }
    if (r < 0) {
        return r;
    }
    const struct listing listing = {
        .columns = columns,
        .table = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
        .format = o->quiet ? "{{.Name}}" : o->format,
        .no_heading = o->no_heading,
        .maps = network_text_maps,
    };
    return listing_print(app, &listing, rows, reterr);
}

const struct command cmd_network_ls = {
    .name = "network ls",
    .args = "",
    .summary = "list networks",
    .help = "dangling=true are those that no container is for.\n"
            "\n"
            "  imgc network ls -q --filter dangling=true\n"
            "  imgc network ls --format '{{.Name}} {{range .Subnets}}{{.Subnet}} {{end}}'\n",
    .options = ls_options,
    .options_size = sizeof(struct ls_options),
    .min_args = 0,
    .max_args = 0,
    .run = ls_run,
};

/* ---- inspect ---- */

struct inspect_options {
    const char *format;
};

static const struct option inspect_options[] = {
    { 'f', "format", OPT_STRING, offsetof(struct inspect_options, format), "FORMAT",
      "json, or a template for each" },
    { .name = NULL },
};

/* Templates have docker's and podman's names of fields as well as those of the JSON. */
static int describe(const struct network *n, const struct network_lease_list *leases,
                    bool for_template, json_t **ret, struct imgc_err *reterr)
{
    json_auto_free json_t *row = NULL;

    if (!for_template) {
        return network_text_document(n, leases, ret, reterr);
    }
    int r = network_text_row(n, leases, true, ret, reterr);
    r = r < 0 ? r : network_text_document(n, leases, &row, reterr);
    if (r == 0 && (json_object_update_missing(*ret, row) < 0 ||
                   json_object_set_new(*ret, "Id", json_string(n->id)) < 0)) {
        r = imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return r;
}

struct inspect {
    const struct network_lease_list *leases;
    json_t *docs;
    bool for_template;
};

static int inspect_one(struct app *app, const char *name, void *arg, struct imgc_err *reterr)
{
    network_auto struct network n = { .name = NULL };
    struct inspect *in = arg;
    json_t *doc = NULL;

    int r = network_find(app->store, imgc_str_of(name), &n, reterr);
    if (r == NETWORK_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such network: %s", name);
    }
    r = r < 0 ? r : describe(&n, in->leases, in->for_template, &doc, reterr);
    return r == 0 && json_array_append_new(in->docs, doc) < 0
               ? imgc_fail(reterr, IMGC_E_NOMEM, "out of memory")
               : r;
}

static int print_documents(struct app *app, const char *format, json_t *docs,
                           struct imgc_err *reterr)
{
    int r = 0;

    if (!format || listing_is_json(format)) {
        return listing_json(app, docs, reterr);
    }
    for (size_t i = 0; r == 0 && i < json_array_size(docs); i++) {
        r = listing_document(app, format, json_array_get(docs, i), network_text_maps, reterr);
    }
    return r;
}

static int inspect_run(struct app *app, const void *options, struct args args,
                       struct imgc_err *reterr)
{
    const struct inspect_options *o = options;
    network_lease_list_auto struct network_lease_list leases = { .n = 0 };
    json_auto_free json_t *docs = json_array();
    struct inspect in = { .leases = &leases,
                          .docs = docs,
                          .for_template = o->format && !listing_is_json(o->format) };
    struct imgc_err print_err;
    struct store *store;

    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : ensure_default(store, reterr);
    r = r < 0 ? r : network_lease_list(store, NULL, &leases, reterr);
    if (r < 0) {
        return r;
    }
    /* What was found is printed, though one be missing. */
    r = each_word(app, args, inspect_one, &in, reterr);
    int printed = print_documents(app, o->format, docs, &print_err);
    if (r == 0 && printed < 0) {
        *reterr = print_err;
        return printed;
    }
    return r;
}

const struct command cmd_network_inspect = {
    .name = "network inspect",
    .args = "NETWORK...",
    .summary = "show all that is known of networks",
    .help = "A JSON array as podman's, with the containers that are on it now. Templates know\n"
            "docker's names of fields, too.\n"
            "\n"
            "  imgc network inspect -f '{{range .Subnets}}{{.Gateway}}{{end}}' back\n",
    .options = inspect_options,
    .options_size = sizeof(struct inspect_options),
    .min_args = 1,
    .max_args = SIZE_MAX,
    .run = inspect_run,
};
