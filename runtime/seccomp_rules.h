/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a system call filter as data: schema/seccomp.json, cut down to those that hold for
 * a set of capabilities on this machine, with names turned into numbers.
 *
 * The document: "default" and the "action" of a rule are "allow" or an errno name. "names" are
 * system calls; those that this architecture does not have are left out. "cap": the rule holds
 * only with that capability. "arg" with "equals" (a list) or "any_bit" (a mask): the rule fits only
 * if the low 32 bits of that argument do. The first rule that fits decides. "numbers": calls
 * younger than the installed libseccomp; a number, or one for each architecture.
 */
#ifndef IMGC_RUNTIME_SECCOMP_RULES_H
#define IMGC_RUNTIME_SECCOMP_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

#define SECCOMP_RULES_VALUES 8 /* in one "equals" */

enum seccomp_rules_test {
    SECCOMP_RULES_ALWAYS,
    SECCOMP_RULES_EQUALS,  /* the argument is one of the values */
    SECCOMP_RULES_ANY_BIT, /* the argument has one of the bits of values[0] */
};

struct seccomp_rule {
    uint32_t nr;     /* system call number */
    uint32_t order;  /* position in the document */
    uint32_t action; /* SECCOMP_RET_ALLOW, or SECCOMP_RET_ERRNO with the errno in the low bits */
    enum seccomp_rules_test test;
    uint32_t arg; /* 0 to 5 */
    uint32_t values[SECCOMP_RULES_VALUES];
    uint32_t n_values;
};

struct seccomp_rules {
    struct seccomp_rule *rules; /* sorted by nr, then order; owned */
    size_t n;
    uint32_t fallback; /* action for every other call */
    uint32_t arch;     /* AUDIT_ARCH_... of this machine */
};

#define SECCOMP_RULES_INIT                              \
    {                                                   \
        .rules = NULL, .n = 0, .fallback = 0, .arch = 0 \
    }
#define seccomp_rules_auto imgc_auto(seccomp_rules_done)

/**
 * Read the document @text for a process with the capabilities @caps.
 * @ret     free with seccomp_rules_done(). @return 0; -DOCUMENT; -HOST (architecture without
 *          rules); -NOMEM.
 */
IMGC_CHECK int seccomp_rules_parse(struct imgc_str text, uint64_t caps, struct seccomp_rules *ret,
                                   struct imgc_err *reterr);
void seccomp_rules_done(struct seccomp_rules *r);

#endif
