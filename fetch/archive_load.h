/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an archive of images into the store: what `docker save`, `podman save`, skopeo, buildah and
 * `imgc save` write. An archive with a manifest.json is docker's, else it is an OCI layout.
 * Documents are kept as they are, so that a later pull of the same image finds everything there.
 *
 * Source: OCI image-spec v1.1, image-layout.md; schema/docker_archive.h.
 */
#ifndef IMGC_FETCH_ARCHIVE_LOAD_H
#define IMGC_FETCH_ARCHIVE_LOAD_H

#include "fetch/archive.h"
#include "fetch/pull.h"
#include "layers/rootfs.h"
#include "schema/platform.h"

struct archive_load_args {
    struct store *store; /* all borrowed */
    struct lease *lease;
    struct archive_file *archive;
    const struct platform *platform; /* of an index; NULL: this host's */
    enum rootfs_form form;           /* in which the root file systems are made */
    bool replace;                    /* tags that stand elsewhere move */
    /* Called for each image once it is listed; @names, its tags in full, NULL-terminated. */
    void (*loaded)(void *arg, const struct digest *id, char *const *names,
                   const struct rootfs_report *report);
    /* Called when a layer is looked at and as it is read; those of one image after another. NULL:
     * not at all. */
    void (*layer)(void *arg, const struct pull_layer *layer);
    void *arg;
};

/**
 * Load all images of the archive. One that fails ends it; those before it stay.
 * @return 0; -DOCUMENT (no archive of images; parts missing), -EXISTS (a tag stands elsewhere, and
 * not @replace), -DIGEST, -LAYER, -PLATFORM, -UNSUPPORTED, -LIMIT, -NOSPACE, -INTERRUPTED.
 */
IMGC_CHECK int archive_load(const struct archive_load_args *args, struct imgc_err *reterr);

#endif
