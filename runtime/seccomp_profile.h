/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A system call filter of the user's (--security-opt seccomp=FILE): docker's JSON profile, made
 * into BPF by libseccomp, which is loaded for it. Names are looked up on this machine; calls that
 * it has not are left out, as docker does. What the profile says of other tables of system calls
 * (archMap) holds too.
 *
 * Source: docker's documentation "Seccomp security profiles"; OCI runtime-spec, config-linux.md
 * "Seccomp"; seccomp_rule_add(3).
 */
#ifndef IMGC_RUNTIME_SECCOMP_PROFILE_H
#define IMGC_RUNTIME_SECCOMP_PROFILE_H

#include "runtime/seccomp.h"
#include "schema/base/str.h"

#define SECCOMP_PROFILE_BYTES_MAX (1u << 20) /* docker's own has 15 KiB */

/** Whether @text is a profile: every key, action, operator and capability known, no number out of
 * range. Pure. @return 0; -DOCUMENT that says what is wrong; -LIMIT; -NOMEM. */
IMGC_CHECK int seccomp_profile_check(struct imgc_str text, struct imgc_err *reterr);

/**
 * Make the filter of @text for a process with the capabilities @caps.
 * @ret     caller frees with seccomp_done().
 * @return  0; as seccomp_profile_check(); -HOST (libseccomp is not installed); -LIMIT (too long for
 *          the kernel); -SYS. Context: parent.
 */
IMGC_CHECK int seccomp_profile_build(struct imgc_str text, uint64_t caps,
                                     struct seccomp_filter *ret, struct imgc_err *reterr);

/** The filter of the profile @text, or imgc's own (seccomp_build()) where it is NULL. */
IMGC_CHECK int seccomp_profile_or_default(const char *text, uint64_t caps,
                                          struct seccomp_filter *ret, struct imgc_err *reterr);

#endif
