/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading images out of the index: a fixed number of ordered queries, merged in memory, so that
 * ten thousand images cost no more statements than one.
 */
#ifndef IMGC_STORE_IMAGE_LOAD_H
#define IMGC_STORE_IMAGE_LOAD_H

#include "store/image.h"

/** Inside a transaction: image @id, or all of them with NULL, ordered by id. */
IMGC_CHECK int image_load(struct store *s, const struct digest *id, struct image_list *ret,
                          struct imgc_err *reterr);

/** The same without names, digests, disk bytes and containers: what an image consists of. */
IMGC_CHECK int image_load_stack(struct store *s, const struct digest *id, struct image_list *ret,
                                struct imgc_err *reterr);

/** The same for all, with nothing but what their own rows say. */
IMGC_CHECK int image_load_brief(struct store *s, struct image_list *ret, struct imgc_err *reterr);

/** Key of a name in the index: of a tag "domain/path:tag", ":latest" without one; of a repository
 * digest "domain/path". @ret caller frees. */
IMGC_CHECK int image_load_key(const struct ref *ref, char **ret, struct imgc_err *reterr);

/** Inside a transaction: the image that tag or digest of @ref names. Of several platforms' images
 * the one that suits @want (NULL: this host) best; where none does, the one that came last.
 * @return 0; IMAGE_MISSING. */
IMGC_CHECK int image_load_ref(struct store *s, const struct ref *ref, const struct platform *want,
                              struct digest *ret_id, struct digest *ret_top,
                              struct imgc_err *reterr);

/** Inside a transaction: image_list_named(). */
IMGC_CHECK int image_load_named(struct store *s, const struct ref *ref, struct digest **ret,
                                size_t *ret_n, struct imgc_err *reterr);

#endif
