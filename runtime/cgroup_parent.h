/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup below which a user wants a container's: --cgroup-parent. Pure.
 *
 * Source: systemd.slice(5), how a slice's name gives its place.
 */
#ifndef IMGC_RUNTIME_CGROUP_PARENT_H
#define IMGC_RUNTIME_CGROUP_PARENT_H

#include "schema/base/err.h"

/** "/a/b", "a/b" or "a-b.slice" (which is in a.slice) as a path with one '/' before each part; "/"
 * is
 * "". @ret caller frees. @return 0; -USAGE ("..", ':', ...); -NOMEM. */
IMGC_CHECK int cgroup_parent_path(const char *text, char **ret, struct imgc_err *reterr);

#endif
