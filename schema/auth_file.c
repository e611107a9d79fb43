/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/auth_file.h"

#include <string.h>

#include "schema/base/base64.h"
#include "schema/limits.h"

#define HUB "docker.io"
#define HUB_KEY "https://index.docker.io/v1/"

void auth_file_done(struct auth_file *f)
{
    json_decref(f->doc);
    f->doc = NULL;
}

int auth_file_parse(struct imgc_str text, struct auth_file *ret, struct imgc_err *reterr)
{
    if (imgc_str_trim(text).len == 0) {
        ret->doc = json_object();
        return ret->doc ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    json_auto_free json_t *doc = NULL;
    int r = json_parse(text, "credentials", &doc, reterr);
    if (r < 0) {
        return r;
    }
    if (!json_is_object(doc)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "credentials: not an object");
    }
    ret->doc = imgc_take(doc);
    return 0;
}

/* It becomes a part of a program's name. */
static bool is_helper_name(const char *name)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    return name && *name && name[strspn(name, good)] == '\0';
}

/* docker.io has had several names. */
static struct imgc_str plain_host(struct imgc_str host)
{
    bool is_hub = imgc_str_eq(host, IMGC_STR("index.docker.io")) ||
                  imgc_str_eq(host, IMGC_STR("registry-1.docker.io"));

    return is_hub ? IMGC_STR(HUB) : host;
}

/* A key as the files have it, "https://host/v1/" among others, as host or host/path. */
static struct imgc_str plain_key(struct imgc_str key)
{
    struct imgc_str host, path;
    bool is_url =
        imgc_str_skip(&key, IMGC_STR("https://")) || imgc_str_skip(&key, IMGC_STR("http://"));

    if (!imgc_str_split(key, '/', &host, &path)) {
        return plain_host(key);
    }
    bool is_version = imgc_str_eq(path, IMGC_STR("v1/")) || imgc_str_eq(path, IMGC_STR("v1")) ||
                      imgc_str_eq(path, IMGC_STR("v2/")) || imgc_str_eq(path, IMGC_STR("v2"));
    if (path.len == 0 || is_url || is_version) {
        return plain_host(host);
    }
    return key;
}

static json_t *member(const struct auth_file *f, const char *name)
{
    json_t *object = json_object_get(f->doc, name);
    return json_is_object(object) ? object : NULL;
}

const char *auth_file_helper(const struct auth_file *f, struct imgc_str host)
{
    const char *key, *name = NULL;
    json_t *value;

    json_object_foreach(member(f, "credHelpers"), key, value)
    {
        if (imgc_str_eq(plain_key(imgc_str_of(key)), plain_host(host))) {
            name = json_string_value(value);
            break;
        }
    }
    if (!name) {
        name = json_string_value(json_object_get(f->doc, "credsStore"));
    }
    return is_helper_name(name) ? name : NULL;
}

static int bad_entry(const char *key, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_DOCUMENT, "the credentials of '%s' cannot be read", key);
}

/* "auth" is base64 of user:password; docker pads it with a NUL at times. */
static int read_auth(const char *key, const char *text, struct credential *ret,
                     struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_TOKEN_BYTES);
    struct imgc_str pair;

    if (!base64_decode(imgc_str_of(text), &b)) {
        return bad_entry(key, reterr);
    }
    int r = imgc_buf_finish(&b, &pair, reterr);
    while (r == 0 && pair.len > 0 && pair.ptr[pair.len - 1] == '\0') {
        pair.len--;
    }
    if (r == 0 && memchr(pair.ptr ? pair.ptr : "", '\0', pair.len)) {
        r = bad_entry(key, reterr);
    }
    if (r == 0 && credential_parse(pair, ret, reterr) < 0) {
        r = bad_entry(key, reterr);
    }
    explicit_bzero(b.ptr ? b.ptr : (char[1]){ 0 }, b.len);
    return r;
}

/* @return 0; AUTH_FILE_NONE for an entry without credentials: they are elsewhere. */
static int read_entry(const char *key, const json_t *entry, struct credential *ret,
                      struct imgc_err *reterr)
{
    const char *auth = json_string_value(json_object_get(entry, "auth"));
    const char *user = json_string_value(json_object_get(entry, "username"));
    const char *password = json_string_value(json_object_get(entry, "password"));
    const char *token = json_string_value(json_object_get(entry, "identitytoken"));
    int r = AUTH_FILE_NONE;

    if (auth && *auth) {
        r = read_auth(key, auth, ret, reterr);
    } else if (user && *user && password) {
        r = imgc_str_dup(imgc_str_of(user), &ret->user, reterr);
        r = r < 0 ? r : imgc_str_dup(imgc_str_of(password), &ret->password, reterr);
    }
    if (r >= 0 && token && *token) {
        r = imgc_str_dup(imgc_str_of(token), &ret->identity_token, reterr);
    }
    return r;
}

static int find_exact(const struct auth_file *f, struct imgc_str name, struct credential *ret,
                      struct imgc_err *reterr)
{
    const char *key;
    json_t *entry;

    json_object_foreach(member(f, "auths"), key, entry)
    {
        if (!imgc_str_eq(plain_key(imgc_str_of(key)), name)) {
            continue;
        }
        credential_auto struct credential c = CREDENTIAL_INIT;
        int r = read_entry(key, entry, &c, reterr);
        if (r == 0) {
            *ret = c;
            c = (struct credential)CREDENTIAL_INIT;
        }
        if (r != AUTH_FILE_NONE) {
            return r;
        }
    }
    return AUTH_FILE_NONE;
}

int auth_file_find(const struct auth_file *f, struct imgc_str name, struct credential *ret,
                   struct imgc_err *reterr)
{
    struct imgc_str shorter, last;

    while (imgc_str_rsplit(name, '/', &shorter, &last)) {
        int r = find_exact(f, name, ret, reterr);
        if (r != AUTH_FILE_NONE) {
            return r;
        }
        name = shorter;
    }
    return find_exact(f, plain_host(name), ret, reterr);
}

static int make_entry(const struct credential *c, json_t **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf pair = IMGC_BUF_INIT(LIMIT_TOKEN_BYTES);
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT((size_t)2 * LIMIT_TOKEN_BYTES);
    json_auto_free json_t *entry = json_object();
    struct imgc_str s;

    imgc_buf_printf(&pair, "%s:%s", c->user ? c->user : "", c->password ? c->password : "");
    int r = imgc_buf_finish(&pair, &s, reterr);
    if (r < 0) {
        return r;
    }
    base64_encode(s, &text);
    r = imgc_buf_finish(&text, &s, reterr);
    if (r == 0 && !entry) {
        r = imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    r = r < 0 ? r : json_put_string(entry, "auth", s.ptr, reterr);
    r = r < 0 ? r : json_put_string(entry, "identitytoken", c->identity_token, reterr);
    explicit_bzero(pair.ptr, pair.len);
    if (r == 0) {
        *ret = imgc_take(entry);
    }
    return r;
}

int auth_file_set(struct auth_file *f, const char *key, const struct credential *c,
                  struct imgc_err *reterr)
{
    json_t *entry = NULL;
    int r = make_entry(c, &entry, reterr);
    if (r < 0) {
        return r;
    }
    (void)auth_file_remove(f, key);
    json_t *auths = member(f, "auths");
    if (!auths) {
        auths = json_object();
        if (json_object_set_new(f->doc, "auths", auths) < 0) {
            json_decref(entry);
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    return json_put(auths, key, entry, reterr);
}

bool auth_file_remove(struct auth_file *f, const char *key)
{
    const struct imgc_str plain = plain_key(imgc_str_of(key));
    json_t *auths = member(f, "auths"), *value;
    bool found = false;
    const char *k;
    void *next;

    json_object_foreach_safe(auths, next, k, value)
    {
        if (imgc_str_eq(plain_key(imgc_str_of(k)), plain)) {
            found = true;
            (void)json_object_del(auths, k);
        }
    }
    return found;
}

void auth_file_clear(struct auth_file *f)
{
    (void)json_object_del(f->doc, "auths");
}

int auth_file_dump(const struct auth_file *f, char **ret, struct imgc_err *reterr)
{
    *ret = json_dumps(f->doc, JSON_INDENT(4));
    return *ret ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

const char *auth_file_docker_key(const char *host)
{
    return imgc_str_eq(plain_host(imgc_str_of(host)), IMGC_STR(HUB)) ? HUB_KEY : host;
}
