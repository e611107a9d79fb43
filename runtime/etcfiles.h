/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files below /etc that imgc writes for a container: hosts, hostname, resolv.conf.
 */
#ifndef IMGC_RUNTIME_ETCFILES_H
#define IMGC_RUNTIME_ETCFILES_H

#include "runtime/spec.h"

/* What only the network knows; borrowed. */
struct etcfiles_net {
    const char *hosts;  /* more lines for hosts; NULL: none */
    const char *resolv; /* all of resolv.conf; NULL: the host's with its network, else nothing */
};

/** Write them into spec->state_dir. With the host's network they are copies of the host's.
 * @net  NULL: nothing. @return 0; -SYS; -NOSPACE; -NOMEM. Context: parent, before clone. */
IMGC_CHECK int etcfiles_write(const struct spec *spec, const struct etcfiles_net *net,
                              struct imgc_err *reterr);

#endif
