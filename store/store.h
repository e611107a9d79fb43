/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: one directory, one SQLite index (docs/store-format.md). Files of this folder:
 *
 *   store      open and close; the handle everyone borrows
 *   paths      names of things inside the store directory
 *   db         SQLite adapter; db_migrate: schema/sql in order
 *   lock       per-digest OFD locks: two pulls of one blob share one download
 *   lease      what work in progress holds, so that garbage collection leaves it alone
 *   blob       manifests, indexes, configs: bytes as received
 *   layer      layer tars by DiffID
 *   view       per-layer directories, and EROFS indexes of whole stacks, by ChainID
 *   punched    layers whose tar has lost data to a directory view
 *   image      images, tags, repository digests
 *   container  containers and their state
 *   volume     volumes, and who uses them
 *   mounted    images mounted on the host
 *   probe      what was found about the host by trying
 *   gc         remove what nothing refers to, sweep what the dead left
 *   trash      files of what was removed, until the background process unlinks them
 *   recover    what a power loss may have damaged
 *   sync       durability without an fsync storm
 *   background the process that does what is left after the answer
 *
 * How content is published: staged under tmp/<lease>/, then, inside one short write transaction,
 * renamed to its place and its row inserted. How it is removed: the rows in one transaction, which
 * is the answer; then the background process sees to it that the commit is on the disk, renames
 * what has no row into tmp/trash/, inside another transaction, and unlinks it. So SQLite's write
 * lock is the only lock that both sides take, and it is never held while the network or much of the
 * disk works. A crash leaves files without rows, never rows without files.
 */
#ifndef IMGC_STORE_STORE_H
#define IMGC_STORE_STORE_H

#include <stdint.h>

#include "schema/base/err.h"

struct store;

struct store_args {
    const char *root;    /* borrowed; created 0700 where it is missing */
    const char *runroot; /* borrowed; created 0700 on first use only */
};

/**
 * Open, creating or migrating as needed. Refuses a root that another user owns, that others may
 * write, or whose index has a newer version than this program. Cheap: no scan, and recovery of
 * what dead processes left is gc_sweep()'s; only the first one after a power loss proves what was
 * not synced (store/recover.h).
 * @ret caller closes with store_close(). @return 0; -STORE; -SYS; -NOSPACE.
 */
IMGC_CHECK int store_open(const struct store_args *args, struct store **ret,
                          struct imgc_err *reterr);
struct store *store_close(struct store *s);
void store_closep(struct store **s);

/** Close the connection to the index, for a fork() or a long wait, and open it anew. Neither side
 * of a fork may use a connection of before it; in between only what needs no index works. */
void store_detach(struct store *s);
IMGC_CHECK int store_attach(struct store *s, struct imgc_err *reterr);

/** Directory fds of the store, borrowed for the store's lifetime. */
int store_root_fd(const struct store *s);
int store_layers_fd(const struct store *s);
int store_containers_fd(const struct store *s);

/** Paths as given (made absolute), for messages, `info`, and mounts. Borrowed. */
const char *store_root_path(const struct store *s);
const char *store_runroot_path(const struct store *s);

/** Bytes that are free for this user on the store's file system. @return 0; -SYS. */
IMGC_CHECK int store_free_space(const struct store *s, uint64_t *ret, struct imgc_err *reterr);

/** Fail with -NOSPACE, naming need and free bytes, where the store's file system has fewer than
 * @need_bytes free for this user. */
IMGC_CHECK int store_require_space(const struct store *s, uint64_t need_bytes,
                                   struct imgc_err *reterr);

#endif
