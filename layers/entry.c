/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/entry.h"

#include <stdlib.h>

#include "schema/base/buf.h"
#include "schema/limits.h"

void entry_done(struct entry *e)
{
    free(e->path);
    free(e->target);
    free(e->extents);
    for (size_t i = 0; i < e->n_xattrs; i++) {
        free(e->xattrs[i].name);
        free(e->xattrs[i].value);
    }
    free(e->xattrs);
    *e = (struct entry)ENTRY_INIT;
}

/* What a ".." does: the name of an entry may not have one, the target of a hard link goes up, but
 * not above the root. */
enum dotdot { DOTDOT_REFUSE, DOTDOT_CLAMP };

static void go_up(struct imgc_buf *b, size_t *depth)
{
    while (b->len && b->ptr[b->len - 1] != '/') {
        b->len--;
    }
    if (b->len) {
        b->len--;
    }
    if (b->ptr) {
        b->ptr[b->len] = '\0';
    }
    *depth -= *depth > 0;
}

static int add_component(struct imgc_buf *b, struct imgc_str part, size_t *depth,
                         struct imgc_err *reterr)
{
    if (part.len > LIMIT_NAME_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a name of %zu bytes, more than %d", part.len,
                         LIMIT_NAME_BYTES);
    }
    if (++*depth > LIMIT_PATH_DEPTH) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a path of more than %d components",
                         LIMIT_PATH_DEPTH);
    }
    if (b->len) {
        imgc_buf_putc(b, '/');
    }
    imgc_buf_str(b, part);
    return 0;
}

static int clean_component(struct imgc_buf *b, struct imgc_str part, enum dotdot dotdot,
                           size_t *depth, struct imgc_err *reterr)
{
    if (part.len == 0 || imgc_str_eq(part, IMGC_STR("."))) {
        return 0;
    }
    if (!imgc_str_eq(part, IMGC_STR(".."))) {
        return add_component(b, part, depth, reterr);
    }
    if (dotdot == DOTDOT_REFUSE) {
        return imgc_fail(reterr, IMGC_E_LAYER, "a name with a '..' in it");
    }
    go_up(b, depth);
    return 0;
}

static int clean(struct imgc_str name, enum dotdot dotdot, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    struct imgc_str rest = name;
    struct imgc_str part;
    size_t depth = 0;
    int r = 0;

    if (name.len && memchr(name.ptr, '\0', name.len)) {
        r = imgc_fail(reterr, IMGC_E_LAYER, "a name with a NUL byte in it");
    }
    while (r == 0 && imgc_str_token(&rest, '/', &part)) {
        r = clean_component(&b, part, dotdot, &depth, reterr);
    }
    if (r == 0) {
        r = imgc_buf_take(&b, ret, reterr);
    }
    return r < 0 ? imgc_context(reterr, IMGC_STR_FMT, IMGC_STR_ARG(imgc_str_first(name, 200))) : 0;
}

int entry_clean_path(struct imgc_str name, char **ret, struct imgc_err *reterr)
{
    return clean(name, DOTDOT_REFUSE, ret, reterr);
}

int entry_clean_target(struct imgc_str target, char **ret, struct imgc_err *reterr)
{
    return clean(target, DOTDOT_CLAMP, ret, reterr);
}

bool entry_is_clean_path(struct imgc_str path)
{
    struct imgc_str rest = path;
    struct imgc_str part;
    size_t depth = 0;

    if (path.len == 0) {
        return true;
    }
    if (path.len > LIMIT_PATH_BYTES || path.ptr[path.len - 1] == '/' ||
        memchr(path.ptr, '\0', path.len)) {
        return false;
    }
    while (imgc_str_token(&rest, '/', &part)) {
        if (part.len == 0 || part.len > LIMIT_NAME_BYTES || imgc_str_eq(part, IMGC_STR(".")) ||
            imgc_str_eq(part, IMGC_STR("..")) || ++depth > LIMIT_PATH_DEPTH) {
            return false;
        }
    }
    return true;
}

bool entry_keeps_xattr(const char *name)
{
    static const char *const kept[] = { "security.", "user.", "trusted." };
    static const char *const refused[] = { "trusted.overlay.", "user.overlay." };
    struct imgc_str s = imgc_str_of(name);

    if (imgc_str_eq(s, IMGC_STR("system.posix_acl_access")) ||
        imgc_str_eq(s, IMGC_STR("system.posix_acl_default"))) {
        return true;
    }
    /* Labels belong to the policy of the host that runs the image, not of the one that built it. */
    if (imgc_str_eq(s, IMGC_STR("security.selinux")) || s.len > LIMIT_NAME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (imgc_str_starts(s, imgc_str_of(refused[i]))) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        /* The bare prefix is no name: the kernel answers EINVAL. */
        if (imgc_str_starts(s, imgc_str_of(kept[i])) && s.len > strlen(kept[i])) {
            return true;
        }
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    const struct xattr *x = a;
    const struct xattr *y = b;

    return strcmp(x->name, y->name);
}

void entry_sort_xattrs(struct entry *e)
{
    if (e->n_xattrs > 1) {
        qsort(e->xattrs, e->n_xattrs, sizeof *e->xattrs, by_name);
    }
}

static void xattr_done(struct xattr *x)
{
    free(x->name);
    free(x->value);
}

/* Make @name the only one of this name: a layer may name it twice, and the later one counts. */
static void drop_xattr(struct entry *e, const char *name)
{
    for (size_t i = 0; i < e->n_xattrs; i++) {
        if (strcmp(e->xattrs[i].name, name) == 0) {
            xattr_done(&e->xattrs[i]);
            e->xattrs[i] = e->xattrs[--e->n_xattrs];
            return;
        }
    }
}

int entry_add_xattr(struct entry *e, const char *name, const void *value, size_t len,
                    struct imgc_err *reterr)
{
    if (!entry_keeps_xattr(name)) {
        return 0;
    }
    if (len > LIMIT_XATTR_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "the xattr %s has %zu bytes, more than %u", name,
                         len, LIMIT_XATTR_BYTES);
    }
    drop_xattr(e, name);
    if (e->n_xattrs >= LIMIT_XATTRS_PER_ENTRY) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "more than %d xattrs", LIMIT_XATTRS_PER_ENTRY);
    }
    struct xattr *grown = realloc(e->xattrs, (e->n_xattrs + 1) * sizeof *grown);
    if (!grown) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    e->xattrs = grown;
    struct xattr x = { .name = strdup(name), .value = malloc(len ? len : 1), .len = len };
    if (!x.name || !x.value) {
        xattr_done(&x);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (len) {
        memcpy(x.value, value, len);
    }
    e->xattrs[e->n_xattrs++] = x;
    return 0;
}

int entry_add_extent(struct entry *e, const struct extent *x, struct imgc_err *reterr)
{
    struct extent *last = e->n_extents ? &e->extents[e->n_extents - 1] : NULL;

    if (x->len == 0) {
        return 0;
    }
    if (last && last->file_offset + last->len == x->file_offset &&
        last->source_offset + last->len == x->source_offset) {
        last->len += x->len;
        return 0;
    }
    if (e->n_extents >= ENTRY_EXTENTS_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "more than %u runs of data in a sparse file",
                         ENTRY_EXTENTS_MAX);
    }
    /* Room grows by doubling; a power of two is when it is used up. */
    if (!e->extents || (e->n_extents & (e->n_extents - 1)) == 0) {
        size_t room = e->n_extents ? e->n_extents * 2 : 1;
        struct extent *grown = realloc(e->extents, room * sizeof *grown);
        if (!grown) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        e->extents = grown;
    }
    e->extents[e->n_extents++] = *x;
    return 0;
}
