/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock of a store's networks, and the counter in its file: whoever changes what is in use
 * counts, so that whoever waits without the lock sees on his return whether somebody was there.
 */
#ifndef IMGC_CMD_NETWORK_GUARD_H
#define IMGC_CMD_NETWORK_GUARD_H

#include "store/network.h"

/** Take the lock. @is_use  something in use is changed: count it.
 * @ret_fd  network_guard_release() gives it back; a child that has it closes it for that. */
IMGC_CHECK int network_guard_take(struct store *s, bool is_use, int *ret_fd,
                                  struct imgc_err *reterr);

/** Give it back, also where children have the file. -1 is fine. */
void network_guard_release(int *fd);
#define network_guard_auto imgc_auto(network_guard_release)

/** How many uses were counted. */
uint64_t network_guard_uses(int fd);

#endif
