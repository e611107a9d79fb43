/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that keep credentials: "docker-credential-NAME get|store|erase", found by PATH, spoken
 * to over their standard input and output.
 *
 * Source: docker/docker-credential-helpers, README "Development".
 */
#ifndef IMGC_FETCH_CREDENTIALS_HELPER_H
#define IMGC_FETCH_CREDENTIALS_HELPER_H

#include "schema/auth_file.h"

enum { CREDENTIAL_HELPER_NONE = 1 };

/** @name  of auth_file_helper(). @key  auth_file_docker_key() of the host. @ret caller frees.
 * @return 0; CREDENTIAL_HELPER_NONE: it has none; -AUTH: it fails, or is not there; -DOCUMENT. */
IMGC_CHECK int credential_helper_get(const char *name, const char *key, struct credential *ret,
                                     struct imgc_err *reterr);

/** @return 0; -AUTH. */
IMGC_CHECK int credential_helper_store(const char *name, const char *key,
                                       const struct credential *c, struct imgc_err *reterr);

/** @return 0; CREDENTIAL_HELPER_NONE: there was none; -AUTH. */
IMGC_CHECK int credential_helper_erase(const char *name, const char *key, struct imgc_err *reterr);

#endif
