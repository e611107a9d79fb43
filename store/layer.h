/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers: uncompressed tars by DiffID, layers/<diffid hex>/tar, with the compressed blobs that they
 * came from remembered, so that a known blob is never fetched again. What is in the file of entries
 * beside the tar is not the store's to know (layers/entry_list.h): a cache that may be missing.
 */
#ifndef IMGC_STORE_LAYER_H
#define IMGC_STORE_LAYER_H

#include "schema/digest.h"
#include "store/lease.h"

struct layer_info {
    struct digest diff_id;
    uint64_t tar_size;   /* bytes of the tar */
    uint64_t disk_bytes; /* of layers/<diffid>/, views included */
};

enum { LAYER_MISSING = 1 };

/** Find by DiffID and hold it with @lease (NULL: only look). @return 0; LAYER_MISSING. */
IMGC_CHECK int layer_find(struct store *s, struct lease *lease, const struct digest *diff_id,
                          struct layer_info *ret, struct imgc_err *reterr);

/** Find by the digest of a compressed (or plain) blob that was once stored. As layer_find(). */
IMGC_CHECK int layer_find_blob(struct store *s, struct lease *lease, const struct digest *blob,
                               struct layer_info *ret, struct imgc_err *reterr);

/** A layer tar being written: staged in the lease's directory, gone unless committed. Not for two
 * threads at once. */
struct layer_writer;

IMGC_CHECK int layer_writer_new(struct store *s, struct lease *lease, struct layer_writer **ret,
                                struct imgc_err *reterr);

/** Append @len bytes of the tar. @return 0; -NOSPACE; -SYS. */
IMGC_CHECK int layer_writer_write(struct layer_writer *w, const void *ptr, size_t len,
                                  struct imgc_err *reterr);

/** The staged tar's fd (read and write), borrowed: to read it back before the commit. */
int layer_writer_fd(const struct layer_writer *w);

/** Make the file of entries that is published beside the tar; once. @ret_fd caller closes. */
IMGC_CHECK int layer_writer_entries(struct layer_writer *w, int *ret_fd, struct imgc_err *reterr);

struct layer_commit {
    const struct digest *diff_id; /* computed by the caller over all bytes written */
    const struct digest *blob;    /* what it was fetched as; may equal diff_id; NULL: none */
    uint64_t blob_size;           /* bytes */
    const char *media_type;       /* of the blob, borrowed; NULL: none */
};

/** Publish. Where the layer exists already, the staged copy is dropped and the existing one held.
 * @return 0; -SYS; -NOSPACE; -STORE. */
IMGC_CHECK int layer_writer_commit(struct layer_writer *w, const struct layer_commit *commit,
                                   struct imgc_err *reterr);

/** Drop what is not committed. Accepts NULL; returns NULL. */
struct layer_writer *layer_writer_free(struct layer_writer *w);
void layer_writer_freep(struct layer_writer **w);

/** Open the layer's tar for reading. @ret_fd caller closes. @return 0; LAYER_MISSING; -STORE. */
IMGC_CHECK int layer_open_tar(struct store *s, const struct digest *diff_id, int *ret_fd,
                              struct imgc_err *reterr);

/** Open the layer's file of entries for reading. @ret_fd caller closes. @return 0; LAYER_MISSING
 * (the file, or all of the layer); -SYS. */
IMGC_CHECK int layer_open_entries(struct store *s, const struct digest *diff_id, int *ret_fd,
                                  struct imgc_err *reterr);

/** Put the file @name of the lease's directory into the place of the layer's file of entries, and
 * count it. The layer must be held. @return 0; LAYER_MISSING; -SYS; -NOSPACE. */
IMGC_CHECK int layer_put_entries(struct store *s, struct lease *lease, const struct digest *diff_id,
                                 const char *name, struct imgc_err *reterr);

/** Call @fn for each layer. A negative result ends the walk and is returned. */
IMGC_CHECK int layer_each(struct store *s,
                          int (*fn)(const struct layer_info *info, void *arg,
                                    struct imgc_err *reterr),
                          void *arg, struct imgc_err *reterr);

#endif
