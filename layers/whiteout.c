/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/whiteout.h"

static const struct imgc_str prefix = { ".wh.", 4 };
static const struct imgc_str meta_prefix = { ".wh..wh.", 8 };
static const struct imgc_str opaque = { ".wh..wh..opq", 12 };

/* AUFS kept its own directories in each layer (".wh..wh.plnk/..."): all below them is its own. */
static bool is_below_meta(struct imgc_str parent)
{
    struct imgc_str part;

    while (imgc_str_token(&parent, '/', &part)) {
        if (imgc_str_starts(part, meta_prefix)) {
            return true;
        }
    }
    return false;
}

/* Names for which "hide this" would hide the directory itself or leave it. */
static bool names_nothing(struct imgc_str hidden)
{
    return hidden.len == 0 || imgc_str_eq(hidden, IMGC_STR(".")) ||
           imgc_str_eq(hidden, IMGC_STR(".."));
}

int whiteout_classify(struct imgc_str path, struct whiteout *ret, struct imgc_err *reterr)
{
    struct whiteout w = { .kind = WHITEOUT_NONE };
    struct imgc_str base;

    (void)imgc_str_rsplit(path, '/', &w.parent, &base);
    if (is_below_meta(w.parent) || imgc_str_starts(base, meta_prefix)) {
        bool is_mark = imgc_str_eq(base, opaque) && !is_below_meta(w.parent);
        w.kind = is_mark ? WHITEOUT_OPAQUE : WHITEOUT_META;
    } else if (imgc_str_starts(base, prefix)) {
        w.kind = WHITEOUT_NAME;
        w.name = imgc_str_from(base, prefix.len);
        if (names_nothing(w.name)) {
            return imgc_fail(reterr, IMGC_E_LAYER, "a whiteout that names nothing: " IMGC_STR_FMT,
                             IMGC_STR_ARG(path));
        }
    }
    *ret = w;
    return 0;
}
