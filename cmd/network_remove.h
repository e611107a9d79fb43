/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing networks: what keeps one, and its row together with what is left of it on the host.
 */
#ifndef IMGC_CMD_NETWORK_REMOVE_H
#define IMGC_CMD_NETWORK_REMOVE_H

#include "cmd/network_users.h"

/** Find one that may be removed. @return 0; -NOTFOUND; -USAGE (the default one); -AMBIGUOUS. */
IMGC_CHECK int network_remove_find(struct store *s, const char *name, struct network *ret,
                                   struct imgc_err *reterr);

/** @return 0; -INUSE that names the containers that are for @n. */
IMGC_CHECK int network_remove_check(const struct network_users *users, const struct network *n,
                                    struct imgc_err *reterr);

/** Remove the row, and the bridge where it is there. @return 0; -INUSE where a container is on it;
 * -HOST, -SYS: the row is gone, the bridge is not. */
IMGC_CHECK int network_remove_row(struct store *s, const struct network *n,
                                  struct imgc_err *reterr);

#endif
