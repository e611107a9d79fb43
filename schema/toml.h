/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TOML as JSON values: what registries.conf is written in. A table is an object, dates and times
 * are strings as they stand; what a document says twice is refused.
 *
 * Source: TOML v1.0.0.
 */
#ifndef IMGC_SCHEMA_TOML_H
#define IMGC_SCHEMA_TOML_H

#include "schema/json.h"

/**
 * Parse a document. Refused besides what TOML forbids: NUL characters, infinite numbers, nesting
 * over LIMIT_JSON_DEPTH and more than LIMIT_TOML_TABLES tables and arrays.
 *
 * @what  the file, for messages. @ret  new reference, an object. @return 0; -DOCUMENT with the
 * line; -LIMIT; -NOMEM.
 */
IMGC_CHECK int toml_parse(struct imgc_str text, const char *what, json_t **ret,
                          struct imgc_err *reterr);

#endif
