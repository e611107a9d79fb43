/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/http.h"

#include <stdio.h>
#include <sys/random.h>

#include "fetch/curl_lib.h"
#include "fetch/endpoint.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/limits.h"

#define TICK_MS 100

struct http {
    struct http_args args;
    struct curl_lib curl;
    CURLM *multi;
    CURLSH *share;
    uint64_t bytes;
    int64_t ticked_ns;
};

struct http_exchange {
    struct http *h;
    CURL *easy;
    struct curl_slist *headers;
    char *url; /* as shown in messages */
    enum http_take (*body)(void *arg, const void *ptr, size_t len);
    void *arg;
    struct imgc_buf collected;  /* body of a good answer without a receiver, or of an error */
    struct imgc_buf challenges; /* values of WWW-Authenticate */
    uint64_t max_body, received;
    struct range range; /* asked for */
    bool is_range;      /* the answer says that it is that */
    bool gives_ranges;  /* the server */
    CURLcode code;      /* with is_done */
    bool is_done, is_paused;
    bool is_stopped;  /* by the receiver */
    bool is_too_long; /* over max_body */
    bool is_cut;      /* an error body over its cap: enough of it is here */
    char detail[CURL_ERROR_SIZE];
};

/* Turn a CURLcode into our words; nobody else looks at one. */
static int http_fail(struct imgc_err *e, CURLcode code, const struct http_exchange *x)
{
    const char *url = x->url;
    const char *why = x->detail[0] ? x->detail : x->h->curl.easy_strerror(code);

    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return imgc_fail(e, IMGC_E_NOMEM, "out of memory");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED:
        return imgc_fail(e, IMGC_E_TLS, "no secure connection for '%s': %s", url, why);
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return imgc_fail(e, IMGC_E_REGISTRY, "redirect of '%s' is not followed: %s", url, why);
    default:
        return imgc_fail(e, IMGC_E_NETWORK, "cannot fetch '%s': %s", url, why);
    }
}

static enum retry_class class_of(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
        return RETRY_DOUBTFUL;
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return RETRY_TRANSIENT;
    default:
        return RETRY_NEVER;
    }
}

int http_new(const struct http_args *args, struct http **ret, struct imgc_err *reterr)
{
    struct curl_lib curl;
    int r = curl_lib_load(&curl, reterr);

    if (r < 0) {
        return r;
    }
    if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "cannot set up libcurl");
    }
    struct http *h = calloc(1, sizeof *h);
    if (!h) {
        curl.global_cleanup();
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    h->args = *args;
    h->curl = curl;
    h->multi = curl.multi_init();
    h->share = curl.share_init();
    /* The multi handle shares connections and DNS answers by itself, TLS sessions it does not. No
     * lock functions: all handles live in one thread. */
    if (!h->multi || !h->share ||
        curl.share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK) {
        (void)http_free(h);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret = h;
    return 0;
}

struct http *http_free(struct http *h)
{
    if (h) {
        (void)h->curl.multi_cleanup(h->multi); /* accepts NULL */
        (void)h->curl.share_cleanup(h->share);
        h->curl.global_cleanup();
        free(h);
    }
    return NULL;
}

void http_freep(struct http **h)
{
    *h = http_free(*h);
}

static enum http_take take_collected(struct http_exchange *x, const void *ptr, size_t len)
{
    imgc_buf_add(&x->collected, ptr, len);
    return x->collected.state == IMGC_BUF_OK ? HTTP_TAKEN : HTTP_STOP;
}

static size_t on_body(char *ptr, size_t size, size_t n, void *arg)
{
    struct http_exchange *x = arg;
    size_t len = size * n; /* size is 1, says libcurl */
    enum http_take taken;

    if (x->range.total && http_status(x) / 100 == 2 && !http_is_good(x)) {
        x->is_stopped = true; /* the whole of it, or some other part */
        return CURL_WRITEFUNC_ERROR;
    }
    if (!http_is_good(x)) {
        size_t room = LIMIT_ERROR_BODY_BYTES - x->collected.len;
        (void)take_collected(x, ptr, len < room ? len : room);
        x->is_cut = len > room;
        return x->is_cut ? CURL_WRITEFUNC_ERROR : len;
    }
    if (len > x->max_body - x->received) {
        x->is_too_long = true;
        return CURL_WRITEFUNC_ERROR;
    }
    taken = x->body ? x->body(x->arg, ptr, len) : take_collected(x, ptr, len);
    if (taken == HTTP_PAUSE) {
        x->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (taken == HTTP_STOP) {
        x->is_stopped = true;
        return CURL_WRITEFUNC_ERROR;
    }
    x->received += len;
    x->h->bytes += len;
    return len;
}

static size_t on_header(char *ptr, size_t size, size_t n, void *arg)
{
    struct http_exchange *x = arg;
    struct imgc_str name = IMGC_STR(""), value = IMGC_STR(""), line = { ptr, size * n };

    if (imgc_str_starts(line, IMGC_STR("HTTP/"))) {
        imgc_buf_clear(&x->challenges); /* those of a redirect do not count */
        x->is_range = false;
        x->gives_ranges = false;
    } else if (!imgc_str_split(line, ':', &name, &value)) {
        return size * n;
    }
    value = imgc_str_trim(value);
    if (imgc_str_eq_nocase(name, IMGC_STR("www-authenticate"))) {
        if (x->challenges.len > 0) {
            imgc_buf_puts(&x->challenges, ", ");
        }
        imgc_buf_str(&x->challenges, value);
    } else if (imgc_str_eq_nocase(name, IMGC_STR("accept-ranges"))) {
        x->gives_ranges = imgc_str_eq_nocase(value, IMGC_STR("bytes"));
    } else if (imgc_str_eq_nocase(name, IMGC_STR("content-range"))) {
        x->is_range = range_is(&x->range, value);
    }
    return size * n;
}

/* Options that are the same for every request. */
static CURLcode set_fixed(const struct curl_lib *curl, CURL *easy)
{
    static const struct {
        CURLoption option;
        long value;
    } fixed[] = {
        { CURLOPT_NOSIGNAL, 1 },
        { CURLOPT_NETRC, CURL_NETRC_IGNORED },
        { CURLOPT_HTTP09_ALLOWED, 0 },
        /* Over HTTP/2 a paused body would pile up in libcurl; over one connection each, the kernel
         * holds it back. */
        { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
        { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
        { CURLOPT_FOLLOWLOCATION, 1 },
        { CURLOPT_MAXREDIRS, 5 },
        { CURLOPT_UNRESTRICTED_AUTH, 0 },
        { CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC },
        /* No total timeout: a large layer may take hours, as long as it moves. */
        { CURLOPT_CONNECTTIMEOUT, 15 },
        { CURLOPT_LOW_SPEED_LIMIT, 1 },
        { CURLOPT_LOW_SPEED_TIME, 30 },
        { CURLOPT_TCP_KEEPALIVE, 1 },
        { CURLOPT_BUFFERSIZE, 256 << 10 }, /* fewer and larger pieces for the workers */
    };
    CURLcode rc = CURLE_OK;

    for (size_t i = 0; rc == CURLE_OK && i < sizeof fixed / sizeof *fixed; i++) {
        rc = curl->easy_setopt(easy, fixed[i].option, fixed[i].value);
    }
    return rc;
}

static bool is_loopback(const char *url)
{
    struct imgc_str s = imgc_str_of(url), host;

    (void)(imgc_str_skip(&s, IMGC_STR("https://")) || imgc_str_skip(&s, IMGC_STR("http://")));
    (void)imgc_str_split(s, '/', &host, &s);
    return endpoint_is_loopback(host);
}

static CURLcode set_transport(struct http_exchange *x, const struct http_get *get)
{
    bool is_https = strncmp(get->url, "https://", 8) == 0;
    const struct {
        CURLoption option;
        const char *value;
    } strings[] = {
        { CURLOPT_URL, get->url },
        { CURLOPT_PROTOCOLS_STR, is_https ? "https" : "http" },
        { CURLOPT_REDIR_PROTOCOLS_STR, is_https ? "https" : "http,https" },
        { CURLOPT_USERAGENT, x->h->args.user_agent },
        { CURLOPT_USERNAME, get->user },
        { CURLOPT_PASSWORD, get->password },
        { CURLOPT_POSTFIELDS, get->form }, /* not copied */
    };
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        { CURLOPT_SSL_VERIFYPEER, !get->is_unverified },
        { CURLOPT_SSL_VERIFYHOST, get->is_unverified ? 0 : 2 },
    };
    CURLcode rc = CURLE_OK;

    for (size_t i = 0; rc == CURLE_OK && i < sizeof strings / sizeof *strings; i++) {
        if (strings[i].value) { /* a form that is NULL would make it a POST */
            rc = x->h->curl.easy_setopt(x->easy, strings[i].option, strings[i].value);
        }
    }
    for (size_t i = 0; rc == CURLE_OK && i < sizeof numbers / sizeof *numbers; i++) {
        rc = x->h->curl.easy_setopt(x->easy, numbers[i].option, numbers[i].value);
    }
    if (rc == CURLE_OK && is_loopback(get->url)) {
        rc = x->h->curl.easy_setopt(x->easy, CURLOPT_PROXY, "");
    }
    return rc;
}

static CURLcode set_callbacks(struct http_exchange *x)
{
    const struct {
        CURLoption option;
        void *value;
    } pointers[] = {
        { CURLOPT_PRIVATE, x },         { CURLOPT_WRITEDATA, x },
        { CURLOPT_HEADERDATA, x },      { CURLOPT_ERRORBUFFER, x->detail },
        { CURLOPT_SHARE, x->h->share }, { CURLOPT_HTTPHEADER, x->headers },
    };
    CURLcode rc = x->h->curl.easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);

    if (rc == CURLE_OK) {
        rc = x->h->curl.easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_header);
    }
    for (size_t i = 0; rc == CURLE_OK && i < sizeof pointers / sizeof *pointers; i++) {
        rc = x->h->curl.easy_setopt(x->easy, pointers[i].option, pointers[i].value);
    }
    return rc;
}

static int add_header(struct http_exchange *x, const char *name, const char *value,
                      struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf line = IMGC_BUF_INIT(LIMIT_TOKEN_BYTES + 64);
    struct imgc_str text;

    imgc_buf_printf(&line, "%s%s", name, value);
    int r = imgc_buf_finish(&line, &text, reterr);
    if (r < 0) {
        return r;
    }
    struct curl_slist *list = x->h->curl.slist_append(x->headers, text.ptr);
    if (!list) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    x->headers = list;
    return 0;
}

static int add_headers(struct http_exchange *x, const struct http_get *get, struct imgc_err *reterr)
{
    char range[RANGE_TEXT_MAX];
    int r = 0;

    if (get->accept) {
        r = add_header(x, "Accept: ", get->accept, reterr);
    }
    if (r == 0 && get->range.total) {
        r = add_header(x, "Range: ", range_text(&get->range, range), reterr);
    }
    /* libcurl leaves a header of this name out once a redirect leads to another host, port or
     * scheme. */
    if (r == 0 && get->bearer) {
        r = add_header(x, "Authorization: Bearer ", get->bearer, reterr);
    }
    return r;
}

/* The one place where CURL handles are made. Accept-Encoding is never set: digests are of the bytes
 * as they are stored, and libcurl would inflate a body that says so. */
static int build(struct http_exchange *x, const struct http_get *get, struct imgc_err *reterr)
{
    struct imgc_str shown = imgc_str_of(get->url);
    int r = imgc_str_dup(imgc_str_first(shown, imgc_str_find(shown, '?')), &x->url, reterr);

    if (r == 0) {
        r = add_headers(x, get, reterr);
    }
    if (r < 0) {
        return r;
    }
    x->easy = x->h->curl.easy_init();
    if (!x->easy) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    CURLcode rc = set_fixed(&x->h->curl, x->easy);
    if (rc == CURLE_OK) {
        rc = set_transport(x, get);
    }
    if (rc == CURLE_OK) {
        rc = set_callbacks(x);
    }
    return rc == CURLE_OK ? 0 : http_fail(reterr, rc, x);
}

int http_start(struct http *h, const struct http_get *get, struct http_exchange **ret,
               struct imgc_err *reterr)
{
    http_exchange_auto struct http_exchange *x = calloc(1, sizeof *x);

    if (!x) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    uint64_t cap = get->body || get->max_body < LIMIT_ERROR_BODY_BYTES ? LIMIT_ERROR_BODY_BYTES
                                                                       : get->max_body;
    *x = (struct http_exchange){ .h = h,
                                 .body = get->body,
                                 .arg = get->arg,
                                 .max_body = get->max_body,
                                 .range = get->range,
                                 .collected = IMGC_BUF_INIT((size_t)cap),
                                 .challenges = IMGC_BUF_INIT(LIMIT_ERROR_BODY_BYTES) };
    int r = build(x, get, reterr);
    if (r < 0) {
        return r;
    }
    if (h->curl.multi_add_handle(h->multi, x->easy) != CURLM_OK) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret = imgc_take(x);
    return 0;
}

struct http_exchange *http_exchange_free(struct http_exchange *x)
{
    if (x) {
        if (x->easy) {
            /* Harmless if it is not in. */
            (void)x->h->curl.multi_remove_handle(x->h->multi, x->easy);
        }
        x->h->curl.easy_cleanup(x->easy);
        x->h->curl.slist_free_all(x->headers);
        imgc_buf_done(&x->collected);
        imgc_buf_done(&x->challenges);
        free(x->url);
        free(x);
    }
    return NULL;
}

void http_exchange_freep(struct http_exchange **x)
{
    *x = http_exchange_free(*x);
}

/* Interruption, and the caller's clock. */
static int call_hooks(struct http *h, struct imgc_err *reterr)
{
    int64_t now = clock_monotonic_ns();

    if (h->args.tick && now - h->ticked_ns >= (int64_t)TICK_MS * 1000000) {
        h->ticked_ns = now;
        h->args.tick(h->args.arg);
    }
    if (h->args.interrupted && h->args.interrupted(h->args.arg)) {
        return imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted");
    }
    return 0;
}

static void note_done(struct http *h)
{
    CURLMsg *msg;
    int left;

    while ((msg = h->curl.multi_info_read(h->multi, &left))) {
        struct http_exchange *x = NULL;
        if (msg->msg == CURLMSG_DONE &&
            h->curl.easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&x) == CURLE_OK &&
            x) {
            x->is_done = true;
            x->code = msg->data.result;
        }
    }
}

int http_drive(struct http *h, int timeout_ms, struct imgc_err *reterr)
{
    int running;
    int r = call_hooks(h, reterr);

    if (r < 0) {
        return r;
    }
    CURLMcode rc = h->curl.multi_poll(h->multi, NULL, 0, timeout_ms, NULL);
    if (rc == CURLM_OK) {
        rc = h->curl.multi_perform(h->multi, &running);
    }
    if (rc != CURLM_OK) {
        return imgc_fail(reterr, rc == CURLM_OUT_OF_MEMORY ? IMGC_E_NOMEM : IMGC_E_NETWORK,
                         "transfers cannot go on: %s", h->curl.multi_strerror(rc));
    }
    note_done(h);
    return 0;
}

int http_wait(struct http *h, const struct http_exchange *x, struct imgc_err *reterr)
{
    while (!x->is_done) {
        int r = http_drive(h, TICK_MS, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int http_sleep(struct http *h, uint64_t ms, struct imgc_err *reterr)
{
    int64_t until = clock_monotonic_ns() + (int64_t)ms * 1000000;

    for (int64_t left = (int64_t)ms; left > 0;
         left = (until - clock_monotonic_ns() + 999999) / 1000000) {
        int r = http_drive(h, left < TICK_MS ? (int)left : TICK_MS, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

void http_wake(struct http *h)
{
    (void)h->curl.multi_wakeup(h->multi);
}

uint64_t http_bytes(const struct http *h)
{
    return h->bytes;
}

uint32_t http_random(void)
{
    uint32_t v;

    if (getrandom(&v, sizeof v, GRND_NONBLOCK) != sizeof v) {
        v = (uint32_t)clock_monotonic_ns(); /* spreading retries needs no secret */
    }
    return v;
}

bool http_is_done(const struct http_exchange *x)
{
    return x->is_done;
}

bool http_is_paused(const struct http_exchange *x)
{
    return x->is_paused;
}

void http_resume(struct http_exchange *x)
{
    x->is_paused = false;
    /* May call on_body() at once. What goes wrong here is reported through the loop. */
    (void)x->h->curl.easy_pause(x->easy, CURLPAUSE_CONT);
}

int http_result(struct http_exchange *x, enum retry_class *ret_class, struct imgc_err *reterr)
{
    if (x->is_too_long) {
        *ret_class = RETRY_NEVER;
        return imgc_fail(reterr, IMGC_E_LIMIT, "answer of '%s' is longer than %llu bytes", x->url,
                         (unsigned long long)x->max_body);
    }
    if (x->code == CURLE_OK || x->is_cut || x->is_stopped) {
        return 0;
    }
    *ret_class = class_of(x->code);
    return http_fail(reterr, x->code, x);
}

bool http_failed_in_handshake(const struct http_exchange *x)
{
    curl_off_t tls_us = 0;

    /* Without a file of CAs, as on a minimal host, TLS does not even begin. */
    if (x->code == CURLE_SSL_CONNECT_ERROR || x->code == CURLE_SSL_CACERT_BADFILE) {
        return true;
    }
    (void)x->h->curl.easy_getinfo(x->easy, CURLINFO_APPCONNECT_TIME_T, &tls_us);
    return x->code == CURLE_OPERATION_TIMEDOUT && tls_us == 0;
}

bool http_failed_to_connect(const struct http_exchange *x)
{
    return x->code == CURLE_COULDNT_CONNECT;
}

long http_status(const struct http_exchange *x)
{
    long status = 0;

    (void)x->h->curl.easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

bool http_is_good(const struct http_exchange *x)
{
    return x->range.total ? http_status(x) == 206 && x->is_range : http_status(x) == 200;
}

bool http_gives_ranges(const struct http_exchange *x)
{
    return x->gives_ranges;
}

struct imgc_str http_content_type(const struct http_exchange *x)
{
    char *type = NULL;

    (void)x->h->curl.easy_getinfo(x->easy, CURLINFO_CONTENT_TYPE, &type);
    return imgc_str_of(type);
}

struct imgc_str http_challenges(const struct http_exchange *x)
{
    return (struct imgc_str){ x->challenges.ptr, x->challenges.len };
}

struct imgc_str http_body(const struct http_exchange *x)
{
    return (struct imgc_str){ x->collected.ptr, x->collected.len };
}

uint64_t http_retry_after_ms(const struct http_exchange *x)
{
    curl_off_t seconds = 0; /* from seconds or from a date */

    (void)x->h->curl.easy_getinfo(x->easy, CURLINFO_RETRY_AFTER, &seconds);
    return seconds > 0 && seconds < INT32_MAX ? (uint64_t)seconds * 1000 : 0;
}

uint64_t http_received(const struct http_exchange *x)
{
    return x->received;
}

const char *http_url(const struct http_exchange *x)
{
    return x->url;
}
