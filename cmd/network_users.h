/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which containers a network is for: those that run on it, and those that would when they are
 * started.
 */
#ifndef IMGC_CMD_NETWORK_USERS_H
#define IMGC_CMD_NETWORK_USERS_H

#include "runtime/spec.h"
#include "store/container.h"
#include "store/network_lease.h"

/* Of all containers, read once. */
struct network_users {
    struct container_list containers;
    struct spec *specs; /* by container; those never made ready have none */
    struct network_lease_list leases;
};

void network_users_done(struct network_users *u);
#define network_users_auto imgc_auto(network_users_done)

IMGC_CHECK int network_users_load(struct store *s, struct network_users *ret,
                                  struct imgc_err *reterr);

/** Whether container number @i is for @n. */
bool network_users_has(const struct network_users *u, size_t i, const struct network *n);

/** Whether any is. */
bool network_users_any(const struct network_users *u, const struct network *n);

/** Whether @word means @n in a spec: NULL the default network. */
bool network_users_means(const char *word, const struct network *n);

/** Whether @spec names @n. */
bool network_users_wants(const struct spec *spec, const struct network *n);

#endif
