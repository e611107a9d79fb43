/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credentials for a registry: what the command line gave, or what the user's files hold, or the
 * programs that these name (docker-credential-NAME).
 *
 * Source: containers-auth.json(5), docker/docker-credential-helpers (the protocol).
 */
#ifndef IMGC_FETCH_CREDENTIALS_H
#define IMGC_FETCH_CREDENTIALS_H

#include "schema/auth_file.h"
#include "schema/ref.h"

/* Where to look; all borrowed. */
struct credentials_source {
    const char *given; /* "USER:PASSWORD" of the command line, used alone; NULL: none */
    const char *const
        *files; /* in order, NULL-terminated; those that are not there are passed over */
};

enum { CREDENTIALS_NONE = 1 };

/**
 * Find the credentials for @ref's repository. The first file that has some wins; in it a helper of
 * the host goes before what the file itself holds.
 *
 * @ret  caller frees. @return 0; CREDENTIALS_NONE; -USAGE (@given); -DOCUMENT, that names the file;
 * -AUTH (a helper that fails or is missing); -SYS; -NOMEM.
 */
IMGC_CHECK int credentials_find(const struct credentials_source *source, const struct ref *ref,
                                struct credential *ret, struct imgc_err *reterr);

/** Read a file of credentials; one that is missing is empty. @return 0; -DOCUMENT; -SYS; -NOMEM. */
IMGC_CHECK int credentials_read_file(const char *path, struct auth_file *ret,
                                     struct imgc_err *reterr);

/** Replace it, mode 0600, with its directories (0700) where they are missing. What @path links to
 * is replaced, not the link. @return 0; -SYS. */
IMGC_CHECK int credentials_write_file(const char *path, const struct auth_file *f,
                                      struct imgc_err *reterr);

#endif
