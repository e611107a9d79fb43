/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The upper directory of an overlay as a layer: what a container added, changed and deleted, in the
 * form that layers have it.
 *
 * Source: Linux Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories"; OCI
 * image-spec v1.1, layer.md, "Whiteouts".
 */
#ifndef IMGC_LAYERS_UPPER_H
#define IMGC_LAYERS_UPPER_H

#include "layers/entry.h"

enum { UPPER_OPAQUE = 1 };

/**
 * Make @e, an entry of dir_source_new_of() with args.overlay, the entry of a layer: a whiteout
 * becomes the empty file ".wh.NAME".
 *
 * @notes   dir_source_notes() of it.
 * @return  0; UPPER_OPAQUE: upper_hide_below() makes the entry that follows; -UNSUPPORTED for what
 *          a layer cannot say: a name that begins with ".wh.", a file that is not whole.
 */
IMGC_CHECK int upper_translate(struct entry *e, unsigned notes, struct imgc_err *reterr);

/** The entry which says that nothing of the layers below is in the directory @dir any more.
 * @ret  was initialised with ENTRY_INIT. @return 0; -LIMIT; -NOMEM. */
IMGC_CHECK int upper_hide_below(const struct entry *dir, struct entry *ret,
                                struct imgc_err *reterr);

#endif
