/* SPDX-License-Identifier: Apache-2.0 */
#include "store/image_load.h"

#include <stdio.h>

#include "store/store_handle.h"

#define SQL_MAX 960

void image_done(struct image *image)
{
    for (char **p = image->tags; p && *p; p++) {
        free(*p);
    }
    for (char **p = image->repo_digests; p && *p; p++) {
        free(*p);
    }
    free(image->tags);
    free(image->repo_digests);
    free(image->diff_ids);
    *image = (struct image){ .size = 0 };
}

void image_list_done(struct image_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        image_done(&list->items[i]);
    }
    free(list->items);
    *list = (struct image_list){ .n = 0 };
}

/* @items with room for one more than @n; the room is the next power of two. NULL: no memory. */
static void *grow(void *items, size_t n, size_t size)
{
    return n != 0 && (n & (n - 1)) != 0 ? items : reallocarray(items, n ? n * 2 : 1, size);
}

/* Append a copy of column @i to the NULL-terminated list *list. */
static int append_text(char ***list, struct db_stmt *st, int i, struct imgc_err *reterr)
{
    size_t n = 0;
    char *text = NULL;

    while (*list && (*list)[n]) {
        n++;
    }
    char **p = reallocarray(*list, n + 2, sizeof *p);
    if (!p) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *list = p;
    p[n] = p[n + 1] = NULL;
    int r = db_col_dup(st, i, &text, reterr);
    p[n] = text;
    return r;
}

static int take_tag(struct image *image, struct db_stmt *st, struct imgc_err *reterr)
{
    return append_text(&image->tags, st, 1, reterr);
}

static int take_repo_digest(struct image *image, struct db_stmt *st, struct imgc_err *reterr)
{
    return append_text(&image->repo_digests, st, 1, reterr);
}

static int take_layer(struct image *image, struct db_stmt *st, struct imgc_err *reterr)
{
    struct digest *p = grow(image->diff_ids, image->n_diff_ids, sizeof *p);
    if (!p) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    image->diff_ids = p;
    image->size += db_col_size(st, 2);
    int r = db_col_digest(st, 1, &p[image->n_diff_ids], reterr);
    if (r == 0) {
        image->n_diff_ids++;
    }
    return r;
}

static int take_unique(struct image *image, struct db_stmt *st, struct imgc_err *reterr)
{
    (void)reterr;
    image->unique_size += db_col_size(st, 1);
    return 0;
}

static int take_containers(struct image *image, struct db_stmt *st, struct imgc_err *reterr)
{
    (void)reterr;
    image->n_containers = db_col_size(st, 1);
    return 0;
}

/* What only one image uses of a table of things that cost disk space: head and tail. */
#define UNIQUE(uses, key, things)                                                                  \
    "SELECT own.image_id, sum(t.disk) FROM (SELECT " key ", min(image_id) AS image_id FROM " uses, \
        " GROUP BY " key " HAVING min(image_id) = max(image_id)) AS own JOIN " things              \
        " AS t ON t." key " = own." key " GROUP BY own.image_id ORDER BY own.image_id"

/* For one image the question is turned round: a layer below ten thousand images is dropped at the
 * first of the others. */
#define ONLY_OF(uses, key)                                                                    \
    "WHERE image_id = ?1 AND NOT EXISTS (SELECT 1 FROM " uses " AS o WHERE o." key " = " uses \
    "." key " AND o.image_id <> ?1)"

/* EROFS views count for the images of exactly their stack: those whose top layer has the ChainID.
 */
#define IS_TOP(u)                                                                               \
    "NOT EXISTS (SELECT 1 FROM image_layer AS above WHERE above.image_id = " u ".image_id AND " \
    "above.position = " u ".position + 1)"

/* Each query gives (image id, ...) ordered by image id; for one image @filter goes in between. The
 * first N_STACK_PARTS say what an image consists of. */
#define N_STACK_PARTS 1
static const struct part {
    int (*take)(struct image *image, struct db_stmt *st, struct imgc_err *reterr);
    const char *head, *tail, *filter;
} parts[] = {
    { take_layer,
      "SELECT u.image_id, u.diff_id, t.tar_size FROM image_layer AS u JOIN layer AS t "
      "ON t.diff_id = u.diff_id",
      "ORDER BY u.image_id, u.position", "WHERE u.image_id = ?1" },
    { take_tag, "SELECT image_id, name FROM tag", "ORDER BY image_id, name",
      "WHERE image_id = ?1" },
    { take_repo_digest, "SELECT image_id, repository || '@' || digest FROM repo_digest",
      "ORDER BY 1, 2", "WHERE image_id = ?1" },
    { take_unique, UNIQUE("image_layer", "diff_id", "layer"), ONLY_OF("image_layer", "diff_id") },
    { take_unique,
      UNIQUE("image_layer", "chain_id",
             "(SELECT chain_id, disk FROM view WHERE form = 'directory')"),
      ONLY_OF("image_layer", "chain_id") },
    { take_unique,
      "SELECT own.image_id, sum(own.disk) FROM (SELECT min(u.image_id) AS image_id, t.disk FROM "
      "view AS t JOIN image_layer AS u ON u.chain_id = t.chain_id WHERE t.form = 'erofs' "
      "AND " IS_TOP("u"),
      "GROUP BY t.chain_id HAVING min(u.image_id) = max(u.image_id)) AS own "
      "GROUP BY own.image_id ORDER BY own.image_id",
      "AND u.image_id = ?1 AND NOT EXISTS (SELECT 1 FROM image_layer AS o WHERE o.chain_id = "
      "u.chain_id AND o.image_id <> ?1 AND " IS_TOP("o") ")" },
    { take_unique, UNIQUE("image_blob", "digest", "blob"), ONLY_OF("image_blob", "digest") },
    { take_containers, "SELECT image_id, count(*) FROM container WHERE image_id IS NOT NULL",
      "GROUP BY image_id ORDER BY image_id", "AND image_id = ?1" },
};

static const struct part images = {
    NULL, "SELECT id, manifest, os, arch, variant, created_ns, added_ns FROM image", "ORDER BY id",
    "WHERE id = ?1"
};

static struct db_stmt prepare(struct store *s, const struct part *part, const struct digest *id)
{
    char sql[SQL_MAX]; /* the longest of the constants above has under 700 bytes */

    (void)snprintf(sql, sizeof sql, "%s %s %s", part->head, id ? part->filter : "", part->tail);
    struct db_stmt st = db_prepare(s->db, sql);
    if (id) {
        db_bind_digest(&st, 1, id);
    }
    return st;
}

static void platform_from_row(struct platform *p, struct db_stmt *st)
{
    (void)snprintf(p->os, sizeof p->os, "%s", db_col_text(st, 2));
    (void)snprintf(p->arch, sizeof p->arch, "%s", db_col_text(st, 3));
    (void)snprintf(p->variant, sizeof p->variant, "%s", db_col_text(st, 4));
}

static int load_images(struct store *s, const struct digest *id, struct image_list *list,
                       struct imgc_err *reterr)
{
    int r;
    db_stmt_auto struct db_stmt st = prepare(s, &images, id);

    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct image *p = grow(list->items, list->n, sizeof *p);
        if (!p) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        list->items = p;
        struct image *image = &list->items[list->n++];
        *image = (struct image){ .created_ns = db_col_int(&st, 5), .added_ns = db_col_int(&st, 6) };
        platform_from_row(&image->platform, &st);
        r = db_col_digest(&st, 0, &image->id, reterr);
        if (r == 0) {
            r = db_col_digest(&st, 1, &image->manifest, reterr);
        }
        if (r < 0) {
            return r;
        }
    }
    return r;
}

/* Merge: rows and images are both ordered by id, and every row has its image. */
static int load_part(struct store *s, const struct digest *id, const struct part *part,
                     struct image_list *list, struct imgc_err *reterr)
{
    int r;
    size_t at = 0;
    struct digest row_id;
    db_stmt_auto struct db_stmt st = prepare(s, part, id);

    while ((r = db_step(&st, reterr)) == DB_ROW) {
        r = db_col_digest(&st, 0, &row_id, reterr);
        if (r < 0) {
            return r;
        }
        while (at < list->n && !digest_eq(&list->items[at].id, &row_id)) {
            at++;
        }
        if (at == list->n) {
            return imgc_fail(reterr, IMGC_E_STORE, "the index is damaged: rows without image");
        }
        r = part->take(&list->items[at], &st, reterr);
        if (r < 0) {
            return r;
        }
    }
    return r;
}

/* Callers go through the lists without asking whether there is one. */
static int never_null(struct image *image, struct imgc_err *reterr)
{
    char ***lists[] = { &image->tags, &image->repo_digests };

    for (size_t i = 0; i < 2; i++) {
        if (!*lists[i]) {
            *lists[i] = calloc(1, sizeof(char *));
        }
        if (!*lists[i]) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    return 0;
}

static int load(struct store *s, const struct digest *id, size_t n_parts, struct image_list *ret,
                struct imgc_err *reterr)
{
    image_list_auto struct image_list list = { .n = 0 };

    int r = load_images(s, id, &list, reterr);
    for (size_t i = 0; r == 0 && list.n > 0 && i < n_parts; i++) {
        r = load_part(s, id, &parts[i], &list, reterr);
    }
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        r = never_null(&list.items[i], reterr);
    }
    if (r == 0) {
        *ret = list;
        list = (struct image_list){ .n = 0 };
    }
    return r;
}

int image_load(struct store *s, const struct digest *id, struct image_list *ret,
               struct imgc_err *reterr)
{
    return load(s, id, sizeof parts / sizeof *parts, ret, reterr);
}

int image_load_stack(struct store *s, const struct digest *id, struct image_list *ret,
                     struct imgc_err *reterr)
{
    return load(s, id, N_STACK_PARTS, ret, reterr);
}

int image_load_brief(struct store *s, struct image_list *ret, struct imgc_err *reterr)
{
    return load(s, NULL, 0, ret, reterr);
}

int image_load_key(const struct ref *ref, char **ret, struct imgc_err *reterr)
{
    if (digest_is_set(&ref->digest)) {
        return ref_repository(ref, false, ret, reterr);
    }
    if (asprintf(ret, "%s/%s:%s", ref->domain, ref->path, ref->tag ? ref->tag : "latest") < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return 0;
}

#define SELECT_NAMED(names)                                                               \
    "SELECT i.id, i.os, i.arch, i.variant FROM " names " AS n JOIN image AS i ON i.id = " \
    "n.image_id WHERE "
#define NEWEST_FIRST " ORDER BY i.added_ns DESC, i.id"

/* Rows (id, os, arch, variant) of the images that @ref, whose key is @key, stands for. */
static struct db_stmt select_named(struct store *s, const struct ref *ref, const char *key)
{
    bool is_digest = digest_is_set(&ref->digest);
    struct db_stmt st = db_prepare(
        s->db, is_digest
                   ? SELECT_NAMED("repo_digest") "n.repository = ?1 AND n.digest = ?2" NEWEST_FIRST
                   : SELECT_NAMED("tag") "n.name = ?1" NEWEST_FIRST);

    db_bind_text(&st, 1, key);
    if (is_digest) {
        db_bind_digest(&st, 2, &ref->digest);
    }
    return st;
}

/* Of the images of select_named() the one that suits best; of none that suits the newest. @want
 * NULL: this host's. @return 0; IMAGE_MISSING for no row. */
static int choose(struct db_stmt *st, const struct platform *want, struct digest *ret_id,
                  struct imgc_err *reterr)
{
    struct platform host;
    int r, best = -1;

    platform_host(&host);
    while ((r = db_step(st, reterr)) == DB_ROW) {
        struct platform have;
        platform_set(&have, db_col_text(st, 1), db_col_text(st, 2), db_col_text(st, 3));
        int match = platform_match(want ? want : &host, &have);
        if (match > best) {
            best = match;
            r = db_col_digest(st, 0, ret_id, reterr);
            if (r < 0) {
                return r;
            }
        }
    }
    return r < 0 ? r : best < 0 ? IMAGE_MISSING : 0;
}

static int find_top(struct store *s, const char *key, const struct digest *id, struct digest *ret,
                    struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT top FROM tag WHERE name = ?1 AND image_id = ?2");

    db_bind_text(&st, 1, key);
    db_bind_digest(&st, 2, id);
    int r = db_step(&st, reterr);
    return r != DB_ROW ? (r < 0 ? r : IMAGE_MISSING) : db_col_digest(&st, 0, ret, reterr);
}

int image_load_ref(struct store *s, const struct ref *ref, const struct platform *want,
                   struct digest *ret_id, struct digest *ret_top, struct imgc_err *reterr)
{
    imgc_autofree char *key = NULL;

    int r = image_load_key(ref, &key, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = select_named(s, ref, key);
    r = choose(&st, want, ret_id, reterr);
    if (r != 0) {
        return r;
    }
    if (!digest_is_set(&ref->digest)) {
        return find_top(s, key, ret_id, ret_top, reterr);
    }
    *ret_top = ref->digest;
    return 0;
}

int image_load_named(struct store *s, const struct ref *ref, struct digest **ret, size_t *ret_n,
                     struct imgc_err *reterr)
{
    imgc_autofree struct digest *ids = NULL;
    imgc_autofree char *key = NULL;
    size_t n = 0;

    int r = image_load_key(ref, &key, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = select_named(s, ref, key);
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct digest *p = grow(ids, n, sizeof *p);
        if (!p) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        ids = p;
        r = db_col_digest(&st, 0, &ids[n++], reterr);
        if (r < 0) {
            return r;
        }
    }
    if (r < 0 || n == 0) {
        return r < 0 ? r : IMAGE_MISSING;
    }
    *ret = imgc_take(ids);
    *ret_n = n;
    return 0;
}
