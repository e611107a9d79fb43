/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of a tar, with extents that say where in the tar each file's bytes lie (libarchive; the
 * tar format only, no filters: the codec has done those).
 *
 * What it gives is kept in entry lists: a change of that raises ENTRY_LIST_VERSION.
 *
 * Source: OCI image-spec v1.1, layer.md; libarchive's archive_read_support_format_tar.c.
 */
#ifndef IMGC_LAYERS_TAR_SOURCE_H
#define IMGC_LAYERS_TAR_SOURCE_H

#include "layers/source.h"
#include "schema/base/cleanup.h"

struct tar_source;

/** Read the uncompressed tar in @fd from its start. @fd is borrowed and must stay open; its file
 * position is not used. Memory stays bounded whatever the tar's size (pages are dropped behind).
 * @return 0; -LAYER for what is no tar; -SYS; -NOMEM. */
IMGC_CHECK int tar_source_new(int fd, struct tar_source **ret, struct imgc_err *reterr);

/** The same of a file that others may write to, or cut short, meanwhile: it is read, not mapped, so
 * that this is an error and no signal. What lies in sparse files is not told: they have a size and
 * no extents. As tar_source_new(). */
IMGC_CHECK int tar_source_new_shared(int fd, struct tar_source **ret, struct imgc_err *reterr);
struct tar_source *tar_source_free(struct tar_source *t);
void tar_source_freep(struct tar_source **t);

/** The source of it, borrowed. */
struct source *tar_source_entries(struct tar_source *t);

#endif
