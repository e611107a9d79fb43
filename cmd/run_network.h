/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of `run` that concern the network, turned into what runtime/net_want.h takes. Spelling
 * and meaning as docker's and podman's.
 */
#ifndef IMGC_CMD_RUN_NETWORK_H
#define IMGC_CMD_RUN_NETWORK_H

#include "cmd/options.h"
#include "runtime/spec.h"

/* As typed; borrowed. */
struct run_network_options {
    const char *ip4, *ip6, *mac;
    bool publish_all;
    struct option_list networks, ports, expose, aliases, dns, dns_search, dns_options, hosts;
};

#define RUN_NETWORK_AT(base, field) ((base) + offsetof(struct run_network_options, field))

/* Rows of a table of options whose struct has a struct run_network_options at @base. */
/* clang-format off */
#define RUN_NETWORK_ROWS(base) \
    { 0, "network", OPT_LIST, RUN_NETWORK_AT(base, networks), "NETWORK", \
      "none, host, pasta, slirp4netns, container:NAME, ns:PATH, or NAME[:ip=,mac=,alias=] of networks; several times" }, \
    { 0, "net", OPT_LIST, RUN_NETWORK_AT(base, networks), "NETWORK", NULL }, \
    { 'p', "publish", OPT_LIST, RUN_NETWORK_AT(base, ports), "[[IP:]HOST:]PORT[/udp]", \
      "publish a port, or a range, on the host" }, \
    { 'P', "publish-all", OPT_FLAG, RUN_NETWORK_AT(base, publish_all), NULL, \
      "publish all exposed ports on free ports of the host" }, \
    { 0, "expose", OPT_LIST, RUN_NETWORK_AT(base, expose), "PORT[/udp]", \
      "expose a port, for --publish-all" }, \
    { 0, "network-alias", OPT_LIST, RUN_NETWORK_AT(base, aliases), "NAME", \
      "one more name in its network" }, \
    { 0, "ip", OPT_STRING, RUN_NETWORK_AT(base, ip4), "ADDRESS", "IPv4 address" }, \
    { 0, "ip6", OPT_STRING, RUN_NETWORK_AT(base, ip6), "ADDRESS", "IPv6 address" }, \
    { 0, "mac-address", OPT_STRING, RUN_NETWORK_AT(base, mac), "MAC", "MAC address" }, \
    { 0, "dns", OPT_LIST, RUN_NETWORK_AT(base, dns), "ADDRESS", "name server" }, \
    { 0, "dns-search", OPT_LIST, RUN_NETWORK_AT(base, dns_search), "DOMAIN", \
      "search domain; '.' for none" }, \
    { 0, "dns-option", OPT_LIST, RUN_NETWORK_AT(base, dns_options), "OPTION", \
      "option of the resolver" }, \
    { 0, "dns-opt", OPT_LIST, RUN_NETWORK_AT(base, dns_options), "OPTION", NULL }, \
    { 0, "add-host", OPT_LIST, RUN_NETWORK_AT(base, hosts), "NAME:ADDRESS", \
      "line of /etc/hosts; also NAME:host-gateway" }
/* clang-format on */

/** Check and convert. @ret_join  of container:NAME and ns:PATH. @ret_want  free with
 * net_want_done(). @return 0; -USAGE that names the
 * option; -LIMIT; -NOMEM. */
IMGC_CHECK int run_network_parse(const struct run_network_options *o, enum spec_network *ret,
                                 struct isolation_namespace *ret_join, struct net_want *ret_want,
                                 struct imgc_err *reterr);

/** What `network connect` takes: a name as of --network, and its options ("" or "ip=...,alias=...")
 * @ret  caller frees with net_want_link_done(). @return 0; -USAGE; -NOMEM. */
IMGC_CHECK int run_network_link(const char *text, struct net_want_link *ret,
                                struct imgc_err *reterr);

/** What inspect calls NetworkMode: as asked, or what it is without. */
const char *run_network_mode(const struct run_network_options *o, enum spec_network network,
                             const struct net_want *w);

#endif
