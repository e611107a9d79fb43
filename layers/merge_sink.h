/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries into a directory that is there already, with what is in it, while others use it: `cp`.
 * What was put in somebody's place is never followed: each name is looked up below an fd that is
 * held, files are made under another name and renamed into theirs.
 *
 * Directories are merged. A directory takes the place of another kind of file, or the reverse, only
 * with `overwrite`.
 */
#ifndef IMGC_LAYERS_MERGE_SINK_H
#define IMGC_LAYERS_MERGE_SINK_H

#include "layers/entry.h"
#include "layers/tar_data.h"

struct merge_sink_args {
    int dir_fd;         /* where the entries go; borrowed */
    const char *prefix; /* put before their paths: what the first one becomes; "": it is dir_fd
                           itself, which stays as it is */
    int root_fd;      /* >= 0: symbolic links to directories that are there are followed, inside of
                         this root; borrowed */
    const char *base; /* with that: the path of dir_fd from there */
    bool overwrite;
    bool keeps_all; /* owners, set-ID bits, device nodes, all xattrs; else all belongs to uid:gid */
    uint32_t uid, gid;
};

struct merge_sink_report {
    uint64_t entries;
    uint64_t devices_skipped; /* device nodes that were not to be kept, or may not be made */
    uint64_t owners_skipped, xattrs_skipped; /* as of dir_sink.h */
};

struct merge_sink;

/** The umask of the process becomes 0. @args is borrowed. @return 0; -NOMEM. */
IMGC_CHECK int merge_sink_new(const struct merge_sink_args *args, struct merge_sink **ret,
                              struct imgc_err *reterr);
struct merge_sink *merge_sink_free(struct merge_sink *m);
void merge_sink_freep(struct merge_sink **m);

/** Write one entry; @data as of tar_sink_add(). Missing parents are made.
 * @return 0; -EXISTS (a directory in place of a file or the reverse); -LAYER; -SYS; -NOSPACE. */
IMGC_CHECK int merge_sink_add(struct merge_sink *m, const struct entry *e, struct tar_data *data,
                              struct imgc_err *reterr);

/** Give the directories their attributes. @return 0; -SYS. */
IMGC_CHECK int merge_sink_finish(struct merge_sink *m, struct merge_sink_report *ret,
                                 struct imgc_err *reterr);

#endif
