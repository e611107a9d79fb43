/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subordinate IDs of a user: ranges of user or group IDs that root has set aside for him, to be
 * used in user namespaces.
 *
 * Source: subuid(5), subgid(5).
 */
#ifndef IMGC_RUNTIME_SUBID_H
#define IMGC_RUNTIME_SUBID_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"
#include "schema/base/str.h"

#define SUBID_RANGES_MAX 32 /* of one user; the kernel takes 340 lines of a map */

struct subid_range {
    uint32_t start, count;
};

struct subid {
    struct subid_range ranges[SUBID_RANGES_MAX];
    size_t n;
    uint64_t total; /* IDs in all of them */
};

/* Whose: the files may name a user in either way. */
struct subid_owner {
    struct imgc_str name; /* may be empty */
    uint32_t uid;
};

/**
 * Pure. The ranges of @owner in @text, whose lines are OWNER:START:COUNT. Lines of others are not
 * looked at. Empty ranges and those over SUBID_RANGES_MAX are left out.
 * @return 0; -HOST that names the line: not two numbers, or IDs over 2^32-2.
 */
IMGC_CHECK int subid_parse(struct imgc_str text, const struct subid_owner *owner, struct subid *ret,
                           struct imgc_err *reterr);

/** The same with the file @path; a missing one has no ranges. @return 0; -HOST, -LIMIT, -SYS. */
IMGC_CHECK int subid_read(const char *path, const struct subid_owner *owner, struct subid *ret,
                          struct imgc_err *reterr);

#endif
