/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of the store as an archive that others read: an OCI layout, and with docker's
 * manifest.json in it an archive for `docker load`, too. Layers are the plain tars; where an image
 * came with compressed ones it gets a manifest that says so, its config (and so its ID) stays. The
 * same images give the same bytes.
 *
 * Source: OCI image-spec v1.1, image-layout.md; schema/docker_archive.h.
 */
#ifndef IMGC_FETCH_ARCHIVE_SAVE_H
#define IMGC_FETCH_ARCHIVE_SAVE_H

#include "fetch/archive_out.h"
#include "fetch/pull.h"
#include "store/image.h"

enum archive_format { ARCHIVE_DOCKER, ARCHIVE_OCI };

struct archive_save_image {
    const struct image *image; /* borrowed */
    char **names; /* tags in full, that it has in the archive; NULL-terminated; borrowed; NULL: none
                   */
};

struct archive_save_args {
    struct store *store;                     /* all borrowed */
    struct lease *lease;                     /* keeps what is read */
    const struct archive_save_image *images; /* each image once */
    size_t n_images;
    enum archive_format format;
    struct archive_out *out;
    bool (*interrupted)(void *arg); /* looked at between files; NULL: never */
    /* Called when a layer begins and when it is written (or was, with another image); those of one
     * image after another, @image before those of each. NULL: not at all. */
    void (*image)(void *arg, const struct image *image);
    void (*layer)(void *arg, const struct pull_layer *layer);
    void *arg;
};

/** @return 0; -STORE (a layer is missing or damaged), -DIGEST, -NOSPACE, -SYS, -INTERRUPTED. */
IMGC_CHECK int archive_save(const struct archive_save_args *args, struct imgc_err *reterr);

#endif
