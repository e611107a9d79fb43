/* SPDX-License-Identifier: Apache-2.0 */
/* imgc ps: list containers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/container_filter.h"
#include "cmd/container_ports.h"
#include "cmd/describe.h"
#include "cmd/describe_network.h"
#include "cmd/kept_spec.h"
#include "cmd/listing.h"
#include "cmd/units.h"
#include "schema/base/clock.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "store/container.h"

#define SHORT_ID 12
#define COMMAND_CELLS 20
#define NS_PER_S 1000000000
#define NETWORKS_BYTES 65536

struct ps_options {
    bool all, quiet, no_trunc, no_heading, latest;
    const char *format, *last, *sort;
    struct option_list filters;
};

static const struct option ps_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct ps_options, all), NULL,
      "also containers that do not run" },
    { 'q', "quiet", OPT_FLAG, offsetof(struct ps_options, quiet), NULL, "print IDs only" },
    { 0, "no-trunc", OPT_FLAG, offsetof(struct ps_options, no_trunc), NULL,
      "print IDs and commands in full" },
    { 'f', "filter", OPT_LIST, offsetof(struct ps_options, filters), "KEY=VALUE",
      "only those that match: name, id, status, label, label!, ancestor, exited, before, since, "
      "until, volume, network" },
    { 'n', "last", OPT_STRING, offsetof(struct ps_options, last), "N",
      "the newest N, running or not" },
    { 'l', "latest", OPT_FLAG, offsetof(struct ps_options, latest), NULL,
      "the newest one, running or not" },
    { 0, "sort", OPT_STRING, offsetof(struct ps_options, sort), "KEY",
      "created (newest first), id, image, names, runningfor, status" },
    { 0, "noheading", OPT_FLAG, offsetof(struct ps_options, no_heading), NULL,
      "print no headings" },
    { 0, "format", OPT_STRING, offsetof(struct ps_options, format), "FORMAT",
      "json, 'table TEMPLATE', or a template for each line" },
    { .name = NULL },
};

static const struct listing_column columns[] = {
    { "ID", "CONTAINER ID" },
    { "Image", "IMAGE" },
    { "Command", "COMMAND" },
    { "RunningFor", "CREATED" },
    { "CreatedAt", "CREATED AT" },
    { "Status", "STATUS" },
    { "Ports", "PORTS" },
    { "State", "STATE" },
    { "Labels", "LABELS" },
    { "ExitCode", "EXIT CODE" },
    { "Pid", "PID" },
    { "Names", "NAMES" },
    { "Networks", "NETWORKS" },
    { NULL, NULL },
};

static const char *since(int64_t then_ns, char out[UNITS_TEXT_MAX])
{
    return units_human_duration((clock_now_ns() - then_ns) / NS_PER_S, out);
}

/* docker's words: "Up 2 minutes", "Exited (0) 3 hours ago", "Created". */
static void status_text(const struct container *c, struct imgc_buf *b)
{
    char text[UNITS_TEXT_MAX];

    switch (c->status) {
    case CONTAINER_CREATED:
        imgc_buf_puts(b, "Created");
        break;
    case CONTAINER_RUNNING:
        imgc_buf_printf(b, "Up %s%s", since(c->started_ns, text),
                        describe_is_paused(c) ? " (Paused)" : "");
        break;
    case CONTAINER_EXITED:
        if (c->exit_code < 0) {
            imgc_buf_puts(b, "Exited (unknown: imgc was killed)");
        } else {
            imgc_buf_printf(b, "Exited (%d) %s ago", c->exit_code, since(c->finished_ns, text));
        }
        break;
    }
}

static void command_text(const struct container *c, bool no_trunc, struct imgc_buf *b)
{
    struct imgc_str command = imgc_str_of(c->command);
    bool is_cut = !no_trunc && command.len > COMMAND_CELLS;

    imgc_buf_str(b, is_cut ? imgc_str_first(command, COMMAND_CELLS - 3) : command);
    imgc_buf_puts(b, is_cut ? "..." : "");
}

/* docker's "name=value,name=value". */
static json_t *labels_json(const struct container *c)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_CONFIG_BYTES);
    json_auto_free json_t *labels = NULL;
    struct imgc_str text;
    struct imgc_err err;
    const char *name;
    json_t *value;

    if (json_parse(imgc_str_of(c->labels), "labels", &labels, &err) < 0) {
        return json_string("");
    }
    json_object_foreach(labels, name, value)
    {
        imgc_buf_printf(&b, "%s%s=%s", b.len > 0 ? "," : "", name,
                        json_is_string(value) ? json_string_value(value) : "");
    }
    return imgc_buf_finish(&b, &text, &err) < 0 || text.len == 0 ? json_string("")
                                                                 : json_stringn(text.ptr, text.len);
}

static int ports_json(const struct container *c, const struct network_lease_list *leases,
                      json_t **ret, struct imgc_err *reterr)
{
    net_port_list_auto struct net_port_list ports = { .n = 0 };
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(NET_PORT_LINES_BYTES);
    struct imgc_str text;

    int r = container_ports_of(c, leases, &ports, reterr);
    net_port_summary(&ports, &b);
    imgc_buf_puts(&b, "");
    r = r < 0 ? r : imgc_buf_finish(&b, &text, reterr);
    if (r == 0) {
        *ret = json_stringn(text.ptr, text.len);
    }
    return r;
}

static int make_row(const struct container *c, const struct network_lease_list *leases,
                    const struct ps_options *o, json_t **ret, struct imgc_err *reterr)
{
    json_t *ports = NULL;
    imgc_autobuf struct imgc_buf status = IMGC_BUF_INIT(256);
    imgc_autobuf struct imgc_buf command = IMGC_BUF_INIT(LIMIT_ENV_BYTES);
    char created[CLOCK_TEXT_MAX], age[UNITS_TEXT_MAX], running_for[UNITS_TEXT_MAX + 8];
    struct imgc_str status_str, command_str;

    (void)snprintf(running_for, sizeof running_for, "%s ago", since(c->created_ns, age));
    status_text(c, &status);
    command_text(c, o->no_trunc, &command);
    int r = imgc_buf_finish(&status, &status_str, reterr);
    r = r < 0 ? r : imgc_buf_finish(&command, &command_str, reterr);
    r = r < 0 ? r : ports_json(c, leases, &ports, reterr);
    if (r < 0) {
        return r;
    }
    /* A command that is no UTF-8, or was cut inside a character, is shown as far as JSON can. */
    json_t *command_json = json_stringn(command_str.ptr, command_str.len);
    if (!command_json) {
        command_json = json_string("?");
    }
    *ret = json_pack("{s:s#, s:s, s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:i, s:i, s:s}", "ID", c->id,
                     o->no_trunc ? (int)strlen(c->id) : SHORT_ID, "Image", c->image_name, "Command",
                     command_json, "RunningFor", running_for, "CreatedAt",
                     clock_rfc3339(c->created_ns, false, created), "Status", status_str.ptr,
                     "Ports", ports, "State", describe_status(c), "Labels", labels_json(c),
                     "ExitCode", c->exit_code < 0 ? 0 : c->exit_code, "Pid",
                     c->status == CONTAINER_RUNNING ? (int)c->init.pid : 0, "Names", c->name);
    return *ret ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

/* What its spec names: read only where a format may show it. */
static int add_networks(struct app *app, const struct container *c, json_t *row,
                        struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf names = IMGC_BUF_INIT(NETWORKS_BYTES);
    json_auto_free json_t *told = NULL;
    spec_auto struct spec spec = SPEC_INIT;

    int r = json_parse(imgc_str_of(c->spec_json), "container", &told, reterr);
    const char *mode = json_string_value(json_object_get(told, "NetworkMode"));
    r = r < 0 ? r : kept_spec_load(app->store, c->id, &spec, reterr);
    r = r == -(int)IMGC_E_NOTFOUND ? 0 : r; /* not made completely, or gone meanwhile */
    r = r < 0 ? r : describe_network_names(&spec, mode ? mode : "", &names, reterr);
    return r < 0 ? r : json_put_string(row, "Networks", names.ptr, reterr);
}

static int print_rows(struct app *app, const struct ps_options *o, json_t *rows,
                      struct imgc_err *reterr)
{
    const struct listing listing = {
        .columns = columns,
        .table = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t"
                 "{{.Names}}",
        .format = o->format,
        .no_heading = o->no_heading,
    };
    const struct listing ids = { .columns = columns, .format = "{{.ID}}" };

    return listing_print(app, o->quiet && !o->format ? &ids : &listing, rows, reterr);
}

/* ---- which, and in what order ---- */

static int by_image(const void *a, const void *b)
{
    const struct container *x = a, *y = b;
    return strcmp(x->image_name, y->image_name);
}

static int by_name(const void *a, const void *b)
{
    const struct container *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int by_id(const void *a, const void *b)
{
    const struct container *x = a, *y = b;
    return strcmp(x->id, y->id);
}

static int by_status(const void *a, const void *b)
{
    const struct container *x = a, *y = b;
    int status = strcmp(describe_status(x), describe_status(y));
    return status ? status : strcmp(x->name, y->name);
}

static int newest_first(const void *a, const void *b)
{
    const struct container *x = a, *y = b;
    return (x->created_ns < y->created_ns) - (x->created_ns > y->created_ns);
}

static int sort_list(const char *key, struct container_list *list, struct imgc_err *reterr)
{
    static const struct {
        const char *key;
        int (*compare)(const void *a, const void *b);
    } orders[] = { { "created", newest_first }, { "runningfor", newest_first }, { "id", by_id },
                   { "image", by_image },       { "names", by_name },           { "name", by_name },
                   { "status", by_status } };

    for (size_t i = 0; key && i < sizeof orders / sizeof *orders; i++) {
        if (strcmp(orders[i].key, key) == 0) {
            qsort(list->items, list->n, sizeof *list->items, orders[i].compare);
            return 0;
        }
    }
    return key ? imgc_fail(reterr, IMGC_E_USAGE,
                           "--sort '%s': created, id, image, names, runningfor or status", key)
               : 0; /* the store has them newest first */
}

/* How many of the newest; all of them without --last and --latest. */
static int parse_last(const struct ps_options *o, uint64_t *ret, struct imgc_err *reterr)
{
    *ret = o->latest ? 1 : UINT64_MAX;
    if (o->last && strcmp(o->last, "-1") != 0 && !imgc_str_u64(imgc_str_of(o->last), ret)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--last '%s': not a number", o->last);
    }
    return 0;
}

/* Keep in *list what is to be shown. */
static int choose(struct app *app, const struct ps_options *o, struct container_list *list,
                  struct imgc_err *reterr)
{
    container_filter_auto struct container_filter filter = { .items = NULL };
    uint64_t last = UINT64_MAX;
    size_t n = 0;

    int r = parse_last(o, &last, reterr);
    r = r < 0 ? r : container_filter_parse(app, &o->filters, ~0u, &filter, reterr);
    bool all = o->all || o->latest || o->last ||
               (filter.keys & (CONTAINER_FILTER_STATUS | CONTAINER_FILTER_EXITED));
    for (size_t i = 0; i < list->n; i++) {
        struct container *c = &list->items[i];
        bool shown = r == 0 && n < last && (all || c->status == CONTAINER_RUNNING);
        if (shown) {
            r = container_filter_match(app, &filter, c, &shown, reterr);
        }
        if (r < 0 || !shown) {
            container_done(c);
        } else if (n++ != i) {
            list->items[n - 1] = *c;
            memset(c, 0, sizeof *c); /* moved */
        }
    }
    list->n = n;
    return r;
}

static int ps_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct ps_options *o = options;
    container_list_auto struct container_list list = { .items = NULL };
    network_lease_list_auto struct network_lease_list leases = { .n = 0 };
    json_auto_free json_t *rows = json_array();
    struct store *store;
    (void)args;

    if (!rows) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : container_list(store, &list, reterr);
    r = r < 0 ? r : network_lease_list(store, NULL, &leases, reterr);
    r = r < 0 ? r : choose(app, o, &list, reterr);
    r = r < 0 ? r : sort_list(o->sort, &list, reterr);
    for (size_t i = 0; i < list.n && r >= 0; i++) {
        json_t *row = NULL;
        r = make_row(&list.items[i], &leases, o, &row, reterr);
        r = r < 0 || !o->format ? r : add_networks(app, &list.items[i], row, reterr);
        if (r >= 0 && json_array_append_new(rows, row) < 0) {
            r = imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    return r < 0 ? r : print_rows(app, o, rows, reterr);
}

const struct command cmd_ps = {
    .name = "ps",
    .args = "",
    .summary = "list containers",
    .help = "Only running containers, unless --all, --last, --latest or a filter for a status is "
            "given.\n"
            "\n"
            "  imgc ps -a\n"
            "  imgc ps -a --format '{{.Names}}: {{.Status}}'\n",
    .options = ps_options,
    .options_size = sizeof(struct ps_options),
    .min_args = 0,
    .max_args = 0,
    .run = ps_run,
};
