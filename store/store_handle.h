/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store handle holds; for the files of this folder only.
 */
#ifndef IMGC_STORE_STORE_HANDLE_H
#define IMGC_STORE_STORE_HANDLE_H

#include "store/db.h"
#include "store/store.h"

struct store {
    char *root, *runroot; /* absolute; runroot may be NULL */
    char *index_path;
    int root_fd, layers_fd, containers_fd;
    struct db *db;
};

#endif
