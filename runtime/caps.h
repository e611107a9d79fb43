/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities of a container's process: names, the default set, and putting a set in force.
 * A set is a mask, bit n = capability n of linux/capability.h.
 *
 * Source: capabilities(7); docker's default list (moby, daemon/pkg/oci/caps).
 */
#ifndef IMGC_RUNTIME_CAPS_H
#define IMGC_RUNTIME_CAPS_H

#include <stdint.h>

#include "schema/base/err.h"
#include "schema/base/str.h"

/** Docker's fourteen. Pure. */
uint64_t caps_default(void);

/** Every capability that the headers of this build know. Pure. */
uint64_t caps_all(void);

/**
 * @base with --cap-drop and --cap-add, as docker: all but @drop where everything is added; @add
 * alone where everything is dropped; else what is dropped goes first. Pure.
 */
uint64_t caps_combine(uint64_t base, uint64_t add, uint64_t drop);

/**
 * Parse one name, with or without "CAP_", in any case. "ALL" is no name: the caller's business.
 * @return whether it is a capability. Allocates nothing.
 */
bool caps_parse(struct imgc_str name, int *ret_cap);

/** "CAP_CHOWN" of 0; NULL for a number that this build does not know. Pure. */
const char *caps_name(int cap);

/** Those that the calling process could hand on: its bounding set. */
uint64_t caps_bounding(void);

/**
 * Drop from the bounding set whatever is not in @mask. Needs CAP_SETPCAP, unless nothing is left
 * to drop: so call it before the user changes, and caps_apply() finds it done.
 * Context: parent | child after clone.
 * @return 0; -SYS.
 */
IMGC_CHECK int caps_drop_bounding(uint64_t mask, struct imgc_err *reterr);

/** Whether the caller has @cap in effect. */
bool caps_has(int cap);

/**
 * Put all that is permitted in effect again, after a change of user under PR_SET_KEEPCAPS, with
 * nothing inheritable or ambient.
 * Context: child after clone.
 * @return 0; -SYS.
 */
IMGC_CHECK int caps_raise(struct imgc_err *reterr);

/**
 * Put @mask in force: bounding = @mask; permitted and effective = @mask as far as the caller holds
 * it for root, empty for other users; inheritable and ambient always empty, so that a program
 * cannot pass on more than the bounding set and its own file say (CVE-2022-24769). Irreversible.
 *
 * Call it after the change of user. setuid() away from 0 has emptied permitted and effective
 * unless PR_SET_KEEPCAPS was on; the bounding set must then already be right. Works under the
 * seccomp filter of seccomp_install(): without no_new_privs the filter must be loaded before this
 * drops CAP_SYS_ADMIN. What it has done is read back, for such a filter may fake it.
 * Context: child after clone.
 * @return 0; -SYS; -USAGE (a filter of the user's fakes it).
 */
IMGC_CHECK int caps_apply(uint64_t mask, bool is_root_user, struct imgc_err *reterr);

#endif
