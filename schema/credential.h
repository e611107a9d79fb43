/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials in memory.
 */
#ifndef IMGC_SCHEMA_CREDENTIAL_H
#define IMGC_SCHEMA_CREDENTIAL_H

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

/* What a registry is shown. Either a user with a password, or an identity token, which is exchanged
 * for access tokens; all NULL: nothing. Secrets are wiped when freed. */
struct credential {
    char *user, *password;
    char *identity_token;
};

void credential_done(struct credential *c);
#define credential_auto imgc_auto(credential_done)
#define CREDENTIAL_INIT \
    {                   \
        .user = NULL    \
    }

/** "USER:PASSWORD" in two; the password may hold colons. @ret caller frees. @return 0; -USAGE
 * without a colon or a user; -NOMEM. */
IMGC_CHECK int credential_parse(struct imgc_str text, struct credential *ret,
                                struct imgc_err *reterr);

#endif
