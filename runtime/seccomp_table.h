/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The default filter's rules, which cmake/seccomp_table.c makes from schema/seccomp.json when imgc
 * is built. There are none for a machine that seccomp_parse() knows no rules for.
 */
#ifndef IMGC_RUNTIME_SECCOMP_TABLE_H
#define IMGC_RUNTIME_SECCOMP_TABLE_H

#include "runtime/seccomp_rules.h"

struct seccomp_table {
    const struct seccomp_rule *rules; /* sorted by nr, then order */
    size_t n;
    uint32_t fallback, arch; /* as in struct seccomp_rules */
};

/* The machine's own, then that of the 32-bit programs which it runs as well. */
#define SECCOMP_TABLES_MAX 2
extern const struct seccomp_table seccomp_tables[SECCOMP_TABLES_MAX];
extern const size_t seccomp_tables_length;

#endif
