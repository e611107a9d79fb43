/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/challenge.h"

/* RFC 9110 section 5.6.2 */
static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* RFC 9110 section 11.2: what credentials in one piece are made of. */
static bool is_token68_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~+/", c));
}

static void skip_blanks(struct imgc_str *s)
{
    while (s->len > 0 && (s->ptr[0] == ' ' || s->ptr[0] == '\t')) {
        *s = imgc_str_from(*s, 1);
    }
}

static struct imgc_str take_while(struct imgc_str *s, bool (*accepts)(char))
{
    size_t n = 0;

    while (n < s->len && accepts(s->ptr[n])) {
        n++;
    }
    struct imgc_str taken = imgc_str_first(*s, n);
    *s = imgc_str_from(*s, n);
    return taken;
}

/* "Negotiate YII=": after the scheme, one token68 up to the next comma. It looks like the beginning
 * of "realm=..." until the character after the last '=' is seen. */
static void skip_token68(struct imgc_str *s)
{
    struct imgc_str rest = *s;

    skip_blanks(&rest);
    if (take_while(&rest, is_token68_char).len == 0) {
        return;
    }
    while (rest.len > 0 && rest.ptr[0] == '=') {
        rest = imgc_str_from(rest, 1);
    }
    skip_blanks(&rest);
    if (rest.len == 0 || rest.ptr[0] == ',') {
        *s = rest;
    }
}

/* Where a value goes while it is read; @room 0 for a parameter that nobody wants. */
struct value {
    char *dst;
    size_t room;
    size_t len;
    bool is_bad;
};

static void value_put(struct value *v, char c)
{
    if ((unsigned char)c < 0x20 || c == 0x7f || (v->room > 0 && v->len + 1 >= v->room)) {
        v->is_bad = true;
    } else if (v->room > 0) {
        v->dst[v->len++] = c;
    }
}

/* Read a quoted-string behind its first quote. @return false where it is not closed. */
static bool take_quoted(struct imgc_str *s, struct value *v)
{
    for (size_t i = 0; i < s->len; i++) {
        char c = s->ptr[i];
        if (c == '"') {
            *s = imgc_str_from(*s, i + 1);
            return true;
        }
        if (c == '\\' && ++i == s->len) {
            break;
        }
        value_put(v, s->ptr[i]);
    }
    return false;
}

static struct value value_for(struct challenge *c, struct imgc_str name)
{
    struct value v = { .dst = NULL };
    const struct {
        struct imgc_str name;
        char *dst;
        size_t room;
    } known[] = {
        { IMGC_STR("realm"), c->realm, sizeof c->realm },
        { IMGC_STR("service"), c->service, sizeof c->service },
        { IMGC_STR("scope"), c->scope, sizeof c->scope },
        { IMGC_STR("error"), c->error, sizeof c->error },
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        /* The first of two wins, whatever the second says. */
        if (imgc_str_eq_nocase(name, known[i].name) && known[i].dst[0] == '\0') {
            v.dst = known[i].dst;
            v.room = known[i].room;
        }
    }
    return v;
}

/* Read the value behind "name =". @return false where the syntax breaks. */
static bool take_value(struct imgc_str *s, struct imgc_str name, struct challenge *c,
                       bool *ret_is_bad)
{
    struct value v = value_for(c, name);
    bool is_closed = true;

    skip_blanks(s);
    if (s->len > 0 && s->ptr[0] == '"') {
        *s = imgc_str_from(*s, 1);
        is_closed = take_quoted(s, &v);
    } else {
        struct imgc_str token = take_while(s, is_token_char);
        is_closed = token.len > 0;
        for (size_t i = 0; i < token.len; i++) {
            value_put(&v, token.ptr[i]);
        }
    }
    if (v.dst) {
        v.dst[v.len] = '\0';
    }
    *ret_is_bad = *ret_is_bad || v.is_bad;
    return is_closed;
}

static enum challenge_scheme scheme_of(struct imgc_str name)
{
    if (imgc_str_eq_nocase(name, IMGC_STR("bearer"))) {
        return CHALLENGE_BEARER;
    }
    return imgc_str_eq_nocase(name, IMGC_STR("basic")) ? CHALLENGE_BASIC : CHALLENGE_NONE;
}

/* Keep the better of *best and @c. */
static void consider(struct challenge *best, const struct challenge *c, bool is_bad)
{
    bool is_usable =
        c->scheme == CHALLENGE_BASIC || (c->scheme == CHALLENGE_BEARER && c->realm[0] != '\0');

    if (!is_bad && is_usable && c->scheme > best->scheme) {
        *best = *c;
    }
}

void challenge_choose(struct imgc_str headers, struct challenge *ret)
{
    struct challenge best = { .scheme = CHALLENGE_NONE }, c = best;
    struct imgc_str rest = headers;
    bool is_bad = false, is_whole = true;

    while (is_whole) {
        while (rest.len > 0 && strchr(", \t", rest.ptr[0]) && rest.ptr[0] != '\0') {
            rest = imgc_str_from(rest, 1);
        }
        struct imgc_str name = take_while(&rest, is_token_char);
        if (name.len == 0) {
            break;
        }
        struct imgc_str after = rest;
        skip_blanks(&after);
        if (after.len > 0 && after.ptr[0] == '=') {
            rest = imgc_str_from(after, 1);
            is_whole = take_value(&rest, name, &c, &is_bad);
            is_bad = is_bad || !is_whole;
        } else {
            consider(&best, &c, is_bad);
            c = (struct challenge){ .scheme = scheme_of(name) };
            is_bad = false;
            skip_token68(&rest);
        }
    }
    consider(&best, &c, is_bad);
    *ret = best;
}
