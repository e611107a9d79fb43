/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the repository that are compiled into the binary (cmake/embed.cmake makes the tables).
 */
#ifndef IMGC_SCHEMA_EMBED_H
#define IMGC_SCHEMA_EMBED_H

struct embed {
    const char *name; /* base name of the file; NULL ends the table */
    const char *text; /* NUL-terminated content */
};

extern const struct embed sql_embedded[];     /* schema/sql/NNN_*.sql, in order */
extern const struct embed seccomp_embedded[]; /* schema/seccomp.json, one row */

#endif
