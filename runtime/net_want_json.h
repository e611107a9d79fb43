/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of struct net_want for spec_json.h.
 */
#ifndef IMGC_RUNTIME_NET_WANT_JSON_H
#define IMGC_RUNTIME_NET_WANT_JSON_H

#include "runtime/net_want.h"
#include "schema/json_fields.h"

extern const struct json_fields net_want_json_fields[];

#endif
