/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the directory sink: one inode of a tree made as a file, with as few system calls as
 * its attributes allow. Everything happens in a directory that nobody else can look into.
 */
#ifndef IMGC_LAYERS_DIR_SINK_INODE_H
#define IMGC_LAYERS_DIR_SINK_INODE_H

#include "layers/dir_sink.h"

/* What stays the same while one directory is written. */
struct dir_sink_writer {
    const struct dir_sink_args *args;
    struct dir_sink_report *report; /* borrowed */
    uint32_t creates_without;  /* permission bits that a new file does not get when asked for */
    uint32_t new_uid, new_gid; /* owner of a new file; UINT32_MAX: not known */
    char *buffer;              /* for small files */
};

#define DIR_SINK_WRITER_INIT \
    {                        \
        .buffer = NULL       \
    }
void dir_sink_inode_done(struct dir_sink_writer *w);

/** Take the directory over: nobody else may enter it, and new files get our own owner. */
IMGC_CHECK int dir_sink_inode_begin(struct dir_sink_writer *w, const struct dir_sink_args *args,
                                    struct dir_sink_report *report, struct imgc_err *reterr);

/** The same for a directory that others use too, and which stays as it is: what is made gets all
 * its attributes by fd or in the moment it is made. The umask of the process is 0; pipes and device
 * nodes come without xattrs and set-ID bits. @args  dir_fd is not used. */
IMGC_CHECK int dir_sink_inode_begin_shared(struct dir_sink_writer *w,
                                           const struct dir_sink_args *args,
                                           struct dir_sink_report *report, struct imgc_err *reterr);

enum { DIR_SINK_INODE_SKIPPED = 1 };

/** Make @inode (no directory) as @name in @dir_fd, with data and attributes.
 * @return 0; DIR_SINK_INODE_SKIPPED for a device node that may not be made; -SYS; -NOSPACE;
 * -LAYER. */
IMGC_CHECK int dir_sink_inode_write(struct dir_sink_writer *w, int dir_fd, const char *name,
                                    const struct tree_inode *inode, struct imgc_err *reterr);

/** Make and open a directory; its attributes follow with dir_sink_inode_finish_dir().
 * @is_new  made by open_dir(); false for the target directory itself. */
IMGC_CHECK int dir_sink_inode_open_dir(struct dir_sink_writer *w, int dir_fd, const char *name,
                                       const struct tree_inode *inode, int *ret_fd,
                                       struct imgc_err *reterr);
IMGC_CHECK int dir_sink_inode_finish_dir(struct dir_sink_writer *w, int fd,
                                         const struct tree_inode *inode, bool is_new,
                                         struct imgc_err *reterr);

/** Make an overlayfs whiteout. */
IMGC_CHECK int dir_sink_inode_whiteout(int dir_fd, const char *name, struct imgc_err *reterr);

#endif
