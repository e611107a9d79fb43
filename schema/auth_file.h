/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of credentials that users have already: containers' auth.json and docker's config.json.
 * Pure: text in, text out; what is not about credentials is kept as it was.
 *
 * Source: containers-auth.json(5); docker/cli, "docker login", credential stores and helpers.
 */
#ifndef IMGC_SCHEMA_AUTH_FILE_H
#define IMGC_SCHEMA_AUTH_FILE_H

#include "schema/credential.h"
#include "schema/json.h"

struct auth_file {
    json_t *doc;
};

void auth_file_done(struct auth_file *f);
#define auth_file_auto imgc_auto(auth_file_done)

/** @text  "": an empty file. @return 0; -DOCUMENT; -NOMEM. */
IMGC_CHECK int auth_file_parse(struct imgc_str text, struct auth_file *ret,
                               struct imgc_err *reterr);

/** The program that has the credentials of @host: "docker-credential-" and this name; of
 * credHelpers, or else credsStore. NULL: none. Borrowed. Names that could be more than a name are
 * none. */
const char *auth_file_helper(const struct auth_file *f, struct imgc_str host);

enum { AUTH_FILE_NONE = 1 };

/**
 * The entry for a repository, the most specific first: host/a/b, host/a, host. Of hosts also the
 * forms that docker has written through the years (https://host/v1/).
 *
 * @name  host and path, "docker.io/library/debian", or a host alone. @ret caller frees.
 * @return 0; AUTH_FILE_NONE; -DOCUMENT for an entry that cannot be read; -NOMEM.
 */
IMGC_CHECK int auth_file_find(const struct auth_file *f, struct imgc_str name,
                              struct credential *ret, struct imgc_err *reterr);

/** Put an entry in. @key host, or host and path. @return 0; -DOCUMENT; -NOMEM. */
IMGC_CHECK int auth_file_set(struct auth_file *f, const char *key, const struct credential *c,
                             struct imgc_err *reterr);

/** Take the entry of exactly @key out, in all forms of a host. @return whether there was one. */
bool auth_file_remove(struct auth_file *f, const char *key);

/** Take all entries out. */
void auth_file_clear(struct auth_file *f);

/** The text to write. @ret caller frees. */
IMGC_CHECK int auth_file_dump(const struct auth_file *f, char **ret, struct imgc_err *reterr);

/** The key under which docker and its helpers know @host: Docker Hub's is
 * "https://index.docker.io/v1/".
 */
const char *auth_file_docker_key(const char *host);

#endif
