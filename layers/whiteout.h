/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whiteouts: how one layer says that a path of the layers below it is gone.
 *
 * Source: OCI image-spec v1.1, layer.md, "Whiteouts" and "Opaque Whiteout".
 */
#ifndef IMGC_LAYERS_WHITEOUT_H
#define IMGC_LAYERS_WHITEOUT_H

#include "schema/base/err.h"
#include "schema/base/str.h"

enum whiteout_kind {
    WHITEOUT_NONE,   /* an ordinary entry */
    WHITEOUT_NAME,   /* ".wh.NAME": NAME of the lower layers is hidden */
    WHITEOUT_OPAQUE, /* ".wh..wh..opq": all lower children of the parent are hidden */
    WHITEOUT_META,   /* other ".wh..wh.*": AUFS leftovers of old Docker images, not in the spec */
};

struct whiteout {
    enum whiteout_kind kind;
    struct imgc_str parent; /* directory part of the path, "" for the layer's root */
    struct imgc_str name;   /* the hidden name; WHITEOUT_NAME only, else empty */
};

/**
 * Tell what one path of a layer changeset means. Pure: no I/O, no allocation.
 *
 * @path    as entry_clean_path() returns it: relative, no "." or ".." component.
 * @ret     filled on success only; its slices borrow from @path.
 * @return  0, or -LAYER for a whiteout that names nothing (".wh.", ".wh..", ".wh...").
 */
IMGC_CHECK int whiteout_classify(struct imgc_str path, struct whiteout *ret,
                                 struct imgc_err *reterr);

#endif
