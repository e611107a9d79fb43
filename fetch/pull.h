/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pull an image from its registry into the store: resolve, manifest, config, layers in parallel,
 * views, publish. Nothing here prints: progress goes through callbacks.
 *
 * Source: distribution-spec v1.1 "Pulling"; reference: docs/architecture.md, "the life of a pull".
 */
#ifndef IMGC_FETCH_PULL_H
#define IMGC_FETCH_PULL_H

#include "fetch/credentials.h"
#include "fetch/proxy.h"
#include "fetch/retry.h"
#include "fetch/trust.h"
#include "layers/rootfs.h"
#include "schema/platform.h"
#include "schema/ref.h"
#include "store/lease.h"

enum pull_stage {
    PULL_WAITING, /* queued, or another process fetches it */
    PULL_DOWNLOADING,
    PULL_DONE,
    PULL_EXISTS, /* the store has it already */
};

/* How one layer stands. */
struct pull_layer {
    size_t index, n_layers; /* 0 is the bottom */
    struct digest digest;   /* of the blob */
    uint64_t size;          /* bytes of the blob */
    uint64_t done;          /* bytes received */
    unsigned n_retries;     /* requests that failed and are made again */
    enum pull_stage stage;
};

/* One place that the image may come from. */
struct pull_source {
    const struct ref *ref; /* what to ask for there */
    bool tls_verify;       /* false: any certificate, and plain HTTP where TLS fails */
    bool is_mirror;        /* its failure is the reason for the next one, not the end */
    const char *proxy;     /* its own; NULL: by the rules */
};

/* What the caller wants to know on the way; any may be NULL. Called in the pulling thread only. */
struct pull_events {
    void (*resolved)(void *arg, const struct digest *top);
    /* With all platforms: the layers that follow are of this one. */
    void (*platform)(void *arg, const struct platform *platform);
    void (*layer)(void *arg, const struct pull_layer *layer); /* anything of it changed */
    void (*tick)(void *arg);                                  /* ten times a second or so */
    /* A mirror did not give the image, or not all of it; what it gave is kept. The next one. */
    void (*mirror_failed)(void *arg, const struct pull_source *mirror, const struct imgc_err *err);
    bool (*interrupted)(void *arg); /* true: stop, clean up, return -INTERRUPTED */
    void *arg;
};

struct pull_args {
    const struct ref *ref;             /* tag or digest set: what the image is called here */
    const struct pull_source *sources; /* in the order to try, none but the last one is no mirror;
                                          borrowed; NULL: @ref itself, with @tls_verify */
    size_t n_sources;
    unsigned mirror_patience_s;      /* without a byte of a mirror; 0: the default (15) */
    const struct platform *platform; /* NULL: this host's */
    bool all_platforms;              /* every one that there is for Linux; @platform is NULL */
    bool tls_verify;                 /* false: any certificate, and plain HTTP where TLS fails */
    const struct credentials_source *credentials; /* borrowed; NULL: none */
    const struct trust_places *trust;             /* borrowed; NULL: none */
    const struct proxy_rules *proxies;            /* borrowed; NULL: none */
    const char *ca_file, *ca_dir;                 /* see struct http_args */
    enum rootfs_form form;                        /* in which the root file system is made */
    unsigned parallel;                            /* transfers at once; 0: the default (6) */
    const struct retry_policy *retry;             /* borrowed; NULL: the usual */
    unsigned stall_s;                             /* see struct http_args */
    const char *user_agent;                       /* borrowed */
    const struct pull_events *events;             /* borrowed; NULL: none */
};

struct pull_result {
    struct digest id;           /* image ID; of all platforms the one that suits this host best */
    struct digest top;          /* what the reference resolved to */
    bool is_unchanged;          /* the store had exactly this already, of all platforms */
    uint64_t bytes;             /* received from the network, bodies only */
    bool is_unmountable;        /* kept as tars alone: the store cannot hold what overlayfs needs */
    struct rootfs_report built; /* what an ordinary user could not set, and which form it has */
};

/**
 * Pull, and unpack what rootfs_prepare() does. On success the image is in
 * the store; on failure nothing of it is listed (of all platforms those are that came before), and
 * finished layers stay only while @lease lives.
 * @return 0; -NOTFOUND, -AUTH, -NETWORK, -TLS, -REGISTRY, -DIGEST, -DOCUMENT, -LAYER, -PLATFORM,
 *         -UNSUPPORTED, -NOSPACE, -INTERRUPTED.
 */
IMGC_CHECK int pull_image(struct store *s, struct lease *lease, const struct pull_args *args,
                          struct pull_result *ret, struct imgc_err *reterr);

#endif
