/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images and containers as JSON documents, with the field names of docker and podman.
 */
#ifndef IMGC_CMD_DESCRIBE_H
#define IMGC_CMD_DESCRIBE_H

#include <jansson.h>

#include "store/container.h"
#include "store/image.h"

/** Names of the fields in these documents whose keys images choose (template.h "maps"). */
extern const char *const describe_maps[];

/** The image's config as a document, its bytes checked. @ret new reference.
 * @return 0; -STORE where it is gone; -DIGEST; -DOCUMENT. */
IMGC_CHECK int describe_config(struct store *s, const struct image *image, json_t **ret,
                               struct imgc_err *reterr);

/** What `inspect` shows. @ret new reference. @return as describe_config(). */
IMGC_CHECK int describe_image(struct store *s, const struct image *image, json_t **ret,
                              struct imgc_err *reterr);
IMGC_CHECK int describe_container(const struct container *c, json_t **ret, struct imgc_err *reterr);

/** What a row of `images` has; one for each tag, one with "<none>" where there is none.
 * Appends to @rows. */
struct describe_rows_args {
    const json_t *labels; /* borrowed; NULL: not wanted */
    int64_t now_ns;
    bool no_trunc;
    bool (*wants)(void *arg, const char *tag); /* which rows; @tag NULL: untagged. NULL: all */
    void *arg;
};
IMGC_CHECK int describe_rows(const struct image *image, const struct describe_rows_args *args,
                             json_t *rows, struct imgc_err *reterr);

/** What `images --format json` has for an image. @ret new reference. */
IMGC_CHECK int describe_summary(const struct image *image, const json_t *labels, json_t **ret,
                                struct imgc_err *reterr);

#define DESCRIBE_ID_MAX DIGEST_TEXT_MAX
/** "0123456789ab", or "sha256:" and all digits with @full. Returns @out. */
const char *describe_id(const struct digest *id, bool full, char out[DESCRIBE_ID_MAX]);

#define DESCRIBE_TIME_MAX 64
/** "2 weeks ago"; "N/A" for 0. Returns @out. */
const char *describe_ago(int64_t ns, int64_t now_ns, char out[DESCRIBE_TIME_MAX]);

/** A full name in its familiar form: "docker.io/library/debian:12" is "debian:12". Borrows. */
const char *describe_familiar(const char *name);

/** "created", "running", "paused" or "exited", as inspect and ps say it. Whether it is paused is
 * asked of the kernel. */
const char *describe_status(const struct container *c);
bool describe_is_paused(const struct container *c);

#endif
