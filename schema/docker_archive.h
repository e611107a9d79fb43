/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.json of an archive as `docker save` makes it: which of its files are the config and the
 * layers of which image, and how the image was called. Pure.
 *
 * Source: moby's image/tarexport; the document has no specification.
 */
#ifndef IMGC_SCHEMA_DOCKER_ARCHIVE_H
#define IMGC_SCHEMA_DOCKER_ARCHIVE_H

#include "schema/json.h"

#define DOCKER_ARCHIVE_MANIFEST "manifest.json"

struct docker_archive_image {
    char *config;  /* path in the archive */
    char **tags;   /* "debian:bookworm"; NULL-terminated, or NULL: none */
    char **layers; /* paths in the archive, bottom first; NULL-terminated, or NULL: none */
    size_t n_layers;
};

struct docker_archive {
    struct docker_archive_image *images;
    size_t n;
};

#define DOCKER_ARCHIVE_INIT    \
    {                          \
        .images = NULL, .n = 0 \
    }
void docker_archive_done(struct docker_archive *a);
#define docker_archive_auto imgc_auto(docker_archive_done)

/** Read the document. @ret caller frees with docker_archive_done(). @return 0; -DOCUMENT; -LIMIT
 * over LIMIT_INDEX_ENTRIES images or LIMIT_LAYERS layers; -NOMEM. */
IMGC_CHECK int docker_archive_parse(struct imgc_str text, struct docker_archive *ret,
                                    struct imgc_err *reterr);

/** Serialise, deterministic. @ret caller frees. @return 0; -NOMEM. */
IMGC_CHECK int docker_archive_write(const struct docker_archive *a, char **ret,
                                    struct imgc_err *reterr);

#endif
