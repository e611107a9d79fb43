/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_user_args.h"

#include <netinet/in.h>

#include "runtime/net_want.h"
#include "schema/json.h"

/* What podman calls so: not pasta's own option, but without "--no-map-gw", which is the default
 * here. */
#define MAP_GATEWAY "--map-gw"

const char *net_user_name(enum net_user_kind kind)
{
    return kind == NET_USER_SLIRP ? "slirp4netns" : "pasta";
}

enum net_user_kind net_user_kind_of(struct imgc_str word)
{
    struct imgc_str name = word, rest;

    (void)imgc_str_split(word, ':', &name, &rest);
    if (imgc_str_eq(name, IMGC_STR("pasta"))) {
        return NET_USER_PASTA;
    }
    return imgc_str_eq(name, IMGC_STR("slirp4netns")) ? NET_USER_SLIRP : NET_USER_ANY;
}

/* ---- options ---- */

/* Words of ours that would be taken away, and those with which it would no more be ours to end. */
static const char *const refused[] = { "--netns", "--userns", "--netns-only",    "-P", "--pid",
                                       "--runas", "-d",       "--foreground",    "-f", "--debug",
                                       "--trace", "--quiet",  "--no-netns-quit", "-q" };

static int check_pasta(struct imgc_str word, struct imgc_err *reterr)
{
    struct imgc_str name = word, value;

    (void)imgc_str_split(word, '=', &name, &value);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (imgc_str_eq(name, imgc_str_of(refused[i]))) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--network pasta: '%s' is chosen by imgc",
                             refused[i]);
        }
    }
    return 0;
}

struct slirp_option {
    const char *name;
    const char *word; /* of slirp4netns; NULL: handled apart */
    bool is_flag;
};

static const struct slirp_option slirp_options[] = {
    { "allow_host_loopback", NULL, true },
    { "enable_ipv6", "--enable-ipv6", true },
    { "mtu", "--mtu=", false },
    { "outbound_addr", "--outbound-addr=", false },
    { "outbound_addr6", "--outbound-addr6=", false },
};

static const struct slirp_option *find_slirp(struct imgc_str word, struct imgc_str *ret_value)
{
    struct imgc_str name;

    if (!imgc_str_split(word, '=', &name, ret_value)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof slirp_options / sizeof *slirp_options; i++) {
        if (imgc_str_eq(name, imgc_str_of(slirp_options[i].name))) {
            return &slirp_options[i];
        }
    }
    return NULL;
}

static int check_slirp(struct imgc_str word, struct imgc_err *reterr)
{
    struct imgc_str value = { .len = 0 };
    const struct slirp_option *o = find_slirp(word, &value);

    if (imgc_str_eq(word, IMGC_STR("port_handler=slirp4netns"))) {
        return 0; /* the only one that there is here */
    }
    if (!o || value.len == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--network slirp4netns: '" IMGC_STR_FMT
                         "': there are allow_host_loopback=true, enable_ipv6=true, mtu=N, "
                         "outbound_addr=A and outbound_addr6=A",
                         IMGC_STR_ARG(word));
    }
    if (o->is_flag && !imgc_str_eq(value, IMGC_STR("true")) &&
        !imgc_str_eq(value, IMGC_STR("false"))) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--network slirp4netns: %s is true or false",
                         o->name);
    }
    return 0;
}

int net_user_options(enum net_user_kind kind, struct imgc_str text, char ***ret,
                     struct imgc_err *reterr)
{
    char **list = NULL;
    struct imgc_str word;
    int r = 0;

    while (r == 0 && imgc_str_token(&text, ',', &word)) {
        if (word.len == 0) {
            continue;
        }
        r = kind == NET_USER_SLIRP ? check_slirp(word, reterr) : check_pasta(word, reterr);
        r = r < 0 ? r : net_want_append(&list, word, reterr);
    }
    if (r < 0) {
        (void)json_strings_free(list);
        return r;
    }
    *ret = list;
    return 0;
}

/* ---- the command line ---- */

static void add(struct imgc_buf *b, const char *word)
{
    imgc_buf_puts(b, word);
    imgc_buf_putc(b, '\0');
}

static void add_pair(struct imgc_buf *b, const char *option, const char *value)
{
    add(b, option);
    add(b, value);
}

/* Whether the user's own words say something of it, by one of its names. */
static bool is_said(const struct net_user_args *a, const char *letter, const char *name)
{
    for (char *const *o = a->options; o && *o; o++) {
        struct imgc_str word = imgc_str_of(*o), value;
        (void)imgc_str_split(word, '=', &word, &value);
        if (imgc_str_eq(word, imgc_str_of(letter)) || imgc_str_eq(word, imgc_str_of(name))) {
            return true;
        }
    }
    return false;
}

static bool continues(const struct net_port *a, const struct net_port *b)
{
    return a->protocol == b->protocol && ip_eq(&a->host, &b->host) && a->first + 1 == b->first &&
           a->port + 1 == b->port;
}

/* "-t ADDRESS/FIRST-LAST:FIRST-LAST": ports that follow each other are one word. */
static bool add_ports(const struct net_port_list *ports, uint8_t protocol, const char *option,
                      struct imgc_buf *b)
{
    char text[IP_TEXT_MAX];
    bool is_any = false;

    for (size_t i = 0; i < ports->n; i++) {
        const struct net_port *first = &ports->items[i], *last = first;
        if (first->protocol != protocol) {
            continue;
        }
        while (i + 1 < ports->n && continues(last, &ports->items[i + 1])) {
            last = &ports->items[++i];
        }
        add(b, option);
        if (first->host.family != 0) {
            imgc_buf_printf(b, "%s/", ip_text(&first->host, text));
        }
        imgc_buf_printf(b, "%u-%u:%u-%u", (unsigned)first->first, (unsigned)last->first,
                        (unsigned)first->port, (unsigned)last->port);
        imgc_buf_putc(b, '\0');
        is_any = true;
    }
    return is_any;
}

/* Without a word pasta would publish all that listens inside, and open the host's loopback. */
static void add_directions(const struct net_user_args *a, struct imgc_buf *b)
{
    static const struct net_port_list none = { .n = 0 };
    const struct net_port_list *ports = a->ports ? a->ports : &none;

    if (!add_ports(ports, IPPROTO_TCP, "-t", b) && !is_said(a, "-t", "--tcp-ports")) {
        add_pair(b, "-t", "none");
    }
    if (!add_ports(ports, IPPROTO_UDP, "-u", b) && !is_said(a, "-u", "--udp-ports")) {
        add_pair(b, "-u", "none");
    }
    if (!is_said(a, "-T", "--tcp-ns")) {
        add_pair(b, "-T", "none");
    }
    if (!is_said(a, "-U", "--udp-ns")) {
        add_pair(b, "-U", "none");
    }
    if (!is_said(a, "--no-map-gw", MAP_GATEWAY)) {
        add(b, "--no-map-gw");
    }
}

static void add_pasta(const struct net_user_args *a, struct imgc_buf *b)
{
    add(b, "pasta");
    add(b, "--foreground");
    add(b, "--quiet");
    add(b, "--config-net");
    for (char *const *o = a->options; o && *o; o++) {
        if (strcmp(*o, MAP_GATEWAY) != 0) {
            add(b, *o);
        }
    }
    add_directions(a, b);
    if (!is_said(a, "-I", "--ns-ifname")) {
        add_pair(b, "--ns-ifname", NET_USER_INTERFACE);
    }
    if (a->forwards_dns && !is_said(a, "--dns-forward", "--dns-forward")) {
        add_pair(b, "--dns-forward", NET_USER_PASTA_DNS);
    }
    add_pair(b, "--pid", a->ready_path);
    add_pair(b, "--netns", a->netns_path);
}

static void add_number(struct imgc_buf *b, const char *option, int n)
{
    imgc_buf_printf(b, "%s%d", option, n);
    imgc_buf_putc(b, '\0');
}

static void add_slirp_options(const struct net_user_args *a, struct imgc_buf *b)
{
    bool allows_loopback = false, has_mtu = false;
    struct imgc_str value;

    for (char *const *w = a->options; w && *w; w++) {
        const struct slirp_option *o = find_slirp(imgc_str_of(*w), &value);
        bool is_true = o && imgc_str_eq(value, IMGC_STR("true"));
        if (o && !o->word) {
            allows_loopback = is_true;
        } else if (o && o->is_flag && is_true) {
            add(b, o->word);
        } else if (o && !o->is_flag) {
            imgc_buf_puts(b, o->word);
            imgc_buf_str(b, value);
            imgc_buf_putc(b, '\0');
            has_mtu = has_mtu || strcmp(o->name, "mtu") == 0;
        }
    }
    if (!has_mtu) {
        add(b, "--mtu=65520"); /* the most: there is no wire behind it */
    }
    if (!allows_loopback) {
        add(b, "--disable-host-loopback");
    }
}

static void add_slirp(const struct net_user_args *a, struct imgc_buf *b)
{
    add(b, "slirp4netns");
    add(b, "--configure");
    add(b, "--enable-sandbox");
    add(b, "--enable-seccomp");
    add_slirp_options(a, b);
    add_number(b, "--ready-fd=", a->ready_fd);
    add_number(b, "--exit-fd=", a->alive_fd);
    if (a->socket_path) {
        add_pair(b, "--api-socket", a->socket_path);
    }
    add(b, "--netns-type=path");
    add(b, a->netns_path);
    add(b, NET_USER_INTERFACE);
}

int net_user_args(const struct net_user_args *args, struct imgc_buf *b, struct imgc_err *reterr)
{
    struct imgc_str all;

    if (args->kind == NET_USER_SLIRP) {
        add_slirp(args, b);
    } else {
        add_pasta(args, b);
    }
    return imgc_buf_finish(b, &all, reterr);
}
