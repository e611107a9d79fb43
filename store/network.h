/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks of this store: what they are called, their subnets and the bridge that they have on the
 * host while somebody uses them. Who is on them: store/network_lease.h. What is on the host is not
 * known here: runtime/net.h makes it from these rows.
 */
#ifndef IMGC_STORE_NETWORK_H
#define IMGC_STORE_NETWORK_H

#include <stdint.h>

#include "schema/ip.h"
#include "store/store.h"

#define NETWORK_ID_MAX 65     /* 64 hex digits and the NUL */
#define NETWORK_BRIDGE_MAX 16 /* IFNAMSIZ */
#define NETWORK_DEFAULT "bridge"

struct network {
    char id[NETWORK_ID_MAX];
    char *name;
    char bridge[NETWORK_BRIDGE_MAX]; /* as it was last; "": not chosen yet */
    struct ip_net subnet4, subnet6;  /* family 0: none */
    struct ip_addr gateway4, gateway6;
    struct ip_net range4;   /* where addresses are taken from; family 0: all of subnet4 */
    bool is_internal;       /* nothing outside is reached */
    bool is_fixed;          /* the user named the subnets: they are not changed by themselves */
    bool no_dns;            /* its containers do not find each other by name */
    char *options, *labels; /* JSON objects; NULL: empty */
    int64_t created_ns;
};

void network_done(struct network *n);
#define network_auto imgc_auto(network_done)

struct network_list {
    struct network *items;
    size_t n;
};
void network_list_done(struct network_list *list);
#define network_list_auto imgc_auto(network_list_done)

enum { NETWORK_MISSING = 1 };

/** Whether @name may be one: [a-zA-Z0-9][a-zA-Z0-9_.-]*, and no word of --network.
 * @return 0; -USAGE. */
IMGC_CHECK int network_check_name(struct imgc_str name, struct imgc_err *reterr);

/** Insert a network. Fills its id and created_ns. @return 0; -EXISTS for a taken name. */
IMGC_CHECK int network_insert(struct store *s, struct network *n, struct imgc_err *reterr);

/** By name, full ID, or unambiguous ID prefix. @return 0; NETWORK_MISSING; -AMBIGUOUS. */
IMGC_CHECK int network_find(struct store *s, struct imgc_str name, struct network *ret,
                            struct imgc_err *reterr);

/** All of them, by name. */
IMGC_CHECK int network_list(struct store *s, struct network_list *ret, struct imgc_err *reterr);

/** Note bridge and subnets, which were chosen anew: only while nobody is on it. */
IMGC_CHECK int network_update(struct store *s, const struct network *n, struct imgc_err *reterr);

/** Remove the row. @return 0; -INUSE where a container is on it. */
IMGC_CHECK int network_remove(struct store *s, const struct network *n, struct imgc_err *reterr);

/** Wait for the lock of this store's networks: whoever changes rows of leases together with what is
 * on the host holds it. @ret_fd  its last close, in this process or in a child of it, is the
 * release, or flock(LOCK_UN). The file's content is the holder's to use. */
IMGC_CHECK int network_lock(struct store *s, int *ret_fd, struct imgc_err *reterr);

#endif
