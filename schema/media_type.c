/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/media_type.h"

struct media_row {
    const char *type;
    enum media_kind kind;
};

static const struct media_row rows[] = {
    { MEDIA_OCI_MANIFEST, MEDIA_MANIFEST },
    { MEDIA_DOCKER_MANIFEST, MEDIA_MANIFEST },
    { MEDIA_OCI_INDEX, MEDIA_INDEX },
    { MEDIA_DOCKER_LIST, MEDIA_INDEX },
    { MEDIA_OCI_CONFIG, MEDIA_CONFIG },
    { MEDIA_DOCKER_CONFIG, MEDIA_CONFIG },
    { MEDIA_OCI_LAYER, MEDIA_LAYER },
    { MEDIA_OCI_LAYER_GZIP, MEDIA_LAYER },
    { MEDIA_OCI_LAYER_ZSTD, MEDIA_LAYER },
    { MEDIA_DOCKER_LAYER_GZIP, MEDIA_LAYER },
    { "application/vnd.docker.image.rootfs.diff.tar", MEDIA_LAYER },
    { "application/vnd.docker.image.rootfs.diff.tar.zstd", MEDIA_LAYER },
    { "application/vnd.oci.image.layer.nondistributable.v1.tar", MEDIA_FOREIGN_LAYER },
    { "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", MEDIA_FOREIGN_LAYER },
    { "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", MEDIA_FOREIGN_LAYER },
    { "application/vnd.docker.image.rootfs.foreign.diff.tar", MEDIA_FOREIGN_LAYER },
    { "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MEDIA_FOREIGN_LAYER },
    { "application/vnd.docker.distribution.manifest.v1+json", MEDIA_SCHEMA1 },
    { "application/vnd.docker.distribution.manifest.v1+prettyjws", MEDIA_SCHEMA1 },
    { "application/vnd.oci.empty.v1+json", MEDIA_EMPTY },
};

enum media_kind media_kind(struct imgc_str type)
{
    type = imgc_str_trim(imgc_str_first(type, imgc_str_find(type, ';')));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (imgc_str_eq_nocase(type, imgc_str_of(rows[i].type))) {
            return rows[i].kind;
        }
    }
    return MEDIA_UNKNOWN;
}
