/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assemble the BPF program of a system call filter from its rules.
 *
 * libseccomp could do this from the same rules, but it compares arguments in 64 bits only ("family
 * > 40" then lets 2^32 + 38 through, which the kernel reads as 38), cannot say "all but these
 * values" for one call, and takes several milliseconds where this takes a fraction of one.
 *
 * Source: Linux Documentation/userspace-api/seccomp_filter.rst; bpf(4) of the BSDs for the
 * instruction set.
 */
#ifndef IMGC_RUNTIME_SECCOMP_BPF_H
#define IMGC_RUNTIME_SECCOMP_BPF_H

#include <linux/filter.h>

#include "runtime/seccomp_rules.h"

/**
 * Make the program: a call of an architecture that is in none of @rules[0..n) kills the process;
 * otherwise the call's number is searched by halving among ranges of numbers with the same answer.
 * The most frequent architecture first.
 * @ret     .filter is the caller's to free(). @return 0; -NOMEM; -LIMIT (over BPF_MAXINSNS).
 */
IMGC_CHECK int seccomp_bpf_assemble(const struct seccomp_rules *rules, size_t n,
                                    struct sock_fprog *ret, struct imgc_err *reterr);

#endif
