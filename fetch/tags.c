/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/tags.h"

#include <stdio.h>

#include "fetch/link.h"
#include "schema/json.h"
#include "schema/limits.h"

#define PAGE_TAGS 1000 /* asked for at once: the most that some registries take */
#define QUERY_BYTES 1500
#define LINK_BYTES (64u << 10)

#define TAG_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

struct listing {
    struct registry *registry;
    size_t limit;
    json_t *tags;
    struct imgc_buf page, link;
    size_t n_bytes;
    char query[QUERY_BYTES];
};

static bool is_tag(const json_t *j)
{
    size_t len = json_string_length(j);
    const char *z = json_string_value(j);

    return z && len > 0 && len <= LIMIT_TAG_BYTES && strspn(z, TAG_CHARS) == len && z[0] != '.' &&
           z[0] != '-';
}

/* Add one page. */
static int take_page(struct listing *l, struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;
    const json_t *tags = NULL;

    int r = json_parse((struct imgc_str){ l->page.ptr, l->page.len }, "list of tags", &doc, reterr);
    r = r < 0 ? r : json_get_array(doc, "tags", &tags, reterr);
    if (r < 0) {
        return r;
    }
    if (!json_is_object(doc)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "the list of tags is no object");
    }
    for (size_t i = 0; i < json_array_size(tags) && json_array_size(l->tags) < l->limit; i++) {
        json_t *tag = json_array_get(tags, i);
        if (!is_tag(tag)) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "the registry lists a tag that is none");
        }
        if (json_array_append(l->tags, tag) < 0) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    return 0;
}

/* Prepare the next request. *ret_more: there is one. */
static int turn_page(struct listing *l, bool *ret_more, struct imgc_err *reterr)
{
    struct imgc_str query = IMGC_STR("");

    *ret_more = json_array_size(l->tags) < l->limit &&
                link_next_query((struct imgc_str){ l->link.ptr, l->link.len }, &query);
    if (!*ret_more) {
        return 0;
    }
    if (query.len == 0 || query.len >= sizeof l->query) {
        return imgc_fail(reterr, IMGC_E_REGISTRY,
                         "the list of tags has a next page that cannot be asked for");
    }
    if (imgc_str_eq(query, imgc_str_of(l->query))) {
        return imgc_fail(reterr, IMGC_E_REGISTRY, "a page of the list of tags leads to itself");
    }
    memcpy(l->query, query.ptr, query.len);
    l->query[query.len] = '\0';
    return 0;
}

static int get_page(struct listing *l, struct imgc_err *reterr)
{
    const struct registry_item item = { .is_tags = true,
                                        .query = l->query,
                                        .max_bytes = LIMIT_TAGS_BYTES - l->n_bytes };

    imgc_buf_clear(&l->page);
    imgc_buf_clear(&l->link);
    int r = registry_get_page(l->registry, &item, &l->page, &l->link, reterr);
    if (r < 0) {
        return r;
    }
    l->n_bytes += l->page.len;
    return take_page(l, reterr);
}

static int get_pages(struct listing *l, struct imgc_err *reterr)
{
    for (size_t i = 0; i < LIMIT_TAG_PAGES; i++) {
        bool has_more = false;
        int r = get_page(l, reterr);
        r = r < 0 ? r : turn_page(l, &has_more, reterr);
        if (r < 0 || !has_more) {
            return r;
        }
    }
    return imgc_fail(reterr, IMGC_E_LIMIT, "the list of tags has more than %d pages",
                     LIMIT_TAG_PAGES);
}

int tags_list(struct registry *r, size_t limit, json_t **ret, struct imgc_err *reterr)
{
    json_auto_free json_t *tags = json_array();
    struct listing l = { .registry = r,
                         .limit = limit > 0 && limit <= LIMIT_TAGS ? limit : LIMIT_TAGS + 1,
                         .tags = tags,
                         .page = IMGC_BUF_INIT(LIMIT_TAGS_BYTES),
                         .link = IMGC_BUF_INIT(LINK_BYTES) };

    if (!tags) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    (void)snprintf(l.query, sizeof l.query, "n=%zu", l.limit < PAGE_TAGS ? l.limit : PAGE_TAGS);
    int status = get_pages(&l, reterr);
    imgc_buf_done(&l.page);
    imgc_buf_done(&l.link);
    if (status < 0) {
        return status;
    }
    if (json_array_size(tags) > LIMIT_TAGS) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "the repository has more than %d tags", LIMIT_TAGS);
    }
    *ret = imgc_take(tags);
    return 0;
}
