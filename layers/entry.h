/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file as a source gives it: cleaned of hostile names and numbers, but not yet placed in a
 * tree. Both sources (tar_source, dir_source) make these; only tree_apply() consumes them.
 *
 * Source: OCI image-spec v1.1, layer.md "File Types", "File Attributes".
 */
#ifndef IMGC_LAYERS_ENTRY_H
#define IMGC_LAYERS_ENTRY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

enum entry_type {
    ENTRY_FILE,
    ENTRY_DIR,
    ENTRY_SYMLINK,
    ENTRY_HARDLINK, /* only between source and tree: the tree turns it into a second name */
    ENTRY_CHAR,
    ENTRY_BLOCK,
    ENTRY_FIFO,
};

/* Where a run of a file's bytes lies: the one place that says so. Gaps between extents are holes.
 */
struct extent {
    uint64_t file_offset;
    uint64_t source_offset; /* in the layer's tar, or in the source's file */
    uint64_t len;
};

struct xattr {
    char *name; /* full: "user.x", "security.capability" */
    void *value;
    size_t len;
};

#define ENTRY_MAJOR_MAX ((1u << 12) - 1) /* what the kernel's dev_t holds */
#define ENTRY_MINOR_MAX ((1u << 20) - 1)

/* Metadata and data of one inode. Owned by whoever holds it; entry_done() frees. */
struct entry {
    char *path; /* relative, cleaned: no "." or "..", no doubled or outer '/'; "" is the root */
    enum entry_type type;
    uint32_t mode; /* permission bits, 07777 */
    uint32_t uid, gid;
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint64_t size;          /* FILE */
    uint32_t major, minor;  /* CHAR, BLOCK */
    char *target;           /* SYMLINK: as written; HARDLINK: cleaned path from the root */
    struct extent *extents; /* FILE; ascending */
    size_t n_extents;
    struct xattr *xattrs; /* sorted by name */
    size_t n_xattrs;
};

void entry_done(struct entry *e);
#define ENTRY_INIT   \
    {                \
        .path = NULL \
    }
#define entry_auto imgc_auto(entry_done)

/**
 * Clean a name from a layer into a relative path: outer '/' and "./" go, "a//b/./c" becomes
 * "a/b/c"; a ".." component, a component over LIMIT_NAME_BYTES, a path over LIMIT_PATH_BYTES or
 * LIMIT_PATH_DEPTH, or a NUL is refused. "." and "/" give "" (the root).
 *
 * @ret  caller frees. @return 0; -LAYER; -LIMIT; -NOMEM.
 */
IMGC_CHECK int entry_clean_path(struct imgc_str name, char **ret, struct imgc_err *reterr);

/** Whether @path is as entry_clean_path() gives it. */
bool entry_is_clean_path(struct imgc_str path);

/** Clean the target of a hard link in the same way; a ".." goes up, but never above the root, as it
 * does for a process that is confined to the root. */
IMGC_CHECK int entry_clean_target(struct imgc_str target, char **ret, struct imgc_err *reterr);

/** Whether this xattr of a layer is kept: not overlayfs's own (trusted.overlay.*, user.overlay.*),
 * not security.selinux, not system.nfs4_acl; only the security., user., trusted. and
 * system.posix_acl_* families. */
bool entry_keeps_xattr(const char *name);

/** Copy an xattr into @e if it is one that is kept; the last of a name counts. Unsorted until
 * entry_sort_xattrs(). @return 0; -LIMIT; -NOMEM. */
IMGC_CHECK int entry_add_xattr(struct entry *e, const char *name, const void *value, size_t len,
                               struct imgc_err *reterr);
void entry_sort_xattrs(struct entry *e);

/* Runs of one file. A sparse map costs a layer few bytes per run, but costs us memory. */
#define ENTRY_EXTENTS_MAX (1u << 20)

/** Append a run of data behind the ones there are; joins it with the last where it continues it,
 * and drops an empty one. @return 0; -LIMIT; -NOMEM. */
IMGC_CHECK int entry_add_extent(struct entry *e, const struct extent *x, struct imgc_err *reterr);

#endif
