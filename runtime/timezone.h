/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's time zone (--tz): the host's description of it, as /etc/localtime.
 */
#ifndef IMGC_RUNTIME_TIMEZONE_H
#define IMGC_RUNTIME_TIMEZONE_H

#include "runtime/spec.h"

#define TIMEZONE_FILE "localtime" /* in spec.state_dir */

/** "local", or a name below the host's /usr/share/zoneinfo. Pure: whether it is there is seen at
 * start. */
bool timezone_is_name(const char *name);

/** Copy the zone of @spec into its state_dir; nothing where it has none. @return 0; -USAGE (no such
 * zone); -SYS. Context: parent. */
IMGC_CHECK int timezone_write(const struct spec *spec, struct imgc_err *reterr);

#endif
