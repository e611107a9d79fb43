/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Media types of manifests, indexes, configs and layers, in Docker's and OCI's spelling.
 *
 * Source: OCI image-spec v1.1, media-types.md; Docker image manifest v2 schema 2.
 */
#ifndef IMGC_SCHEMA_MEDIA_TYPE_H
#define IMGC_SCHEMA_MEDIA_TYPE_H

#include "schema/base/str.h"

enum media_kind {
    MEDIA_UNKNOWN,
    MEDIA_MANIFEST,      /* OCI or Docker v2 schema 2 image manifest */
    MEDIA_INDEX,         /* OCI index or Docker manifest list */
    MEDIA_CONFIG,        /* OCI or Docker image config */
    MEDIA_LAYER,         /* tar, plain or compressed: the codec looks at the content */
    MEDIA_FOREIGN_LAYER, /* non-distributable, "urls" say where it is */
    MEDIA_SCHEMA1,       /* Docker v2 schema 1: refused in words */
    MEDIA_EMPTY,         /* application/vnd.oci.empty.v1+json: the config of artifacts */
};

#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define MEDIA_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"

/* What a registry client sends: all in one header, else old registries answer schema 1 or 404. */
#define MEDIA_ACCEPT_MANIFESTS \
    MEDIA_OCI_MANIFEST ", " MEDIA_OCI_INDEX ", " MEDIA_DOCKER_MANIFEST ", " MEDIA_DOCKER_LIST

/** Parameters after ';' and case do not count. */
enum media_kind media_kind(struct imgc_str type);

#endif
