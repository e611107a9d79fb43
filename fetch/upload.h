/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs and manifests on their way into a repository. A layer is read from the store, compressed
 * and sent in one pass: a few MiB of it are in memory, and nothing is on the disk.
 *
 * Source: distribution-spec v1.1 "Pushing blobs", "Pushing manifests".
 */
#ifndef IMGC_FETCH_UPLOAD_H
#define IMGC_FETCH_UPLOAD_H

#include "fetch/registry.h"
#include "layers/encoder.h"
#include "layers/tar_data.h"
#include "schema/descriptor.h"

enum { UPLOAD_MISSING = 1 };

/** Whether the repository has the blob. @return 0; UPLOAD_MISSING; as registry_send(). */
IMGC_CHECK int upload_find(struct registry *r, const struct digest *digest,
                           struct imgc_err *reterr);

/** Have it from @from, another repository of the registry. What the registry refuses is no error:
 * it may not let this user read there. @return 0; UPLOAD_MISSING; -NETWORK, -INTERRUPTED. */
IMGC_CHECK int upload_mount(struct registry *r, const struct digest *digest, const char *from,
                            struct imgc_err *reterr);

/** Send a small blob. @return 0; as registry_send(). */
IMGC_CHECK int upload_text(struct registry *r, const struct digest *digest, struct imgc_str text,
                           struct imgc_err *reterr);

/** What is sent of a layer. All borrowed. */
struct upload_layer {
    struct tar_data *tar;
    uint64_t tar_size;
    const struct digest *diff_id; /* what the tar has to be */
    enum encoder_kind encoder;
    unsigned level;
    /* How many bytes of the tar are read; after a failure it begins at 0 again, with one more of
     * @n_retries. */
    void (*progress)(void *arg, uint64_t done, unsigned n_retries);
    void *arg;
};

/**
 * Send a layer.
 *
 * @ret_digest  of what was sent. @ret_sent its bytes.
 * @return      0; UPLOAD_MISSING is never returned; -DIGEST where the tar is not @diff_id (nothing
 *              was finished then); as registry_send() and tar_data_read().
 */
IMGC_CHECK int upload_layer(struct registry *r, const struct upload_layer *layer,
                            struct digest *ret_digest, uint64_t *ret_sent, struct imgc_err *reterr);

/** Put a manifest under @reference (a tag, or its digest as text) unless it stands there already.
 * @ret_is_new may be NULL. @return as registry_send(). */
IMGC_CHECK int upload_manifest(struct registry *r, const char *reference, const char *type,
                               struct imgc_str text, bool *ret_is_new, struct imgc_err *reterr);

/** Whether @reference stands for @digest at the registry. @return 0; UPLOAD_MISSING. */
IMGC_CHECK int upload_find_manifest(struct registry *r, const char *reference,
                                    const struct digest *digest, struct imgc_err *reterr);

#endif
