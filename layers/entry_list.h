/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry list of a layer: what tar_source says of its tar, kept beside it, so that a tree is
 * built without parsing the tar's headers again. It is a cache. It can always be made again from
 * the tar, one that is damaged or of another version counts as missing, and nothing is verified
 * against it.
 *
 * The file: a header of ENTRY_LIST_HEADER_BYTES, then the entries in the order of the tar. Numbers
 * of the header are little-endian:
 *
 *    0  8  "imgcents"
 *    8  4  version, ENTRY_LIST_VERSION
 *   12  4  zero
 *   16  8  bytes of the tar
 *   24  8  number of entries
 *   32  8  bytes behind the header
 *   40 32  sha256 of the bytes behind the header, then of the 40 bytes before this field
 *
 * An entry is, with numbers as LEB128 (7 bits a byte, lowest first, none longer than needed) and
 * texts as their length and bytes:
 *
 *   type       one byte: enum entry_type
 *   path       number of bytes shared with the path before it, then the rest as a text
 *   HARDLINK   target; nothing else follows
 *   attributes mode, uid, gid, seconds (zigzag: 0, -1, 1, -2...), nanoseconds
 *   FILE       size, number of extents, and for each: bytes since the end of the one before it in
 *              the file, place in the tar, length
 *   SYMLINK    target
 *   CHAR BLOCK major, minor
 *   xattrs     their number, and for each, in byte order: name and value as texts
 *
 * The same tar gives the same bytes. Memory stays bounded by one entry, whatever the list's size.
 */
#ifndef IMGC_LAYERS_ENTRY_LIST_H
#define IMGC_LAYERS_ENTRY_LIST_H

#include "layers/source.h"
#include "schema/base/cleanup.h"

#define ENTRY_LIST_VERSION 2 /* also to be raised when tar_source reads a tar differently */
#define ENTRY_LIST_HEADER_BYTES 72

/**
 * Read @src to its end and write the list of what it gave.
 *
 * @tar_size  of the tar that @src reads.
 * @fd        an empty file, borrowed.
 * @return    0; what @src returns; -NOSPACE; -SYS; -NOMEM.
 */
IMGC_CHECK int entry_list_write(struct source *src, uint64_t tar_size, int fd,
                                struct imgc_err *reterr);

struct entry_list;

enum { ENTRY_LIST_STALE = 1 };

/**
 * Open the list in @fd (borrowed, must stay open), after its checksum was found right.
 *
 * @tar_size  of the tar whose list it must be.
 * @ret       caller frees; with 0 only.
 * @return    0; ENTRY_LIST_STALE (damaged, cut short, of another version or another tar); -SYS;
 *            -NOMEM.
 */
IMGC_CHECK int entry_list_open(int fd, uint64_t tar_size, struct entry_list **ret,
                               struct imgc_err *reterr);
struct entry_list *entry_list_free(struct entry_list *l); /* accepts NULL; returns NULL */
void entry_list_freep(struct entry_list **l);

/** The source of it, borrowed. It gives -STORE for an entry that no tar_source could have made. */
struct source *entry_list_entries(struct entry_list *l);

#endif
