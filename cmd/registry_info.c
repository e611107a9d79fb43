/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/registry_info.h"

#include "cmd/registry_access.h"
#include "cmd/registry_conf.h"

static const char *use_name(const struct registries_conf_registry *r,
                            const struct registries_conf_place *mirror)
{
    if (r->mirror_by_digest_only || mirror->use == REGISTRIES_CONF_DIGEST_ONLY) {
        return "digest-only";
    }
    return mirror->use == REGISTRIES_CONF_TAG_ONLY ? "tag-only" : "all";
}

/* NULL where memory is gone, as jansson has it. */
static json_t *place_json(const struct registries_conf_place *p)
{
    json_t *obj = json_pack("{s:s?, s:b}", "Location", p->location, "Insecure", p->insecure);

    if (obj && p->proxy) {
        proxy_auto struct proxy proxy = { .url = NULL };
        struct imgc_err ignored;
        const char *shown = proxy_parse(p->proxy, &proxy, &ignored) < 0 ? "?" : proxy.url;
        (void)json_object_set_new(obj, "Proxy", json_string(shown));
    }
    return obj;
}

static json_t *registry_json(const struct registries_conf_registry *r)
{
    json_auto_free json_t *obj = place_json(&r->primary);
    json_t *mirrors = json_array();

    if (!obj || json_object_set_new(obj, "Mirrors", mirrors) < 0 ||
        json_object_set_new(obj, "Prefix", json_string(r->prefix)) < 0 ||
        json_object_set_new(obj, "Blocked", json_boolean(r->blocked)) < 0 ||
        json_object_set_new(obj, "File", json_string(r->file)) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < r->n_mirrors; i++) {
        json_t *mirror = place_json(&r->mirrors[i]);
        if (json_object_set_new(mirror, "PullFromMirror",
                                json_string(use_name(r, &r->mirrors[i]))) < 0 ||
            json_array_append_new(mirrors, mirror) < 0) {
            return NULL;
        }
    }
    return imgc_take(obj);
}

static int put_prefixes(json_t *doc, const struct registries_conf *c, struct imgc_err *reterr)
{
    json_t *list = json_array();
    int r = json_put(doc, "Prefixes", list, reterr);

    for (size_t i = 0; r == 0 && i < c->n_registries; i++) {
        if (json_array_append_new(list, registry_json(&c->registries[i])) < 0) {
            r = imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    return r;
}

static int put_conf(json_t *doc, struct imgc_err *reterr)
{
    static const char *const modes[] = { [REGISTRIES_CONF_UNSET] = "permissive",
                                         [REGISTRIES_CONF_PERMISSIVE] = "permissive",
                                         [REGISTRIES_CONF_ENFORCING] = "enforcing",
                                         [REGISTRIES_CONF_DISABLED] = "disabled" };
    static char hub[] = "docker.io";
    static char *const hub_alone[] = { hub, NULL };
    registry_conf_auto struct registry_conf c = { .files = NULL };
    struct imgc_err why;

    if (registry_conf_load(&c, &why) < 0) {
        return json_put_string(doc, "Error", why.msg, reterr);
    }
    int r = json_put_strings(doc, "Files", c.files, reterr);
    r = r < 0 ? r
              : json_put_strings(doc, "Search", c.conf.search ? c.conf.search : hub_alone, reterr);
    r = r < 0 ? r : json_put_string(doc, "ShortNameMode", modes[c.conf.mode], reterr);
    r = r < 0 ? r : json_put(doc, "Aliases", json_integer((json_int_t)c.conf.n_aliases), reterr);
    return r < 0 ? r : put_prefixes(doc, &c.conf, reterr);
}

static int put_proxy(json_t *doc, const char *key, const char *text, struct imgc_err *reterr)
{
    proxy_auto struct proxy proxy = { .url = NULL };
    struct imgc_err why;

    if (!text || !*text) {
        return 0;
    }
    return proxy_parse(text, &proxy, &why) < 0 ? json_put_string(doc, key, why.msg, reterr)
                                               : json_put_string(doc, key, proxy.url, reterr);
}

static int put_access(json_t *doc, struct imgc_err *reterr)
{
    static const struct registry_options none = { .authfile = NULL };
    registry_access_auto struct registry_access a = { .ca_file = NULL };
    json_t *proxies = json_object();

    int r = json_put(doc, "Proxies", proxies, reterr);
    r = r < 0 ? r : registry_access_init(&none, &a, reterr);
    r = r < 0 ? r : put_proxy(proxies, "HTTP", a.proxies.http, reterr);
    r = r < 0 ? r : put_proxy(proxies, "HTTPS", a.proxies.https, reterr);
    r = r < 0 ? r : put_proxy(proxies, "All", a.proxies.all, reterr);
    if (r == 0 && a.proxies.no && *a.proxies.no) {
        r = json_put_string(proxies, "No", a.proxies.no, reterr);
    }
    r = r < 0 ? r : json_put_strings(doc, "CertDirs", a.cert_dirs, reterr);
    return r < 0 ? r : json_put_strings(doc, "AuthFiles", a.auth.items, reterr);
}

int registry_info(json_t **ret, struct imgc_err *reterr)
{
    json_auto_free json_t *doc = json_object();

    if (!doc) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = put_conf(doc, reterr);
    r = r < 0 ? r : put_access(doc, reterr);
    if (r == 0) {
        *ret = imgc_take(doc);
    }
    return r;
}
