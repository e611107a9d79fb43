/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images and containers that the user names on the command line, as the commands need them.
 */
#ifndef IMGC_CMD_LOOKUP_H
#define IMGC_CMD_LOOKUP_H

#include "store/container.h"
#include "store/image.h"

/** image_find() that also knows the names which a short one may stand for (registries.conf), where
 * there is no image of Docker Hub with it. @return as image_find(); -DOCUMENT (registries.conf). */
IMGC_CHECK int lookup_find(struct store *s, const char *name, struct image *ret,
                           struct imgc_err *reterr);

/** The same with image_find_stack(). */
IMGC_CHECK int lookup_find_stack(struct store *s, const char *name, const struct platform *want,
                                 struct image *ret, struct imgc_err *reterr);

/** lookup_find() where a missing one is an error. @return 0; -NOTFOUND that names it. */
IMGC_CHECK int lookup_image(struct store *s, const char *name, struct image *ret,
                            struct imgc_err *reterr);

/** container_find() where a missing one is an error. @return 0; -NOTFOUND that names it;
 * -AMBIGUOUS.
 */
IMGC_CHECK int lookup_container(struct store *s, const char *name, struct container *ret,
                                struct imgc_err *reterr);

/** For filter_resolve(): when the image @name was built. @arg  the store. */
IMGC_CHECK int lookup_created(void *arg, struct imgc_str name, int64_t *ret_ns,
                              struct imgc_err *reterr);

enum { LOOKUP_IS_ID = 1 };

/** Whether @name, which was found as @image, is one of its names or an ID.
 * @ret caller frees with ref_done(); filled with 0 only: the tag or digest.
 * @return 0; LOOKUP_IS_ID. */
IMGC_CHECK int lookup_ref(struct store *s, const char *name, const struct image *image,
                          struct ref *ret, struct imgc_err *reterr);

#endif
