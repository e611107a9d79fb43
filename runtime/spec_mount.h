/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For spec_mount.c (-v), spec_mount_csv.c (--mount) and spec_mount_tmpfs.c (--tmpfs): what they
 * have in common. Everything else includes spec.h.
 */
#ifndef IMGC_RUNTIME_SPEC_MOUNT_H
#define IMGC_RUNTIME_SPEC_MOUNT_H

#include "runtime/spec.h"

/** Set the cleaned target. @return 0; -USAGE for what is no absolute path, and for "/". */
IMGC_CHECK int spec_mount_target(struct spec_mount *m, struct imgc_str s, struct imgc_err *reterr);

/** Set the source of a bind, made absolute against the current directory. */
IMGC_CHECK int spec_mount_path(struct spec_mount *m, struct imgc_str s, struct imgc_err *reterr);

/** Set the name of a volume. @return 0; -USAGE for what is none. */
IMGC_CHECK int spec_mount_name(struct spec_mount *m, struct imgc_str s, struct imgc_err *reterr);

/* Of each group at most one can hold. */
enum spec_mount_group {
    SPEC_MOUNT_ACCESS,      /* ro, rw */
    SPEC_MOUNT_EXEC,        /* exec, noexec */
    SPEC_MOUNT_DEV,         /* dev, nodev */
    SPEC_MOUNT_SUID,        /* suid, nosuid */
    SPEC_MOUNT_PROPAGATION, /* private, slave, shared; with r in front */
    SPEC_MOUNT_RECURSION,   /* rbind, bind */
    SPEC_MOUNT_COPY,        /* nocopy, copy */
    SPEC_MOUNT_OWNERS,      /* idmap */
    SPEC_MOUNT_CHOWN,       /* U, chown */
    SPEC_MOUNT_LABEL,       /* z, Z */
    SPEC_MOUNT_GROUPS
};

/* The words that were given so far. */
struct spec_mount_words {
    struct imgc_str given[SPEC_MOUNT_GROUPS];
};

enum { SPEC_MOUNT_UNKNOWN = 1 };

/** Take one word of a bind's or volume's options ("ro", "nosuid", "rslave").
 * @return 0; SPEC_MOUNT_UNKNOWN; -USAGE for one that contradicts an earlier one, that is not for
 *         @m's kind, or that imgc does not have. */
IMGC_CHECK int spec_mount_word(struct spec_mount *m, struct imgc_str word,
                               struct spec_mount_words *words, struct imgc_err *reterr);

/** Values of a tmpfs's options: bytes or percents; an octal mode. @return whether it is one. */
bool spec_mount_tmpfs_size(struct spec_mount *m, struct imgc_str s);
bool spec_mount_tmpfs_mode(struct spec_mount *m, struct imgc_str s);

#endif
