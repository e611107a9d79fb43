/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/network_make.h"

#include <stdio.h>
#include <sys/socket.h>

#include "cmd/label_list.h"
#include "cmd/network_guard.h"
#include "cmd/network_host.h"
#include "schema/json.h"

#define MTU_MIN 68        /* RFC 791 */
#define MTU_MIN_IPV6 1280 /* RFC 8200 */

static int bad(const char *option, const char *text, const char *why, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_USAGE, "--%s '%s': %s", option, text, why);
}

/* ---- addresses ---- */

/* What can be nobody's network, or is something else on every host. */
static bool is_special(const struct ip_net *net)
{
    static const char *const special[] = { "0.0.0.0/8",   "127.0.0.0/8", "169.254.0.0/16",
                                           "224.0.0.0/3", "::/16",       "fe80::/10",
                                           "ff00::/8" };

    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        struct ip_net n;
        if (ip_net_parse(imgc_str_of(special[i]), &n) && ip_net_overlaps(&n, net)) {
            return true;
        }
    }
    return false;
}

static int add_subnet(const char *text, struct network *n, struct imgc_err *reterr)
{
    struct ip_net net;

    if (!ip_net_parse(imgc_str_of(text), &net)) {
        return bad("subnet", text, "not a subnet such as 10.96.0.0/24 or fd00:1::/64", reterr);
    }
    bool is_4 = net.addr.family == AF_INET;
    struct ip_net *to = is_4 ? &n->subnet4 : &n->subnet6;
    if (to->addr.family != 0) {
        return bad("subnet", text, "one of IPv4 and one of IPv6 at most", reterr);
    }
    if (is_4 ? net.prefix < 8 || net.prefix > 30 : net.prefix < 16 || net.prefix > 126) {
        return bad("subnet", text,
                   is_4 ? "the prefix is 8 to 30 bits, for a gateway and a container"
                        : "the prefix is 16 to 126 bits",
                   reterr);
    }
    if (is_special(&net)) {
        return bad("subnet", text, "these addresses are reserved", reterr);
    }
    *to = net;
    *(is_4 ? &n->gateway4 : &n->gateway6) = net_bridge_gateway(&net);
    return 0;
}

static int add_gateway(const char *text, struct network *n, struct imgc_err *reterr)
{
    struct ip_addr a, last;

    if (!ip_parse(imgc_str_of(text), &a)) {
        return bad("gateway", text, "not an IP address", reterr);
    }
    const struct ip_net *net = a.family == AF_INET ? &n->subnet4 : &n->subnet6;
    if (net->addr.family == 0) {
        return bad("gateway", text, "only with a --subnet that it is in", reterr);
    }
    last = ip_net_last(net);
    if (!ip_net_contains(net, &a)) {
        return bad("gateway", text, "it is not in the subnet", reterr);
    }
    if (ip_eq(&a, &net->addr) || (a.family == AF_INET && ip_eq(&a, &last))) {
        return bad("gateway", text, "it is the subnet's own or its broadcast address", reterr);
    }
    *(a.family == AF_INET ? &n->gateway4 : &n->gateway6) = a;
    return 0;
}

static int add_range(const char *text, struct network *n, struct imgc_err *reterr)
{
    struct ip_net range;

    if (!ip_net_parse(imgc_str_of(text), &range)) {
        return bad("ip-range", text, "not a subnet such as 10.96.0.128/25", reterr);
    }
    if (range.addr.family != AF_INET || n->range4.addr.family != 0) {
        return bad("ip-range", text, "one, of IPv4", reterr);
    }
    if (range.prefix < n->subnet4.prefix || !ip_net_contains(&n->subnet4, &range.addr)) {
        return bad("ip-range", text, "it is not in an IPv4 --subnet", reterr);
    }
    n->range4 = range;
    return 0;
}

static int add_each(const struct option_list *list, struct network *n,
                    int (*add)(const char *text, struct network *n, struct imgc_err *reterr),
                    struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < list->n; i++) {
        r = add(list->items[i], n, reterr);
    }
    return r;
}

/* ---- options ---- */

static int check_bridge_name(const char *name, struct imgc_err *reterr)
{
    if (strlen(name) >= NETWORK_BRIDGE_MAX) {
        return imgc_fail(reterr, IMGC_E_USAGE, "bridge name '%s' is over %d characters", name,
                         NETWORK_BRIDGE_MAX - 1);
    }
    for (const char *p = name; *p; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              strchr("_.-", *p))) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "bridge name '%s': letters, digits, '_', '.' and '-'", name);
        }
    }
    return !*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0
               ? imgc_fail(reterr, IMGC_E_USAGE, "bridge name '%s' is none", name)
               : 0;
}

static int check_mtu(const char *text, bool has_ipv6, struct imgc_err *reterr)
{
    uint64_t mtu = 0;
    bool is_number = imgc_str_u64(imgc_str_of(text), &mtu);

    if (!is_number || mtu < (has_ipv6 ? MTU_MIN_IPV6 : MTU_MIN) || mtu > UINT16_MAX) {
        return bad("opt mtu", text,
                   has_ipv6 ? "1280 to 65535, with IPv6" : "68 to 65535, and 1280 for IPv6",
                   reterr);
    }
    return 0;
}

/* Networks are apart here, always. */
static int check_isolate(const char *text, struct imgc_err *reterr)
{
    static const char *const yes[] = { "true", "strict", "1" };

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcmp(text, yes[i]) == 0) {
            return 0;
        }
    }
    return imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                     "--opt isolate=%s: networks are always kept apart; let the container be on "
                     "both",
                     text);
}

/* Under the name that inspect shows: podman's "mtu" for docker's long one. */
static int keep_option(const char *key, const char *value, const struct network_make_args *args,
                       json_t *kept, struct imgc_err *reterr)
{
    static const char docker_mtu[] = "com.docker.network.driver.mtu";
    int r;

    if (strcmp(key, NETWORK_HOST_OPTION_MTU) == 0 || strcmp(key, docker_mtu) == 0) {
        key = NETWORK_HOST_OPTION_MTU;
        r = check_mtu(value, args->ipv6, reterr);
    } else if (strcmp(key, NETWORK_HOST_OPTION_NAME) == 0) {
        r = check_bridge_name(value, reterr);
    } else if (strcmp(key, "isolate") == 0) {
        r = check_isolate(value, reterr);
    } else {
        r = imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                      "--opt '%s': there are mtu=, isolate= and " NETWORK_HOST_OPTION_NAME "=",
                      key);
    }
    return r < 0 ? r : json_put_string(kept, key, value, reterr);
}

static int add_options(const struct network_make_args *args, struct network *n,
                       struct imgc_err *reterr)
{
    json_auto_free json_t *given = NULL, *kept = json_object();
    imgc_autofree char *text = NULL;
    const char *key;
    json_t *value;

    int r = label_list_json("opt", args->options, &text, reterr);
    r = r < 0 ? r : json_parse(imgc_str_of(text), "--opt", &given, reterr);
    json_object_foreach(given, key, value)
    {
        r = r < 0 ? r : keep_option(key, json_string_value(value), args, kept, reterr);
    }
    if (r == 0 && args->bridge) {
        r = check_bridge_name(args->bridge, reterr);
        r = r < 0 ? r : json_put_string(kept, NETWORK_HOST_OPTION_NAME, args->bridge, reterr);
    }
    if (r == 0) {
        const char *name = json_string_value(json_object_get(kept, NETWORK_HOST_OPTION_NAME));
        (void)snprintf(n->bridge, sizeof n->bridge, "%s", name ? name : "");
        r = json_dump(kept, true, &n->options, reterr);
    }
    return r;
}

/* ---- against others ---- */

static int check_others(struct store *s, const struct network *n, struct imgc_err *reterr)
{
    network_list_auto struct network_list list = { .n = 0 };
    const struct ip_net *const nets[2] = { &n->subnet4, &n->subnet6 };
    char text[IP_NET_TEXT_MAX], other_text[IP_NET_TEXT_MAX];

    int r = network_list(s, &list, reterr);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        const struct network *other = &list.items[i];
        const struct ip_net *const others[2] = { &other->subnet4, &other->subnet6 };
        if (strcmp(other->name, n->name) == 0) {
            return imgc_fail(reterr, IMGC_E_EXISTS, "a network named '%s' exists", n->name);
        }
        for (size_t j = 0; j < 2; j++) {
            if (ip_net_overlaps(nets[j], others[j])) {
                return imgc_fail(reterr, IMGC_E_INUSE, "subnet %s overlaps %s of network '%s'",
                                 ip_net_text(nets[j], text), ip_net_text(others[j], other_text),
                                 other->name);
            }
        }
    }
    return r;
}

static int choose_bridge(struct store *s, struct network *n, struct imgc_err *reterr)
{
    const struct net_bridge b = network_host_bridge(s, n);
    bool is_taken = false;

    if (!n->bridge[0]) {
        return network_host_name(s, n, reterr);
    }
    int r = net_bridge_is_taken(&b, &is_taken, reterr);
    return r == 0 && is_taken ? imgc_fail(reterr, IMGC_E_EXISTS,
                                          "this host has an interface named '%s'", n->bridge)
                              : r;
}

static int insert(struct store *s, const struct network_make_args *args, struct network *n,
                  struct imgc_err *reterr)
{
    network_guard_auto int lock_fd = -1;

    int r = network_guard_take(s, false, &lock_fd, reterr);
    r = r < 0 ? r : check_others(s, n, reterr);
    r = r < 0 ? r
              : network_host_choose(s, n, !n->is_fixed || n->subnet4.addr.family || args->ipv6,
                                    args->ipv6 || n->subnet6.addr.family != 0, reterr);
    if (r == 0 && args->ipv6 && n->subnet6.addr.family == 0) {
        return imgc_fail(reterr, IMGC_E_HOST, "--ipv6: this host's kernel has no IPv6");
    }
    r = r < 0 ? r : choose_bridge(s, n, reterr);
    return r < 0 ? r : network_insert(s, n, reterr);
}

int network_make(struct store *s, const struct network_make_args *args, struct imgc_err *reterr)
{
    network_auto struct network n = { .is_internal = args->internal,
                                      .no_dns = args->no_dns,
                                      .is_fixed = args->subnets->n > 0 };

    int r = network_check_name(imgc_str_of(args->name), reterr);
    r = r < 0 ? r : imgc_str_dup(imgc_str_of(args->name), &n.name, reterr);
    r = r < 0 ? r : add_each(args->subnets, &n, add_subnet, reterr);
    r = r < 0 ? r : add_each(args->gateways, &n, add_gateway, reterr);
    r = r < 0 ? r : add_each(args->ranges, &n, add_range, reterr);
    r = r < 0 ? r : add_options(args, &n, reterr);
    r = r < 0 ? r : label_list_json("label", args->labels, &n.labels, reterr);
    return r < 0 ? r : insert(s, args, &n, reterr);
}
