/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect --remote: an image as its registry has it, with the field names of `skopeo inspect`.
 */
#ifndef IMGC_CMD_REMOTE_IMAGE_H
#define IMGC_CMD_REMOTE_IMAGE_H

#include "cmd/remote.h"

struct remote_image_args {
    const char *name;
    const struct remote_options *options; /* without a platform: this host's */
    bool raw;                             /* the manifest or index, its bytes */
    bool config;                          /* the config instead; with @raw its bytes */
    const char *format;                   /* or NULL */
};

/** Print it. @return as remote_each() and resolve_image(); -USAGE for a template that is none. */
IMGC_CHECK int remote_image_print(struct app *app, const struct remote_image_args *args,
                                  struct imgc_err *reterr);

#endif
