/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/upper.h"

#include <string.h>

#include "layers/dir_source.h"
#include "schema/base/buf.h"
#include "schema/limits.h"

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Nobody's and of no time: when it was deleted is not kept, as deleting twice is the same. */
static int make_marker(struct imgc_str dir, const char *name, struct entry *ret,
                       struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);

    imgc_buf_add(&b, dir.ptr, dir.len);
    imgc_buf_printf(&b, ".wh.%s", name);
    entry_done(ret);
    *ret = (struct entry){ .type = ENTRY_FILE };
    return imgc_buf_take(&b, &ret->path, reterr);
}

static int make_whiteout(struct entry *e, struct imgc_err *reterr)
{
    imgc_autofree char *path = imgc_take(e->path);
    const char *name = name_of(path);

    if (strlen(name) > LIMIT_NAME_BYTES - strlen(".wh.")) {
        return imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                         "'%s' was deleted, but its name is too long for a layer to say so", path);
    }
    return make_marker((struct imgc_str){ path, (size_t)(name - path) }, name, e, reterr);
}

int upper_translate(struct entry *e, unsigned notes, struct imgc_err *reterr)
{
    if (imgc_str_starts(imgc_str_of(name_of(e->path)), IMGC_STR(".wh."))) {
        return imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                         "'%s': names that begin with '.wh.' mean removed files in an image; "
                         "rename or remove it",
                         e->path);
    }
    if (notes & DIR_SOURCE_PARTIAL) {
        return imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                         "'%s' is a part of a file below it (redirect or metacopy of overlayfs), "
                         "which imgc does not make",
                         e->path);
    }
    if (e->type != ENTRY_DIR && notes & DIR_SOURCE_WHITEOUT) {
        return make_whiteout(e, reterr);
    }
    return e->type == ENTRY_DIR && notes & DIR_SOURCE_OPAQUE ? UPPER_OPAQUE : 0;
}

int upper_hide_below(const struct entry *dir, struct entry *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    struct imgc_str prefix;

    imgc_buf_printf(&b, "%s%s", dir->path, *dir->path ? "/" : "");
    int r = imgc_buf_finish(&b, &prefix, reterr);
    return r < 0 ? r : make_marker(prefix, ".wh..opq", ret, reterr);
}
