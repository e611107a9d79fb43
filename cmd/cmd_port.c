/* SPDX-License-Identifier: Apache-2.0 */
/* imgc port: where a container's published ports are on the host. */
#include "cmd/commands.h"
#include "cmd/container_ports.h"
#include "cmd/lookup.h"

#define SHORT_ID 12

struct port_options {
    bool all;
};

static const struct option port_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct port_options, all), NULL,
      "those of all containers that run, with their IDs" },
    { .name = NULL },
};

/* "80/tcp -> 0.0.0.0:8080"; of one port that was asked for only where it is. */
static int print_port(struct app *app, const char *id, const struct net_port *p, bool with_port,
                      struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(256);
    struct imgc_str text;

    if (id) {
        imgc_buf_printf(&b, "%.*s\t", SHORT_ID, id);
    }
    if (with_port) {
        imgc_buf_printf(&b, "%u/%s -> ", (unsigned)p->port, net_port_protocol(p));
    }
    net_port_host(p, &b);
    int r = imgc_buf_finish(&b, &text, reterr);
    if (r == 0) {
        output_print(&app->out, IMGC_STR_FMT "\n", IMGC_STR_ARG(text));
    }
    return r;
}

static int print_container(struct app *app, const struct container *c, bool with_id,
                           struct imgc_err *reterr)
{
    net_port_list_auto struct net_port_list ports = { .n = 0 };

    int r = container_ports_list(app->store, c, &ports, reterr);
    for (size_t i = 0; r == 0 && i < ports.n; i++) {
        r = print_port(app, with_id ? c->id : NULL, &ports.items[i], true, reterr);
    }
    return r;
}

static int print_one(struct app *app, const struct container *c, const char *word,
                     struct imgc_err *reterr)
{
    net_port_list_auto struct net_port_list ports = { .n = 0 }, wanted = { .n = 0 };
    bool is_any = false;

    int r = net_port_expose(imgc_str_of(word), &wanted, reterr); /* the same words */
    r = r < 0 ? r : container_ports_list(app->store, c, &ports, reterr);
    for (size_t i = 0; r == 0 && i < ports.n * wanted.n; i++) {
        const struct net_port *p = &ports.items[i % ports.n];
        const struct net_port *w = &wanted.items[i / ports.n];
        if (p->port == w->port && p->protocol == w->protocol) {
            is_any = true;
            r = print_port(app, NULL, p, wanted.n > 1, reterr);
        }
    }
    return r < 0 || is_any ? r
                           : imgc_fail(reterr, IMGC_E_NOTFOUND,
                                       "container %s publishes no port '%s'", c->name, word);
}

static int print_all(struct app *app, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .items = NULL };

    int r = container_list(app->store, &list, reterr);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        r = print_container(app, &list.items[i], true, reterr);
    }
    return r;
}

static int port_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct port_options *o = options;
    container_auto struct container c = { .name = NULL };
    struct store *store;

    if (o->all == (args.n > 0)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "port takes a container, or --all");
    }
    int r = app_store(app, &store, reterr);
    if (r == 0 && o->all) {
        return print_all(app, reterr);
    }
    r = r < 0 ? r : lookup_container(store, args.v[0], &c, reterr);
    if (r < 0) {
        return r;
    }
    return args.n > 1 ? print_one(app, &c, args.v[1], reterr)
                      : print_container(app, &c, false, reterr);
}

const struct command cmd_port = {
    .name = "port",
    .args = "CONTAINER [PORT[/udp]]",
    .summary = "show where published ports are on the host",
    .help = "Of a container that does not run there are none.\n"
            "\n"
            "  imgc port web\n"
            "  imgc port web 80\n",
    .options = port_options,
    .options_size = sizeof(struct port_options),
    .min_args = 0,
    .max_args = 2,
    .run = port_run,
};
