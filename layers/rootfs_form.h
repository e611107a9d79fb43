/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which form images are kept for mounting on this host, and why. What was found out by trying
 * is remembered in the store's index.
 */
#ifndef IMGC_LAYERS_ROOTFS_FORM_H
#define IMGC_LAYERS_ROOTFS_FORM_H

#include <stdbool.h>

#include "schema/base/str.h"
#include "store/store.h"

enum rootfs_form {
    ROOTFS_AUTO,     /* EROFS where this host does it */
    ROOTFS_EROFS,    /* one index over the layers' tars */
    ROOTFS_DIRECTORY /* a directory for each layer */
};

#define ROOTFS_FORM_REASON_MAX 256

struct rootfs_choice {
    enum rootfs_form form; /* not AUTO */
    char reason[ROOTFS_FORM_REASON_MAX];
};

/** "auto", "erofs", "directory". */
const char *rootfs_form_name(enum rootfs_form form);
bool rootfs_form_parse(const char *text, enum rootfs_form *ret);

/** @return 0; -HOST where @want is EROFS and this host does not do it (the message says why). */
IMGC_CHECK int rootfs_form_choose(struct store *s, enum rootfs_form want, struct rootfs_choice *ret,
                                  struct imgc_err *reterr);

#endif
