/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The default filter's rules, which cmake/seccomp_table.c makes from schema/seccomp.json when imgc
 * is built. There are none for a machine that seccomp_parse() knows no rules for.
 */
#ifndef IMGC_RUNTIME_SECCOMP_TABLE_H
#define IMGC_RUNTIME_SECCOMP_TABLE_H

#include "runtime/seccomp_rules.h"

extern const struct seccomp_rule seccomp_table[]; /* sorted by nr, then order */
extern const size_t seccomp_table_length;
extern const uint32_t seccomp_table_fallback, seccomp_table_arch; /* as in struct seccomp_rules */

#endif
