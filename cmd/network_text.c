/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/network_text.h"

#include "cmd/filter.h"
#include "cmd/network_use.h"
#include "schema/base/clock.h"
#include "schema/json.h"

#define SHORT_ID 12
#define NET_WORDS_BYTES 128

const char *const network_text_maps[] = { "Labels",  "Options",    "Containers", "labels",
                                          "options", "containers", NULL };

/* ---- filters ---- */

enum key { KEY_NAME, KEY_ID, KEY_DRIVER, KEY_LABEL, KEY_LABEL_NOT, KEY_DANGLING, KEY_UNTIL, KEYS };

static const char *const keys[] = {
    [KEY_NAME] = "name",        [KEY_ID] = "id",
    [KEY_DRIVER] = "driver",    [KEY_LABEL] = "label",
    [KEY_LABEL_NOT] = "label!", [KEY_DANGLING] = "dangling",
    [KEY_UNTIL] = "until",
};

static enum key split(const char *text, struct imgc_str *ret_value)
{
    struct imgc_str name;

    if (imgc_str_split(imgc_str_of(text), '=', &name, ret_value) && ret_value->len > 0) {
        for (unsigned i = 0; i < KEYS; i++) {
            if (imgc_str_eq(name, imgc_str_of(keys[i]))) {
                return (enum key)i;
            }
        }
    }
    return KEYS;
}

static bool parse_flag(struct imgc_str s, bool *ret)
{
    *ret = imgc_str_eq(s, IMGC_STR("true")) || imgc_str_eq(s, IMGC_STR("1"));
    return *ret || imgc_str_eq(s, IMGC_STR("false")) || imgc_str_eq(s, IMGC_STR("0"));
}

int network_text_check(const struct option_list *filters, struct imgc_err *reterr)
{
    for (size_t i = 0; i < filters->n; i++) {
        struct imgc_str value;
        enum key key = split(filters->items[i], &value);
        bool flag;
        int64_t time_ns;
        if (key == KEYS) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "--filter takes name=, id=, driver=, label=, label!=, dangling=, "
                             "until=, not '%s'",
                             filters->items[i]);
        }
        if ((key == KEY_DANGLING && !parse_flag(value, &flag)) ||
            (key == KEY_UNTIL && !filter_parse_time(value, clock_now_ns(), &time_ns))) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--filter '%s': not %s", filters->items[i],
                             key == KEY_UNTIL ? "a time (24h, 7d, 2024-01-02)" : "true or false");
        }
    }
    return 0;
}

/* Labels and options are JSON of our own making. */
static json_t *map_of(const char *text)
{
    json_t *map = NULL;
    struct imgc_err ignored;

    return json_parse(imgc_str_of(text), "map", &map, &ignored) < 0 ? json_object() : map;
}

static bool matches(enum key key, struct imgc_str value, const struct network *n, bool is_used,
                    const json_t *labels)
{
    bool flag = false;
    int64_t time_ns = 0;

    switch (key) {
    case KEY_NAME:
        return memmem(n->name, strlen(n->name), value.ptr, value.len) != NULL;
    case KEY_ID:
        return imgc_str_starts(imgc_str_of(n->id), value);
    case KEY_DRIVER:
        return imgc_str_eq(value, IMGC_STR("bridge"));
    case KEY_LABEL:
        return filter_label(labels, value);
    case KEY_LABEL_NOT:
        return !filter_label(labels, value);
    case KEY_DANGLING:
        return parse_flag(value, &flag) && is_used != flag;
    case KEY_UNTIL:
        return filter_parse_time(value, clock_now_ns(), &time_ns) && n->created_ns < time_ns;
    case KEYS:
        break;
    }
    return false;
}

bool network_text_match(const struct option_list *filters, const struct network *n, bool is_used)
{
    json_auto_free json_t *labels = filters->n > 0 ? map_of(n->labels) : NULL;
    unsigned used = 0, held = 0;

    for (size_t i = 0; i < filters->n; i++) {
        struct imgc_str value;
        enum key key = split(filters->items[i], &value);
        used |= 1u << key;
        if (matches(key, value, n, is_used, labels)) {
            held |= 1u << key;
        } else if (key == KEY_LABEL || key == KEY_LABEL_NOT) {
            return false;
        }
    }
    return held == used;
}

/* ---- documents ---- */

static json_t *net_text(const struct ip_net *net)
{
    char text[IP_NET_TEXT_MAX];
    return json_string(ip_net_text(net, text));
}

static json_t *addr_text(const struct ip_addr *a)
{
    char text[IP_TEXT_MAX];
    return json_string(ip_text(a, text));
}

/* podman's first and last address of --ip-range. */
static json_t *range_of(const struct ip_net *range)
{
    const struct ip_addr last = ip_net_last(range);
    return json_pack("{s:o, s:o}", "start_ip", addr_text(&range->addr), "end_ip", addr_text(&last));
}

static json_t *subnets_of(const struct network *n)
{
    json_t *list = json_array();

    if (n->subnet4.addr.family != 0) {
        json_t *j = json_pack("{s:o, s:o}", "subnet", net_text(&n->subnet4), "gateway",
                              addr_text(&n->gateway4));
        if (n->range4.addr.family != 0) {
            (void)json_object_set_new(j, "lease_range", range_of(&n->range4));
        }
        (void)json_array_append_new(list, j);
    }
    if (n->subnet6.addr.family != 0) {
        (void)json_array_append_new(list, json_pack("{s:o, s:o}", "subnet", net_text(&n->subnet6),
                                                    "gateway", addr_text(&n->gateway6)));
    }
    return list;
}

/* "10.87.0.2/16" and its gateway. */
static void add_address(json_t *list, const struct ip_addr *a, const struct ip_net *net,
                        const struct ip_addr *gateway)
{
    char text[IP_TEXT_MAX];

    if (a->family != 0) {
        (void)json_array_append_new(list,
                                    json_pack("{s:o, s:o}", "ipnet",
                                              json_sprintf("%s/%u", ip_text(a, text), net->prefix),
                                              "gateway", addr_text(gateway)));
    }
}

static json_t *containers_of(const struct network *n, const struct network_lease_list *leases)
{
    json_t *map = json_object();

    for (size_t i = 0; i < leases->n; i++) {
        const struct network_lease *l = &leases->items[i];
        char inside[IFNAMSIZ], mac[IP_MAC_TEXT_MAX];
        if (strcmp(l->network_id, n->id) != 0) {
            continue;
        }
        json_t *addresses = json_array();
        add_address(addresses, &l->address4, &n->subnet4, &n->gateway4);
        add_address(addresses, &l->address6, &n->subnet6, &n->gateway6);
        (void)json_object_set_new(map, l->container_id,
                                  json_pack("{s:s, s:{s:{s:o, s:s}}}", "name", l->container_name,
                                            "interfaces", network_use_inside(l->slot, inside),
                                            "subnets", addresses, "mac_address",
                                            ip_mac_text(l->mac, mac)));
    }
    return map;
}

int network_text_document(const struct network *n, const struct network_lease_list *leases,
                          json_t **ret, struct imgc_err *reterr)
{
    char created[CLOCK_TEXT_MAX];

    *ret = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:b, s:o, s:o, s:{s:s}, s:o}",
                     "name", n->name, "id", n->id, "driver", "bridge", "network_interface",
                     n->bridge, "created", clock_rfc3339(n->created_ns, true, created), "subnets",
                     subnets_of(n), "ipv6_enabled", n->subnet6.addr.family != 0, "internal",
                     n->is_internal, "dns_enabled", !n->no_dns, "labels", map_of(n->labels),
                     "options", map_of(n->options), "ipam_options", "driver", "host-local",
                     "containers", containers_of(n, leases));
    return *ret ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

/* docker's IPAM.Config; the keys are podman's of Subnets, too. */
static json_t *capital_subnets(const struct network *n)
{
    json_t *list = json_array();

    if (n->subnet4.addr.family != 0) {
        (void)json_array_append_new(
            list, json_pack("{s:o, s:o, s:o}", "Subnet", net_text(&n->subnet4), "Gateway",
                            addr_text(&n->gateway4), "IPRange", net_text(&n->range4)));
    }
    if (n->subnet6.addr.family != 0) {
        (void)json_array_append_new(list,
                                    json_pack("{s:o, s:o, s:s}", "Subnet", net_text(&n->subnet6),
                                              "Gateway", addr_text(&n->gateway6), "IPRange", ""));
    }
    return list;
}

/* docker's form, by container. */
static json_t *capital_containers(const struct network *n, const struct network_lease_list *leases)
{
    json_t *map = json_object();
    char text[IP_TEXT_MAX], mac[IP_MAC_TEXT_MAX];

    for (size_t i = 0; i < leases->n; i++) {
        const struct network_lease *l = &leases->items[i];
        if (strcmp(l->network_id, n->id) != 0) {
            continue;
        }
        json_t *four = l->address4.family == 0
                           ? json_string("")
                           : json_sprintf("%s/%u", ip_text(&l->address4, text), n->subnet4.prefix);
        json_t *six = l->address6.family == 0
                          ? json_string("")
                          : json_sprintf("%s/%u", ip_text(&l->address6, text), n->subnet6.prefix);
        (void)json_object_set_new(map, l->container_id,
                                  json_pack("{s:s, s:s, s:o, s:o}", "Name", l->container_name,
                                            "MacAddress", ip_mac_text(l->mac, mac), "IPv4Address",
                                            four, "IPv6Address", six));
    }
    return map;
}

int network_text_row(const struct network *n, const struct network_lease_list *leases,
                     bool no_trunc, json_t **ret, struct imgc_err *reterr)
{
    char created[CLOCK_TEXT_MAX];
    json_t *subnets = capital_subnets(n);
    bool has_ipv6 = n->subnet6.addr.family != 0;

    (void)clock_rfc3339(n->created_ns, true, created);
    *ret = json_pack("{s:s#, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:s, s:s, s:s, s:o, s:o, s:o, s:O, "
                     "s:{s:s, s:o}, s:{s:s}}",
                     "ID", n->id, no_trunc ? (int)strlen(n->id) : SHORT_ID, "Name", n->name,
                     "Driver", "bridge", "Scope", "local", "Internal", n->is_internal,
                     "IPv6Enabled", has_ipv6, "EnableIPv6", has_ipv6, "DNSEnabled", !n->no_dns,
                     "NetworkInterface", n->bridge, "Created", created, "CreatedAt", created,
                     "Labels", map_of(n->labels), "Options", map_of(n->options), "Containers",
                     capital_containers(n, leases), "Subnets", subnets, "IPAM", "Driver", "default",
                     "Config", subnets, "IPAMOptions", "Driver", "host-local");
    return *ret ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}
