/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/posix_acl.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>

#include "schema/limits.h"

#define ACES_MAX                                                   \
    ((LIMIT_XATTR_BYTES - sizeof(struct posix_acl_xattr_header)) / \
     sizeof(struct posix_acl_xattr_entry))

struct ace {
    uint16_t tag, perm;
    uint32_t id;
};

struct acl {
    struct ace *aces;
    size_t n;
};

static int acl_add(struct acl *a, struct ace ace, struct imgc_err *reterr)
{
    if (a->n >= ACES_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "more than %zu entries in an ACL", ACES_MAX);
    }
    struct ace *grown = realloc(a->aces, (a->n + 1) * sizeof *grown);
    if (!grown) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    a->aces = grown;
    a->aces[a->n++] = ace;
    return 0;
}

static uint16_t kernel_tag(int tag)
{
    switch (tag) {
    case ARCHIVE_ENTRY_ACL_USER_OBJ:
        return ACL_USER_OBJ;
    case ARCHIVE_ENTRY_ACL_USER:
        return ACL_USER;
    case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
        return ACL_GROUP_OBJ;
    case ARCHIVE_ENTRY_ACL_GROUP:
        return ACL_GROUP;
    case ARCHIVE_ENTRY_ACL_MASK:
        return ACL_MASK;
    case ARCHIVE_ENTRY_ACL_OTHER:
        return ACL_OTHER;
    default:
        return 0;
    }
}

static bool is_named(const struct ace *a)
{
    return a->tag == ACL_USER || a->tag == ACL_GROUP;
}

static struct ace *find_tag(struct acl *a, uint16_t tag)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->aces[i].tag == tag) {
            return &a->aces[i];
        }
    }
    return NULL;
}

static int collect(const struct libarchive *la, struct archive_entry *ae, int type, struct acl *ret,
                   struct imgc_err *reterr)
{
    int got_type = 0;
    int permset = 0;
    int tag = 0;
    int id = 0;
    const char *name = NULL;

    (void)la->entry_acl_reset(ae, type);
    while (la->entry_acl_next(ae, type, &got_type, &permset, &tag, &id, &name) == ARCHIVE_OK) {
        struct ace ace = { kernel_tag(tag), (uint16_t)(permset & 07), (uint32_t)id };
        /* Without a number the name would be one of the builder's users, not of the image's. */
        if (!ace.tag || (is_named(&ace) && id < 0)) {
            continue;
        }
        if (!is_named(&ace)) {
            ace.id = (uint32_t)ACL_UNDEFINED_ID;
            if (find_tag(ret, ace.tag)) {
                continue;
            }
        }
        int r = acl_add(ret, ace, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* The kernel refuses an ACL without the three of the mode, or with names and no mask. */
static int complete(struct acl *a, uint32_t mode, struct imgc_err *reterr)
{
    const struct ace base[] = {
        { ACL_USER_OBJ, (uint16_t)(mode >> 6 & 07), (uint32_t)ACL_UNDEFINED_ID },
        { ACL_GROUP_OBJ, (uint16_t)(mode >> 3 & 07), (uint32_t)ACL_UNDEFINED_ID },
        { ACL_OTHER, (uint16_t)(mode & 07), (uint32_t)ACL_UNDEFINED_ID },
    };
    struct ace mask = { ACL_MASK, 0, (uint32_t)ACL_UNDEFINED_ID };
    bool has_names = false;

    for (size_t i = 0; i < sizeof base / sizeof *base; i++) {
        int r = find_tag(a, base[i].tag) ? 0 : acl_add(a, base[i], reterr);
        if (r < 0) {
            return r;
        }
    }
    for (size_t i = 0; i < a->n; i++) {
        has_names = has_names || is_named(&a->aces[i]);
        if (is_named(&a->aces[i]) || a->aces[i].tag == ACL_GROUP_OBJ) {
            mask.perm |= a->aces[i].perm;
        }
    }
    return has_names && !find_tag(a, ACL_MASK) ? acl_add(a, mask, reterr) : 0;
}

static int by_tag_and_id(const void *x, const void *y)
{
    const struct ace *a = x;
    const struct ace *b = y;

    if (a->tag != b->tag) {
        return a->tag < b->tag ? -1 : 1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

static int add_xattr(struct entry *e, const char *name, struct acl *a, struct imgc_err *reterr)
{
    struct posix_acl_xattr_header head = { .a_version = htole32(POSIX_ACL_XATTR_VERSION) };
    size_t len = sizeof head + a->n * sizeof(struct posix_acl_xattr_entry);
    unsigned char *value = malloc(len);

    if (!value) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    qsort(a->aces, a->n, sizeof *a->aces, by_tag_and_id);
    memcpy(value, &head, sizeof head);
    for (size_t i = 0; i < a->n; i++) {
        struct posix_acl_xattr_entry x = { .e_tag = htole16(a->aces[i].tag),
                                           .e_perm = htole16(a->aces[i].perm),
                                           .e_id = htole32(a->aces[i].id) };
        memcpy(value + sizeof head + i * sizeof x, &x, sizeof x);
    }
    int r = entry_add_xattr(e, name, value, len, reterr);
    free(value);
    return r;
}

static int add_access(const struct libarchive *la, struct archive_entry *ae, struct acl *a,
                      struct entry *e, struct imgc_err *reterr)
{
    int r = collect(la, ae, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, a, reterr);

    if (r == 0) {
        r = complete(a, e->mode, reterr);
    }
    if (r < 0 || a->n <= 3) {
        return r; /* the mode says it all */
    }
    const struct ace *mask = find_tag(a, ACL_MASK);
    if (mask) {
        e->mode = (e->mode & ~070u) | (uint32_t)mask->perm << 3;
    }
    return add_xattr(e, "system.posix_acl_access", a, reterr);
}

static int add_default(const struct libarchive *la, struct archive_entry *ae, struct acl *a,
                       struct entry *e, struct imgc_err *reterr)
{
    int r = collect(la, ae, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, a, reterr);

    if (r < 0 || a->n == 0) {
        return r;
    }
    r = complete(a, e->mode, reterr);
    return r < 0 ? r : add_xattr(e, "system.posix_acl_default", a, reterr);
}

int posix_acl_add(const struct libarchive *la, struct archive_entry *ae, struct entry *e,
                  struct imgc_err *reterr)
{
    int types = la->entry_acl_types(ae);
    struct acl a = { .aces = NULL };
    int r = 0;

    if (e->type == ENTRY_SYMLINK) {
        return 0; /* the kernel has none on links */
    }
    if (e->type == ENTRY_DIR && (types & ARCHIVE_ENTRY_ACL_TYPE_DEFAULT)) {
        r = add_default(la, ae, &a, e, reterr);
    }
    a.n = 0;
    if (r == 0 && (types & ARCHIVE_ENTRY_ACL_TYPE_ACCESS)) {
        r = add_access(la, ae, &a, e, reterr);
    }
    free(a.aces);
    return r;
}
