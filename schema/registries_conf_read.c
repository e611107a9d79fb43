/* SPDX-License-Identifier: Apache-2.0 */
/* What registries_conf.h offers for reading: from text to the structs. */
#include <stdlib.h>

#include "schema/limits.h"
#include "schema/registries_conf.h"
#include "schema/toml.h"

#define HOST_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]"

static void place_done(struct registries_conf_place *p)
{
    free(p->location);
    free(p->proxy);
}

static void registry_done(struct registries_conf_registry *r)
{
    free(r->prefix);
    place_done(&r->primary);
    for (size_t i = 0; i < r->n_mirrors; i++) {
        place_done(&r->mirrors[i]);
    }
    free(r->mirrors);
    free(r->file);
    *r = (struct registries_conf_registry){ .prefix = NULL };
}

void registries_conf_done(struct registries_conf *c)
{
    for (size_t i = 0; i < c->n_registries; i++) {
        registry_done(&c->registries[i]);
    }
    for (size_t i = 0; i < c->n_aliases; i++) {
        free(c->aliases[i].name);
        free(c->aliases[i].value);
    }
    free(c->registries);
    free(c->aliases);
    c->search = json_strings_free(c->search);
    free(c->search_file);
    *c = (struct registries_conf){ .registries = NULL };
}

/* A copy of a string without slashes at its end; NULL where it is absent or empty. */
static int get_place(const json_t *obj, const char *key, char **ret, struct imgc_err *reterr)
{
    const char *z = NULL;
    int r = json_get_string(obj, key, &z, reterr);

    if (r < 0 || !z) {
        return r;
    }
    struct imgc_str s = imgc_str_of(z);
    while (imgc_str_ends(s, IMGC_STR("/"))) {
        s.len--;
    }
    if (imgc_str_starts(s, IMGC_STR("http://")) || imgc_str_starts(s, IMGC_STR("https://"))) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "%s '%s' has a scheme: write HOST[:PORT][/PATH]",
                         key, z);
    }
    return s.len == 0 ? 0 : imgc_str_dup(s, ret, reterr);
}

static int get_use(const json_t *obj, enum registries_conf_use *ret, bool *ret_is_set,
                   struct imgc_err *reterr)
{
    static const char *const names[] = { [REGISTRIES_CONF_ALL] = "all",
                                         [REGISTRIES_CONF_DIGEST_ONLY] = "digest-only",
                                         [REGISTRIES_CONF_TAG_ONLY] = "tag-only" };
    const char *z = NULL;
    int r = json_get_string(obj, "pull-from-mirror", &z, reterr);

    *ret_is_set = r == 0 && z && *z;
    if (r < 0 || !*ret_is_set) {
        return r;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(z, names[i]) == 0) {
            *ret = (enum registries_conf_use)i;
            return 0;
        }
    }
    return imgc_fail(reterr, IMGC_E_DOCUMENT,
                     "pull-from-mirror is all, digest-only or tag-only, not '%s'", z);
}

static int read_place(const json_t *obj, struct registries_conf_place *p, struct imgc_err *reterr)
{
    const char *proxy = NULL;

    int r = get_place(obj, "location", &p->location, reterr);
    r = r < 0 ? r : json_get_bool(obj, "insecure", &p->insecure, reterr);
    r = r < 0 ? r : json_get_string(obj, "proxy", &proxy, reterr);
    return r < 0 || !proxy || !*proxy ? r : imgc_str_dup(imgc_str_of(proxy), &p->proxy, reterr);
}

static int read_mirrors(const json_t *obj, struct registries_conf_registry *ret,
                        struct imgc_err *reterr)
{
    const json_t *list = NULL;
    int r = json_get_array(obj, "mirror", &list, reterr);

    if (r < 0 || !list || json_array_size(list) == 0) {
        return r;
    }
    ret->mirrors = calloc(json_array_size(list), sizeof *ret->mirrors);
    if (!ret->mirrors) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
        struct registries_conf_place *p = &ret->mirrors[ret->n_mirrors++];
        const json_t *item = json_array_get(list, i);
        bool has_use = false;
        if (!json_is_object(item)) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "a mirror is not a table");
        }
        r = read_place(item, p, reterr);
        r = r < 0 ? r : get_use(item, &p->use, &has_use, reterr);
        if (r == 0 && !p->location) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "a mirror has no location");
        }
        if (r == 0 && has_use && ret->mirror_by_digest_only) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT,
                             "mirror '%s' has pull-from-mirror, and its registry "
                             "mirror-by-digest-only: one of them is enough",
                             p->location);
        }
    }
    return r;
}

static int check_prefix(struct registries_conf_registry *r, struct imgc_err *reterr)
{
    if (!r->prefix && !r->primary.location) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "a registry has neither prefix nor location");
    }
    if (!r->prefix) {
        return imgc_str_dup(imgc_str_of(r->primary.location), &r->prefix, reterr);
    }
    bool is_wild = strncmp(r->prefix, "*.", 2) == 0;
    if (is_wild && strpbrk(r->prefix, "/@:")) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT,
                         "prefix '%s': what begins with '*.' goes on with a host's name alone",
                         r->prefix);
    }
    return is_wild || r->primary.location
               ? 0
               : imgc_fail(reterr, IMGC_E_DOCUMENT, "registry '%s' has no location", r->prefix);
}

static int read_registry(const json_t *obj, const char *file, struct registries_conf_registry *ret,
                         struct imgc_err *reterr)
{
    enum registries_conf_use use = REGISTRIES_CONF_ALL;
    bool has_use = false;

    if (!json_is_object(obj)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "a registry is not a table");
    }
    int r = get_place(obj, "prefix", &ret->prefix, reterr);
    r = r < 0 ? r : read_place(obj, &ret->primary, reterr);
    r = r < 0 ? r : check_prefix(ret, reterr);
    r = r < 0 ? r : json_get_bool(obj, "blocked", &ret->blocked, reterr);
    r = r < 0 ? r
              : json_get_bool(obj, "mirror-by-digest-only", &ret->mirror_by_digest_only, reterr);
    r = r < 0 ? r : get_use(obj, &use, &has_use, reterr);
    if (r == 0 && has_use) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT,
                         "registry '%s' has pull-from-mirror, which is for its mirrors",
                         ret->prefix);
    }
    r = r < 0 ? r : read_mirrors(obj, ret, reterr);
    return r < 0 ? r : imgc_str_dup(imgc_str_of(file), &ret->file, reterr);
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Two tables for one server do not contradict each other. */
static int check_conflicts(const struct registries_conf *c,
                           const struct registries_conf_registry *r, struct imgc_err *reterr)
{
    for (size_t i = 0; i < c->n_registries; i++) {
        const struct registries_conf_registry *other = &c->registries[i];
        if (!r->primary.location || !is_same(r->primary.location, other->primary.location)) {
            continue;
        }
        const char *what = r->primary.insecure != other->primary.insecure     ? "insecure"
                           : r->blocked != other->blocked                     ? "blocked"
                           : !is_same(r->primary.proxy, other->primary.proxy) ? "proxy"
                                                                              : NULL;
        if (what) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT,
                             "location '%s' is there twice, with another '%s'", r->primary.location,
                             what);
        }
    }
    return 0;
}

static size_t find_prefix(const struct registries_conf *c, const char *prefix)
{
    size_t i = 0;

    while (i < c->n_registries && strcmp(c->registries[i].prefix, prefix) != 0) {
        i++;
    }
    return i;
}

/* One file's tables; of two with the same prefix the first counts. */
static int read_registries(const json_t *doc, const char *file, struct registries_conf *c,
                           struct imgc_err *reterr)
{
    const json_t *list = NULL;
    int r = json_get_array(doc, "registry", &list, reterr);

    if (r < 0 || !list) {
        return r;
    }
    c->registries = calloc(json_array_size(list) + 1, sizeof *c->registries);
    if (!c->registries) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        imgc_auto(registry_done) struct registries_conf_registry one = { .prefix = NULL };
        r = read_registry(json_array_get(list, i), file, &one, reterr);
        r = r < 0 ? r : check_conflicts(c, &one, reterr);
        if (r < 0) {
            return r;
        }
        if (find_prefix(c, one.prefix) == c->n_registries) {
            c->registries[c->n_registries++] = one;
            one = (struct registries_conf_registry){ .prefix = NULL };
        }
    }
    return 0;
}

static int read_search(const json_t *doc, const char *file, struct registries_conf *c,
                       struct imgc_err *reterr)
{
    int r = json_get_strings(doc, "unqualified-search-registries", &c->search, NULL, reterr);

    if (r < 0 || !c->search) {
        return r;
    }
    for (char **host = c->search; *host; host++) {
        size_t n = strlen(*host);
        while (n > 0 && (*host)[n - 1] == '/') {
            (*host)[--n] = '\0';
        }
        if (n == 0 || (*host)[strspn(*host, HOST_CHARS)] != '\0') {
            return imgc_fail(reterr, IMGC_E_DOCUMENT,
                             "unqualified-search-registries has '%s': write HOST[:PORT]", *host);
        }
    }
    return imgc_str_dup(imgc_str_of(file), &c->search_file, reterr);
}

static int check_alias(const char *name, const char *value, struct imgc_err *reterr)
{
    ref_auto struct ref ref = REF_INIT;

    if (ref_has_domain(imgc_str_of(name)) || strpbrk(name, ":@")) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT,
                         "alias '%s': a short name has no registry, tag or digest", name);
    }
    if (*value == '\0') {
        return 0;
    }
    int r = ref_parse(imgc_str_of(value), &ref, reterr);
    if (r < 0) {
        return imgc_context(reterr, "alias '%s'", name);
    }
    if (!ref_has_domain(imgc_str_of(value)) || ref.tag || digest_is_set(&ref.digest)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT,
                         "alias '%s' is for '%s': it wants a registry, and no tag or digest", name,
                         value);
    }
    return 0;
}

static int read_aliases(const json_t *doc, struct registries_conf *c, struct imgc_err *reterr)
{
    const json_t *checked = NULL;
    json_t *table = json_object_get(doc, "aliases"); /* jansson iterates over no const one */
    int r = json_get_object(doc, "aliases", &checked, reterr);

    if (r < 0 || !checked) {
        return r;
    }
    c->aliases = calloc(json_object_size(table) + 1, sizeof *c->aliases);
    if (!c->aliases) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (void *it = json_object_iter(table); r == 0 && it; it = json_object_iter_next(table, it)) {
        const char *name = json_object_iter_key(it);
        const char *value = json_string_value(json_object_iter_value(it));
        if (!value) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "alias '%s' is not a string", name);
        }
        struct registries_conf_alias *alias = &c->aliases[c->n_aliases];
        r = check_alias(name, value, reterr);
        c->n_aliases += r == 0;
        r = r < 0 ? r : imgc_str_dup(imgc_str_of(name), &alias->name, reterr);
        r = r < 0 ? r : imgc_str_dup(imgc_str_of(value), &alias->value, reterr);
    }
    return r;
}

static int read_mode(const json_t *doc, struct registries_conf *c, struct imgc_err *reterr)
{
    static const char *const names[] = { [REGISTRIES_CONF_UNSET] = "",
                                         [REGISTRIES_CONF_PERMISSIVE] = "permissive",
                                         [REGISTRIES_CONF_ENFORCING] = "enforcing",
                                         [REGISTRIES_CONF_DISABLED] = "disabled" };
    const char *z = NULL;
    int r = json_get_string(doc, "short-name-mode", &z, reterr);

    for (size_t i = 0; r == 0 && z && i < sizeof names / sizeof *names; i++) {
        if (strcmp(z, names[i]) == 0) {
            c->mode = (enum registries_conf_mode)i;
            return 0;
        }
    }
    return r < 0 || !z
               ? r
               : imgc_fail(reterr, IMGC_E_DOCUMENT,
                           "short-name-mode is enforcing, permissive or disabled, not '%s'", z);
}

/* [registries.search], [registries.insecure] and [registries.block], where one says something. */
static int refuse_version_1(const json_t *doc, struct imgc_err *reterr)
{
    static const char *const parts[] = { "search", "insecure", "block" };
    const json_t *old = json_object_get(doc, "registries");

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const json_t *list = json_object_get(json_object_get(old, parts[i]), "registries");
        if (json_array_size(list) > 0) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT,
                             "[registries.%s] is version 1 of the format, which is not read: write "
                             "unqualified-search-registries = [...] and [[registry]] tables",
                             parts[i]);
        }
    }
    return 0;
}

static int read_file(struct imgc_str text, const char *file, struct registries_conf *c,
                     struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;

    int r = toml_parse(text, file, &doc, reterr);
    if (r < 0) {
        return r;
    }
    r = refuse_version_1(doc, reterr);
    r = r < 0 ? r : read_registries(doc, file, c, reterr);
    r = r < 0 ? r : read_search(doc, file, c, reterr);
    r = r < 0 ? r : read_aliases(doc, c, reterr);
    r = r < 0 ? r : read_mode(doc, c, reterr);
    if (r < 0 && reterr->code != IMGC_E_NOMEM) {
        reterr->code = IMGC_E_DOCUMENT; /* whatever part of it is wrong */
    }
    return r < 0 ? imgc_context(reterr, "%s", file) : 0;
}

/* Room for @more items behind @n. */
static int grow(void **items, size_t n, size_t more, size_t size, struct imgc_err *reterr)
{
    void *larger = reallocarray(*items, n + more + 1, size);

    if (!larger) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *items = larger;
    return 0;
}

int registries_conf_add(struct registries_conf *c, struct imgc_str text, const char *file,
                        struct imgc_err *reterr)
{
    registries_conf_auto struct registries_conf add = { .mode = REGISTRIES_CONF_UNSET };

    int r = read_file(text, file, &add, reterr);
    if (r == 0) {
        r = grow((void **)&c->registries, c->n_registries, add.n_registries, sizeof *c->registries,
                 reterr);
    }
    if (r == 0) {
        r = grow((void **)&c->aliases, c->n_aliases, add.n_aliases, sizeof *c->aliases, reterr);
    }
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < add.n_registries; i++) {
        size_t at = find_prefix(c, add.registries[i].prefix);
        if (at < c->n_registries) {
            registry_done(&c->registries[at]);
        }
        c->n_registries += at == c->n_registries;
        c->registries[at] = add.registries[i];
    }
    if (add.n_aliases > 0) {
        memcpy(c->aliases + c->n_aliases, add.aliases, add.n_aliases * sizeof *add.aliases);
    }
    c->n_aliases += add.n_aliases;
    add.n_registries = 0; /* handed over */
    add.n_aliases = 0;
    if (add.search) {
        c->search = json_strings_free(c->search);
        free(c->search_file);
        c->search = imgc_take(add.search);
        c->search_file = imgc_take(add.search_file);
    }
    c->mode = add.mode != REGISTRIES_CONF_UNSET ? add.mode : c->mode;
    return 0;
}
