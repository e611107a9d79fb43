/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is on a network, with which addresses, names and published ports. A lease is taken when a
 * container starts and dropped when it ends; it belongs to the process that runs the container, and
 * is worth nothing once that and the container are dead.
 */
#ifndef IMGC_STORE_NETWORK_LEASE_H
#define IMGC_STORE_NETWORK_LEASE_H

#include "store/container.h"
#include "store/network.h"

struct network_lease {
    char container_id[CONTAINER_ID_MAX];
    char network_id[NETWORK_ID_MAX];
    char *container_name; /* filled when read */
    struct ip_addr address4, address6;
    uint8_t mac[IP_MAC_BYTES];
    unsigned slot;  /* which of the container's interfaces it is: 0 is eth0 */
    bool has_names; /* filled when read: members of its network find each other by name */
    char *names;    /* what others call it beside its name, one a line; NULL: nothing */
    char *ports;    /* what is published, one a line; NULL: nothing */
};

void network_lease_done(struct network_lease *l);
#define network_lease_auto imgc_auto(network_lease_done)

struct network_lease_list {
    struct network_lease *items;
    size_t n;
};
void network_lease_list_done(struct network_lease_list *list);
#define network_lease_list_auto imgc_auto(network_lease_list_done)

/**
 * Take a lease for the calling process: the addresses that @l names, or free ones, and a MAC made
 * from them where it names none.
 * @return 0; -EXISTS where a named address is taken, or the container is on the network already;
 *         -USAGE for one that is not in the subnet, or is the gateway's; -LIMIT where all are
 * taken; -NOTFOUND where container or network are gone.
 */
IMGC_CHECK int network_lease_take(struct store *s, const struct network *n, struct network_lease *l,
                                  struct imgc_err *reterr);

/** Drop a container's leases: that on @network_id, or all (NULL). @ret_dropped  whether it had one;
 * may be NULL. */
IMGC_CHECK int network_lease_drop(struct store *s, const char *container_id, const char *network_id,
                                  bool *ret_dropped, struct imgc_err *reterr);

/** Drop those of the dead: both who took it and the container's first process. Cheap where nobody
 * is on a network. @ret_dropped  whether there were any. */
IMGC_CHECK int network_lease_drop_dead(struct store *s, bool *ret_dropped, struct imgc_err *reterr);

/** Those of one network, or of all (@network_id NULL), by container and slot. */
IMGC_CHECK int network_lease_list(struct store *s, const char *network_id,
                                  struct network_lease_list *ret, struct imgc_err *reterr);

/** Those of one container, by slot. */
IMGC_CHECK int network_lease_list_of(struct store *s, const char *container_id,
                                     struct network_lease_list *ret, struct imgc_err *reterr);

/** The first lease of one container. @return 0; NETWORK_MISSING. */
IMGC_CHECK int network_lease_find(struct store *s, const char *container_id,
                                  struct network_lease *ret, struct imgc_err *reterr);

#endif
