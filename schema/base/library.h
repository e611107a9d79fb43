/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared libraries that are loaded when they are first needed, not when the program starts: what
 * only some commands use would cost the others more time than their own work does.
 *
 * A user of such a library has one header with a struct of function pointers, typed after the
 * library's own prototypes, and a table of their names.
 *
 * Source: dlopen(3).
 */
#ifndef IMGC_SCHEMA_BASE_LIBRARY_H
#define IMGC_SCHEMA_BASE_LIBRARY_H

#include <stddef.h>

#include "schema/base/err.h"

struct library_symbol {
    const char *name; /* NULL ends a table */
    size_t offset;    /* of the pointer to it in the struct that library_load() fills */
};

/**
 * Load @soname, as the loader of the program would, and look its symbols up. It stays loaded: not
 * every library can be unloaded. May be called again, and by several threads.
 *
 * @functions  struct of function pointers; filled on success only.
 * @return     0; -HOST where the library is not installed, or lacks a symbol.
 */
IMGC_CHECK int library_load(const char *soname, const struct library_symbol *symbols,
                            void *functions, struct imgc_err *reterr);

#endif
