/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an archive of images is written: a tar, whose bytes are the same for the same content, or a
 * directory.
 */
#ifndef IMGC_FETCH_ARCHIVE_OUT_H
#define IMGC_FETCH_ARCHIVE_OUT_H

#include "layers/tar_data.h"
#include "schema/base/str.h"

struct archive_out;

struct archive_out_args {
    int fd; /* what can be written: a tar goes there; a directory: files; borrowed as long as it */
    bool (*interrupted)(void *arg);       /* looked at between writes of a tar; NULL: never */
    void (*wrote)(void *arg, size_t len); /* called after each write of a tar; NULL: never */
    void *arg;
};

/** @ret caller frees. @return 0; -NOMEM; -SYS. */
IMGC_CHECK int archive_out_new(const struct archive_out_args *args, struct archive_out **ret,
                               struct imgc_err *reterr);

/** Add the directory @path; its parents were added before. */
IMGC_CHECK int archive_out_dir(struct archive_out *o, const char *path, struct imgc_err *reterr);

/** Add the file @path with @text. @return 0; -SYS; -NOSPACE. */
IMGC_CHECK int archive_out_text(struct archive_out *o, const char *path, struct imgc_str text,
                                struct imgc_err *reterr);

/** Add the file @path with the first @size bytes of @data. @return as tar_data_read(); -NOSPACE;
 * -INTERRUPTED. */
IMGC_CHECK int archive_out_data(struct archive_out *o, const char *path, struct tar_data *data,
                                uint64_t size, struct imgc_err *reterr);

/** What ends a tar. */
IMGC_CHECK int archive_out_finish(struct archive_out *o, struct imgc_err *reterr);

struct archive_out *archive_out_free(struct archive_out *o); /* accepts NULL; returns NULL */
void archive_out_freep(struct archive_out **o);
#define archive_out_auto imgc_auto(archive_out_freep)

#endif
