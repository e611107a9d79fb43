/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with one repository of one registry: manifests and blobs by name, with what HTTP needs
 * around it: which transport works, tokens, other attempts. No /v2/ ping: the first real request is
 * answered or challenged, and that is one round trip less.
 *
 * Source: distribution-spec v1.1 "Pulling".
 */
#ifndef IMGC_FETCH_REGISTRY_H
#define IMGC_FETCH_REGISTRY_H

#include "fetch/credentials.h"
#include "fetch/http.h"
#include "schema/base/buf.h"
#include "schema/ref.h"

struct registry;

/* What a session is with, and how; all borrowed as long as it. */
struct registry_args {
    const struct ref *ref; /* @path "": the registry itself, for registry_check() */
    bool tls_verify;
    const struct credentials_source *credentials; /* looked at when the registry asks; NULL: none */
    const struct trust_places *trust;             /* borrowed for the call alone; NULL: none */
    const char *proxy;                            /* its own; NULL: as the rules of the http say */
    bool is_mirror;      /* there is another place: it is not waited for, and hardly asked again */
    unsigned patience_s; /* see struct http_get */
    const struct retry_policy *retry; /* NULL: the usual */
    bool is_push;                     /* tokens are asked for to push, too */
    const char *const
        *read_too; /* and to read these repositories of it; NULL-terminated; or NULL */
};

/** @h is borrowed as long as the session. @ret caller frees. @return 0; as trust_load(). */
IMGC_CHECK int registry_new(struct http *h, const struct registry_args *args, struct registry **ret,
                            struct imgc_err *reterr);
struct registry *registry_free(struct registry *r); /* accepts NULL; returns NULL */
void registry_freep(struct registry **r);
#define registry_auto imgc_auto(registry_freep)

/* A request that sends something, or only asks whether something is there. All borrowed. */
struct registry_send {
    const char *method; /* see struct http_get; and what is sent: */
    struct imgc_str payload;
    const char *payload_type, *payload_range;
    const char *path;   /* below the repository: "blobs/uploads/"; NULL: @url */
    const char *url;    /* absolute: where the registry wants an upload */
    bool is_elsewhere;  /* @url is of another host: it is shown nothing secret, nor believed when it
                           asks for that */
    const char *accept; /* or NULL */
    const char *what;   /* for messages: "blob sha256:... of 'library/debian'" */
    bool may_miss;      /* an answer with 404 is an answer */
    bool is_part; /* of an upload, which may have come to be something else than we think: what
                     is refused for that is worth one more upload */
};

/** What is asked for. */
struct registry_item {
    const struct registry_send *send; /* this, and nothing of the rest but @max_bytes; or NULL */
    bool is_base;                     /* "/v2/" itself, and nothing of the rest */
    bool is_tags;                     /* a page of the list of tags */
    const char *query;                /* of such a page */
    bool is_manifest;                 /* else a blob */
    const char *tag;                  /* of a manifest; NULL: @digest */
    const struct digest *digest;      /* borrowed */
    uint64_t max_bytes;
    struct range range; /* of a blob; total 0: all of it */
    bool if_digest;     /* of a range: only where the server's ETag is @digest */
};

/** Ask for /v2/, the base of everything: whether the credentials are good. @return 0; -AUTH;
 * -NETWORK, -TLS, -REGISTRY, -INTERRUPTED. */
IMGC_CHECK int registry_check(struct registry *r, struct imgc_err *reterr);

#define REGISTRY_TYPE_MAX 256

/**
 * Get a small piece of content. Where a digest is given, what comes back matches it; a mismatch is
 * asked for once more.
 *
 * @body       appended to.
 * @ret_type   content type as sent, cut to fit; may be NULL.
 * @return     0; -NOTFOUND (no such manifest by tag or as the digest of a reference), -AUTH,
 *             -NETWORK, -TLS, -REGISTRY, -DIGEST, -LIMIT, -INTERRUPTED.
 */
IMGC_CHECK int registry_get(struct registry *r, const struct registry_item *item,
                            struct imgc_buf *body, char ret_type[REGISTRY_TYPE_MAX],
                            struct imgc_err *reterr);

/** Get a page of a list. @link appended to: the Link header, "" where there is none. @return as
 * registry_get(). */
IMGC_CHECK int registry_get_page(struct registry *r, const struct registry_item *item,
                                 struct imgc_buf *body, struct imgc_buf *link,
                                 struct imgc_err *reterr);

/* The attempts at one item; zero-initialised. */
struct registry_try {
    struct retry retry;
    unsigned n_asked; /* tokens asked for */
};

/** Begin to get @item with a receiver of its own; see struct http_get. May ask for a token first.
 * @return 0; -AUTH; as http_start(). */
IMGC_CHECK int registry_start(struct registry *r, const struct registry_item *item,
                              enum http_take (*body)(void *arg, const void *ptr, size_t len),
                              void *arg, struct http_exchange **ret, struct imgc_err *reterr);

enum { REGISTRY_AGAIN = 1 };

/**
 * Judge an exchange that is done. May ask for a token, which drives the loop meanwhile.
 *
 * @ret_delay_ms  with REGISTRY_AGAIN: when to call registry_start() again.
 * @return        0 for a good answer, or another 2xx where a part was asked for (http_is_good());
 * REGISTRY_AGAIN; as registry_get().
 */
IMGC_CHECK int registry_judge(struct registry *r, const struct registry_item *item,
                              struct http_exchange *x, struct registry_try *attempt,
                              uint64_t *ret_delay_ms, struct imgc_err *reterr);

/**
 * Send, and wait for the answer: what needs a token gets one, what may help is tried again.
 *
 * @attempt  NULL: as often as the policy says. Else the count of what the caller tries: a request
 *           that failed is not sent again, because what came before it may be lost.
 * @ret      caller frees; with 0 only.
 * @return   0, also for 404 with may_miss; REGISTRY_AGAIN with @attempt, after the pause; -AUTH,
 *           -NETWORK, -TLS, -REGISTRY, -INTERRUPTED.
 */
IMGC_CHECK int registry_send(struct registry *r, const struct registry_send *send,
                             struct registry_try *attempt, struct http_exchange **ret,
                             struct imgc_err *reterr);

/** The URL of @path ("blobs/uploads/") below the repository, once the registry has answered. */
IMGC_CHECK int registry_url(const struct registry *r, const char *path, struct imgc_buf *ret,
                            struct imgc_err *reterr);

/** Let a long work that sends nothing for now be interrupted, and tell how far it is, as while
 * something is sent (http_drive()). @return 0; -INTERRUPTED. */
IMGC_CHECK int registry_idle(struct registry *r, struct imgc_err *reterr);

#endif
