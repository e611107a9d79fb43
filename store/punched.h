/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Punched layers: where the directory form is used, the data of files need not lie in the layer's
 * tar as well. It is punched out of the tar (the file keeps its size and its headers), and the map
 * layers/<diffid>/punched says which file of which directory has it (layers/punch_map.h; the store
 * does not look inside).
 *
 * The index decides: a layer with whole = 1 has all of its tar, whatever files lie about. The
 * commit that sets whole = 0 is on disk before the first hole, and after the map. From then on the
 * directory is pinned: it goes only together with the layer.
 *
 * Who reads a tar keeps a shared lock on the file, and holes are made only after nobody had one
 * for a moment: whoever comes later finds whole = 0 and reads through the map. So nobody ever sees
 * zeros in the place of data, and nobody ever waits. Nor are holes made while anybody else has the
 * file open without a lock: an EROFS mount may live longer than the row of its view.
 */
#ifndef IMGC_STORE_PUNCHED_H
#define IMGC_STORE_PUNCHED_H

#include "schema/digest.h"
#include "store/lease.h"
#include "store/paths.h"

/** An open layer. */
struct punched_layer {
    int tar_fd;                /* with the shared lock: keep it open while anything is read */
    int map_fd;                /* -1: the tar is whole */
    char view_path[PATHS_MAX]; /* the directory that has the rest, under the store's root */
};

#define PUNCHED_LAYER_INIT         \
    {                              \
        .tar_fd = -1, .map_fd = -1 \
    }
void punched_layer_done(struct punched_layer *l);
#define punched_auto imgc_auto(punched_layer_done)

enum { PUNCHED_MISSING = 1 };

/** Open a layer for reading. @ret was initialised, and is done() by the caller.
 * @return 0; PUNCHED_MISSING (no such layer); -STORE; -SYS. */
IMGC_CHECK int punched_open(struct store *s, const struct digest *diff_id,
                            struct punched_layer *ret, struct imgc_err *reterr);

enum { PUNCHED_NOT_NOW = 1 };

/** Whether the tar of @diff_id may be punched and the view @chain_id hold its data: both are
 * synced, and no EROFS view reads the tar. @return 0; PUNCHED_NOT_NOW. */
IMGC_CHECK int punched_allowed(struct store *s, const struct digest *diff_id,
                               const struct digest *chain_id, struct imgc_err *reterr);

/** Put the map, the file @name of the lease's directory, into its place, and say that the tar is
 * not whole. Both are on disk afterwards; nothing is punched yet.
 * @return 0; PUNCHED_NOT_NOW (as punched_allowed(), asked again); -SYS; -NOSPACE. */
IMGC_CHECK int punched_begin(struct store *s, struct lease *lease, const struct digest *diff_id,
                             const struct digest *chain_id, const char *name,
                             struct imgc_err *reterr);

/** Open the tar of a layer that is not whole for writing. @for_holes: only if nobody has it open
 * who may not know yet; who opens it from now on reads through the map. @ret_fd caller closes.
 * @return 0; PUNCHED_NOT_NOW: somebody reads, or the layer is whole (it was removed, and is back);
 * -SYS. */
IMGC_CHECK int punched_open_write(struct store *s, const struct digest *diff_id, bool for_holes,
                                  int *ret_fd, struct imgc_err *reterr);

/** Note that all of the map is punched out, and count the layer's bytes again. */
IMGC_CHECK int punched_end(struct store *s, const struct digest *diff_id, struct imgc_err *reterr);

/** Note that the holes are about to be filled: what is filled and then given up is punched again.
 */
IMGC_CHECK int punched_restoring(struct store *s, const struct digest *diff_id,
                                 struct imgc_err *reterr);

/** Note that the tar is whole again, on disk; the map goes. */
IMGC_CHECK int punched_restored(struct store *s, const struct digest *diff_id,
                                struct imgc_err *reterr);

/** Inside a write transaction: the layer has got a new tar. */
IMGC_CHECK int punched_forget(struct store *s, const struct digest *diff_id,
                              struct imgc_err *reterr);

/** What waits to be done. */
struct punched_todo {
    struct digest *begun; /* DiffIDs: the map is there, the holes perhaps not all */
    size_t n_begun;
    struct digest *images; /* IDs of images with a layer that may be punched */
    size_t n_images;
};
void punched_todo_done(struct punched_todo *todo);
#define punched_todo_auto imgc_auto(punched_todo_done)
IMGC_CHECK int punched_find(struct store *s, struct punched_todo *ret, struct imgc_err *reterr);

#endif
