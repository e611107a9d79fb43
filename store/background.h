/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work after the answer: what a command leaves to do (unlinking, syncing) is done by a process of
 * its own, which nobody waits for. One at a time for each store: it holds the lock of the file
 * "background" in the root (flock), and the kernel frees that however it dies. The file's size is
 * the note: not 0 says that there is (perhaps) more to do, and the one that runs takes another
 * round. So a command whose work is left to another process returns as soon as the note stands.
 *
 * A chore finds its work in the store, never in the command that started it. So one that was killed
 * has only to be started again.
 */
#ifndef IMGC_STORE_BACKGROUND_H
#define IMGC_STORE_BACKGROUND_H

#include <stddef.h>

#include "store/store.h"

/** Called in the background process with a store of its own; there is nobody to hear of a failure,
 * which stops no other chore. It does all that it finds, in short write transactions, may be killed
 * at any instruction and may run beside every command. */
struct background_chore {
    int (*run)(struct store *s, struct imgc_err *reterr);
};

struct background_args {
    const struct background_chore *chores; /* borrowed; done in this order */
    size_t n_chores;
    bool is_last; /* the command ends: the index stays closed, and its child is left to init */
};

/** Have the chores done. Returns at once: the process (in a session of its own, at the lowest
 * priority of processor and disk) outlives the command and holds none of its files. Only while no
 * other thread uses @s: its connection to the index is closed for the fork. @return 0; -SYS. */
IMGC_CHECK int background_start(struct store *s, const struct background_args *args,
                                struct imgc_err *reterr);

#endif
