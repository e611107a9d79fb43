/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A part of a blob, as HTTP asks for it and says that it sends it. Pure. Only ever one range in a
 * request: several come as multipart, which nobody needs.
 *
 * Source: RFC 9110, 14 "Range Requests".
 */
#ifndef IMGC_FETCH_RANGE_H
#define IMGC_FETCH_RANGE_H

#include "schema/base/str.h"

struct range {
    uint64_t from, to; /* bytes [from, to) */
    uint64_t total;    /* of the whole blob; 0: no range */
};

#define RANGE_TEXT_MAX 80

/** The value of the Range field for @r. @return @out. */
const char *range_text(const struct range *r, char out[RANGE_TEXT_MAX]);

/** Whether the value of a Content-Range field says exactly @r (its total may be unknown, "*"). */
bool range_is(const struct range *r, struct imgc_str value);

#endif
