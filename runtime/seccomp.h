/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system call filter: rules of schema/seccomp.json (seccomp_table.h) made into a BPF program.
 * The rules are those of docker's default profile with three differences: calls that the profile
 * has never heard of answer ENOSYS (programs then fall back) while those known to be dangerous
 * answer EPERM; the ioctls that type into a terminal (TIOCSTI, TIOCLINUX) are refused; and of the
 * 32-bit tables only that of i386 is open, without socketcall() (see seccomp.c).
 *
 * Source: seccomp(2); moby/profiles, seccomp/default.json; CVE-2016-2568, CVE-2017-5226 (TIOCSTI);
 * CVE-2026-31431 (AF_ALG).
 */
#ifndef IMGC_RUNTIME_SECCOMP_H
#define IMGC_RUNTIME_SECCOMP_H

#include <linux/filter.h>
#include <stdint.h>

#include "schema/base/err.h"

struct seccomp_filter {
    struct sock_fprog prog; /* .filter is owned, NULL when empty */
};

#define SECCOMP_FILTER_INIT \
    {                       \
        .prog = { 0, 0 }    \
    }

/**
 * Make the filter for a process with the capabilities @caps, from the rules that are compiled in.
 * Costs some hundredths of a millisecond.
 *
 * @ret     caller frees with seccomp_done().
 * @return  0; -NOMEM; -HOST (an architecture without rules).
 * Context: parent, before clone.
 */
IMGC_CHECK int seccomp_build(uint64_t caps, struct seccomp_filter *ret, struct imgc_err *reterr);

void seccomp_done(struct seccomp_filter *f);

/**
 * Load the filter for the calling thread. (Not called seccomp_load(): libseccomp has one.) Needs
 * no_new_privs, or CAP_SYS_ADMIN still in the effective set; nothing but caps_apply(), what reads
 * back what that did, and exec should come after it.
 *
 * @return  0; -HOST (a kernel without seccomp, or neither condition is met).
 * Context: child after clone.
 */
IMGC_CHECK int seccomp_install(const struct seccomp_filter *f, struct imgc_err *reterr);

#endif
