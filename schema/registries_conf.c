/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/registries_conf.h"

#include <stdlib.h>

#include "schema/base/buf.h"
#include "schema/json.h"
#include "schema/limits.h"

#define HUB "docker.io"

/* Length of the part of @name that @prefix stands for; 0 where it does not. */
static size_t match(struct imgc_str name, struct imgc_str prefix)
{
    struct imgc_str host = imgc_str_first(name, imgc_str_find(name, '/'));
    struct imgc_str suffix = prefix;

    if (imgc_str_skip(&suffix, IMGC_STR("*"))) {
        host = imgc_str_first(host, imgc_str_find(host, ':'));
        return host.len > suffix.len && imgc_str_ends(host, suffix) ? host.len : 0;
    }
    if (prefix.len == 0 || !imgc_str_starts(name, prefix)) {
        return 0;
    }
    if (name.len == prefix.len) {
        return prefix.len;
    }
    char next = name.ptr[prefix.len];
    /* A host alone ends at a slash: a colon there is another port of it. */
    bool is_end = next == '/' || (prefix.len > host.len && (next == ':' || next == '@'));
    return is_end ? prefix.len : 0;
}

const struct registries_conf_registry *registries_conf_find(const struct registries_conf *c,
                                                            struct imgc_str name)
{
    const struct registries_conf_registry *best = NULL;
    size_t longest = 0;

    for (size_t i = 0; i < c->n_registries; i++) {
        struct imgc_str prefix = imgc_str_of(c->registries[i].prefix);
        if (prefix.len > longest && match(name, prefix) > 0) {
            best = &c->registries[i];
            longest = prefix.len;
        }
    }
    return best;
}

void registries_conf_sources_done(struct registries_conf_sources *s)
{
    for (size_t i = 0; i < s->n; i++) {
        ref_done(&s->items[i].ref);
    }
    free(s->items);
    *s = (struct registries_conf_sources){ .n = 0 };
}

/* The name at another place. */
static int rewrite(const struct ref *ref, struct imgc_str name, size_t matched,
                   const char *location, struct ref *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT((size_t)4 * LIMIT_REF_BYTES);
    struct imgc_str text;

    if (!location) {
        return ref_copy(ref, ret, reterr);
    }
    imgc_buf_puts(&b, location);
    imgc_buf_str(&b, imgc_str_from(name, matched));
    int r = imgc_buf_finish(&b, &text, reterr);
    if (r < 0) {
        return r;
    }
    /* "mirror/x" would be a name of Docker Hub. */
    if (!ref_has_domain(text)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT,
                         "location '%s' does not begin with HOST.DOMAIN, HOST:PORT or localhost",
                         location);
    }
    r = ref_parse(text, ret, reterr);
    if (r < 0) {
        reterr->code = IMGC_E_DOCUMENT;
        return imgc_context(reterr, "location '%s'", location);
    }
    return 0;
}

static bool is_for(const struct registries_conf_registry *r,
                   const struct registries_conf_place *mirror, bool has_digest)
{
    if (r->mirror_by_digest_only) {
        return has_digest;
    }
    return mirror->use == REGISTRIES_CONF_ALL ||
           has_digest == (mirror->use == REGISTRIES_CONF_DIGEST_ONLY);
}

static int add_sources(const struct registries_conf_registry *registry, const struct ref *ref,
                       struct imgc_str name, struct registries_conf_sources *ret,
                       struct imgc_err *reterr)
{
    size_t matched = match(name, imgc_str_of(registry->prefix));

    for (size_t i = 0; i <= registry->n_mirrors; i++) {
        bool is_mirror = i < registry->n_mirrors;
        const struct registries_conf_place *p =
            is_mirror ? &registry->mirrors[i] : &registry->primary;
        if (is_mirror && !is_for(registry, p, digest_is_set(&ref->digest))) {
            continue;
        }
        struct registries_conf_source *s = &ret->items[ret->n];
        *s = (struct registries_conf_source){
            .ref = REF_INIT, .insecure = p->insecure, .is_mirror = is_mirror, .proxy = p->proxy
        };
        int r = rewrite(ref, name, matched, p->location, &s->ref, reterr);
        if (r < 0) {
            return imgc_context(reterr, "%s", registry->file);
        }
        ret->n++;
    }
    return 0;
}

int registries_conf_sources(const struct registries_conf *c, const struct ref *ref,
                            struct registries_conf_sources *ret, struct imgc_err *reterr)
{
    imgc_autofree char *text = NULL;

    int r = ref_text(ref, &text, reterr);
    if (r < 0) {
        return r;
    }
    const struct registries_conf_registry *registry = registries_conf_find(c, imgc_str_of(text));
    if (registry && registry->blocked) {
        return imgc_fail(reterr, IMGC_E_HOST, "registry '%s' is blocked in %s", registry->prefix,
                         registry->file);
    }
    ret->items = calloc((registry ? registry->n_mirrors : 0) + 1, sizeof *ret->items);
    if (!ret->items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (registry) {
        return add_sources(registry, ref, imgc_str_of(text), ret, reterr);
    }
    r = ref_copy(ref, &ret->items[0].ref, reterr);
    ret->n = r == 0;
    return r;
}

static const struct registries_conf_alias *find_alias(const struct registries_conf *c,
                                                      struct imgc_str name)
{
    for (size_t i = c->n_aliases; i > 0; i--) {
        if (imgc_str_eq(imgc_str_of(c->aliases[i - 1].name), name)) {
            return &c->aliases[i - 1];
        }
    }
    return NULL;
}

static void strings_freep(char ***strings)
{
    *strings = json_strings_free(*strings);
}

static int join(const char *registry, const char *separator, struct imgc_str name, char **ret,
                struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT((size_t)4 * LIMIT_REF_BYTES);

    imgc_buf_printf(&b, "%s%s", registry, separator);
    imgc_buf_str(&b, name);
    return imgc_buf_take(&b, ret, reterr);
}

/* All search registries' images of a short name. */
static int search(const struct registries_conf *c, struct imgc_str name, char ***ret,
                  struct imgc_err *reterr)
{
    static char hub[] = HUB;
    char *const hub_alone[] = { hub, NULL };
    char *const *hosts = c->search ? c->search : hub_alone;
    size_t n = 0;

    while (hosts[n]) {
        n++;
    }
    if (n == 0) {
        return imgc_fail(reterr, IMGC_E_REFERENCE,
                         "'" IMGC_STR_FMT "' is a short name, and unqualified-search-registries "
                         "is empty in %s: write HOST/NAME",
                         IMGC_STR_ARG(name), c->search_file);
    }
    if (n > 1 && c->mode == REGISTRIES_CONF_ENFORCING) {
        return imgc_fail(reterr, IMGC_E_REFERENCE,
                         "'" IMGC_STR_FMT "' may be in %zu registries (%s, %s%s), says %s, and "
                         "short-name-mode is enforcing: write HOST/NAME",
                         IMGC_STR_ARG(name), n, hosts[0], hosts[1], n > 2 ? ", ..." : "",
                         c->search_file);
    }
    imgc_auto(strings_freep) char **names = calloc(n + 1, sizeof *names);
    if (!names) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        int r = join(hosts[i], "/", name, &names[i], reterr);
        if (r < 0) {
            return r;
        }
    }
    *ret = imgc_take(names);
    return 0;
}

int registries_conf_names(const struct registries_conf *c, struct imgc_str name, char ***ret,
                          struct imgc_err *reterr)
{
    imgc_auto(strings_freep) char **one = calloc(2, sizeof *one);
    size_t end = imgc_str_find(name, ':') < imgc_str_find(name, '@') ? imgc_str_find(name, ':')
                                                                     : imgc_str_find(name, '@');

    if (!one) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (ref_has_domain(name)) {
        int r = imgc_str_dup(name, &one[0], reterr);
        *ret = r < 0 ? NULL : imgc_take(one);
        return r;
    }
    const struct registries_conf_alias *alias = find_alias(c, imgc_str_first(name, end));
    if (!alias || alias->value[0] == '\0') {
        return search(c, name, ret, reterr);
    }
    int r = join(alias->value, "", imgc_str_from(name, end), &one[0], reterr);
    *ret = r < 0 ? NULL : imgc_take(one);
    return r;
}
