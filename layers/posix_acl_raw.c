/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/posix_acl_raw.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>
#include <string.h>

#define HEAD sizeof(struct posix_acl_xattr_header)
#define ACE sizeof(struct posix_acl_xattr_entry)

struct ace {
    uint16_t tag, perm;
    uint32_t id;
};

static size_t count(const struct xattr *x)
{
    return (x->len - HEAD) / ACE;
}

static struct ace ace_at(const struct xattr *x, size_t i)
{
    struct posix_acl_xattr_entry raw;

    memcpy(&raw, (const char *)x->value + HEAD + i * ACE, ACE);
    return (struct ace){ le16toh(raw.e_tag), le16toh(raw.e_perm), le32toh(raw.e_id) };
}

static void set_perm(struct xattr *x, size_t i, uint32_t perm)
{
    uint16_t raw = htole16((uint16_t)perm);
    size_t at = HEAD + i * ACE + offsetof(struct posix_acl_xattr_entry, e_perm);

    memcpy((char *)x->value + at, &raw, sizeof raw);
}

static size_t count_tag(const struct xattr *x, uint16_t tag)
{
    size_t n = 0;

    for (size_t i = 0; i < count(x); i++) {
        n += ace_at(x, i).tag == tag;
    }
    return n;
}

static bool is_named(uint16_t tag)
{
    return tag == ACL_USER || tag == ACL_GROUP;
}

/* The tags' numbers are in the order in which they have to stand. */
static bool is_valid(const struct xattr *x)
{
    static const uint16_t known =
        ACL_USER_OBJ | ACL_USER | ACL_GROUP_OBJ | ACL_GROUP | ACL_MASK | ACL_OTHER;
    bool has_names = false;
    uint16_t before = 0;

    for (size_t i = 0; i < count(x); i++) {
        struct ace a = ace_at(x, i);
        bool is_one_tag = (a.tag & known) == a.tag && (a.tag & (a.tag - 1)) == 0;
        if (!is_one_tag || a.perm > 07 || a.tag < before || (a.tag == before && !is_named(a.tag)) ||
            (is_named(a.tag) && a.id == (uint32_t)ACL_UNDEFINED_ID)) {
            return false;
        }
        has_names = has_names || is_named(a.tag);
        before = a.tag;
    }
    return count_tag(x, ACL_USER_OBJ) == 1 && count_tag(x, ACL_GROUP_OBJ) == 1 &&
           count_tag(x, ACL_OTHER) == 1 && (!has_names || count_tag(x, ACL_MASK) == 1);
}

/* chmod() after the ACL is set: the mode's group bits are the mask, where there is one. */
static void take_mode(struct xattr *x, uint32_t mode)
{
    uint16_t group = count_tag(x, ACL_MASK) > 0 ? ACL_MASK : ACL_GROUP_OBJ;

    for (size_t i = 0; i < count(x); i++) {
        uint16_t tag = ace_at(x, i).tag;
        if (tag == ACL_USER_OBJ) {
            set_perm(x, i, mode >> 6 & 07);
        } else if (tag == group) {
            set_perm(x, i, mode >> 3 & 07);
        } else if (tag == ACL_OTHER) {
            set_perm(x, i, mode & 07);
        }
    }
}

enum { RAW_DROP = 1 };

static int settle(const struct entry *e, struct xattr *x, bool is_default, struct imgc_err *reterr)
{
    struct posix_acl_xattr_header head;

    if (e->type == ENTRY_SYMLINK || (is_default && e->type != ENTRY_DIR)) {
        return RAW_DROP;
    }
    if (x->len < HEAD) {
        return imgc_fail(reterr, IMGC_E_LAYER, "the ACL in '%s' is malformed", x->name);
    }
    memcpy(&head, x->value, HEAD);
    if (le32toh(head.a_version) != POSIX_ACL_XATTR_VERSION || x->len == HEAD) {
        return RAW_DROP;
    }
    if ((x->len - HEAD) % ACE != 0 || !is_valid(x)) {
        return imgc_fail(reterr, IMGC_E_LAYER, "the ACL in '%s' is malformed", x->name);
    }
    if (is_default) {
        return 0;
    }
    take_mode(x, e->mode);
    return count(x) == 3 ? RAW_DROP : 0;
}

static void drop(struct entry *e, size_t i)
{
    free(e->xattrs[i].name);
    free(e->xattrs[i].value);
    memmove(&e->xattrs[i], &e->xattrs[i + 1], (e->n_xattrs - i - 1) * sizeof *e->xattrs);
    e->n_xattrs--;
}

int posix_acl_raw_settle(struct entry *e, struct imgc_err *reterr)
{
    for (size_t i = e->n_xattrs; i-- > 0;) {
        struct xattr *x = &e->xattrs[i];
        bool is_default = strcmp(x->name, "system.posix_acl_default") == 0;
        if (!is_default && strcmp(x->name, "system.posix_acl_access") != 0) {
            continue;
        }
        int r = settle(e, x, is_default, reterr);
        if (r < 0) {
            return r;
        }
        if (r == RAW_DROP) {
            drop(e, i);
        }
    }
    return 0;
}
