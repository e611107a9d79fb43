/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_network.h"

#include <sys/socket.h>
#include <unistd.h>

#include "cmd/run_isolation.h"
#include "cmd/settings.h"
#include "runtime/net_port.h"
#include "schema/ip.h"
#include "store/network.h"

#define HOST_GATEWAY "host-gateway"

static int bad_value(const char *option, const char *text, const char *why, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_USAGE, "--%s '%s': %s", option, text, why);
}

/* Without a word, the caller's IMGC_NETWORK, and without that what root has by default; ordinary
 * users cannot make bridges. */
static int parse_network(const char *text, enum spec_network *ret,
                         struct isolation_namespace *ret_join, struct net_want *w,
                         struct imgc_err *reterr)
{
    w->is_asked = text != NULL;
    if (!text) {
        text = settings_env("IMGC_NETWORK");
    }
    if (!text || !*text) {
        text = geteuid() == 0 ? NETWORK_DEFAULT : "none";
    }
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
    *ret = SPEC_NETWORK_BRIDGE;
    if (strcmp(text, NETWORK_DEFAULT) == 0 || strcmp(text, "default") == 0) {
        return 0;
    }
    int r = network_check_name(imgc_str_of(text), reterr);
    return r < 0 ? imgc_context(reterr, "--network")
                 : imgc_str_dup(imgc_str_of(text), &w->network, reterr);
}

static int parse_address(const char *option, const char *text, int family, char **ret,
                         struct imgc_err *reterr)
{
    char canonical[IP_TEXT_MAX];
    struct ip_addr a;

    if (!text) {
        return 0;
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
    if (!ip_mac_parse(imgc_str_of(text), mac)) {
        return bad_value("mac-address", text, "not a MAC address such as 02:42:0a:57:00:02",
                         reterr);
    }
    return imgc_str_dup(imgc_str_of(text), ret, reterr);
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

static int check_alias(const char *option, const char *text, struct imgc_err *reterr)
{
    struct imgc_err ignored;
    return network_check_name(imgc_str_of(text), &ignored) < 0 || strlen(text) > 253
               ? bad_value(option, text, "not a host name", reterr)
               : 0;
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
                             struct imgc_err *reterr)
{
    const struct {
        const char *option;
        bool is_given;
    } needs[] = {
        { "publish", o->ports.n > 0 && network != SPEC_NETWORK_HOST },
        { "publish-all", o->publish_all && network != SPEC_NETWORK_HOST },
        { "ip", o->ip4 != NULL },
        { "ip6", o->ip6 != NULL },
        { "mac-address", o->mac != NULL },
        { "network-alias", o->aliases.n > 0 },
    };

    for (size_t i = 0; i < sizeof needs / sizeof *needs && network != SPEC_NETWORK_BRIDGE; i++) {
        if (needs[i].is_given) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "--%s needs a network of imgc's, not --network %s", needs[i].option,
                             run_network_mode(o, network));
        }
    }
    return 0;
}

int run_network_parse(const struct run_network_options *o, enum spec_network *ret,
                      struct isolation_namespace *ret_join, struct net_want *ret_want,
                      struct imgc_err *reterr)
{
    net_want_auto struct net_want w = { .publish_all = o->publish_all };
    enum spec_network network = SPEC_NETWORK_NONE;

    int r = parse_network(o->network, &network, ret_join, &w, reterr);
    r = r < 0 ? r : parse_address("ip", o->ip4, AF_INET, &w.ip4, reterr);
    r = r < 0 ? r : parse_address("ip6", o->ip6, AF_INET6, &w.ip6, reterr);
    r = r < 0 ? r : parse_mac(o->mac, &w.mac, reterr);
    r = r < 0 ? r : parse_lists(o, &w, reterr);
    r = r < 0 ? r : check_combination(o, network, reterr);
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

const char *run_network_mode(const struct run_network_options *o, enum spec_network network)
{
    if (o->network) {
        return o->network;
    }
    return network == SPEC_NETWORK_HOST ? "host"
                                        : (network == SPEC_NETWORK_NONE ? "none" : NETWORK_DEFAULT);
}
