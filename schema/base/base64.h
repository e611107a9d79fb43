/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 with padding, as credentials are kept. Source: RFC 4648 section 4.
 */
#ifndef IMGC_SCHEMA_BASE_BASE64_H
#define IMGC_SCHEMA_BASE_BASE64_H

#include "schema/base/buf.h"

/** Append @s encoded. Failures stay in @b, as with imgc_buf_str(). */
void base64_encode(struct imgc_str s, struct imgc_buf *b);

/** Append what @s encodes. Padding may be left out; blanks and line ends are refused.
 * @return whether it is base64; if not, @b holds a part of it. */
bool base64_decode(struct imgc_str s, struct imgc_buf *b);

#endif
