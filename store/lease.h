/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: work in progress names what it has put or found in the store, so that garbage collection
 * honours it. A lease belongs to a process (pid, start time, boot id); a dead owner's lease and its
 * staging directory tmp/<lease id>/ are swept.
 */
#ifndef IMGC_STORE_LEASE_H
#define IMGC_STORE_LEASE_H

#include "schema/base/cleanup.h"
#include "schema/digest.h"
#include "store/store.h"

struct lease;

/** Begin a lease with its staging directory. One per command is enough; it may be shared by the
 * threads of the command. @ret ends with lease_end(). */
IMGC_CHECK int lease_begin(struct store *s, struct lease **ret, struct imgc_err *reterr);

/** End it: rows and staging directory go. Accepts NULL; returns NULL. */
struct lease *lease_end(struct lease *l);
void lease_endp(struct lease **l);
#define lease_auto imgc_auto(lease_endp)

/** The staging directory: on the store's file system, 0700. Borrowed. */
int lease_dir_fd(const struct lease *l);

/** A name, unique in the staging directory, for a new file or directory. */
#define LEASE_NAME_MAX 32
void lease_name(struct lease *l, char out[LEASE_NAME_MAX]);

/** For the files of this folder. Its directory relative to the root: "tmp/<lease id>". Borrowed. */
const char *lease_path(const struct lease *l);

enum lease_kind { LEASE_BLOB, LEASE_LAYER };

/** For the files of this folder. Keep @digest from garbage collection; inside the caller's write
 * transaction, together with seeing or making its row. Idempotent. */
IMGC_CHECK int lease_hold(struct lease *l, enum lease_kind kind, const struct digest *digest,
                          struct imgc_err *reterr);

#endif
