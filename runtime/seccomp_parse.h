/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read the rules of a system call filter for this machine from a document: schema/seccomp.json.
 * Happens when imgc is built: reading them again, and asking libseccomp for the numbers, took a
 * tenth of the time that a container takes to start.
 *
 * The document: "default" and the "action" of a rule are "allow" or an errno name. "names" are
 * system calls; those that this architecture does not have are left out. "cap": the rule holds
 * only with that capability. "arg" with "equals" (a list) or "any_bit" (a mask): the rule fits only
 * if the low 32 bits of that argument do. The first rule that fits decides. "numbers": calls
 * younger than the installed libseccomp; a number, or one for each architecture.
 */
#ifndef IMGC_RUNTIME_SECCOMP_PARSE_H
#define IMGC_RUNTIME_SECCOMP_PARSE_H

#include "runtime/seccomp_rules.h"
#include "schema/base/str.h"

/**
 * Read the document @text.
 * @ret     free with seccomp_rules_done(). @return 0; -DOCUMENT; -HOST (architecture without
 *          rules); -NOMEM.
 */
IMGC_CHECK int seccomp_parse(struct imgc_str text, struct seccomp_rules *ret,
                             struct imgc_err *reterr);

#endif
