/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path of `cp`, on the host or in a container: what docker's rules make of how it is written, and
 * where it leads below a root that may be hostile.
 *
 * Source: docker's and podman's cp: a trailing "/" asks for a directory, "/." for what is in it.
 */
#ifndef IMGC_CMD_COPY_PATH_H
#define IMGC_CMD_COPY_PATH_H

#include <sys/stat.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

struct copy_path {
    const char *shown; /* as typed, for messages; borrowed */
    char *path;        /* absolute, without what says the next two */
    bool has_slash;    /* it has to be a directory */
    bool is_contents;  /* what is in it is meant, not itself */
    /* copy_path_find() */
    int parent_fd; /* O_PATH */
    char *name;    /* in there; "": parent_fd is it */
    bool is_missing;
    struct stat st; /* of what is there */
};

#define COPY_PATH_INIT                \
    {                                 \
        .path = NULL, .parent_fd = -1 \
    }
void copy_path_done(struct copy_path *p);
#define copy_path_auto imgc_auto(copy_path_done)

/** Split "CONTAINER:PATH". A path that begins with '/' or '.' is the host's, whatever it has in it.
 * @return whether it names a container. */
bool copy_path_split(const char *word, struct imgc_str *ret_container, const char **ret_path);

/** @is_local  relative to the working directory, else to "/". @ret  caller frees with
 * copy_path_done(). @return 0; -LIMIT; -NOMEM; -SYS. */
IMGC_CHECK int copy_path_parse(const char *text, bool is_local, struct copy_path *ret,
                               struct imgc_err *reterr);

/** Look it up below @root_fd. @follow  a symbolic link at its end, too; so does has_slash and
 * is_contents. @return 0 (is_missing tells whether it is there); -SYS (no directory to be in). */
IMGC_CHECK int copy_path_find(struct copy_path *p, int root_fd, bool follow,
                              struct imgc_err *reterr);

/** Open the directory that was found. @return 0; -SYS. */
IMGC_CHECK int copy_path_open_dir(const struct copy_path *p, int *ret_fd, struct imgc_err *reterr);

/** What a copy of it is called: the last component as it was typed, "" for the root. */
const char *copy_path_base(const struct copy_path *p);

#endif
