/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the network commands share: which networks a --filter takes, and what one looks like in
 * JSON.
 */
#ifndef IMGC_CMD_NETWORK_TEXT_H
#define IMGC_CMD_NETWORK_TEXT_H

#include <jansson.h>

#include "cmd/network_users.h"
#include "cmd/options.h"

/* Fields whose keys are free. */
extern const char *const network_text_maps[];

/** Check the filters name=, id=, driver=, label=, label!=, dangling=, until=. @return 0; -USAGE. */
IMGC_CHECK int network_text_check(const struct option_list *filters, struct imgc_err *reterr);

/** Whether all of the checked @filters take @n: of one key any value, of label and label! all.
 * @is_used  a container is for it. */
bool network_text_match(const struct option_list *filters, const struct network *n, bool is_used);

/** The document that podman's inspect shows. @leases  all. @ret new reference. */
IMGC_CHECK int network_text_document(const struct network *n,
                                     const struct network_lease_list *leases, json_t **ret,
                                     struct imgc_err *reterr);

/** The same with the fields that templates of docker and podman name: also a row of ls.
 * @no_trunc  the ID in full. */
IMGC_CHECK int network_text_row(const struct network *n, const struct network_lease_list *leases,
                                bool no_trunc, json_t **ret, struct imgc_err *reterr);

#endif
