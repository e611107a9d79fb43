/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tags of a repository, as its registry lists them: page by page.
 *
 * Source: distribution-spec v1.1 "Listing Tags".
 */
#ifndef IMGC_FETCH_TAGS_H
#define IMGC_FETCH_TAGS_H

#include <jansson.h>

#include "fetch/registry.h"

/**
 * @limit   no more than so many; 0: all of them.
 * @ret     new reference: an array of strings in the order in which they came. They are tags as the
 *          specification has them, safe to be shown.
 * @return  0; -NOIMAGE for no such repository; -DOCUMENT for a page that is none; -REGISTRY for
 *          pages that lead nowhere; -LIMIT; as registry_get().
 */
IMGC_CHECK int tags_list(struct registry *r, size_t limit, json_t **ret, struct imgc_err *reterr);

#endif
