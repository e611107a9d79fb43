/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container before it runs: made from an image and options (`run`, `create`), or as one that was
 * made earlier is found again (`start`).
 */
#ifndef IMGC_CMD_CONTAINER_MAKE_H
#define IMGC_CMD_CONTAINER_MAKE_H

#include "cmd/app.h"
#include "cmd/run_options.h"
#include "layers/rootfs.h"
#include "runtime/ahead.h"
#include "store/container.h"

struct container_made {
    struct container container;
    struct spec spec;     /* all but where the root file system is */
    struct rootfs rootfs; /* that; empty with --rootfs */
};

void container_make_done(struct container_made *m);
#define container_make_auto imgc_auto(container_make_done)

struct container_make_args {
    const struct run_options *options;
    struct args words;   /* of the command line: IMAGE [COMMAND [ARG...]] */
    bool is_unowned;     /* another process will run it, now or later */
    struct ahead *ahead; /* begun here, for who runs it at once; or NULL */
};

/** With --dry-run only the spec is filled, and nothing is written, nor is an image pulled. Else:
 * Make a container: check the options, find or pull the image, write row, directory and
 * --cidfile, and the configuration where it may be started again. The store is opened.
 * @ret  free with container_make_done(). @return 0; -USAGE; -EXISTS; what acquire_image() and
 * rootfs_prepare() return. */
IMGC_CHECK int container_make(struct app *app, const struct container_make_args *args,
                              struct container_made *ret, struct imgc_err *reterr);

/** Remove what was made and has never run, with the volumes that are its own. */
void container_make_undo(struct app *app, const struct container_made *made);

/** Read what was made. @take_container  of container_find(); emptied.
 * @return 0; -NOTFOUND (it was not made completely); what rootfs_prepare() returns. */
IMGC_CHECK int container_make_again(struct app *app, struct container *take_container,
                                    struct container_made *ret, struct imgc_err *reterr);

#endif
