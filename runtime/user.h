/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "user[:group]" of an image or of --user, resolved with the image's own /etc/passwd and
 * /etc/group: parsed here, since the host's name services must not answer and the image's must not
 * be loaded (CVE-2019-14271).
 *
 * Source: OCI image-spec v1.1, config.md "User"; passwd(5), group(5).
 */
#ifndef IMGC_RUNTIME_USER_H
#define IMGC_RUNTIME_USER_H

#include <sys/types.h>

#include "schema/base/buf.h"
#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

struct user {
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* for setgroups(): always with gid in it (CVE-2022-2989) */
    size_t n_groups;
    char *home; /* from passwd; "/" where it says nothing */
};

#define USER_INIT      \
    {                  \
        .groups = NULL \
    }
void user_done(struct user *u);
#define user_auto imgc_auto(user_done)

/**
 * Pure. A number is that number and never the name of a user (CVE-2026-46680); its entry in
 * @passwd, if there is one, gives home, primary group and supplementary groups. With a group after
 * ':' there are no supplementary ones. "" is user 0.
 *
 * @passwd, @group  the files' text, empty where they are missing.
 * @return  0; -USAGE (no such user or group, a number over 2^31-1); -LIMIT (more groups than the
 *          kernel takes); -NOMEM.
 */
IMGC_CHECK int user_parse(struct imgc_str spec, struct imgc_str passwd, struct imgc_str group,
                          struct user *ret, struct imgc_err *reterr);

/** Put --group-add's names and numbers to those of @u. Pure. @groups NULL-terminated, may be NULL.
 * @return 0; -USAGE (no such group); -LIMIT; -NOMEM. */
IMGC_CHECK int user_parse_groups(char *const *groups, struct imgc_str group, struct user *u,
                                 struct imgc_err *reterr);

/** The same with the file of @root_fd, which is read only for a name. @return as user_resolve(). */
IMGC_CHECK int user_add_groups(int root_fd, char *const *groups, struct user *u,
                               struct imgc_err *reterr);

/** user_parse() with the files of @root_fd, up to LIMIT_PASSWD_BYTES each.
 * @return as user_parse(); -LAYER where one of them is no regular file; -SYS. */
IMGC_CHECK int user_resolve(int root_fd, const char *spec, struct user *ret,
                            struct imgc_err *reterr);

/** Append the text of @path in @root_fd, a file of the image's; nothing where it is missing.
 * @return 0; -LAYER where it is no regular file; -LIMIT; -SYS. */
IMGC_CHECK int user_read(int root_fd, const char *path, struct imgc_buf *b,
                         struct imgc_err *reterr);

#endif
