/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registries.conf that counts for this user: which files it is made of.
 *
 * Source: containers-registries.conf(5), containers-registries.conf.d(5).
 */
#ifndef IMGC_CMD_REGISTRY_CONF_H
#define IMGC_CMD_REGISTRY_CONF_H

#include "schema/registries_conf.h"

/* Zeroed: nothing read. */
struct registry_conf {
    struct registries_conf conf;
    char **files; /* that were read, in order; NULL-terminated once there is one */
    size_t n_files;
};

void registry_conf_done(struct registry_conf *c);
#define registry_conf_auto imgc_auto(registry_conf_done)

/**
 * Read it: --registries-conf or CONTAINERS_REGISTRIES_CONF, else the user's own registries.conf,
 * else /etc/containers'; then the drop-ins, *.conf by name, of /etc/containers (not beside the
 * user's own file) and of the user; last the short names that podman has noted. Only the first one
 * of these has to be there, and none else.
 *
 * @ret    zeroed; caller frees, on failure too.
 * @return 0; -DOCUMENT that names the file; -SYS; -LIMIT; -NOMEM.
 */
IMGC_CHECK int registry_conf_load(struct registry_conf *ret, struct imgc_err *reterr);

/** The names that @name may stand for (registries_conf_names()), for who has no configuration at
 * hand. */
IMGC_CHECK int registry_conf_names(const char *name, char ***ret, struct imgc_err *reterr);

#endif
