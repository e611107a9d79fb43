/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries to a deterministic tar (pax where ustar is too small): same entries, same bytes. Used
 * where a layer has to be made: import of a directory; later commit and export.
 */
#ifndef IMGC_LAYERS_TAR_SINK_H
#define IMGC_LAYERS_TAR_SINK_H

#include "layers/entry.h"
#include "layers/tar_data.h"

/** Receives the tar's bytes. A negative result stops the sink and is returned. */
typedef int (*tar_sink_output)(void *arg, const void *ptr, size_t len, struct imgc_err *reterr);

struct tar_sink;
IMGC_CHECK int tar_sink_new(tar_sink_output output, void *arg, struct tar_sink **ret,
                            struct imgc_err *reterr);

/** Add one entry; @data holds the extents (source_offset) of a file, NULL for the rest; borrowed.
 * Holes are written as zeros. */
IMGC_CHECK int tar_sink_add(struct tar_sink *t, const struct entry *e, struct tar_data *data,
                            struct imgc_err *reterr);

/** Write the end-of-archive blocks. */
IMGC_CHECK int tar_sink_finish(struct tar_sink *t, struct imgc_err *reterr);
struct tar_sink *tar_sink_free(struct tar_sink *t);
void tar_sink_freep(struct tar_sink **t);

#endif
