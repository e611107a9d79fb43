/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Push an image of the store to a registry. The store has layers as tars, not as they came: what
 * the registry has already, or has in another repository, stays as the manifest says it, and when
 * that is so for all layers the manifest goes out byte for byte. The other layers are compressed
 * anew, and a new manifest says so; the config, and so the image's ID, is always the same.
 *
 * Source: distribution-spec v1.1 "Push".
 */
#ifndef IMGC_FETCH_PUSH_H
#define IMGC_FETCH_PUSH_H

#include "fetch/pull.h"
#include "fetch/registry.h"
#include "layers/encoder.h"
#include "store/image.h"

/* Stages are pull_layer's; the other way round. */
struct push_events {
    void (*layer)(void *arg, const struct pull_layer *layer); /* bytes are those of the tar */
    void *arg;
};

struct push_args {
    struct store *store;    /* all borrowed */
    struct lease *lease;    /* keeps what is read */
    struct registry *there; /* a session that may push */
    const char *reference;  /* tag to give it there */
    const struct image *image;
    const char *const *mount_from; /* repositories of that registry that may have its layers;
                                      NULL-terminated; NULL: none */
    bool has_encoder;              /* layers have to be in @encoder; else what there is will do */
    enum encoder_kind encoder;     /* what layers are compressed as */
    unsigned level;                /* 0: the usual */
    const struct push_events *events; /* may be NULL */
};

struct push_result {
    struct digest digest; /* of the manifest */
    uint64_t size;        /* its bytes */
    uint64_t sent;        /* bytes of layers that went over the network */
    bool is_unchanged;    /* the tag stood for exactly this */
};

/** @return 0; -STORE, -DIGEST (a layer here is missing or damaged), -DOCUMENT; -AUTH, -NETWORK,
 * -TLS, -REGISTRY, -INTERRUPTED. */
IMGC_CHECK int push_image(const struct push_args *args, struct push_result *ret,
                          struct imgc_err *reterr);

#endif
