/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors: open, read and write with our errors, always O_CLOEXEC.
 */
#ifndef IMGC_SCHEMA_BASE_FD_H
#define IMGC_SCHEMA_BASE_FD_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/base/buf.h"
#include "schema/base/cleanup.h"
#include "schema/base/err.h"

void imgc_closep(int *fd);
#define imgc_autoclose imgc_auto(imgc_closep)

/** openat() with O_CLOEXEC. @path is for our own files; names that images choose go through
 * openat2() helpers of their folder. @return 0 or -SYS, errno in reterr->sys. */
IMGC_CHECK int fd_open_at(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd,
                          struct imgc_err *reterr);

/** Open a directory, creating it with @mode if it is missing (not its parents). */
IMGC_CHECK int fd_open_dir_at(int dir_fd, const char *path, mode_t mode, int *ret_fd,
                              struct imgc_err *reterr);

/** Create @path and its missing parents with @mode (the caller's umask applies). */
IMGC_CHECK int fd_mkdir_p(const char *path, mode_t mode, struct imgc_err *reterr);

/** Write all @len bytes at the file position; restarts on EINTR and short writes. */
IMGC_CHECK int fd_write_all(int fd, const void *ptr, size_t len, struct imgc_err *reterr);

/** Read up to @len bytes; restarts on EINTR. *ret_len is 0 at the end. */
IMGC_CHECK int fd_read_some(int fd, void *ptr, size_t len, size_t *ret_len,
                            struct imgc_err *reterr);

/** Append the rest of @fd to @b. @return 0, -SYS, -LIMIT when over the cap of @b, -NOMEM. */
IMGC_CHECK int fd_read_all(int fd, struct imgc_buf *b, struct imgc_err *reterr);

/** Copy @len bytes at @offset of @from to @offset_to of @to: in the kernel where it can
 * (copy_file_range, which reflinks), else through a buffer.
 * @return 0; -SYS; -LAYER where @from ends too early. */
IMGC_CHECK int fd_copy_range(int from, uint64_t offset, int to, uint64_t offset_to, uint64_t len,
                             struct imgc_err *reterr);

/** Remove @name under @dir_fd and everything below it, never following a link and never leaving
 * its file system. Missing is fine. @ret_bytes  disk bytes freed (st_blocks), may be NULL. */
IMGC_CHECK int fd_remove_tree(int dir_fd, const char *name, uint64_t *ret_bytes,
                              struct imgc_err *reterr);

#endif
