/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a container on their way into a tar: with the owners that they have in there.
 */
#ifndef IMGC_CMD_ROOT_TAR_H
#define IMGC_CMD_ROOT_TAR_H

#include "layers/dir_source.h"
#include "layers/tar_sink.h"
#include "runtime/isolation.h"

/** Give @e the owners that it has for @users (NULL: for everybody), also those that its file
 * capabilities and ACLs name. What has no number there is nobody's: as it stays. */
void root_tar_unmap(const struct isolation_users *users, struct entry *e);

/** Write all entries of @dir. The tar is not finished. @return 0; -INTERRUPTED; what they return.
 */
IMGC_CHECK int root_tar_add_all(struct dir_source *dir, const struct isolation_users *users,
                                struct tar_sink *tar, struct imgc_err *reterr);

/** Write one entry, as it is, with the data of the file that @dir has just returned. */
IMGC_CHECK int root_tar_add(struct dir_source *dir, const struct entry *e, struct tar_sink *tar,
                            struct imgc_err *reterr);

#endif
