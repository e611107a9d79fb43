/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WWW-Authenticate: what a registry wants before it answers. Pure.
 *
 * Source: RFC 9110 section 11.6.1 (several challenges in one or in many headers), RFC 6750 section
 * 3 (Bearer), distribution's token specification (realm, service, scope).
 */
#ifndef IMGC_FETCH_CHALLENGE_H
#define IMGC_FETCH_CHALLENGE_H

#include "schema/base/str.h"

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

/* One challenge, with quoting and escapes undone. A parameter that is missing is "". */
struct challenge {
    enum challenge_scheme scheme;
    char realm[1024];
    char service[256];
    char scope[1024];
    char error[64]; /* "insufficient_scope", "invalid_token"... */
};

/**
 * Choose from all challenges of an answer: the first Bearer that has a realm, else the first Basic,
 * else CHALLENGE_NONE. Other schemes are passed over; so is a challenge with a parameter that does
 * not fit or holds control characters. Where the syntax breaks, the rest is not looked at.
 *
 * @headers  values of all WWW-Authenticate headers, joined by ", " (RFC 9110 section 5.3).
 */
void challenge_choose(struct imgc_str headers, struct challenge *ret);

#endif
