/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/filter.h"

#include <fnmatch.h>
#include <stdio.h>

#include "cmd/describe.h"
#include "cmd/units.h"
#include "schema/base/clock.h"

static const struct {
    const char *name;
    enum filter_key key;
} keys[] = {
    { "before", FILTER_BEFORE }, { "dangling", FILTER_DANGLING }, { "id", FILTER_ID },
    { "label", FILTER_LABEL },   { "label!", FILTER_LABEL_NOT },  { "reference", FILTER_REFERENCE },
    { "since", FILTER_SINCE },   { "until", FILTER_UNTIL },
};

#define SECOND_NS INT64_C(1000000000)
#define DAY_S INT64_C(86400)

void filter_done(struct filter *f)
{
    free(f->items);
    *f = (struct filter){ .items = NULL };
}

static int bad_key(const struct filter_args *args, const char *text, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf known = IMGC_BUF_INIT(IMGC_ERR_MSG_MAX);

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (args->allowed & keys[i].key) {
            imgc_buf_printf(&known, "%s%s=", known.len ? ", " : "", keys[i].name);
        }
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "--filter takes %s, not '%s'",
                     known.ptr ? known.ptr : "nothing", text);
}

/* "2024-01-02" and "2024-01-02T15:04:05" are UTC; RFC 3339 with its zone as written. */
static bool parse_date(struct imgc_str s, int64_t *ret_ns)
{
    char text[CLOCK_TEXT_MAX];

    if (s.len > 30) {
        return false;
    }
    const char *rest = s.len == 10 ? "T00:00:00Z" : s.len == 16 ? ":00Z" : s.len == 19 ? "Z" : "";
    (void)snprintf(text, sizeof text, IMGC_STR_FMT "%s", IMGC_STR_ARG(s), rest);
    return clock_parse_rfc3339(imgc_str_of(text), ret_ns);
}

bool filter_parse_time(struct imgc_str s, int64_t now_ns, int64_t *ret_ns)
{
    uint64_t n;
    int64_t ago;

    if (parse_date(s, ret_ns)) {
        return true;
    }
    if (imgc_str_u64(s, &n)) {
        return n <= INT64_MAX && !__builtin_mul_overflow((int64_t)n, SECOND_NS, ret_ns);
    }
    if (imgc_str_ends(s, IMGC_STR("d")) && imgc_str_u64(imgc_str_first(s, s.len - 1), &n)) {
        return n < 1000000 && !__builtin_mul_overflow((int64_t)n * DAY_S, SECOND_NS, &ago) &&
               !__builtin_sub_overflow(now_ns, ago, ret_ns);
    }
    return units_parse_duration(s, &ago) && !__builtin_sub_overflow(now_ns, ago, ret_ns);
}

static int parse_value(const struct filter_args *args, struct filter_item *item,
                       struct imgc_err *reterr)
{
    switch (item->key) {
    case FILTER_DANGLING:
        item->flag =
            imgc_str_eq(item->value, IMGC_STR("true")) || imgc_str_eq(item->value, IMGC_STR("1"));
        if (!item->flag && !imgc_str_eq(item->value, IMGC_STR("false")) &&
            !imgc_str_eq(item->value, IMGC_STR("0"))) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "--filter dangling is true or false, not '" IMGC_STR_FMT "'",
                             IMGC_STR_ARG(item->value));
        }
        return 0;
    case FILTER_UNTIL:
        if (!filter_parse_time(item->value, args->now_ns, &item->time_ns)) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "--filter until is a time (24h, 7d, 2024-01-02, "
                             "2024-01-02T15:04:05Z, Unix seconds), not '" IMGC_STR_FMT "'",
                             IMGC_STR_ARG(item->value));
        }
        return 0;
    default:
        if (item->value.len == 0) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--filter needs a value behind the '='");
        }
        return 0;
    }
}

static int parse_item(const struct filter_args *args, const char *text, struct filter_item *item,
                      struct imgc_err *reterr)
{
    struct imgc_str key;

    if (!imgc_str_split(imgc_str_of(text), '=', &key, &item->value)) {
        return bad_key(args, text, reterr);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (imgc_str_eq(key, imgc_str_of(keys[i].name)) && (args->allowed & keys[i].key)) {
            item->key = keys[i].key;
            return parse_value(args, item, reterr);
        }
    }
    return bad_key(args, text, reterr);
}

int filter_parse(const struct filter_args *args, struct filter *ret, struct imgc_err *reterr)
{
    filter_auto struct filter f = { .items = NULL };

    f.items = calloc(args->list->n + 1, sizeof *f.items);
    if (!f.items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < args->list->n; i++) {
        int r = parse_item(args, args->list->items[i], &f.items[i], reterr);
        if (r < 0) {
            return r;
        }
        f.n++;
        f.keys |= f.items[i].key;
    }
    *ret = f;
    f.items = NULL;
    return 0;
}

int filter_resolve(struct filter *f,
                   int (*created)(void *arg, struct imgc_str name, int64_t *ret_ns,
                                  struct imgc_err *reterr),
                   void *arg, struct imgc_err *reterr)
{
    for (size_t i = 0; i < f->n; i++) {
        struct filter_item *item = &f->items[i];
        if (item->key == FILTER_BEFORE || item->key == FILTER_SINCE) {
            int r = created(arg, item->value, &item->time_ns, reterr);
            if (r < 0) {
                return r;
            }
        }
    }
    return 0;
}

bool filter_label(const json_t *labels, struct imgc_str wanted)
{
    struct imgc_str key, value;
    bool with_value = imgc_str_split(wanted, '=', &key, &value);
    const json_t *found = labels ? json_object_getn(labels, key.ptr, key.len) : NULL;

    if (!found || !with_value) {
        return found != NULL;
    }
    const char *text = json_string_value(found);
    return text && imgc_str_eq(imgc_str_of(text), value);
}

static bool glob(const char *pattern, const char *name)
{
    return fnmatch(pattern, name, FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

bool filter_reference(const char *reference, const char *tag)
{
    imgc_autofree char *repository = NULL;
    const char *slash = strrchr(tag, '/');
    const char *colon = strrchr(slash ? slash : tag, ':');
    size_t n = colon ? (size_t)(colon - tag) : strlen(tag);
    struct imgc_err err;

    if (imgc_str_dup((struct imgc_str){ tag, n }, &repository, &err) < 0) {
        return false;
    }
    return glob(reference, tag) || glob(reference, describe_familiar(tag)) ||
           glob(reference, repository) || glob(reference, describe_familiar(repository));
}

static bool any_tag(struct imgc_str reference, const struct image *image)
{
    /* The value is the tail of a command-line word: NUL-terminated. */
    for (char **tag = image->tags; tag && *tag; tag++) {
        if (filter_reference(reference.ptr, *tag)) {
            return true;
        }
    }
    return false;
}

static bool id_matches(struct imgc_str wanted, const struct image *image)
{
    char hex[DIGEST_HEX_MAX];

    (void)imgc_str_skip(&wanted, IMGC_STR("sha256:"));
    return wanted.len > 0 && imgc_str_starts(imgc_str_of(digest_hex(&image->id, hex)), wanted);
}

static bool item_matches(const struct filter_item *item, const struct image *image,
                         const json_t *labels)
{
    int64_t newest = image->created_ns > image->added_ns ? image->created_ns : image->added_ns;

    switch (item->key) {
    case FILTER_DANGLING:
        return (!image->tags || !image->tags[0]) == item->flag;
    case FILTER_LABEL:
        return filter_label(labels, item->value);
    case FILTER_LABEL_NOT:
        return !filter_label(labels, item->value);
    case FILTER_BEFORE:
        return image->created_ns < item->time_ns;
    case FILTER_SINCE:
        return image->created_ns > item->time_ns;
    case FILTER_REFERENCE:
        return any_tag(item->value, image);
    case FILTER_UNTIL:
        return newest < item->time_ns;
    case FILTER_ID:
        return id_matches(item->value, image);
    }
    return false;
}

bool filter_match(const struct filter *f, const struct image *image, const json_t *labels)
{
    unsigned held = 0; /* keys of which one value matched */

    for (size_t i = 0; i < f->n; i++) {
        const struct filter_item *item = &f->items[i];
        bool all_must = item->key == FILTER_LABEL || item->key == FILTER_LABEL_NOT;
        if (item_matches(item, image, labels)) {
            held |= item->key;
        } else if (all_must) {
            return false;
        }
    }
    return held == f->keys;
}
