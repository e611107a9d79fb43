/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One side of `cp` (and what `export` writes): a path of the host, a path in a container that runs
 * or not, or a stream.
 */
#ifndef IMGC_CMD_COPY_PLACE_H
#define IMGC_CMD_COPY_PLACE_H

#include "cmd/container_make.h"
#include "cmd/copy_path.h"

enum copy_place_kind { COPY_PLACE_LOCAL, COPY_PLACE_CONTAINER, COPY_PLACE_STREAM };

struct copy_place {
    enum copy_place_kind kind;
    struct copy_path path;      /* not of a stream */
    int root_fd;                /* what it is looked up in; -1 before copy_place_open() */
    struct container container; /* of CONTAINER */
    struct container_made made; /* of one that does not run: held until copy_place_done() */
    struct spec spec;           /* of one that runs; its users are known by copy_place_users() */
    bool is_held, is_mounted;
    bool is_bare; /* its root alone, without what is mounted there */
    struct app *app;
};

#define COPY_PLACE_INIT(a_app)                                                                   \
    {                                                                                            \
        .path = COPY_PATH_INIT, .root_fd = -1, .made = { .spec = SPEC_INIT }, .spec = SPEC_INIT, \
        .app = (a_app)                                                                           \
    }
void copy_place_done(struct copy_place *p);
#define copy_place_auto imgc_auto(copy_place_done)

/** Take a word of the command line, and the container that it names. The store is opened.
 * @return 0; -NOTFOUND; -USAGE. */
IMGC_CHECK int copy_place_parse(struct copy_place *p, const char *word, struct imgc_err *reterr);

/** Take the whole root of the container @name, without what is mounted in it. The store is opened.
 * @return 0; -NOTFOUND. */
IMGC_CHECK int copy_place_whole(struct copy_place *p, const char *name, struct imgc_err *reterr);

/** The IDs of its files as the container has them, and as they are here. NULL: they are the same.
 */
const struct isolation_users *copy_place_users(const struct copy_place *p);

/** Open what needs to be seen as the user that the command was started by: containers that run.
 * @return 0; -SYS; -HOST. */
IMGC_CHECK int copy_place_open_running(struct copy_place *p, struct imgc_err *reterr);

/** Open the rest. A container that does not run is held until copy_place_done(): nobody starts it
 * meanwhile. @return 0; -INUSE; what container_make_again() and rootview_mount() return. */
IMGC_CHECK int copy_place_open(struct copy_place *p, struct imgc_err *reterr);

#endif
