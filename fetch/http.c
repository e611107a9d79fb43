/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/http.h"

#include <stdio.h>
#include <sys/random.h>

#include "fetch/curl_lib.h"
#include "fetch/http_error.h"
#include "fetch/origin.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define TICK_MS 100
#define MAX_REDIRECTS 5
#define SLOW_BYTES_PER_S 4096   /* of who has to hurry: any modem is faster */
#define SLOWEST_BYTES_PER_S 100 /* less is no transfer that will ever end */
#define STALL_S 30

struct http {
    struct http_args args;
    struct curl_lib curl;
    CURLM *multi;
    CURLSH *share;
    struct imgc_buf authorities; /* the host's, once they are needed as text */
    uint64_t bytes;
    int64_t ticked_ns;
};

struct http_exchange {
    struct http *h;
    CURL *easy;
    struct curl_slist *headers;
    char *url; /* as shown in messages */
    char *at;  /* where it is sent now: after redirects another one */
    const char *proxy;
    unsigned n_redirects;
    bool is_sent;    /* something goes to the server: it is shown to no other one */
    bool has_method; /* see struct http_get */
    enum http_take (*body)(void *arg, const void *ptr, size_t len);
    void *arg;
    struct imgc_buf collected;  /* body of a good answer without a receiver, or of an error */
    struct imgc_buf challenges; /* values of WWW-Authenticate */
    struct imgc_buf links;      /* of Link */
    struct imgc_buf location, upload_range, content_digest; /* of headers that come once */
    uint64_t max_body, received;
    struct range range;             /* asked for */
    bool is_range;                  /* the answer says that it is that */
    bool gives_ranges;              /* the server */
    char etag[DIGEST_TEXT_MAX + 2]; /* quoted; "" for none, or a longer one */
    CURLcode code;                  /* with is_done */
    bool is_done, is_paused;
    bool is_stopped;  /* by the receiver */
    bool is_too_long; /* over max_body */
    bool is_cut;      /* an error body over its cap: enough of it is here */
    char detail[CURL_ERROR_SIZE];
};

/* What the other side of the adapter wants to know. */
static struct http_error error_of(const struct http_exchange *x, CURLcode code)
{
    struct http_error e = { .code = code,
                            .is_sent = x->is_sent,
                            .detail = x->detail[0] ? x->detail : x->h->curl.easy_strerror(code),
                            .url = x->url,
                            .at = x->at ? x->at : x->url };

    (void)x->h->curl.easy_getinfo(x->easy, CURLINFO_SSL_VERIFYRESULT, &e.verify_result);
    (void)x->h->curl.easy_getinfo(x->easy, CURLINFO_HTTP_CONNECTCODE, &e.connect_status);
    return e;
}

static int http_fail(struct imgc_err *e, CURLcode code, const struct http_exchange *x)
{
    const struct http_error error = error_of(x, code);

    return http_error_fail(&error, e);
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
    imgc_buf_init(&h->authorities, LIMIT_AUTHORITIES_BYTES);
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
        imgc_buf_done(&h->authorities);
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

/* Several headers of one name are one list. */
static void join(struct imgc_buf *list, struct imgc_str value)
{
    if (list->len > 0) {
        imgc_buf_puts(list, ", ");
    }
    imgc_buf_str(list, value);
}

static void clear_answers(struct http_exchange *x)
{
    imgc_buf_clear(&x->location);
    imgc_buf_clear(&x->upload_range);
    imgc_buf_clear(&x->content_digest);
}

static void set_once(struct imgc_buf *b, struct imgc_str value)
{
    imgc_buf_clear(b);
    imgc_buf_str(b, value);
}

/* What answers to what was sent say. */
static void note_upload(struct http_exchange *x, struct imgc_str name, struct imgc_str value)
{
    if (imgc_str_eq_nocase(name, IMGC_STR("location"))) {
        set_once(&x->location, value);
    } else if (imgc_str_eq_nocase(name, IMGC_STR("range"))) {
        set_once(&x->upload_range, value);
    } else if (imgc_str_eq_nocase(name, IMGC_STR("docker-content-digest"))) {
        set_once(&x->content_digest, value);
    }
}

static size_t on_header(char *ptr, size_t size, size_t n, void *arg)
{
    struct http_exchange *x = arg;
    struct imgc_str name = IMGC_STR(""), value = IMGC_STR(""), line = { ptr, size * n };

    if (imgc_str_starts(line, IMGC_STR("HTTP/"))) {
        imgc_buf_clear(&x->challenges); /* those of a redirect do not count */
        imgc_buf_clear(&x->links);
        clear_answers(x);
        x->is_range = false;
        x->gives_ranges = false;
        x->etag[0] = '\0';
    } else if (!imgc_str_split(line, ':', &name, &value)) {
        return size * n;
    }
    value = imgc_str_trim(value);
    note_upload(x, name, value);
    if (imgc_str_eq_nocase(name, IMGC_STR("www-authenticate"))) {
        join(&x->challenges, value);
    } else if (imgc_str_eq_nocase(name, IMGC_STR("link"))) {
        join(&x->links, value);
    } else if (imgc_str_eq_nocase(name, IMGC_STR("accept-ranges"))) {
        x->gives_ranges = imgc_str_eq_nocase(value, IMGC_STR("bytes"));
    } else if (imgc_str_eq_nocase(name, IMGC_STR("content-range"))) {
        x->is_range = range_is(&x->range, value);
        x->gives_ranges = x->gives_ranges || x->is_range;
    } else if (imgc_str_eq_nocase(name, IMGC_STR("etag")) && value.len < sizeof x->etag) {
        memcpy(x->etag, value.ptr, value.len);
        x->etag[value.len] = '\0';
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
        { CURLOPT_FOLLOWLOCATION, 0 }, /* redirect() does it */
        { CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC },
        { CURLOPT_TCP_KEEPALIVE, 1 },
        { CURLOPT_BUFFERSIZE, 256 << 10 }, /* fewer and larger pieces for the workers */
    };
    CURLcode rc = CURLE_OK;

    for (size_t i = 0; rc == CURLE_OK && i < sizeof fixed / sizeof *fixed; i++) {
        rc = curl->easy_setopt(easy, fixed[i].option, fixed[i].value);
    }
    return rc;
}

struct string_option {
    CURLoption option;
    const char *value; /* NULL: left as it is */
};

static CURLcode set_strings(struct http_exchange *x, const struct string_option *v, size_t n)
{
    CURLcode rc = CURLE_OK;

    for (size_t i = 0; rc == CURLE_OK && i < n; i++) {
        if (v[i].value) { /* a form that is NULL would make it a POST */
            rc = x->h->curl.easy_setopt(x->easy, v[i].option, v[i].value);
        }
    }
    return rc;
}

/* What depends on the host that is asked: the first one, and the one of each redirect. */
static int set_host(struct http_exchange *x, const char *url, struct imgc_err *reterr)
{
    proxy_auto struct proxy proxy = { .url = NULL };
    int r = proxy_for(x->h->args.proxies, x->proxy, url, &proxy, reterr);

    if (r < 0) {
        return r;
    }
    bool is_https = strncmp(url, "https://", 8) == 0;
    const struct string_option strings[] = {
        { CURLOPT_URL, url },
        { CURLOPT_PROTOCOLS_STR, is_https ? "https" : "http" },
        /* Not NULL, or libcurl would look into the environment itself. */
        { CURLOPT_PROXY, proxy.url ? proxy.url : "" },
        { CURLOPT_NOPROXY, "" },
    };
    CURLcode rc = set_strings(x, strings, sizeof strings / sizeof *strings);
    if (rc == CURLE_OK) {
        rc = x->h->curl.easy_setopt(x->easy, CURLOPT_PROXYUSERNAME, proxy.user);
    }
    if (rc == CURLE_OK) {
        rc = x->h->curl.easy_setopt(x->easy, CURLOPT_PROXYPASSWORD, proxy.password);
    }
    return rc == CURLE_OK ? 0 : http_fail(reterr, rc, x);
}

/* After how long a connection that gives nothing is broken. */
static long stall_s(const struct http_exchange *x, const struct http_get *get)
{
    if (get->patience_s) {
        return (long)get->patience_s;
    }
    if (get->stall_s && !x->h->args.stall_s) {
        return (long)get->stall_s;
    }
    return x->h->args.stall_s ? (long)x->h->args.stall_s : STALL_S;
}

static CURLcode set_transport(struct http_exchange *x, const struct http_get *get)
{
    const struct http_args *a = &x->h->args;
    const char *cert = get->trust ? get->trust->cert : NULL;
    const struct string_option strings[] = {
        { CURLOPT_USERAGENT, a->user_agent },
        { CURLOPT_USERNAME, get->user },
        { CURLOPT_PASSWORD, get->password },
        { CURLOPT_POSTFIELDS, get->form }, /* not copied */
        { CURLOPT_CUSTOMREQUEST, get->method },
        { CURLOPT_CAINFO, a->ca_file },
        { CURLOPT_CAPATH, a->ca_dir },
        { CURLOPT_SSLCERT, cert },
        { CURLOPT_SSLKEY, cert ? get->trust->key : NULL },
        /* A key that has a passphrase is refused; OpenSSL would ask for it on the terminal. */
        { CURLOPT_KEYPASSWD, cert ? "" : NULL },
    };
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        { CURLOPT_SSL_VERIFYPEER, !get->is_unverified },
        { CURLOPT_SSL_VERIFYHOST, get->is_unverified ? 0 : 2 },
        /* No total timeout: a large layer may take hours, as long as it moves. */
        { CURLOPT_CONNECTTIMEOUT, get->patience_s ? (long)(get->patience_s + 2) / 3 : 15 },
        { CURLOPT_LOW_SPEED_LIMIT, get->patience_s ? SLOW_BYTES_PER_S : SLOWEST_BYTES_PER_S },
        { CURLOPT_LOW_SPEED_TIME, stall_s(x, get) },
    };
    CURLcode rc = set_strings(x, strings, sizeof strings / sizeof *strings);

    for (size_t i = 0; rc == CURLE_OK && i < sizeof numbers / sizeof *numbers; i++) {
        rc = x->h->curl.easy_setopt(x->easy, numbers[i].option, numbers[i].value);
    }
    return rc;
}

/* The host's authorities as text. None at all is fine: the registry's own may do. */
static int read_authorities(struct http *h, CURL *easy, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    char *path = NULL;

    if (h->authorities.len > 0) {
        return 0;
    }
    if (h->args.ca_file) {
        fd = open(h->args.ca_file, O_RDONLY | O_CLOEXEC);
    } else if (h->curl.easy_getinfo(easy, CURLINFO_CAINFO, &path) == CURLE_OK && path) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    int r = fd < 0 ? 0 : fd_read_all(fd, &h->authorities, reterr);
    imgc_buf_putc(&h->authorities, '\n');
    return r < 0 ? imgc_context(reterr, "certificates of authorities") : 0;
}

/* The registry's own authorities beside the host's: libcurl takes one text of both, for this
 * exchange alone. */
static int set_authorities(struct http_exchange *x, const struct trust *trust,
                           struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf all = IMGC_BUF_INIT((size_t)2 * LIMIT_AUTHORITIES_BYTES);
    struct imgc_str text;

    if (!trust || !trust->ca) {
        return 0;
    }
    int r = read_authorities(x->h, x->easy, reterr);
    if (r < 0) {
        return r;
    }
    imgc_buf_add(&all, x->h->authorities.ptr, x->h->authorities.len);
    imgc_buf_puts(&all, trust->ca);
    r = imgc_buf_finish(&all, &text, reterr);
    if (r < 0) {
        return r;
    }
    struct curl_blob blob = { .data = all.ptr, .len = all.len, .flags = CURL_BLOB_COPY };
    CURLcode rc = x->h->curl.easy_setopt(x->easy, CURLOPT_CAINFO_BLOB, &blob);
    return rc == CURLE_OK ? 0 : http_fail(reterr, rc, x);
}

/* What a method of its own sends: from memory, so that it can be sent again. */
static CURLcode set_payload(struct http_exchange *x, const struct http_get *get)
{
    const struct curl_lib *curl = &x->h->curl;

    if (!get->method) {
        return CURLE_OK;
    }
    if (strcmp(get->method, "HEAD") == 0) {
        return curl->easy_setopt(x->easy, CURLOPT_NOBODY, 1L);
    }
    CURLcode rc =
        curl->easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)get->payload.len);
    return rc == CURLE_OK ? curl->easy_setopt(x->easy, CURLOPT_POSTFIELDS,
                                              get->payload.len ? get->payload.ptr : "")
                          : rc;
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
    if (r == 0 && get->range.total && get->if_range) {
        r = add_header(x, "If-Range: ", get->if_range, reterr);
    }
    if (r == 0 && get->method && strcmp(get->method, "HEAD") != 0) {
        /* Some servers never answer an Expect, and the wait for it is a second each time. */
        r = add_header(x, "Expect:", "", reterr);
        r = r < 0 ? r
                  : add_header(x, "Content-Type:", get->payload_type ? get->payload_type : "",
                               reterr);
    }
    if (r == 0 && get->payload_range) {
        r = add_header(x, "Content-Range: ", get->payload_range, reterr);
    }
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
        rc = set_payload(x, get);
    }
    if (rc == CURLE_OK) {
        rc = set_callbacks(x);
    }
    if (rc != CURLE_OK) {
        return http_fail(reterr, rc, x);
    }
    r = set_authorities(x, get->trust, reterr);
    r = r < 0 ? r : set_host(x, get->url, reterr);
    return r < 0 ? r : imgc_str_dup(imgc_str_of(get->url), &x->at, reterr);
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
                                 .proxy = get->proxy,
                                 .is_sent =
                                     get->form || (get->method && strcmp(get->method, "HEAD") != 0),
                                 .has_method = get->method != NULL,
                                 .collected = IMGC_BUF_INIT((size_t)cap),
                                 .challenges = IMGC_BUF_INIT(LIMIT_ERROR_BODY_BYTES),
                                 .links = IMGC_BUF_INIT(LIMIT_ERROR_BODY_BYTES),
                                 .location = IMGC_BUF_INIT(LIMIT_ERROR_BODY_BYTES),
                                 .upload_range = IMGC_BUF_INIT(LIMIT_ERROR_BODY_BYTES),
                                 .content_digest = IMGC_BUF_INIT(LIMIT_ERROR_BODY_BYTES) };
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
        imgc_buf_done(&x->links);
        imgc_buf_done(&x->location);
        imgc_buf_done(&x->upload_range);
        imgc_buf_done(&x->content_digest);
        free(x->url);
        free(x->at);
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

static void drop_authorization(struct http_exchange *x)
{
    static const char name[] = "Authorization:";
    struct curl_slist *kept = NULL;

    /* Without memory for a copy, no header goes on. */
    for (const struct curl_slist *i = x->headers; i; i = i->next) {
        if (strncmp(i->data, name, sizeof name - 1) != 0) {
            struct curl_slist *more = x->h->curl.slist_append(kept, i->data);
            kept = more ? more : kept;
        }
    }
    x->h->curl.slist_free_all(x->headers);
    x->headers = kept;
}

/* What another host is not shown: the token, the password, the client's certificate. */
static CURLcode drop_secrets(struct http_exchange *x)
{
    static const CURLoption secrets[] = { CURLOPT_USERNAME, CURLOPT_PASSWORD, CURLOPT_SSLCERT,
                                          CURLOPT_SSLKEY };
    CURLcode rc = CURLE_OK;

    drop_authorization(x);
    for (size_t i = 0; rc == CURLE_OK && i < sizeof secrets / sizeof *secrets; i++) {
        rc = x->h->curl.easy_setopt(x->easy, secrets[i], NULL);
    }
    return rc == CURLE_OK ? x->h->curl.easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers) : rc;
}

static CURLcode refuse(struct http_exchange *x, CURLcode code, const char *why)
{
    (void)snprintf(x->detail, sizeof x->detail, "%s", why);
    return code;
}

/* Send it again, to where the answer leads. By hand, since the host that comes next has a proxy of
 * its own, or none, and is not shown what the first one is: libcurl would go on with both. */
static CURLcode redirect(struct http_exchange *x, const char *to)
{
    struct imgc_err ignored;
    char *at = NULL;

    x->is_cut = false; /* whatever comes now is of another answer */
    bool is_https = strncmp(to, "https://", 8) == 0;
    if (!is_https && (strncmp(to, "http://", 7) != 0 || strncmp(x->at, "https://", 8) == 0)) {
        return refuse(x, CURLE_UNSUPPORTED_PROTOCOL, "it does not lead to https");
    }
    if (x->is_sent) {
        return refuse(x, CURLE_UNSUPPORTED_PROTOCOL, "something was sent");
    }
    if (++x->n_redirects > MAX_REDIRECTS) {
        return refuse(x, CURLE_TOO_MANY_REDIRECTS, "there are too many");
    }
    if (imgc_str_dup(imgc_str_of(to), &at, &ignored) < 0) {
        return CURLE_OUT_OF_MEMORY;
    }
    (void)x->h->curl.multi_remove_handle(x->h->multi, x->easy);
    CURLcode rc = origin_is_same(x->at, at) ? CURLE_OK : drop_secrets(x);
    free(x->at);
    x->at = at;
    imgc_buf_clear(&x->collected);
    if (rc == CURLE_OK && set_host(x, at, &ignored) < 0) {
        rc = refuse(x, CURLE_COULDNT_RESOLVE_PROXY, "no usable proxy for it");
    }
    if (rc == CURLE_OK && x->h->curl.multi_add_handle(x->h->multi, x->easy) != CURLM_OK) {
        rc = CURLE_OUT_OF_MEMORY;
    }
    return rc;
}

/* @return whether the exchange goes on at another address. */
static bool goes_on(struct http_exchange *x)
{
    char *to = NULL;
    long status = http_status(x);
    bool is_redirect =
        status == 301 || status == 302 || status == 303 || status == 307 || status == 308;

    if (!is_redirect || (x->code != CURLE_OK && !x->is_cut) ||
        x->h->curl.easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &to) != CURLE_OK || !to) {
        return false;
    }
    x->code = redirect(x, to);
    return x->code == CURLE_OK;
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
            x->code = msg->data.result;
            x->is_done = !goes_on(x);
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
    const struct http_error error = error_of(x, x->code);
    *ret_class = http_error_class(&error);
    return http_error_fail(&error, reterr);
}

bool http_failed_in_handshake(const struct http_exchange *x)
{
    curl_off_t tls_us = 0;

    if (x->n_redirects > 0) {
        return false; /* the registry itself has answered */
    }
    /* Without a file of CAs, as on a minimal host, TLS does not even begin. */
    if (x->code == CURLE_SSL_CONNECT_ERROR || x->code == CURLE_SSL_CACERT_BADFILE) {
        const struct http_error error = error_of(x, x->code);
        return !http_error_is_alert(&error);
    }
    (void)x->h->curl.easy_getinfo(x->easy, CURLINFO_APPCONNECT_TIME_T, &tls_us);
    return x->code == CURLE_OPERATION_TIMEDOUT && tls_us == 0;
}

bool http_failed_to_connect(const struct http_exchange *x)
{
    return x->code == CURLE_COULDNT_CONNECT && x->n_redirects == 0;
}

bool http_is_answered(const struct http_exchange *x)
{
    return http_status(x) != 0 || x->n_redirects > 0;
}

long http_status(const struct http_exchange *x)
{
    long status = 0;

    (void)x->h->curl.easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

bool http_is_good(const struct http_exchange *x)
{
    if (x->has_method) {
        return http_status(x) / 100 == 2;
    }
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

bool http_is_elsewhere(const struct http_exchange *x)
{
    return x->n_redirects > 0 && !origin_is_same(x->url, x->at);
}

struct imgc_str http_challenges(const struct http_exchange *x)
{
    return (struct imgc_str){ x->challenges.ptr, x->challenges.len };
}

struct imgc_str http_links(const struct http_exchange *x)
{
    return (struct imgc_str){ x->links.ptr, x->links.len };
}

struct imgc_str http_location(const struct http_exchange *x)
{
    return (struct imgc_str){ x->location.ptr, x->location.len };
}

struct imgc_str http_range(const struct http_exchange *x)
{
    return (struct imgc_str){ x->upload_range.ptr, x->upload_range.len };
}

struct imgc_str http_content_digest(const struct http_exchange *x)
{
    return (struct imgc_str){ x->content_digest.ptr, x->content_digest.len };
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

bool http_etag_is_digest(const struct http_exchange *x, const struct digest *digest)
{
    char text[DIGEST_TEXT_MAX];
    struct imgc_str tag = imgc_str_of(x->etag);

    return imgc_str_skip(&tag, IMGC_STR("\"")) && tag.len > 0 &&
           imgc_str_eq(imgc_str_first(tag, tag.len - 1), imgc_str_of(digest_text(digest, text))) &&
           tag.ptr[tag.len - 1] == '"';
}

const char *http_url(const struct http_exchange *x)
{
    return x->url;
}
