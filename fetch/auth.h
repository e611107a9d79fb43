/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bearer tokens: asked for where a registry wants one, with the user's credentials or anonymously,
 * and kept until they expire.
 *
 * Source: distribution's token authentication specification, and its OAuth2 part.
 */
#ifndef IMGC_FETCH_AUTH_H
#define IMGC_FETCH_AUTH_H

#include "fetch/http.h"
#include "schema/base/buf.h"
#include "schema/credential.h"

/* What a token is asked for, and the key of the cache. */
struct auth_ask {
    const char *realm, *service, *scope; /* borrowed; service may be "", and so may scope: whether
                                            one is let in at all */
};

struct auth_rules {
    bool allow_plain;   /* an http realm is fine: the registry itself is plain or on loopback */
    bool is_unverified; /* any certificate will do */
    const struct trust *trust;           /* of the registry; borrowed; NULL: none */
    const char *proxy;                   /* the same */
    unsigned patience_s;                 /* the same */
    const struct credential *credential; /* shown to the realm; borrowed; NULL: nothing. The same
                                            for all calls: not a part of the cache's key */
};

struct auth;

/** @return 0; -NOMEM. */
IMGC_CHECK int auth_new(struct auth **ret, struct imgc_err *reterr);
struct auth *auth_free(struct auth *a); /* accepts NULL; returns NULL */
void auth_freep(struct auth **a);
#define auth_auto imgc_auto(auth_freep)

/**
 * A valid token, from the cache or from the realm.
 *
 * @ret     borrowed from @a until the next call.
 * @return  0; -AUTH where the realm refuses or may not be trusted; -DOCUMENT; what http_result()
 *          returns; -INTERRUPTED.
 */
IMGC_CHECK int auth_token(struct auth *a, struct http *h, const struct auth_ask *ask,
                          const struct auth_rules *rules, const char **ret,
                          struct imgc_err *reterr);

/** Forget the token of @ask: a registry did not take it. */
void auth_forget(struct auth *a, const struct auth_ask *ask);

/** Pure: append the URL that asks the realm. @account a user's name, or NULL. @return 0; -AUTH for
 * a realm that is no URL of an allowed scheme; -LIMIT; -NOMEM. */
IMGC_CHECK int auth_url(const struct auth_ask *ask, const char *account, bool allow_plain,
                        struct imgc_buf *ret, struct imgc_err *reterr);

/** Pure: append the form that exchanges an identity token for an access token. @return 0; -LIMIT;
 * -NOMEM. */
IMGC_CHECK int auth_form(const struct auth_ask *ask, const char *identity_token,
                         struct imgc_buf *ret, struct imgc_err *reterr);

/** Pure: read the answer of a token server. @ret_token caller frees. @ret_seconds how long it is
 * valid. @return 0; -DOCUMENT; -NOMEM. */
IMGC_CHECK int auth_parse(struct imgc_str body, char **ret_token, uint64_t *ret_seconds,
                          struct imgc_err *reterr);

#endif
