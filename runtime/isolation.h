/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sets a container apart from the host, beyond the defaults: the part of the spec (spec.h)
 * that --privileged, --cap-add, --security-opt and their like fill. Plain data; nothing here asks
 * the kernel. All zero is the default container.
 */
#ifndef IMGC_RUNTIME_ISOLATION_H
#define IMGC_RUNTIME_ISOLATION_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

struct isolation {
    bool privileged; /* all capabilities that the launcher has, the host's devices, no filter, no
                        masks, /sys and cgroups writable */
    bool no_new_privs;
    bool no_seccomp;
    uint64_t cap_add, cap_drop; /* bit n = capability n; caps_combine() says what they make */
    char **mask;                /* more paths to hide: absolute, clean; NULL-terminated */
    char **unmask; /* patterns (fnmatch) of default masked and read-only paths to leave alone;
                      "ALL" is all of them */
};

void isolation_done(struct isolation *i);
#define isolation_auto imgc_auto(isolation_done)

/** Append a copy of @s to the NULL-terminated *list (NULL: an empty one). @return 0; -NOMEM. */
IMGC_CHECK int isolation_append(char ***list, struct imgc_str s, struct imgc_err *reterr);

/** Whether a default masked or read-only @path is to be left as it is. Pure. */
bool isolation_is_unmasked(const struct isolation *i, const char *path);

#endif
