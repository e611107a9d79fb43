/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of struct isolation for spec_json.h: each field has one, or would be forgotten between
 * `create` and `start`.
 */
#ifndef IMGC_RUNTIME_ISOLATION_JSON_H
#define IMGC_RUNTIME_ISOLATION_JSON_H

#include "runtime/isolation.h"
#include "schema/json_fields.h"

extern const struct json_fields isolation_json_fields[];

#endif
