/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody can do whose limit cannot be set, in words for one line: it depends on who it is,
 * and on what systemd hands to the user's own services.
 *
 * Source: systemd's systemd.resource-control(5) "Delegate=", user@.service(5), loginctl(1).
 */
#ifndef IMGC_RUNTIME_CGROUP_ADVICE_H
#define IMGC_RUNTIME_CGROUP_ADVICE_H

#include "runtime/cgroup_host.h"

enum cgroup_advice {
    CGROUP_ADVICE_ROOT,      /* the host, or what imgc runs in, has to delegate its cgroups */
    CGROUP_ADVICE_V1,        /* cgroup v1 delegates to nobody safely */
    CGROUP_ADVICE_SCOPE,     /* a scope of the user's own has the controller */
    CGROUP_ADVICE_DELEGATE,  /* the user's manager has not been given the controller */
    CGROUP_ADVICE_NO_MANAGER /* systemd runs no manager for the user */
};

/** Choose. Pure.
 * @is_root      of the first user namespace.
 * @is_v2        whether v2 has the controller.
 * @manager      whether the user's manager (user@UID.service) is there.
 * @controllers  what that can hand on. @controller  the one that is wanted, one bit. */
enum cgroup_advice cgroup_advice_choose(bool is_root, bool is_v2, bool manager,
                                        unsigned controllers, unsigned controller);

/** The words. Never NULL. */
const char *cgroup_advice_text(enum cgroup_advice advice);

/** Choose for this process on this host. @is_root  as above. */
enum cgroup_advice cgroup_advice_here(const struct cgroup_host *host, bool is_root,
                                      unsigned controller);

#endif
