/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/auth.h"

#include <string.h>

#include "fetch/answer.h"
#include "fetch/endpoint.h"
#include "schema/base/clock.h"
#include "schema/json.h"
#include "schema/limits.h"

#define DEFAULT_SECONDS 60 /* the specification's, where expires_in is missing */
#define MAX_SECONDS 86400
#define MAX_URL_BYTES 8192

struct token {
    struct token *next;
    char *realm, *service, *scope;
    char *text;
    int64_t expires_ns; /* CLOCK_MONOTONIC */
};

struct auth {
    struct token *tokens;
};

static struct token *token_free(struct token *t)
{
    if (t) {
        free(t->realm);
        free(t->service);
        free(t->scope);
        free(t->text);
        free(t);
    }
    return NULL;
}

static void token_freep(struct token **t)
{
    *t = token_free(*t);
}

int auth_new(struct auth **ret, struct imgc_err *reterr)
{
    struct auth *a = calloc(1, sizeof *a);

    if (!a) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret = a;
    return 0;
}

struct auth *auth_free(struct auth *a)
{
    if (a) {
        for (struct token *t = a->tokens, *next; t; t = next) {
            next = t->next;
            (void)token_free(t);
        }
        free(a);
    }
    return NULL;
}

void auth_freep(struct auth **a)
{
    *a = auth_free(*a);
}

/* "&key=value"; an empty value is left out. */
static void add_field(struct imgc_buf *b, char separator, const char *key, const char *text)
{
    if (!text || !*text) {
        return;
    }
    if (separator) {
        imgc_buf_putc(b, separator);
    }
    imgc_buf_printf(b, "%s=", key);
    for (const char *p = text; *p; p++) {
        /* RFC 3986's unreserved characters, and what scopes are made of: every query takes them
         * as they are, and logs stay readable. */
        bool is_plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                        (*p >= '0' && *p <= '9') || strchr("-._~/:,", *p);
        if (is_plain) {
            imgc_buf_putc(b, *p);
        } else {
            imgc_buf_printf(b, "%%%02X", (unsigned)(unsigned char)*p);
        }
    }
}

static bool is_url_text(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p <= 0x20 || *p >= 0x7f || *p == '#') {
            return false;
        }
    }
    return true;
}

static int check_realm(const char *realm, bool allow_plain, struct imgc_err *reterr)
{
    struct imgc_str s = imgc_str_of(realm);

    if (!imgc_str_starts(s, IMGC_STR("https://")) &&
        !(allow_plain && imgc_str_starts(s, IMGC_STR("http://")))) {
        return imgc_fail(reterr, IMGC_E_AUTH,
                         "the registry sends to '%s' for a token, which is not https", realm);
    }
    if (!is_url_text(realm)) {
        return imgc_fail(reterr, IMGC_E_AUTH, "'%s' is no address of a token server", realm);
    }
    return 0;
}

/* In a query each scope is a field of its own. */
static int add_scopes(const char *scopes, char separator, struct imgc_buf *ret,
                      struct imgc_err *reterr)
{
    struct imgc_str rest = imgc_str_of(scopes), scope;

    while (imgc_str_token(&rest, ' ', &scope)) {
        imgc_autofree char *text = NULL;
        int r = imgc_str_dup(scope, &text, reterr);
        if (r < 0) {
            return r;
        }
        if (text[0] != '\0') {
            add_field(ret, separator, "scope", text);
            separator = '&';
        }
    }
    return 0;
}

int auth_url(const struct auth_ask *ask, const char *account, bool allow_plain,
             struct imgc_buf *ret, struct imgc_err *reterr)
{
    struct imgc_str done;
    const char *const fields[][2] = { { "account", account }, { "service", ask->service } };
    char separator = '?';

    int r = check_realm(ask->realm, allow_plain, reterr);
    if (r < 0) {
        return r;
    }
    if (strchr(ask->realm, '?')) {
        separator = '&';
    }
    imgc_buf_puts(ret, ask->realm);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t before = ret->len;
        add_field(ret, separator, fields[i][0], fields[i][1]);
        if (ret->len > before) {
            separator = '&';
        }
    }
    r = add_scopes(ask->scope, separator, ret, reterr);
    if (r < 0) {
        return r;
    }
    return imgc_buf_finish(ret, &done, reterr);
}

int auth_form(const struct auth_ask *ask, const char *identity_token, struct imgc_buf *ret,
              struct imgc_err *reterr)
{
    struct imgc_str done;

    imgc_buf_puts(ret, "grant_type=refresh_token&client_id=imgc");
    add_field(ret, '&', "service", ask->service);
    add_field(ret, '&', "scope", ask->scope);
    add_field(ret, '&', "refresh_token", identity_token);
    return imgc_buf_finish(ret, &done, reterr);
}

/* It goes into a header: no blank, no line end, nothing that is not ASCII. */
static bool is_token_text(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p <= 0x20 || *p >= 0x7f) {
            return false;
        }
    }
    return text[0] != '\0';
}

int auth_parse(struct imgc_str body, char **ret_token, uint64_t *ret_seconds,
               struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;
    const char *token = NULL;
    uint64_t seconds = 0;

    int r = json_parse(body, "token", &doc, reterr);
    if (r == 0 && !json_is_object(doc)) {
        r = imgc_fail(reterr, IMGC_E_DOCUMENT, "token: not an object");
    }
    if (r == 0) {
        r = json_get_string(doc, "token", &token, reterr);
    }
    if (r == 0 && !token) {
        r = json_get_string(doc, "access_token", &token, reterr);
    }
    if (r == 0) {
        r = json_get_u64(doc, "expires_in", &seconds, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (!token || !is_token_text(token)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "token: the answer holds no usable token");
    }
    *ret_seconds = seconds == 0 ? DEFAULT_SECONDS : seconds < MAX_SECONDS ? seconds : MAX_SECONDS;
    return imgc_str_dup(imgc_str_of(token), ret_token, reterr);
}

static bool is_for(const struct token *t, const struct auth_ask *ask)
{
    return strcmp(t->realm, ask->realm) == 0 && strcmp(t->service, ask->service) == 0 &&
           strcmp(t->scope, ask->scope) == 0;
}

void auth_forget(struct auth *a, const struct auth_ask *ask)
{
    for (struct token **at = &a->tokens; *at; at = &(*at)->next) {
        if (is_for(*at, ask)) {
            struct token *t = *at;
            *at = t->next;
            (void)token_free(t);
            return;
        }
    }
}

/* Fetch into *ret_x, trying again where that may help. */
static int fetch(struct http *h, const struct http_get *get, struct http_exchange **ret_x,
                 struct imgc_err *reterr)
{
    struct retry retry = { .n_failures = 0 };

    for (;;) {
        http_exchange_auto struct http_exchange *x = NULL;
        enum retry_class cls = RETRY_NEVER;
        uint64_t delay_ms = 0, after_ms = 0;

        int r = http_start(h, get, &x, reterr);
        if (r == 0) {
            r = http_wait(h, x, reterr);
        }
        if (r < 0) {
            return r;
        }
        r = http_result(x, &cls, reterr);
        if (r == 0 && http_status(x) != 200) {
            cls = retry_of_status(http_status(x));
            after_ms = http_retry_after_ms(x);
        }
        if (cls == RETRY_NEVER || !retry_next(&retry, cls, after_ms, http_random(), &delay_ms)) {
            *ret_x = r == 0 ? imgc_take(x) : NULL;
            return r;
        }
        r = http_sleep(h, delay_ms, reterr);
        if (r < 0) {
            return r;
        }
    }
}

/* Secrets go over plain HTTP to this machine only. */
static int check_plain(const char *realm, struct imgc_err *reterr)
{
    struct imgc_str s = imgc_str_of(realm), host;

    if (!imgc_str_skip(&s, IMGC_STR("http://"))) {
        return 0;
    }
    host = imgc_str_first(s, imgc_str_find(s, '/'));
    return endpoint_is_loopback(host)
               ? 0
               : imgc_fail(reterr, IMGC_E_AUTH,
                           "credentials are not sent to '%s', which is plain HTTP", realm);
}

static void form_done(struct imgc_buf *b)
{
    if (b->ptr) {
        explicit_bzero(b->ptr, b->len);
    }
    imgc_buf_done(b);
}

/* A GET with user and password, or none; a form where the user has an identity token. */
static int request(struct http *h, const struct auth_ask *ask, const struct auth_rules *rules,
                   struct http_exchange **ret_x, struct imgc_err *reterr)
{
    static const struct credential nothing = CREDENTIAL_INIT;
    const struct credential *c = rules->credential ? rules->credential : &nothing;
    imgc_autobuf struct imgc_buf url = IMGC_BUF_INIT(MAX_URL_BYTES);
    imgc_auto(form_done) struct imgc_buf form = IMGC_BUF_INIT((size_t)2 * LIMIT_TOKEN_BYTES);
    struct http_get get = { .is_unverified = rules->is_unverified,
                            .trust = rules->trust,
                            .proxy = rules->proxy,
                            .patience_s = rules->patience_s,
                            .max_body = LIMIT_TOKEN_BYTES };
    int r = c->user || c->identity_token ? check_plain(ask->realm, reterr) : 0;

    if (r < 0) {
        return r;
    }
    if (c->identity_token) {
        r = check_realm(ask->realm, rules->allow_plain, reterr);
        r = r < 0 ? r : auth_form(ask, c->identity_token, &form, reterr);
        get.url = ask->realm;
        get.form = form.ptr;
    } else {
        r = auth_url(ask, c->user, rules->allow_plain, &url, reterr);
        get.url = url.ptr;
        get.user = c->user;
        get.password = c->password;
    }
    return r < 0 ? r : fetch(h, &get, ret_x, reterr);
}

static int ask_realm(struct http *h, const struct auth_ask *ask, const struct auth_rules *rules,
                     struct token *t, struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    uint64_t seconds = 0;

    int r = request(h, ask, rules, &x, reterr);
    if (r < 0) {
        return r;
    }
    if (http_status(x) != 200) {
        const struct answer a = { .status = http_status(x),
                                  .url = http_url(x),
                                  .body = http_body(x),
                                  .retry_after_ms = http_retry_after_ms(x),
                                  .what = ask->scope,
                                  .registry = ask->service };
        (void)answer_fail(&a, reterr);
        return imgc_context(reterr, "ask for a token");
    }
    r = auth_parse(http_body(x), &t->text, &seconds, reterr);
    if (r < 0) {
        return imgc_context(reterr, "%s", http_url(x));
    }
    /* A token that ends while its request is on the way is refused; better a new one before. */
    t->expires_ns = clock_monotonic_ns() + (int64_t)(seconds - seconds / 6) * 1000000000;
    return 0;
}

int auth_token(struct auth *a, struct http *h, const struct auth_ask *ask,
               const struct auth_rules *rules, const char **ret, struct imgc_err *reterr)
{
    for (struct token *t = a->tokens; t; t = t->next) {
        if (is_for(t, ask) && t->expires_ns > clock_monotonic_ns()) {
            *ret = t->text;
            return 0;
        }
    }
    auth_forget(a, ask);

    imgc_auto(token_freep) struct token *t = calloc(1, sizeof *t);
    if (!t) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = imgc_str_dup(imgc_str_of(ask->realm), &t->realm, reterr);
    if (r == 0) {
        r = imgc_str_dup(imgc_str_of(ask->service), &t->service, reterr);
    }
    if (r == 0) {
        r = imgc_str_dup(imgc_str_of(ask->scope), &t->scope, reterr);
    }
    if (r == 0) {
        r = ask_realm(h, ask, rules, t, reterr);
    }
    if (r < 0) {
        return r;
    }
    *ret = t->text;
    t->next = a->tokens;
    a->tokens = imgc_take(t);
    return 0;
}
