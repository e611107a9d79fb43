/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of the files of one layer: the one place that turns "(offset, length) in the layer's
 * tar" (struct extent) into bytes. Whoever reads extents reads them through this, because a part of
 * a tar may not be in the tar any more: then a file of the layer's directory has it
 * (store/punched.h).
 */
#ifndef IMGC_LAYERS_TAR_DATA_H
#define IMGC_LAYERS_TAR_DATA_H

#include "layers/punch_map.h"

/* Not for two threads at once. */
struct tar_data {
    int fd; /* the tar, or whatever file the extents point into; borrowed */

    struct punch_map map; /* owned; without runs where all is in the tar */
    int dir_fd;           /* the directory that has the rest is @dir_path under @dir_fd; both are */
    const char *dir_path; /* borrowed. An fd for each layer of a stack would be too many */
    int file_fd;          /* the file in it that is being read, or -1 */
    const char *file_path; /* its path in the map */
};

/* A file that has all its bytes. Nothing needs to be freed. */
#define TAR_DATA_FD(a_fd)                         \
    {                                             \
        .fd = (a_fd), .dir_fd = -1, .file_fd = -1 \
    }

/** Take the map @map_fd (which may be closed then) into @d, which is a TAR_DATA_FD: data was
 * punched out of the tar, and the directory @dir_path under @dir_fd has it.
 * @return 0; -STORE for a damaged map; -SYS. */
IMGC_CHECK int tar_data_punched(struct tar_data *d, int map_fd, int dir_fd, const char *dir_path,
                                struct imgc_err *reterr);
void tar_data_done(struct tar_data *d);
#define tar_data_auto imgc_auto(tar_data_done)

/** Read exactly @len bytes at @offset of the tar. @return 0; -LAYER where it ends too early; -STORE
 * that names a file of the directory that is missing or too short; -SYS. */
IMGC_CHECK int tar_data_read(struct tar_data *d, uint64_t offset, void *ptr, size_t len,
                             struct imgc_err *reterr);

/** Copy @len bytes at @offset of the tar to @to_offset of @to: in the kernel, sharing blocks where
 * the file system can. @return as tar_data_read(); -NOSPACE. */
IMGC_CHECK int tar_data_copy(struct tar_data *d, uint64_t offset, uint64_t len, int to,
                             uint64_t to_offset, struct imgc_err *reterr);

/** Check the runs that are not in the tar against the map, one by one: tells which file is damaged
 * when the DiffID does not fit. @return 0: all of them are right; -STORE that names the first one
 * that is not; -SYS. */
IMGC_CHECK int tar_data_check(struct tar_data *d, struct imgc_err *reterr);

#endif
