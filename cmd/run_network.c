/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_network.h"

#include <sys/socket.h>

#include "cmd/run_isolation.h"
#include "cmd/settings.h"
#include "runtime/net_port.h"
#include "runtime/net_user.h"
#include "schema/ip.h"
#include "store/network.h"

#define HOST_GATEWAY "host-gateway"
#define PRIVATE "private" /* a network of its own, whichever this user may have */

static int bad_value(const char *option, const char *text, const char *why, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_USAGE, "--%s '%s': %s", option, text, why);
}

/* "pasta", "slirp4netns", and behind a ':' what is for that program. */
static int parse_user(struct imgc_str text, enum net_user_kind kind, enum spec_network *ret,
                      struct net_want *w, struct imgc_err *reterr)
{
    struct imgc_str name, options;

    if (!net_user_is_needed()) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--network %s is for ordinary users: root has bridge (the default)",
                         net_user_name(kind));
    }
    *ret = SPEC_NETWORK_USER;
    (void)imgc_str_split(text, ':', &name, &options);
    int r = net_user_options(kind, options, &w->helper_options, reterr);
    return r < 0 ? r : imgc_str_dup(name, &w->helper, reterr);
}

enum { MODE_NAME = 1 };

/* @return 0 for a word that is no network of imgc's; MODE_NAME for all others. */
static int parse_mode(const char *text, enum spec_network *ret,
                      struct isolation_namespace *ret_join, struct net_want *w,
                      struct imgc_err *reterr)
{
    enum net_user_kind user = net_user_kind_of(imgc_str_of(text));

    if (strcmp(text, "none") == 0) {
        *ret = SPEC_NETWORK_NONE;
        return 0;
    }
    if (strcmp(text, "host") == 0) {
        *ret = SPEC_NETWORK_HOST;
        return 0;
    }
    if (strncmp(text, "container:", 10) == 0 || strncmp(text, "ns:", 3) == 0) {
        return run_isolation_namespace("network", text, ret_join, reterr);
    }
    if (strcmp(text, PRIVATE) == 0 && net_user_is_needed()) {
        *ret = SPEC_NETWORK_USER;
        return 0;
    }
    return user != NET_USER_ANY ? parse_user(imgc_str_of(text), user, ret, w, reterr) : MODE_NAME;
}

static int parse_address(const char *option, const char *text, int family, char **ret,
                         struct imgc_err *reterr)
{
    char canonical[IP_TEXT_MAX];
    struct ip_addr a;

    if (!text) {
        return 0;
    }
    if (*ret) {
        return bad_value(option, text, "--network has an address already", reterr);
    }
    if (!ip_parse(imgc_str_of(text), &a) || a.family != family) {
        return bad_value(option, text,
                         family == AF_INET ? "not an IPv4 address" : "not an IPv6 address", reterr);
    }
    return imgc_str_dup(imgc_str_of(ip_text(&a, canonical)), ret, reterr);
}

static int parse_mac(const char *text, char **ret, struct imgc_err *reterr)
{
    uint8_t mac[IP_MAC_BYTES];

    if (!text) {
        return 0;
    }
    if (*ret) {
        return bad_value("mac-address", text, "--network has an address already", reterr);
    }
    if (!ip_mac_parse(imgc_str_of(text), mac)) {
        return bad_value("mac-address", text, "not a MAC address such as 02:42:0a:57:00:02",
                         reterr);
    }
    return imgc_str_dup(imgc_str_of(text), ret, reterr);
}

static int dup_once(const char *text, struct imgc_str value, char **field, struct imgc_err *reterr)
{
    return *field ? bad_value("network", text, "one address of each kind", reterr)
                  : imgc_str_dup(value, field, reterr);
}

static int parse_link_address(const char *text, struct imgc_str value, struct net_want_link *l,
                              struct imgc_err *reterr)
{
    char canonical[IP_TEXT_MAX];
    struct ip_addr a;

    if (!ip_parse(value, &a)) {
        return bad_value("network", text, "ip= takes an IP address", reterr);
    }
    return dup_once(text, imgc_str_of(ip_text(&a, canonical)),
                    a.family == AF_INET ? &l->ip4 : &l->ip6, reterr);
}

static int check_alias(const char *option, const char *text, struct imgc_err *reterr)
{
    struct imgc_err ignored;
    return network_check_name(imgc_str_of(text), &ignored) < 0 || strlen(text) > 253
               ? bad_value(option, text, "not a host name", reterr)
               : 0;
}

static int parse_link_alias(struct imgc_str value, struct net_want_link *l, struct imgc_err *reterr)
{
    imgc_autofree char *alias = NULL;

    int r = imgc_str_dup(value, &alias, reterr);
    r = r < 0 ? r : check_alias("network alias", alias, reterr);
    return r < 0 ? r : net_want_append(&l->aliases, value, reterr);
}

static int parse_link_option(const char *text, struct imgc_str option, struct net_want_link *l,
                             struct imgc_err *reterr)
{
    uint8_t mac[IP_MAC_BYTES];
    struct imgc_str key, value;

    (void)imgc_str_split(option, '=', &key, &value);
    if (imgc_str_eq(key, IMGC_STR("ip")) || imgc_str_eq(key, IMGC_STR("ip6"))) {
        return parse_link_address(text, value, l, reterr);
    }
    if (imgc_str_eq(key, IMGC_STR("mac")) || imgc_str_eq(key, IMGC_STR("mac-address"))) {
        return ip_mac_parse(value, mac) ? dup_once(text, value, &l->mac, reterr)
                                        : bad_value("network", text, "not a MAC address", reterr);
    }
    if (imgc_str_eq(key, IMGC_STR("alias"))) {
        return parse_link_alias(value, l, reterr);
    }
    return bad_value("network", text, "there are ip=, ip6=, mac= and alias=", reterr);
}

/* podman's NAME:ip=...,alias=..., or docker's name=NAME,ip=... The default network's name is left
 * out. */
int run_network_link(const char *text, struct net_want_link *ret, struct imgc_err *reterr)
{
    net_want_link_auto struct net_want_link l = { .network = NULL };
    struct imgc_str name, rest, option, all = imgc_str_of(text);
    int r = 0;

    if (imgc_str_skip(&all, IMGC_STR("name="))) {
        (void)imgc_str_split(all, ',', &name, &rest);
    } else {
        (void)imgc_str_split(all, ':', &name, &rest);
    }
    if (!imgc_str_eq(name, IMGC_STR(NETWORK_DEFAULT)) && !imgc_str_eq(name, IMGC_STR("default"))) {
        r = network_check_name(name, reterr);
        r = r < 0 ? imgc_context(reterr, "--network") : imgc_str_dup(name, &l.network, reterr);
    }
    while (r == 0 && rest.len > 0 && imgc_str_token(&rest, ',', &option)) {
        r = parse_link_option(text, option, &l, reterr);
    }
    if (r == 0) {
        *ret = l;
        l = (struct net_want_link){ .network = NULL };
    }
    return r;
}

/* The first one is what --ip and its like are about. */
static int add_link(const char *text, bool is_first, struct net_want *w, struct imgc_err *reterr)
{
    net_want_link_auto struct net_want_link l = { .network = NULL };

    int r = run_network_link(text, &l, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; !is_first && i <= w->n_more; i++) {
        const char *other = net_want_get(w, i).network;
        if (strcmp(other ? other : "", l.network ? l.network : "") == 0) {
            return bad_value("network", text, "this network is given twice", reterr);
        }
    }
    if (!is_first) {
        return net_want_add(w, &l, reterr);
    }
    w->network = l.network;
    w->aliases = l.aliases;
    w->ip4 = l.ip4;
    w->ip6 = l.ip6;
    w->mac = l.mac;
    l = (struct net_want_link){ .network = NULL };
    return 0;
}

/* Without a word, the caller's IMGC_NETWORK, and without that one of its own: a bridge for root,
 * which ordinary users cannot make. */
static int parse_networks(const struct option_list *given, enum spec_network *ret,
                          struct isolation_namespace *ret_join, struct net_want *w,
                          struct imgc_err *reterr)
{
    size_t n = given->n > 0 ? given->n : 1;
    const char *usual = settings_env("IMGC_NETWORK");
    int r = 0;

    if (!usual || !*usual) {
        usual = PRIVATE;
    }
    w->is_asked = given->n > 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        const char *text = given->n > 0 ? given->items[i] : usual;
        r = parse_mode(text, ret, ret_join, w, reterr);
        if (r == 0 && n > 1) {
            return bad_value("network", text, "not beside other networks", reterr);
        }
        if (r == MODE_NAME) {
            *ret = SPEC_NETWORK_BRIDGE;
            r = add_link(strcmp(text, PRIVATE) == 0 ? NETWORK_DEFAULT : text, i == 0, w, reterr);
        }
    }
    return r;
}

static int check_server(const char *option, const char *text, struct imgc_err *reterr)
{
    struct ip_addr a;
    return ip_parse(imgc_str_of(text), &a) ? 0
                                           : bad_value(option, text, "not an IP address", reterr);
}

/* What goes into a line of a file is one word of it. */
static int check_word(const char *option, const char *text, struct imgc_err *reterr)
{
    for (const char *p = text; *p; p++) {
        if (*p <= ' ' || *p == '#' || *p == 0x7f) {
            return bad_value(option, text, "not one word", reterr);
        }
    }
    return *text ? 0 : bad_value(option, text, "not one word", reterr);
}

static int check_host(const char *option, const char *text, struct imgc_err *reterr)
{
    struct imgc_str name, address;
    struct ip_addr a;

    int r = check_word(option, text, reterr);
    if (r < 0) {
        return r;
    }
    if (!imgc_str_split(imgc_str_of(text), ':', &name, &address) || name.len == 0) {
        return bad_value(option, text, "write NAME:ADDRESS", reterr);
    }
    if (address.len > 2 && address.ptr[0] == '[' && address.ptr[address.len - 1] == ']') {
        address = (struct imgc_str){ address.ptr + 1, address.len - 2 };
    }
    return imgc_str_eq(address, IMGC_STR(HOST_GATEWAY)) || ip_parse(address, &a)
               ? 0
               : bad_value(option, text, "write NAME:ADDRESS, or NAME:" HOST_GATEWAY, reterr);
}

/* Ports are kept as they were written; here they are only checked. */
static int check_port(const char *option, const char *text, struct imgc_err *reterr)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };
    (void)option;
    return net_port_parse(imgc_str_of(text), &list, reterr);
}

static int check_exposed(const char *option, const char *text, struct imgc_err *reterr)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };
    (void)option;
    return net_port_expose(imgc_str_of(text), &list, reterr);
}

static int parse_lists(const struct run_network_options *o, struct net_want *w,
                       struct imgc_err *reterr)
{
    const struct {
        const char *option;
        const struct option_list *from;
        char ***to;
        int (*check)(const char *option, const char *text, struct imgc_err *reterr);
    } lists[] = {
        { "publish", &o->ports, &w->ports, check_port },
        { "expose", &o->expose, &w->expose, check_exposed },
        { "network-alias", &o->aliases, &w->aliases, check_alias },
        { "dns", &o->dns, &w->servers, check_server },
        { "dns-search", &o->dns_search, &w->search, check_word },
        { "dns-option", &o->dns_options, &w->options, check_word },
        { "add-host", &o->hosts, &w->hosts, check_host },
    };
    int r = 0;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (size_t j = 0; r == 0 && j < lists[i].from->n; j++) {
            const char *text = lists[i].from->items[j];
            r = lists[i].check(lists[i].option, text, reterr);
            r = r < 0 ? r : net_want_append(lists[i].to, imgc_str_of(text), reterr);
        }
    }
    return r;
}

/* All of them: each was checked alone. */
static int check_ports(const struct net_want *w, struct imgc_err *reterr)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };
    return net_port_of_want(w, &list, reterr);
}

/* What needs a network of imgc's: without one it would be left out in silence. With the host's own
 * network ports are only warned of, later (network_use.c), as docker and podman do. */
static int check_combination(const struct run_network_options *o, enum spec_network network,
                             const struct net_want *w, struct imgc_err *reterr)
{
    const struct {
        const char *option;
        bool is_given, is_for_users;
    } needs[] = {
        { "publish", o->ports.n > 0 && network != SPEC_NETWORK_HOST, true },
        { "publish-all", o->publish_all && network != SPEC_NETWORK_HOST, true },
        { "ip", o->ip4 != NULL, false },
        { "ip6", o->ip6 != NULL, false },
        { "mac-address", o->mac != NULL, false },
        { "network-alias", o->aliases.n > 0, false },
    };

    for (size_t i = 0; i < sizeof needs / sizeof *needs && network != SPEC_NETWORK_BRIDGE; i++) {
        if (needs[i].is_given && !(needs[i].is_for_users && network == SPEC_NETWORK_USER)) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "--%s needs a network of imgc's, not --network %s", needs[i].option,
                             run_network_mode(o, network, w));
        }
    }
    return w->n_more > 0 && (o->ip4 || o->ip6 || o->mac)
               ? imgc_fail(reterr, IMGC_E_USAGE,
                           "with several networks addresses go with the name: --network "
                           "NAME:ip=ADDRESS,mac=ADDRESS")
               : 0;
}

/* --network-alias counts on each of them, as in podman. */
static int spread_aliases(const struct run_network_options *o, struct net_want *w,
                          struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < w->n_more; i++) {
        for (size_t j = 0; r == 0 && j < o->aliases.n; j++) {
            r = net_want_append(&w->more[i].aliases, imgc_str_of(o->aliases.items[j]), reterr);
        }
    }
    return r;
}

int run_network_parse(const struct run_network_options *o, enum spec_network *ret,
                      struct isolation_namespace *ret_join, struct net_want *ret_want,
                      struct imgc_err *reterr)
{
    net_want_auto struct net_want w = { .publish_all = o->publish_all };
    enum spec_network network = SPEC_NETWORK_NONE;

    int r = parse_networks(&o->networks, &network, ret_join, &w, reterr);
    r = r < 0 ? r : parse_address("ip", o->ip4, AF_INET, &w.ip4, reterr);
    r = r < 0 ? r : parse_address("ip6", o->ip6, AF_INET6, &w.ip6, reterr);
    r = r < 0 ? r : parse_mac(o->mac, &w.mac, reterr);
    r = r < 0 ? r : parse_lists(o, &w, reterr);
    r = r < 0 ? r : spread_aliases(o, &w, reterr);
    r = r < 0 ? r : check_combination(o, network, &w, reterr);
    r = r < 0 ? r : check_ports(&w, reterr);
    if (r < 0) {
        return r;
    }
    /* Whoever publishes a port means it: no container without it instead. */
    w.is_asked = w.is_asked || w.ports || w.publish_all || w.ip4 || w.ip6 || w.mac || w.aliases;
    *ret = network;
    *ret_want = w;
    w = (struct net_want){ .is_asked = false };
    return 0;
}

const char *run_network_mode(const struct run_network_options *o, enum spec_network network,
                             const struct net_want *w)
{
    if (network == SPEC_NETWORK_BRIDGE) {
        return w->network ? w->network : NETWORK_DEFAULT;
    }
    if (o->networks.n > 0 && strcmp(o->networks.items[0], PRIVATE) != 0) {
        return o->networks.items[0];
    }
    if (network == SPEC_NETWORK_USER) {
        return net_user_name(NET_USER_ANY);
    }
    return network == SPEC_NETWORK_HOST ? "host" : "none";
}
