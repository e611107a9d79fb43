/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/erofs_xattr.h"

#include <stdlib.h>

#include "layers/erofs_format.h"

#define INLINE_ID UINT32_MAX
#define SHARED_MAX UINT8_MAX /* numbers of shared xattrs behind one inode */
#define NAME_MAX_BYTES UINT8_MAX
#define VALUE_MAX_BYTES UINT16_MAX
#define INODE_MAX_BYTES \
    ((uint32_t)sizeof(struct erofs_xattr_head) + (UINT16_MAX - 1) * EROFS_XATTR_UNIT)

/* Enough of a SHA-256 to tell one from another. */
#define KEY_BYTES 16

struct erofs_xattr_item {
    uint8_t key[KEY_BYTES];
    uint32_t bytes; /* as an entry; 0: not to be shared */
    uint32_t seq;   /* how many were noted before it */
};

/* An xattr as the format has it. */
struct part {
    uint8_t prefix;
    struct imgc_str name; /* behind the prefix */
    const struct xattr *x;
};

void erofs_xattr_done(struct erofs_xattrs *x)
{
    free(x->items);
    free(x->ids);
    x->items = NULL;
    x->ids = NULL;
}

static struct part part_of(const struct xattr *x)
{
    static const struct {
        const char *text;
        uint8_t prefix;
    } prefixes[] = {
        { "user.", EROFS_PREFIX_USER },
        { "trusted.", EROFS_PREFIX_TRUSTED },
        { "security.", EROFS_PREFIX_SECURITY },
        { "system.posix_acl_access", EROFS_PREFIX_ACL_ACCESS },
        { "system.posix_acl_default", EROFS_PREFIX_ACL_DEFAULT },
    };
    struct part p = { .prefix = 0, .name = imgc_str_of(x->name), .x = x };

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (imgc_str_skip(&p.name, imgc_str_of(prefixes[i].text))) {
            p.prefix = prefixes[i].prefix;
            break;
        }
    }
    return p;
}

static bool is_kept(const struct tree_inode *inode, struct part p)
{
    switch (p.prefix) {
    case 0:
        return false; /* entry_keeps_xattr() lets no other through */
    case EROFS_PREFIX_USER:
        return inode->type == ENTRY_FILE || inode->type == ENTRY_DIR;
    case EROFS_PREFIX_ACL_ACCESS:
    case EROFS_PREFIX_ACL_DEFAULT:
        return inode->type != ENTRY_SYMLINK;
    default:
        return true;
    }
}

/* The next one that is kept from *at on. */
static bool next_part(const struct tree_inode *inode, size_t *at, struct part *ret)
{
    while (*at < inode->n_xattrs) {
        *ret = part_of(&inode->xattrs[(*at)++]);
        if (is_kept(inode, *ret)) {
            return true;
        }
    }
    return false;
}

size_t erofs_xattr_count(const struct tree_inode *inode)
{
    struct part p;
    size_t n = 0;

    for (size_t at = 0; next_part(inode, &at, &p);) {
        n++;
    }
    return n;
}

static uint32_t entry_bytes(struct part p)
{
    uint32_t n = (uint32_t)(sizeof(struct erofs_xattr_entry) + p.name.len + p.x->len);

    return (n + EROFS_XATTR_UNIT - 1) / EROFS_XATTR_UNIT * EROFS_XATTR_UNIT;
}

static struct erofs_xattr_entry entry_of(struct part p)
{
    return (struct erofs_xattr_entry){ .name_len = (uint8_t)p.name.len,
                                       .prefix = p.prefix,
                                       .value_len = htole16((uint16_t)p.x->len) };
}

static int hash_part(struct part p, uint8_t key[KEY_BYTES], struct imgc_err *reterr)
{
    struct erofs_xattr_entry entry = entry_of(p);
    struct digest_hasher *h = NULL;
    struct digest d;

    int r = digest_hasher_new(DIGEST_SHA256, &h, reterr);
    if (r >= 0) {
        r = digest_hasher_update(h, &entry, sizeof entry, reterr);
    }
    if (r >= 0) {
        r = digest_hasher_update(h, p.name.ptr, p.name.len, reterr);
    }
    if (r >= 0) {
        r = digest_hasher_update(h, p.x->value, p.x->len, reterr);
    }
    if (r >= 0) {
        r = digest_hasher_final(h, &d, reterr);
    }
    if (r >= 0) {
        memcpy(key, d.bytes, KEY_BYTES);
    }
    digest_hasher_freep(&h);
    return r;
}

/* Linux takes no others and fails to execute a file that has one. Revision 2 has 20 bytes, revision
 * 3 (with the ID of a user namespace's root) 24. */
static bool is_good_capability(const struct xattr *x)
{
    const unsigned char *v = x->value;

    return (x->len == 20 && v[3] == 2) || (x->len == 24 && v[3] == 3);
}

static int check_part(struct part p, struct imgc_err *reterr)
{
    if (p.name.len > NAME_MAX_BYTES || p.x->len > VALUE_MAX_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "EROFS holds no xattr of %zu bytes ('%s')", p.x->len,
                         p.x->name);
    }
    if (strcmp(p.x->name, "security.capability") == 0 && !is_good_capability(p.x)) {
        return imgc_fail(reterr, IMGC_E_LAYER, "its security.capability is malformed");
    }
    return 0;
}

static int note_part(struct erofs_xattrs *x, struct part p, bool may_share, struct imgc_err *reterr)
{
    int r = check_part(p, reterr);
    if (r < 0) {
        return r;
    }
    if (x->n == x->room) {
        size_t room = x->room > 0 ? 2 * x->room : 64;
        struct erofs_xattr_item *grown =
            x->n < UINT32_MAX ? realloc(x->items, room * sizeof *grown) : NULL;
        if (!grown) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        x->items = grown;
        x->room = room;
    }
    struct erofs_xattr_item *item = &x->items[x->n];
    item->seq = (uint32_t)x->n++;
    item->bytes = may_share ? entry_bytes(p) : 0;
    return hash_part(p, item->key, reterr);
}

int erofs_xattr_note(struct erofs_xattrs *x, const struct tree_inode *inode,
                     struct imgc_err *reterr)
{
    struct part p;
    int r = 0;

    for (size_t at = 0, i = 0; r >= 0 && next_part(inode, &at, &p); i++) {
        r = note_part(x, p, i < SHARED_MAX, reterr);
    }
    return r;
}

static int by_key(const void *a, const void *b)
{
    const struct erofs_xattr_item *x = a, *y = b;
    int order = memcmp(x->key, y->key, KEY_BYTES);

    return order != 0 ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

static int by_seq(const void *a, const void *b)
{
    const struct erofs_xattr_item *x = a, *y = b;

    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Items of one key, in order: the number of each is for now that of the first, if they are several
 * that may be shared. */
static void number_group(struct erofs_xattrs *x, const struct erofs_xattr_item *items, size_t n)
{
    size_t n_sharing = 0;
    uint32_t first = INLINE_ID;

    for (size_t i = n; i-- > 0;) {
        if (items[i].bytes > 0) {
            first = items[i].seq;
            n_sharing++;
        }
    }
    for (size_t i = 0; i < n; i++) {
        x->ids[items[i].seq] = items[i].bytes > 0 && n_sharing > 1 ? first : INLINE_ID;
    }
}

/* The first of each group gets its place, in order; the others point back to it. */
static int place_shared(struct erofs_xattrs *x, struct imgc_err *reterr)
{
    uint64_t next = 0;

    for (size_t i = 0; i < x->n; i++) {
        if (x->ids[i] == i) {
            x->ids[i] = (uint32_t)next;
            next += x->items[i].bytes / EROFS_XATTR_UNIT;
        } else if (x->ids[i] != INLINE_ID) {
            x->ids[i] = x->ids[x->ids[i]];
        }
        if (next >= INLINE_ID) {
            return imgc_fail(reterr, IMGC_E_LIMIT, "EROFS holds no more than 16 GiB of xattrs");
        }
    }
    x->shared_bytes = next * EROFS_XATTR_UNIT;
    return 0;
}

static int number_shared(struct erofs_xattrs *x, struct imgc_err *reterr)
{
    qsort(x->items, x->n, sizeof *x->items, by_key);
    for (size_t i = 0, k = 0; i < x->n; i = k) {
        while (k < x->n && memcmp(x->items[i].key, x->items[k].key, KEY_BYTES) == 0) {
            k++;
        }
        number_group(x, &x->items[i], k - i);
    }
    qsort(x->items, x->n, sizeof *x->items, by_seq);
    return place_shared(x, reterr);
}

int erofs_xattr_settle(struct erofs_xattrs *x, struct imgc_err *reterr)
{
    if (x->n == 0) {
        return 0;
    }
    x->ids = malloc(x->n * sizeof *x->ids);
    if (!x->ids) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = number_shared(x, reterr);
    free(x->items);
    x->items = NULL;
    return r;
}

/* At most SHARED_MAX, since no more are noted as sharing. */
static size_t count_shared(const struct erofs_xattrs *x, size_t first, size_t n)
{
    size_t n_shared = 0;

    for (size_t i = 0; i < n; i++) {
        n_shared += x->ids[first + i] != INLINE_ID;
    }
    return n_shared;
}

int erofs_xattr_size(const struct erofs_xattrs *x, size_t first, const struct tree_inode *inode,
                     uint32_t *ret, struct imgc_err *reterr)
{
    uint64_t bytes = 0;
    struct part p;

    for (size_t at = 0, i = 0; next_part(inode, &at, &p); i++) {
        bytes += x->ids[first + i] != INLINE_ID ? EROFS_XATTR_UNIT : entry_bytes(p);
    }
    if (bytes > 0) {
        bytes += sizeof(struct erofs_xattr_head);
    }
    if (bytes > INODE_MAX_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "EROFS holds no %llu bytes of xattrs of one file",
                         (unsigned long long)bytes);
    }
    *ret = (uint32_t)bytes;
    return 0;
}

static int write_entry(struct part p, struct erofs_out *out, struct imgc_err *reterr)
{
    struct erofs_xattr_entry entry = entry_of(p);
    uint64_t end = out->at + entry_bytes(p);

    int r = erofs_out_add(out, &entry, sizeof entry, reterr);
    if (r >= 0) {
        r = erofs_out_add(out, p.name.ptr, p.name.len, reterr);
    }
    if (r >= 0) {
        r = erofs_out_add(out, p.x->value, p.x->len, reterr);
    }
    return r < 0 ? r : erofs_out_pad(out, end, reterr);
}

static int write_numbers(const struct erofs_xattrs *x, size_t first, size_t n,
                         struct erofs_out *out, struct imgc_err *reterr)
{
    struct erofs_xattr_head head = { .shared = (uint8_t)count_shared(x, first, n) };
    int r = erofs_out_add(out, &head, sizeof head, reterr);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        if (x->ids[first + i] != INLINE_ID) {
            uint32_t id = htole32(x->ids[first + i]);
            r = erofs_out_add(out, &id, sizeof id, reterr);
        }
    }
    return r;
}

int erofs_xattr_write(const struct erofs_xattrs *x, size_t first, const struct tree_inode *inode,
                      struct erofs_out *out, struct imgc_err *reterr)
{
    size_t n = erofs_xattr_count(inode);
    struct part p;

    if (n == 0) {
        return 0;
    }
    int r = write_numbers(x, first, n, out, reterr);
    for (size_t at = 0, i = 0; r >= 0 && next_part(inode, &at, &p); i++) {
        if (x->ids[first + i] == INLINE_ID) {
            r = write_entry(p, out, reterr);
        }
    }
    return r;
}

int erofs_xattr_write_shared(const struct erofs_xattrs *x, size_t first,
                             const struct tree_inode *inode, uint64_t area, struct erofs_out *out,
                             struct imgc_err *reterr)
{
    struct part p;
    int r = 0;

    for (size_t at = 0, i = 0; r >= 0 && next_part(inode, &at, &p); i++) {
        uint32_t id = x->ids[first + i];
        if (id != INLINE_ID && area + (uint64_t)id * EROFS_XATTR_UNIT == out->at) {
            r = write_entry(p, out, reterr);
        }
    }
    return r;
}
