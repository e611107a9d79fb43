/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/credential.h"

#include <stdlib.h>
#include <string.h>

static char *wipe(char *secret)
{
    if (secret) {
        explicit_bzero(secret, strlen(secret));
        free(secret);
    }
    return NULL;
}

void credential_done(struct credential *c)
{
    free(c->user);
    (void)wipe(c->password);
    (void)wipe(c->identity_token);
    *c = (struct credential)CREDENTIAL_INIT;
}

int credential_parse(struct imgc_str text, struct credential *ret, struct imgc_err *reterr)
{
    struct imgc_str user, password;

    if (!imgc_str_split(text, ':', &user, &password) || user.len == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "credentials are USER:PASSWORD");
    }
    int r = imgc_str_dup(user, &ret->user, reterr);
    return r < 0 ? r : imgc_str_dup(password, &ret->password, reterr);
}
