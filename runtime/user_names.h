/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the users and groups of a container, by its own /etc/passwd and /etc/group: read as
 * text, for the image's name services must not be loaded (CVE-2019-14271).
 *
 * Source: passwd(5), group(5): both begin with NAME:PASSWORD:ID.
 */
#ifndef IMGC_RUNTIME_USER_NAMES_H
#define IMGC_RUNTIME_USER_NAMES_H

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

struct user_names_entry {
    struct imgc_str name; /* in the text */
    uint32_t id;
};

/* One file: sorted by ID, of several lines with one ID the first, as libc has it. */
struct user_names {
    char *text;
    struct user_names_entry *entries;
    size_t n;
};

#define USER_NAMES_INIT \
    {                   \
        .text = NULL    \
    }
void user_names_done(struct user_names *names);
#define user_names_auto imgc_auto(user_names_done)

/** Take in a file's @text, up to its first NUL. Lines that are none are left out.
 * @return 0; -NOMEM. */
IMGC_CHECK int user_names_parse(struct imgc_str text, struct user_names *ret,
                                struct imgc_err *reterr);

/** The same with @path of @root_fd, up to LIMIT_PASSWD_BYTES; one that is missing has no names.
 * @return 0; what user_read() returns. */
IMGC_CHECK int user_names_read(int root_fd, const char *path, struct user_names *ret,
                               struct imgc_err *reterr);

/** @ret borrows from @names. @return whether @id has a name. */
bool user_names_find(const struct user_names *names, uint32_t id, struct imgc_str *ret);

#endif
