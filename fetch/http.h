/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl adapter, and its only user: requests on one curl_multi, so that connections, DNS
 * answers and TLS sessions are shared. Everything but http_wake() belongs to one thread.
 *
 * There is no blocking call: whoever waits drives the loop, so that interruption is seen and all
 * other transfers go on.
 */
#ifndef IMGC_FETCH_HTTP_H
#define IMGC_FETCH_HTTP_H

#include <stdint.h>

#include "fetch/proxy.h"
#include "fetch/range.h"
#include "fetch/retry.h"
#include "fetch/trust.h"
#include "schema/base/str.h"
#include "schema/digest.h"

struct http;
struct http_exchange; /* one request and its answer */

struct http_args {
    const char *user_agent;            /* borrowed; NULL: none is sent */
    const struct proxy_rules *proxies; /* borrowed; NULL: no proxy */
    const char *ca_file, *ca_dir; /* authorities instead of libcurl's own; borrowed; NULL: those */
    unsigned stall_s;             /* a connection that gives nothing for so long is broken; 0: 30 */
    bool (*interrupted)(void *arg); /* may be NULL */
    void (*tick)(void *arg);        /* may be NULL; every 100 ms or so while the loop is driven */
    void *arg;
};

/** @ret caller frees. @return 0; -NOMEM; -HOST where libcurl is not installed. */
IMGC_CHECK int http_new(const struct http_args *args, struct http **ret, struct imgc_err *reterr);
struct http *http_free(struct http *h); /* after all its exchanges; accepts NULL; returns NULL */
void http_freep(struct http **h);
#define http_auto imgc_auto(http_freep)

enum http_take { HTTP_TAKEN, HTTP_PAUSE, HTTP_STOP };

struct http_get {
    const char *url;    /* absolute, http or https */
    const char *accept; /* or NULL */
    /* "HEAD", "POST", "PATCH" or "PUT", and NULL for the usual one. Any status 2xx is then a good
     * answer, and all but HEAD goes nowhere else: no redirect is followed. */
    const char *method;
    struct imgc_str payload;   /* what these send; borrowed as long as the exchange */
    const char *payload_type;  /* its Content-Type; NULL: none is sent */
    const char *payload_range; /* "FIRST-LAST" of it in the upload: Content-Range; or NULL */
    /* Either goes to this host only, never to another one after a redirect; or both NULL. */
    const char *bearer;          /* token */
    const char *user, *password; /* Basic */
    const char *form; /* posted, "application/x-www-form-urlencoded"; NULL: a GET. Borrowed as long
                         as the exchange */
    bool is_unverified;        /* any certificate will do */
    const struct trust *trust; /* authorities besides the host's, also after redirects, and the
                                  client's certificate for this host alone; borrowed as long as the
                                  exchange; NULL: none */
    const char *proxy;         /* of this registry; borrowed as the trust; NULL: http_args' */
    unsigned stall_s;          /* instead of http_args'; 0: that */
    unsigned patience_s;  /* how long next to nothing may come before it is given up; a third of it
                             for the connection; 0: http_args' stall_s */
    uint64_t max_body;    /* bytes; a longer body of a good answer is refused */
    struct range range;   /* only this part; the good answer is then a 206 with exactly it, and any
                             other body is refused (see http_is_good()); total 0: the whole */
    const char *if_range; /* of the part: an ETag, quoted, that the content has to have; or NULL */
    /* Receives the body of a good answer; NULL: it is collected for http_body(). HTTP_PAUSE takes
     * nothing: the same bytes come again after http_resume(). HTTP_STOP ends the exchange. */
    enum http_take (*body)(void *arg, const void *ptr, size_t len);
    void *arg;
};

/** Begin. @ret caller frees, at any time. @return 0; -NOMEM; -NETWORK for an unusable URL; -USAGE
 * for a proxy's. */
IMGC_CHECK int http_start(struct http *h, const struct http_get *get, struct http_exchange **ret,
                          struct imgc_err *reterr);

/** Let all exchanges go on, for at most @timeout_ms or until something happened.
 * @return 0; -INTERRUPTED; -NOMEM. */
IMGC_CHECK int http_drive(struct http *h, int timeout_ms, struct imgc_err *reterr);

/** Drive until @x is done. As http_drive(). */
IMGC_CHECK int http_wait(struct http *h, const struct http_exchange *x, struct imgc_err *reterr);

/** Drive for @ms. As http_drive(). */
IMGC_CHECK int http_sleep(struct http *h, uint64_t ms, struct imgc_err *reterr);

/** Make a running or the next http_drive() return early. From any thread. */
void http_wake(struct http *h);

/** Bytes of bodies received in all exchanges. */
uint64_t http_bytes(const struct http *h);

/** 32 random bits, for retry_next(). */
uint32_t http_random(void);

/** Stop and free. Accepts NULL; returns NULL. */
struct http_exchange *http_exchange_free(struct http_exchange *x);
void http_exchange_freep(struct http_exchange **x);
#define http_exchange_auto imgc_auto(http_exchange_freep)

bool http_is_done(const struct http_exchange *x);

/** Whether the body waits for http_resume(). */
bool http_is_paused(const struct http_exchange *x);
void http_resume(struct http_exchange *x);

/**
 * Whether an answer came, of any status and whole, once http_is_done().
 *
 * @ret_class  set on failure: whether it is worth another attempt.
 * @return     0; -NETWORK, -TLS, -REGISTRY (redirects), -LIMIT, -NOMEM.
 */
IMGC_CHECK int http_result(struct http_exchange *x, enum retry_class *ret_class,
                           struct imgc_err *reterr);

/** Whether it failed before TLS was up, for another reason than an untrusted certificate. */
bool http_failed_in_handshake(const struct http_exchange *x);

/** Whether the host that was asked has answered, whatever became of it. */
bool http_is_answered(const struct http_exchange *x);

/** Whether it failed because nobody listens there. */
bool http_failed_to_connect(const struct http_exchange *x);

/** Whether redirects have led to another host, port or scheme than was asked. */
bool http_is_elsewhere(const struct http_exchange *x);

/* Of the last answer (after redirects), borrowed from the exchange. */
long http_status(const struct http_exchange *x); /* 0 before there is one */
struct imgc_str http_content_type(const struct http_exchange *x);
struct imgc_str http_challenges(const struct http_exchange *x);     /* WWW-Authenticate, joined */
struct imgc_str http_links(const struct http_exchange *x);          /* Link, joined */
struct imgc_str http_location(const struct http_exchange *x);       /* Location */
struct imgc_str http_range(const struct http_exchange *x);          /* Range: what an upload has */
struct imgc_str http_content_digest(const struct http_exchange *x); /* Docker-Content-Digest */
struct imgc_str http_body(const struct http_exchange *x);           /* collected, or of an error */
uint64_t http_retry_after_ms(const struct http_exchange *x);        /* 0: none */
uint64_t http_received(const struct http_exchange *x); /* bytes of a good answer's body */

/** Whether the answer is the content: 200 for the whole, 206 for the part that was asked for. With
 * a method of its own: any 2xx. */
bool http_is_good(const struct http_exchange *x);

/** Whether the server says that it gives parts. */
bool http_gives_ranges(const struct http_exchange *x);

/** Whether the answer's ETag is this digest: the same at all servers that have the content. */
bool http_etag_is_digest(const struct http_exchange *x, const struct digest *digest);

/** What was asked for, without the query (signatures and tokens live there). Borrowed. */
const char *http_url(const struct http_exchange *x);

#endif
