/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a system call filter as data, with names turned into numbers. They come from
 * schema/seccomp.json by way of seccomp_parse.h, when imgc is built (seccomp_table.h).
 */
#ifndef IMGC_RUNTIME_SECCOMP_RULES_H
#define IMGC_RUNTIME_SECCOMP_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"

#define SECCOMP_RULES_VALUES 8 /* in one "equals" */

enum seccomp_rules_test {
    SECCOMP_RULES_ALWAYS,
    SECCOMP_RULES_EQUALS,  /* the argument is one of the values */
    SECCOMP_RULES_ANY_BIT, /* the argument has one of the bits of values[0] */
};

struct seccomp_rule {
    uint32_t nr;     /* system call number */
    uint32_t order;  /* position in the document */
    int32_t cap;     /* the rule holds only with this capability; -1: always */
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
    uint32_t arch;     /* AUDIT_ARCH_... whose numbers these are */
};

#define SECCOMP_RULES_INIT                              \
    {                                                   \
        .rules = NULL, .n = 0, .fallback = 0, .arch = 0 \
    }
#define seccomp_rules_auto imgc_auto(seccomp_rules_done)

/**
 * Take those of the rules @from[0..n) that hold with the capabilities @caps, in their order.
 * @ret  its .rules and .n are filled; free with seccomp_rules_done(). @return 0; -NOMEM.
 */
IMGC_CHECK int seccomp_rules_select(const struct seccomp_rule *from, size_t n, uint64_t caps,
                                    struct seccomp_rules *ret, struct imgc_err *reterr);
void seccomp_rules_done(struct seccomp_rules *r);

#endif
