/* SPDX-License-Identifier: Apache-2.0 */
/* What image.h offers for reading: by name, by ID, all. */
#include <stdio.h>

#include "store/image_load.h"
#include "store/store_handle.h"

#define ID_DIGITS_MIN 2

typedef int load_fn(struct store *s, const struct digest *id, struct image_list *ret,
                    struct imgc_err *reterr);

static int load_one(struct store *s, const struct digest *id, load_fn *load, struct image *ret,
                    struct imgc_err *reterr)
{
    image_list_auto struct image_list list = { .n = 0 };

    int r = load(s, id, &list, reterr);
    if (r < 0 || list.n == 0) {
        return r < 0 ? r : IMAGE_MISSING;
    }
    *ret = list.items[0];
    list.items[0] = (struct image){ .size = 0 };
    return 0;
}

int image_find_id(struct store *s, const struct digest *id, struct image *ret,
                  struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    return r < 0 ? r : load_one(s, id, image_load, ret, reterr);
}

static bool is_hex(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!strchr("0123456789abcdef", s.ptr[i]) || s.ptr[i] == '\0') {
            return false;
        }
    }
    return s.len >= ID_DIGITS_MIN && s.len < DIGEST_HEX_MAX;
}

/* Split "sha256:abc", "sha512:abc" or "abc". @return whether it may be an ID. */
static bool split_id(struct imgc_str name, const char **ret_alg, struct imgc_str *ret_hex,
                     bool *ret_explicit)
{
    *ret_alg = "sha256";
    *ret_explicit = true;
    *ret_hex = name;
    if (imgc_str_skip(ret_hex, IMGC_STR("sha512:"))) {
        *ret_alg = "sha512";
    } else if (!imgc_str_skip(ret_hex, IMGC_STR("sha256:"))) {
        *ret_explicit = false;
    }
    return is_hex(*ret_hex);
}

/* Images whose ID begins so: a range of the primary key, which 'g' ends. */
static int find_prefix(struct store *s, const char *alg, struct imgc_str hex, struct digest *ret,
                       struct imgc_err *reterr)
{
    char low[DIGEST_TEXT_MAX + 1], high[DIGEST_TEXT_MAX + 2];

    (void)snprintf(low, sizeof low, "%s:" IMGC_STR_FMT, alg, IMGC_STR_ARG(hex));
    (void)snprintf(high, sizeof high, "%sg", low);
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT id FROM image WHERE id >= ?1 AND id < ?2 LIMIT 2");
    db_bind_text(&st, 1, low);
    db_bind_text(&st, 2, high);
    int r = db_step(&st, reterr);
    if (r != DB_ROW) {
        return r < 0 ? r : IMAGE_MISSING;
    }
    r = db_col_digest(&st, 0, ret, reterr);
    if (r == 0) {
        r = db_step(&st, reterr);
    }
    if (r == DB_ROW) {
        return imgc_fail(reterr, IMGC_E_AMBIGUOUS,
                         "image ID '" IMGC_STR_FMT "' fits several images", IMGC_STR_ARG(hex));
    }
    return r;
}

static int find_name(struct store *s, struct imgc_str name, const struct platform *want,
                     struct digest *ret, struct imgc_err *reterr)
{
    struct digest top;
    ref_auto struct ref ref = REF_INIT;

    int r = ref_parse(name, &ref, reterr);
    return r < 0 ? r : image_load_ref(s, &ref, want, ret, &top, reterr);
}

/* A name wins over an ID, because a short ID is a name as well ("beef"). */
static int find_any(struct store *s, struct imgc_str name, const struct platform *want,
                    struct digest *ret, struct imgc_err *reterr)
{
    const char *alg;
    struct imgc_str hex;
    bool is_explicit;
    bool may_be_id = split_id(name, &alg, &hex, &is_explicit);

    if (!may_be_id || !is_explicit) {
        int r = find_name(s, name, want, ret, reterr);
        if (!may_be_id || r == 0 || (r < 0 && r != -(int)IMGC_E_REFERENCE)) {
            return r;
        }
    }
    int r = find_prefix(s, alg, hex, ret, reterr);
    if (r == IMAGE_MISSING && !is_explicit) {
        r = find_prefix(s, "sha512", hex, ret, reterr);
    }
    return r;
}

static int find_and_load(struct store *s, struct imgc_str name, const struct platform *want,
                         load_fn *load, struct image *ret, struct imgc_err *reterr)
{
    struct digest id;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    r = find_any(s, name, want, &id, reterr);
    return r != 0 ? r : load_one(s, &id, load, ret, reterr);
}

int image_find(struct store *s, struct imgc_str name, struct image *ret, struct imgc_err *reterr)
{
    return find_and_load(s, name, NULL, image_load, ret, reterr);
}

int image_find_stack(struct store *s, struct imgc_str name, const struct platform *want,
                     struct image *ret, struct imgc_err *reterr)
{
    return find_and_load(s, name, want, image_load_stack, ret, reterr);
}

int image_resolve(struct store *s, const struct ref *ref, struct digest *ret_id,
                  struct digest *ret_top, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    return r < 0 ? r : image_load_ref(s, ref, NULL, ret_id, ret_top, reterr);
}

int image_list_named(struct store *s, const struct ref *ref, struct digest **ret, size_t *ret_n,
                     struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    return r < 0 ? r : image_load_named(s, ref, ret, ret_n, reterr);
}

static int by_newest(const void *a, const void *b)
{
    const struct image *x = a, *y = b;

    if (x->created_ns != y->created_ns) {
        return x->created_ns < y->created_ns ? 1 : -1;
    }
    return memcmp(x->id.bytes, y->id.bytes, sizeof x->id.bytes);
}

static int list_images(struct store *s, bool is_brief, struct image_list *ret,
                       struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    r = is_brief ? image_load_brief(s, ret, reterr) : image_load(s, NULL, ret, reterr);
    if (r == 0 && ret->n > 0) {
        qsort(ret->items, ret->n, sizeof *ret->items, by_newest);
    }
    return r;
}

int image_list(struct store *s, struct image_list *ret, struct imgc_err *reterr)
{
    return list_images(s, false, ret, reterr);
}

int image_list_brief(struct store *s, struct image_list *ret, struct imgc_err *reterr)
{
    return list_images(s, true, ret, reterr);
}
