/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/link.h"

/* Bytes up to @sep or @other that stands outside of quotes. */
static size_t find_outside_quotes(struct imgc_str s, char sep, char other)
{
    bool is_quoted = false;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"') {
            is_quoted = !is_quoted;
        } else if (is_quoted && s.ptr[i] == '\\') {
            i++;
        } else if (!is_quoted && (s.ptr[i] == sep || s.ptr[i] == other)) {
            return i;
        }
    }
    return s.len;
}

/* Whether "rel=next" or "rel=\"prev next\"". */
static bool is_rel_next(struct imgc_str param)
{
    struct imgc_str name = IMGC_STR(""), value = IMGC_STR(""), word;

    if (!imgc_str_split(param, '=', &name, &value) ||
        !imgc_str_eq_nocase(imgc_str_trim(name), IMGC_STR("rel"))) {
        return false;
    }
    value = imgc_str_trim(value);
    if (imgc_str_skip(&value, IMGC_STR("\""))) {
        value = imgc_str_first(value, imgc_str_find(value, '"'));
    }
    while (imgc_str_token(&value, ' ', &word)) {
        if (imgc_str_eq_nocase(word, IMGC_STR("next"))) {
            return true;
        }
    }
    return false;
}

/* Take the parameters of one link from *rest. */
static bool take_params(struct imgc_str *rest)
{
    bool is_next = false;

    while (rest->len > 0 && rest->ptr[0] != ',') {
        size_t n = find_outside_quotes(*rest, ';', ',');
        is_next = is_rel_next(imgc_str_first(*rest, n)) || is_next;
        *rest = imgc_str_from(*rest, n < rest->len && rest->ptr[n] == ';' ? n + 1 : n);
    }
    return is_next;
}

static struct imgc_str query_of(struct imgc_str target)
{
    struct imgc_str query = imgc_str_from(target, imgc_str_find(target, '?') + 1);

    query = imgc_str_first(query, imgc_str_find(query, '#'));
    for (size_t i = 0; i < query.len; i++) {
        if (query.ptr[i] <= ' ' || query.ptr[i] > '~') {
            return IMGC_STR("");
        }
    }
    return query;
}

bool link_next_query(struct imgc_str header, struct imgc_str *ret)
{
    for (;;) {
        header = imgc_str_trim(header);
        while (imgc_str_skip(&header, IMGC_STR(","))) {
            header = imgc_str_trim(header);
        }
        if (!imgc_str_skip(&header, IMGC_STR("<"))) {
            return false;
        }
        size_t n = imgc_str_find(header, '>');
        struct imgc_str target = imgc_str_first(header, n);
        header = imgc_str_from(header, n + 1);
        if (take_params(&header)) {
            *ret = query_of(target);
            return true;
        }
    }
}
