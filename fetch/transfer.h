/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers of one image, several at once: those that the store has are held, those that another
 * process fetches are waited for, the rest comes from the registry, each through a worker of its
 * own (fetch/worker.h).
 *
 * A slow layer is fetched in several requests at once (fetch/chunks.h), and one whose connection
 * breaks goes on where it stood, where the server gives parts of a blob. Nothing of it outlives the
 * process.
 */
#ifndef IMGC_FETCH_TRANSFER_H
#define IMGC_FETCH_TRANSFER_H

#include "fetch/pull.h"
#include "fetch/registry.h"
#include "schema/manifest.h"

#define TRANSFER_PARALLEL 6 /* at once, where the caller does not say */

struct transfer_args {
    struct store *store; /* all borrowed */
    struct lease *lease;
    struct http *http;
    struct registry *registry;
    const struct descriptor *layers; /* bottom first */
    const struct digest *diff_ids;   /* of the config, as many */
    size_t n_layers;
    unsigned parallel; /* 0: TRANSFER_PARALLEL */
    bool is_mirror;    /* of somebody else's: what filled the disk may not be what was asked for */
    const struct pull_events *events; /* may be NULL */
};

/**
 * Have every layer in the store, held by the lease and with the DiffID that the config says. A blob
 * that is listed twice is fetched once. All threads have ended on return.
 * @return 0; what registry_judge() and ingest_finish() return; -UNSUPPORTED for a foreign layer
 *         that the registry does not keep; -NOSPACE before the first byte where it cannot fit.
 */
IMGC_CHECK int transfer_layers(const struct transfer_args *args, struct imgc_err *reterr);

#endif
