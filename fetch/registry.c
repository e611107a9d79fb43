/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/registry.h"

#include <stdio.h>

#include "fetch/answer.h"
#include "fetch/auth.h"
#include "fetch/challenge.h"
#include "fetch/endpoint.h"
#include "fetch/origin.h"
#include "fetch/upload_url.h"
#include "schema/limits.h"
#include "schema/media_type.h"

#define MAX_URL_BYTES (UPLOAD_URL_MAX + DIGEST_TEXT_MAX + 16) /* an upload's, and "digest=" */
#define MAX_SCOPE_BYTES 2048                                  /* of four repositories */
#define MAX_NAME_BYTES 1024                                   /* of an item, for messages */
#define ANSWER_S 300 /* a registry that was sent a large blob may take long to store it */

struct registry {
    struct http *http;
    const struct ref *ref;
    struct endpoint endpoint;
    bool is_settled;  /* the endpoint has answered: no other way is tried */
    bool wants_token; /* realm and so on are set */
    bool wants_basic;
    struct auth *auth;
    char *realm, *service, *scope; /* of the last challenge */
    const struct credentials_source *credentials;
    const struct retry_policy *retry;
    bool has_looked; /* into the credentials */
    struct credential credential;
    struct trust trust;
    const char *proxy;
    bool is_mirror;
    bool is_push;
    const char *const *read_too;
    unsigned patience_s;
};

int registry_new(struct http *h, const struct registry_args *args, struct registry **ret,
                 struct imgc_err *reterr)
{
    registry_auto struct registry *r = calloc(1, sizeof *r);

    if (!r) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    r->http = h;
    r->ref = args->ref;
    r->credentials = args->credentials;
    r->proxy = args->proxy;
    r->is_mirror = args->is_mirror;
    r->patience_s = args->patience_s;
    r->retry = args->retry;
    r->is_push = args->is_push;
    r->read_too = args->read_too;
    endpoint_first(imgc_str_of(args->ref->domain), args->tls_verify, &r->endpoint);
    int status = auth_new(&r->auth, reterr);
    if (status == 0 && args->trust) {
        status = trust_load(args->trust, args->ref->domain, &r->trust, reterr);
    }
    if (status < 0) {
        return status;
    }
    if (r->trust.dir) {
        endpoint_expect_tls(&r->endpoint);
    }
    *ret = imgc_take(r);
    return 0;
}

struct registry *registry_free(struct registry *r)
{
    if (r) {
        (void)auth_free(r->auth);
        credential_done(&r->credential);
        trust_done(&r->trust);
        free(r->realm);
        free(r->service);
        free(r->scope);
        free(r);
    }
    return NULL;
}

void registry_freep(struct registry **r)
{
    *r = registry_free(*r);
}

static void add_origin(const struct registry *r, struct imgc_buf *url)
{
    imgc_buf_printf(url, "%s://" IMGC_STR_FMT, r->endpoint.is_plain ? "http" : "https",
                    IMGC_STR_ARG(r->endpoint.host));
}

int registry_url(const struct registry *r, const char *path, struct imgc_buf *ret,
                 struct imgc_err *reterr)
{
    struct imgc_str done;

    add_origin(r, ret);
    imgc_buf_printf(ret, "/v2/%s/%s", r->ref->path, path);
    return imgc_buf_finish(ret, &done, reterr);
}

static int item_url(const struct registry *r, const struct registry_item *item,
                    struct imgc_buf *url, struct imgc_err *reterr)
{
    char digest[DIGEST_TEXT_MAX];
    struct imgc_str done;

    if (item->send && item->send->url) {
        imgc_buf_puts(url, item->send->url);
        return imgc_buf_finish(url, &done, reterr);
    }
    add_origin(r, url);
    imgc_buf_puts(url, "/v2/");
    if (item->send) {
        imgc_buf_printf(url, "%s/%s", r->ref->path, item->send->path);
    } else if (item->is_tags) {
        imgc_buf_printf(url, "%s/tags/list?%s", r->ref->path, item->query);
    } else if (!item->is_base) {
        imgc_buf_printf(url, "%s/%s/%s", r->ref->path, item->is_manifest ? "manifests" : "blobs",
                        item->tag ? item->tag : digest_text(item->digest, digest));
    }
    return imgc_buf_finish(url, &done, reterr);
}

/* How messages call it. */
static void item_name(const struct registry *r, const struct registry_item *item,
                      char out[MAX_NAME_BYTES])
{
    char digest[DIGEST_TEXT_MAX];

    if (item->send) {
        (void)snprintf(out, MAX_NAME_BYTES, "%s", item->send->what);
    } else if (item->is_base) {
        (void)snprintf(out, MAX_NAME_BYTES, "access");
    } else if (item->is_tags) {
        (void)snprintf(out, MAX_NAME_BYTES, "list of tags of '%s'", r->ref->path);
    } else if (item->tag) {
        (void)snprintf(out, MAX_NAME_BYTES, "image '%s:%s'", r->ref->path, item->tag);
    } else if (item->is_manifest) {
        (void)snprintf(out, MAX_NAME_BYTES, "image '%s@%s'", r->ref->path,
                       digest_text(item->digest, digest));
    } else {
        (void)snprintf(out, MAX_NAME_BYTES, "blob %s of '%s'", digest_text(item->digest, digest),
                       r->ref->path);
    }
}

/* Secrets go over plain HTTP to this machine only. */
static bool may_show_secrets(const struct registry *r)
{
    return !r->endpoint.is_plain || r->endpoint.is_loopback;
}

/* The user's credentials, once somebody asks for them. */
static int look_for_credentials(struct registry *r, struct imgc_err *reterr)
{
    if (r->has_looked || !r->credentials) {
        return 0;
    }
    r->has_looked = true;
    int status = credentials_find(r->credentials, r->ref, &r->credential, reterr);
    return status < 0 ? status : 0;
}

/* Whether the token server is the registry itself: any other is not shown the client's certificate,
 * which is for this host and port. */
static bool is_own_realm(const struct registry *r)
{
    imgc_autobuf struct imgc_buf own = IMGC_BUF_INIT(MAX_URL_BYTES);
    struct imgc_str url;
    struct imgc_err ignored;

    imgc_buf_printf(&own, "https://" IMGC_STR_FMT "/", IMGC_STR_ARG(r->endpoint.host));
    return imgc_buf_finish(&own, &url, &ignored) == 0 && origin_is_same(url.ptr, r->realm);
}

/* A token where the registry is known to want one. */
static int current_token(struct registry *r, const char **ret, struct imgc_err *reterr)
{
    if (!r->wants_token) {
        *ret = NULL;
        return 0;
    }
    const struct auth_ask ask = { r->realm, r->service, r->scope };
    struct trust trust = r->trust; /* borrowed */
    if (!is_own_realm(r)) {
        trust.cert = trust.key = NULL;
    }
    const struct auth_rules rules = {
        .allow_plain = r->endpoint.is_plain || r->endpoint.is_loopback,
        .is_unverified = r->endpoint.is_unverified,
        .credential = &r->credential,
        .trust = &trust,
        .proxy = r->proxy,
        .patience_s = r->patience_s,
    };
    return auth_token(r->auth, r->http, &ask, &rules, ret, reterr);
}

/* @get is all that is the same for whatever is asked. */
static int start_send(struct registry *r, const struct registry_send *send,
                      const struct http_get *get, struct http_exchange **ret,
                      struct imgc_err *reterr)
{
    struct trust nothing_shown = r->trust; /* borrowed */
    struct http_get put = *get;

    put.method = send->method;
    put.accept = send->accept;
    put.payload = send->payload;
    put.payload_type = send->payload_type;
    put.payload_range = send->payload_range;
    if (!put.patience_s && strcmp(send->method, "HEAD") != 0) {
        put.stall_s = ANSWER_S;
    }
    if (send->is_elsewhere) {
        nothing_shown.cert = nothing_shown.key = NULL;
        put.bearer = put.user = put.password = NULL;
        put.trust = &nothing_shown; /* libcurl copies it */
    }
    return http_start(r->http, &put, ret, reterr);
}

int registry_start(struct registry *r, const struct registry_item *item,
                   enum http_take (*body)(void *arg, const void *ptr, size_t len), void *arg,
                   struct http_exchange **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf url = IMGC_BUF_INIT(MAX_URL_BYTES);
    char digest[DIGEST_TEXT_MAX], if_range[DIGEST_TEXT_MAX + 2];
    const char *token = NULL;

    int status = item_url(r, item, &url, reterr);
    if (item->if_digest) {
        (void)snprintf(if_range, sizeof if_range, "\"%s\"", digest_text(item->digest, digest));
    }
    if (status == 0) {
        status = current_token(r, &token, reterr);
    }
    if (status < 0) {
        return status;
    }
    const struct http_get get = { .url = url.ptr,
                                  .accept = item->is_manifest ? MEDIA_ACCEPT_MANIFESTS : NULL,
                                  .bearer = token,
                                  .user = r->wants_basic ? r->credential.user : NULL,
                                  .password = r->wants_basic ? r->credential.password : NULL,
                                  .is_unverified = r->endpoint.is_unverified,
                                  .trust = &r->trust,
                                  .proxy = r->proxy,
                                  .patience_s = r->patience_s,
                                  .max_body = item->max_bytes,
                                  .range = item->range,
                                  .if_range = item->if_digest ? if_range : NULL,
                                  .body = body,
                                  .arg = arg };
    return item->send ? start_send(r, item->send, &get, ret, reterr)
                      : http_start(r->http, &get, ret, reterr);
}

/* Count a failure. A mirror that does not answer is not asked again, one that fails later once. */
static bool may_retry(const struct registry *r, struct registry_try *attempt, enum retry_class cls,
                      uint64_t after_ms, uint64_t *ret_delay_ms)
{
    if (r->is_mirror && (!r->is_settled || attempt->retry.n_failures > 0 || after_ms > 0)) {
        return false;
    }
    return retry_next(&attempt->retry, cls, after_ms, http_random(), ret_delay_ms);
}

/* The transport did not work. Another one, another attempt, or the end? */
static int judge_failure(struct registry *r, struct http_exchange *x, struct registry_try *attempt,
                         enum retry_class cls, uint64_t *ret_delay_ms, struct imgc_err *err)
{
    /* With a port in the name, plain HTTP would knock at the same closed door. */
    bool may_be_plain =
        http_failed_in_handshake(x) || (http_failed_to_connect(x) && !r->endpoint.has_port);

    if (!r->is_settled && may_be_plain && endpoint_next(&r->endpoint) == 0) {
        *ret_delay_ms = 0;
        return REGISTRY_AGAIN;
    }
    if (may_retry(r, attempt, cls, 0, ret_delay_ms)) {
        return REGISTRY_AGAIN;
    }
    if (attempt->retry.n_failures > 0) {
        return imgc_context(err, "after %u attempts", attempt->retry.n_failures + 1);
    }
    return -(int)err->code;
}

static int set_text(char **at, const char *value, struct imgc_err *reterr)
{
    char *copy = NULL;
    int r = imgc_str_dup(imgc_str_of(value), &copy, reterr);

    if (r == 0) {
        free(*at);
        *at = copy;
    }
    return r;
}

static int default_scope(const struct registry *r, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(MAX_SCOPE_BYTES);

    if (r->ref->path[0] != '\0') { /* else: only whether one is let in */
        imgc_buf_printf(&b, "repository:%s:pull%s", r->ref->path, r->is_push ? ",push" : "");
    }
    for (const char *const *path = r->read_too; path && *path; path++) {
        imgc_buf_printf(&b, " repository:%s:pull", *path);
    }
    return imgc_buf_take(&b, ret, reterr);
}

/* Note what the registry wants. @is_second  the token for our own scope was not enough: take the
 * registry's word for what is needed. */
static int note_challenge(struct registry *r, const struct challenge *c, bool is_second,
                          struct imgc_err *reterr)
{
    imgc_autofree char *scope = NULL;
    int status = is_second && c->scope[0] ? imgc_str_dup(imgc_str_of(c->scope), &scope, reterr)
                                          : default_scope(r, &scope, reterr);

    if (status == 0) {
        status = set_text(&r->realm, c->realm, reterr);
    }
    if (status == 0) {
        status = set_text(&r->service, c->service, reterr);
    }
    if (status == 0) {
        status = set_text(&r->scope, scope, reterr);
    }
    r->wants_token = r->wants_token || status == 0;
    return status;
}

static int get_token(struct registry *r, const struct challenge *c, struct registry_try *attempt,
                     struct imgc_err *reterr)
{
    const char *token;
    bool was_refused = attempt->n_asked > 0;

    if (attempt->n_asked >= 2 || (was_refused && strcmp(c->error, "insufficient_scope") != 0)) {
        return 0;
    }
    attempt->n_asked++;
    if (r->wants_token) {
        auth_forget(r->auth, &(struct auth_ask){ r->realm, r->service, r->scope });
    }
    int status = note_challenge(r, c, was_refused, reterr);
    if (status == 0) {
        status = current_token(r, &token, reterr);
    }
    return status < 0 ? status : REGISTRY_AGAIN;
}

/* User and password, once: a registry that has refused them will not take them again. */
static int use_basic(struct registry *r)
{
    if (r->wants_basic || !r->credential.user) {
        return 0;
    }
    r->wants_basic = true;
    return REGISTRY_AGAIN;
}

/* Over plain HTTP anybody in between reads the token that they are exchanged for, and has said
 * where they are to be shown. */
static int check_way(const struct registry *r, struct imgc_err *reterr)
{
    bool has_secrets = r->credential.user || r->credential.identity_token;

    return !has_secrets || may_show_secrets(r)
               ? 0
               : imgc_fail(reterr, IMGC_E_AUTH,
                           "registry '%s' speaks plain HTTP: credentials are not sent to it",
                           r->ref->domain);
}

/* 401 or 403: a token or a password may help. @return REGISTRY_AGAIN with one at hand; 0 where none
 * will. */
static int authorize(struct registry *r, const struct http_exchange *x,
                     struct registry_try *attempt, struct imgc_err *reterr)
{
    struct challenge c;

    challenge_choose(http_challenges(x), &c);
    if (c.scheme == CHALLENGE_NONE) {
        return 0;
    }
    int status = look_for_credentials(r, reterr);
    status = status < 0 ? status : check_way(r, reterr);
    if (status < 0) {
        return status;
    }
    return c.scheme == CHALLENGE_BASIC ? use_basic(r) : get_token(r, &c, attempt, reterr);
}

/* A part that was sent twice (libcurl repeats what got no answer on a connection that it had used
 * before), or an upload that the registry has forgotten, is refused in one of these ways. */
static enum retry_class class_of(const struct registry_item *item, long status)
{
    bool is_lost = status == 400 || status == 404 || status == 416;

    return item->send && item->send->is_part && is_lost ? RETRY_CONTENT : retry_of_status(status);
}

/* An answer that is no content. */
static int judge_status(struct registry *r, const struct registry_item *item,
                        const struct http_exchange *x, struct registry_try *attempt,
                        uint64_t *ret_delay_ms, struct imgc_err *reterr)
{
    char name[MAX_NAME_BYTES];
    long http = http_status(x);
    uint64_t after_ms = http_retry_after_ms(x);

    if (item->send && item->send->may_miss && http == 404) {
        return 0;
    }
    bool is_elsewhere = (item->send && item->send->is_elsewhere) || http_is_elsewhere(x);
    if ((http == 401 || http == 403) && !is_elsewhere) { /* another host asks for nothing of ours */
        *ret_delay_ms = 0;
        int status = authorize(r, x, attempt, reterr);
        if (status != 0) {
            return status;
        }
    }
    if (may_retry(r, attempt, class_of(item, http), after_ms, ret_delay_ms)) {
        return REGISTRY_AGAIN;
    }
    item_name(r, item, name);
    const struct answer a = { .status = http,
                              .url = http_url(x),
                              .body = http_body(x),
                              .retry_after_ms = after_ms,
                              .what = name,
                              .registry = r->ref->domain,
                              .is_sent = item->send != NULL,
                              .is_image = item->is_manifest || item->is_tags };
    return answer_fail(&a, reterr);
}

/* Whether plain HTTP, tried before TLS, was the wrong way: servers that speak TLS hang up, or say
 * with status 400 what they expected. */
static bool is_probe_over(const struct registry *r, const struct http_exchange *x)
{
    long status = http_status(x);

    return !r->is_settled && r->endpoint.is_probe &&
           (status == 400 || (!http_is_answered(x) && !http_failed_to_connect(x)));
}

int registry_judge(struct registry *r, const struct registry_item *item, struct http_exchange *x,
                   struct registry_try *attempt, uint64_t *ret_delay_ms, struct imgc_err *reterr)
{
    enum retry_class cls = RETRY_NEVER;

    attempt->retry.policy = r->retry;
    if (is_probe_over(r, x) && endpoint_next(&r->endpoint) == 0) {
        *ret_delay_ms = 0;
        return REGISTRY_AGAIN;
    }
    if (http_is_answered(x)) {
        r->is_settled = true;
    }
    int status = http_result(x, &cls, reterr);
    if (status < 0) {
        return judge_failure(r, x, attempt, cls, ret_delay_ms, reterr);
    }
    if (!http_is_good(x) && !(item->range.total && http_status(x) / 100 == 2)) {
        return judge_status(r, item, x, attempt, ret_delay_ms, reterr);
    }
    return 0;
}

/* Check the body of a 200 answer and take it over. REGISTRY_AGAIN for a wrong digest, once. */
static int take_body(const struct registry *r, const struct registry_item *item,
                     const struct http_exchange *x, struct registry_try *attempt,
                     struct imgc_buf *body, struct imgc_err *reterr)
{
    struct imgc_str got = http_body(x), done;
    char name[MAX_NAME_BYTES];
    uint64_t delay_ms;

    if (item->digest && !item->tag) {
        struct digest digest;
        int status = digest_of(item->digest->alg, got.ptr, got.len, &digest, reterr);
        if (status < 0) {
            return status;
        }
        item_name(r, item, name);
        status = digest_expect(item->digest, &digest, name, reterr);
        if (status < 0) {
            bool again = retry_next(&attempt->retry, RETRY_CONTENT, 0, http_random(), &delay_ms);
            return again ? REGISTRY_AGAIN : status;
        }
    }
    imgc_buf_str(body, got);
    return imgc_buf_finish(body, &done, reterr);
}

/* One attempt, and the pause behind one that failed. @ret with 0 only. */
static int get_once(struct registry *r, const struct registry_item *item,
                    struct registry_try *attempt, struct imgc_buf *body, struct http_exchange **ret,
                    struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    uint64_t delay_ms = 0;

    int status = registry_start(r, item, NULL, NULL, &x, reterr);
    if (status == 0) {
        status = http_wait(r->http, x, reterr);
    }
    if (status == 0) {
        status = registry_judge(r, item, x, attempt, &delay_ms, reterr);
    }
    if (status == 0) {
        status = take_body(r, item, x, attempt, body, reterr);
    }
    if (status == 0) {
        *ret = imgc_take(x);
    } else if (status == REGISTRY_AGAIN) {
        int slept = http_sleep(r->http, delay_ms, reterr);
        return slept < 0 ? slept : REGISTRY_AGAIN;
    }
    return status;
}

/* @ret  the exchange that brought @body. */
static int get(struct registry *r, const struct registry_item *item, struct imgc_buf *body,
               struct http_exchange **ret, struct imgc_err *reterr)
{
    struct registry_try attempt = { .n_asked = 0 };
    int status;

    do {
        status = get_once(r, item, &attempt, body, ret, reterr);
    } while (status == REGISTRY_AGAIN);
    return status;
}

int registry_send(struct registry *r, const struct registry_send *send,
                  struct registry_try *attempt, struct http_exchange **ret, struct imgc_err *reterr)
{
    const struct registry_item item = { .send = send, .max_bytes = LIMIT_ERROR_BODY_BYTES };
    imgc_autobuf struct imgc_buf ignored = IMGC_BUF_INIT(LIMIT_ERROR_BODY_BYTES);
    struct registry_try own = { .n_asked = 0 };
    struct registry_try *count = attempt ? attempt : &own;
    int status;

    count->n_asked = 0;
    for (;;) {
        unsigned n_failures = count->retry.n_failures + count->retry.n_content;
        status = get_once(r, &item, count, &ignored, ret, reterr);
        /* Without a failure it was only a matter of who asks, or over which transport. */
        if (status != REGISTRY_AGAIN ||
            (attempt && count->retry.n_failures + count->retry.n_content > n_failures)) {
            return status;
        }
    }
}

int registry_get(struct registry *r, const struct registry_item *item, struct imgc_buf *body,
                 char ret_type[REGISTRY_TYPE_MAX], struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    int status = get(r, item, body, &x, reterr);

    if (status == 0 && ret_type) {
        struct imgc_str type = imgc_str_first(http_content_type(x), REGISTRY_TYPE_MAX - 1);
        memcpy(ret_type, type.ptr ? type.ptr : "", type.len);
        ret_type[type.len] = '\0';
    }
    return status;
}

int registry_get_page(struct registry *r, const struct registry_item *item, struct imgc_buf *body,
                      struct imgc_buf *link, struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = NULL;
    struct imgc_str done;
    int status = get(r, item, body, &x, reterr);

    if (status < 0) {
        return status;
    }
    imgc_buf_str(link, http_links(x));
    return imgc_buf_finish(link, &done, reterr);
}

int registry_check(struct registry *r, struct imgc_err *reterr)
{
    const struct registry_item item = { .is_base = true, .max_bytes = LIMIT_TOKEN_BYTES };
    imgc_autobuf struct imgc_buf ignored = IMGC_BUF_INIT(LIMIT_TOKEN_BYTES);

    return registry_get(r, &item, &ignored, NULL, reterr);
}

int registry_idle(struct registry *r, struct imgc_err *reterr)
{
    return http_drive(r->http, 0, reterr);
}
