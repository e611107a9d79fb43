/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a URL leads to: what was given for one host is not shown to another. Pure.
 *
 * Source: RFC 6454, section 4 and 5: scheme, host and port.
 */
#ifndef IMGC_FETCH_ORIGIN_H
#define IMGC_FETCH_ORIGIN_H

#include <stdbool.h>

/** Whether two absolute http or https URLs lead to the same port of the same host by the same
 * scheme. Hosts are compared as text: where in doubt they are two. */
bool origin_is_same(const char *a, const char *b);

#endif
