/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_want_json.h"

#define PLAIN(field) JSON_FIELDS_PLAIN(struct net_want, field)

const struct json_fields net_want_json_fields[] = {
    PLAIN(is_asked),    PLAIN(network), PLAIN(aliases), PLAIN(ports),    PLAIN(expose),
    PLAIN(publish_all), PLAIN(ip4),     PLAIN(ip6),     PLAIN(mac),      PLAIN(servers),
    PLAIN(search),      PLAIN(options), PLAIN(hosts),   { .key = NULL },
};
