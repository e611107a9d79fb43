/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_want_json.h"

#define LINK(field) JSON_FIELDS_PLAIN(struct net_want_link, field)
#define PLAIN(field) JSON_FIELDS_PLAIN(struct net_want, field)

static const struct json_fields link_fields[] = {
    LINK(network), LINK(aliases), LINK(ip4), LINK(ip6), LINK(mac), { .key = NULL },
};

const struct json_fields net_want_json_fields[] = {
    PLAIN(is_asked),
    PLAIN(network),
    PLAIN(helper),
    PLAIN(helper_options),
    PLAIN(aliases),
    PLAIN(ports),
    PLAIN(expose),
    PLAIN(publish_all),
    PLAIN(ip4),
    PLAIN(ip6),
    PLAIN(mac),
    PLAIN(servers),
    PLAIN(search),
    PLAIN(options),
    PLAIN(hosts),
    JSON_FIELDS_LIST(struct net_want, more, n_more, struct net_want_link, link_fields),
    { .key = NULL },
};
