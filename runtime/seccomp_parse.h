/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read the rules of a system call filter for this machine from a document: schema/seccomp.json.
 * Happens when imgc is built: reading them again, and asking libseccomp for the numbers, took a
 * tenth of the time that a container takes to start.
 *
 * The document: "default" and the "action" of a rule are "allow" or an errno name. "names" are
 * system calls; those that an architecture does not have are left out. "cap": the rule holds
 * only with that capability. "arg" with "equals" (a list) or "any_bit" (a mask): the rule fits only
 * if the low 32 bits of that argument do. The first rule that fits decides. "numbers": calls
 * younger than the installed libseccomp, or that it has no numbers for; a number, or one for each
 * architecture.
 */
#ifndef IMGC_RUNTIME_SECCOMP_PARSE_H
#define IMGC_RUNTIME_SECCOMP_PARSE_H

#include "runtime/seccomp_rules.h"
#include "schema/base/str.h"

/** AUDIT_ARCH_... of the 32-bit programs that this machine runs too and that there are rules for; 0
 * where there are none. */
uint32_t seccomp_parse_compat(void);

/**
 * Read the document @text.
 * @arch    AUDIT_ARCH_..., or 0 for this machine's own.
 * @ret     free with seccomp_rules_done(). @return 0; -DOCUMENT; -HOST (architecture without
 *          rules); -NOMEM.
 */
IMGC_CHECK int seccomp_parse(struct imgc_str text, uint32_t arch, struct seccomp_rules *ret,
                             struct imgc_err *reterr);

#endif
