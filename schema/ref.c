/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/ref.h"

#include <stdlib.h>

#include "schema/base/buf.h"
#include "schema/limits.h"

#define DEFAULT_DOMAIN "docker.io"
#define DEFAULT_DOMAIN_ALIAS "index.docker.io"
#define OFFICIAL_PREFIX "library/"
#define DEFAULT_TAG "latest"

#define PATH_BYTES_MAX 255 /* reference.go: of the path, the domain not counted */
#define TAG_BYTES_MAX 128
#define ID_HEX_DIGITS 64

void ref_done(struct ref *ref)
{
    free(ref->domain);
    free(ref->path);
    free(ref->tag);
    *ref = (struct ref)REF_INIT;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool has_upper(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (is_upper(s.ptr[i])) {
            return true;
        }
    }
    return false;
}

/* Length of the separator at the front of @s: one '.', one or two '_', any number of '-'. */
static size_t separator(struct imgc_str s)
{
    size_t n = 0;

    if (s.len > 0 && s.ptr[0] == '.') {
        return 1;
    }
    if (s.len > 0 && s.ptr[0] == '_') {
        return s.len > 1 && s.ptr[1] == '_' ? 2 : 1;
    }
    while (n < s.len && s.ptr[n] == '-') {
        n++;
    }
    return n;
}

/* [a-z0-9]+ (separator [a-z0-9]+)* */
static bool is_path_component(struct imgc_str s)
{
    for (;;) {
        size_t n = 0;
        while (n < s.len && (is_lower(s.ptr[n]) || is_digit(s.ptr[n]))) {
            n++;
        }
        if (n == 0) {
            return false;
        }
        s = imgc_str_from(s, n);
        if (s.len == 0) {
            return true;
        }
        n = separator(s);
        if (n == 0) {
            return false;
        }
        s = imgc_str_from(s, n);
    }
}

static bool is_path(struct imgc_str s)
{
    struct imgc_str part;

    while (imgc_str_token(&s, '/', &part)) {
        if (!is_path_component(part)) {
            return false;
        }
    }
    return true;
}

static bool is_port(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

/* "[" hex digits and colons "]"; a zone or an embedded IPv4 address is not in the grammar. */
static bool is_ipv6(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F') && c != ':') {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_host_label(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool edge = i == 0 || i == s.len - 1;
        if (!is_lower(c) && !is_upper(c) && !is_digit(c) && (c != '-' || edge)) {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_domain(struct imgc_str s)
{
    struct imgc_str host = s, port, label;

    if (imgc_str_skip(&s, IMGC_STR("["))) {
        if (!imgc_str_split(s, ']', &host, &port) || !is_ipv6(host)) {
            return false;
        }
        return port.len == 0 || (imgc_str_skip(&port, IMGC_STR(":")) && is_port(port));
    }
    if (imgc_str_split(s, ':', &host, &port) && !is_port(port)) {
        return false;
    }
    while (imgc_str_token(&host, '.', &label)) {
        if (!is_host_label(label)) {
            return false;
        }
    }
    return true;
}

/* [A-Za-z0-9_] [A-Za-z0-9_.-]{0,127} */
static bool is_tag(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = is_lower(c) || is_upper(c) || is_digit(c) || c == '_';
        if (!word && (i == 0 || (c != '.' && c != '-'))) {
            return false;
        }
    }
    return s.len > 0 && s.len <= TAG_BYTES_MAX;
}

static bool is_id(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]) && !(s.ptr[i] >= 'a' && s.ptr[i] <= 'f')) {
            return false;
        }
    }
    return s.len == ID_HEX_DIGITS;
}

/* The first component is a host where it cannot be a path component of Docker's hub. */
static void split_domain(struct imgc_str s, struct imgc_str *ret_domain, struct imgc_str *ret_rest)
{
    struct imgc_str first, rest;

    if (imgc_str_split(s, '/', &first, &rest) &&
        (imgc_str_find(first, '.') < first.len || imgc_str_find(first, ':') < first.len ||
         has_upper(first) || imgc_str_eq(first, IMGC_STR("localhost")))) {
        bool alias = imgc_str_eq(first, IMGC_STR(DEFAULT_DOMAIN_ALIAS));
        *ret_domain = alias ? IMGC_STR(DEFAULT_DOMAIN) : first;
        *ret_rest = rest;
        return;
    }
    *ret_domain = IMGC_STR(DEFAULT_DOMAIN);
    *ret_rest = s;
}

/* A reference in its parts, borrowed from the text; a part that is not there has no pointer. */
struct parts {
    struct imgc_str domain, path, tag, digest;
    bool official; /* "library/" goes before the path */
};

static struct parts split(struct imgc_str s)
{
    struct parts p = { .official = false };
    struct imgc_str rest, name;

    split_domain(s, &p.domain, &rest);
    if (!imgc_str_split(rest, '@', &name, &p.digest)) {
        p.digest.ptr = NULL;
    }
    if (!imgc_str_split(name, ':', &p.path, &p.tag)) {
        p.tag.ptr = NULL;
    }
    p.official =
        imgc_str_eq(p.domain, IMGC_STR(DEFAULT_DOMAIN)) && imgc_str_find(p.path, '/') == p.path.len;
    return p;
}

static int check(struct imgc_str s, const struct parts *p, struct imgc_err *reterr)
{
    const char *wrong = NULL;

    if (is_id(s)) {
        wrong = "64 hexadecimal digits are an ID, not a name";
    } else if (!is_domain(p->domain)) {
        wrong = "the registry's host is malformed";
    } else if (p->path.len == 0) {
        wrong = "the name is empty";
    } else if (has_upper(p->path)) {
        wrong = "the repository name must be lower case";
    } else if (!is_path(p->path)) {
        wrong = "the repository name is malformed";
    } else if (p->path.len + (p->official ? strlen(OFFICIAL_PREFIX) : 0) > PATH_BYTES_MAX) {
        wrong = "the repository name is longer than 255 bytes";
    } else if (p->tag.ptr && !is_tag(p->tag)) {
        wrong = "the tag is malformed";
    }
    if (wrong) {
        return imgc_fail(reterr, IMGC_E_REFERENCE, "'" IMGC_STR_FMT "' is not an image name: %s",
                         IMGC_STR_ARG(s), wrong);
    }
    return 0;
}

static int join_path(const struct parts *p, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_REF_BYTES);

    imgc_buf_puts(&b, p->official ? OFFICIAL_PREFIX : "");
    imgc_buf_str(&b, p->path);
    return imgc_buf_take(&b, ret, reterr);
}

static int build(const struct parts *p, struct ref *ret, struct imgc_err *reterr)
{
    int r;

    if (p->digest.ptr) {
        r = digest_parse(p->digest, &ret->digest, reterr);
        if (r < 0) {
            /* One code for a name that is wrong, whichever part it is. */
            reterr->code = IMGC_E_REFERENCE;
            return imgc_context(reterr, "not an image name");
        }
    }
    r = imgc_str_dup(p->domain, &ret->domain, reterr);
    if (r < 0) {
        return r;
    }
    r = join_path(p, &ret->path, reterr);
    if (r < 0) {
        return r;
    }
    return p->tag.ptr ? imgc_str_dup(p->tag, &ret->tag, reterr) : 0;
}

int ref_parse(struct imgc_str s, struct ref *ret, struct imgc_err *reterr)
{
    ref_auto struct ref ref = REF_INIT;

    if (s.len > LIMIT_REF_BYTES) {
        return imgc_fail(reterr, IMGC_E_REFERENCE, "an image name of %zu bytes; at most %d are",
                         s.len, LIMIT_REF_BYTES);
    }
    struct parts p = split(s);
    int r = check(s, &p, reterr);
    if (r < 0) {
        return r;
    }
    r = build(&p, &ref, reterr);
    if (r < 0) {
        return r;
    }
    *ret = ref;
    ref = (struct ref)REF_INIT;
    return 0;
}

bool ref_has_domain(struct imgc_str s)
{
    struct imgc_str domain, rest;

    split_domain(s, &domain, &rest);
    return rest.len < s.len;
}

int ref_default_tag(struct ref *ref, struct imgc_err *reterr)
{
    if (ref->tag || digest_is_set(&ref->digest)) {
        return 0;
    }
    return imgc_str_dup(IMGC_STR(DEFAULT_TAG), &ref->tag, reterr);
}

int ref_copy(const struct ref *ref, struct ref *ret, struct imgc_err *reterr)
{
    ref_auto struct ref copy = REF_INIT;
    int r = imgc_str_dup(imgc_str_of(ref->domain), &copy.domain, reterr);
    if (r < 0) {
        return r;
    }
    r = imgc_str_dup(imgc_str_of(ref->path), &copy.path, reterr);
    if (r < 0) {
        return r;
    }
    if (ref->tag) {
        r = imgc_str_dup(imgc_str_of(ref->tag), &copy.tag, reterr);
        if (r < 0) {
            return r;
        }
    }
    copy.digest = ref->digest;
    *ret = copy;
    copy.domain = copy.path = copy.tag = NULL;
    return 0;
}

/* The path as people write it, as normalize.go's familiarizeName() has it; nothing where it cannot
 * stand alone: "docker.io/a.b/c" cannot lose its domain, since "a.b" would be taken for one. */
static struct imgc_str short_path(struct imgc_str path)
{
    struct imgc_str name = path, domain, rest;

    if (imgc_str_skip(&name, IMGC_STR(OFFICIAL_PREFIX)) && imgc_str_find(name, '/') == name.len) {
        return name;
    }
    split_domain(path, &domain, &rest);
    return rest.len == path.len ? path : (struct imgc_str){ NULL, 0 };
}

static void add_repository(struct imgc_buf *b, const struct ref *ref, bool familiar)
{
    struct imgc_str path = imgc_str_of(ref->path), name = { NULL, 0 };

    if (familiar && strcmp(ref->domain, DEFAULT_DOMAIN) == 0) {
        name = short_path(path);
    }
    if (name.len == 0) {
        imgc_buf_puts(b, ref->domain);
        imgc_buf_putc(b, '/');
        name = path;
    }
    imgc_buf_str(b, name);
}

static int write_text(const struct ref *ref, bool familiar, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT((size_t)2 * LIMIT_REF_BYTES);
    char text[DIGEST_TEXT_MAX];

    add_repository(&b, ref, familiar);
    if (ref->tag) {
        imgc_buf_putc(&b, ':');
        imgc_buf_puts(&b, ref->tag);
    }
    if (digest_is_set(&ref->digest)) {
        imgc_buf_putc(&b, '@');
        imgc_buf_puts(&b, digest_text(&ref->digest, text));
    }
    return imgc_buf_take(&b, ret, reterr);
}

int ref_text(const struct ref *ref, char **ret, struct imgc_err *reterr)
{
    return write_text(ref, false, ret, reterr);
}

int ref_familiar(const struct ref *ref, char **ret, struct imgc_err *reterr)
{
    return write_text(ref, true, ret, reterr);
}

int ref_repository(const struct ref *ref, bool familiar, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT((size_t)2 * LIMIT_REF_BYTES);

    add_repository(&b, ref, familiar);
    return imgc_buf_take(&b, ret, reterr);
}
