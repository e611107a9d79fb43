/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our users of libarchive share: its functions, loaded with the first archive (it brings
 * libxml2, ICU and the C++ library along, more than most commands need), its errors as ours, and
 * its locale. libarchive converts
 * names between the archive's character set and the locale; only in the C locale do the bytes stay
 * as they are (in a UTF-8 locale it even normalises pax names to NFC). The locale is set for the
 * calling thread alone, around each call.
 */
#ifndef IMGC_LAYERS_LIBARCHIVE_H
#define IMGC_LAYERS_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include "schema/base/err.h"

/* X(field, function) */
#define LIBARCHIVE_FUNCTIONS(X)                                 \
    X(read_new, archive_read_new)                               \
    X(read_free, archive_read_free)                             \
    X(read_support_format_raw, archive_read_support_format_raw) \
    X(read_support_format_tar, archive_read_support_format_tar) \
    X(read_append_filter, archive_read_append_filter)           \
    X(read_set_format_option, archive_read_set_format_option)   \
    X(read_open, archive_read_open)                             \
    X(read_open2, archive_read_open2)                           \
    X(filter_bytes, archive_filter_bytes)                       \
    X(read_next_header, archive_read_next_header)               \
    X(read_header_position, archive_read_header_position)       \
    X(read_data_block, archive_read_data_block)                 \
    X(set_error, archive_set_error)                             \
    X(error_string, archive_error_string)                       \
    X(last_errno, archive_errno)                                \
    X(version_string, archive_version_string)                   \
    X(entry_pathname, archive_entry_pathname)                   \
    X(entry_filetype, archive_entry_filetype)                   \
    X(entry_hardlink, archive_entry_hardlink)                   \
    X(entry_symlink, archive_entry_symlink)                     \
    X(entry_size, archive_entry_size)                           \
    X(entry_sparse_count, archive_entry_sparse_count)           \
    X(entry_perm, archive_entry_perm)                           \
    X(entry_uid, archive_entry_uid)                             \
    X(entry_gid, archive_entry_gid)                             \
    X(entry_mtime, archive_entry_mtime)                         \
    X(entry_mtime_nsec, archive_entry_mtime_nsec)               \
    X(entry_rdevmajor, archive_entry_rdevmajor)                 \
    X(entry_rdevminor, archive_entry_rdevminor)                 \
    X(entry_xattr_reset, archive_entry_xattr_reset)             \
    X(entry_xattr_next, archive_entry_xattr_next)               \
    X(entry_acl_types, archive_entry_acl_types)                 \
    X(entry_acl_reset, archive_entry_acl_reset)                 \
    X(entry_acl_next, archive_entry_acl_next)

struct libarchive {
#define X(field, function) __typeof__(function) *(field);
    LIBARCHIVE_FUNCTIONS(X)
#undef X
};

/** Load libarchive. @return 0; -HOST where it is not installed. */
IMGC_CHECK int libarchive_load(struct libarchive *ret, struct imgc_err *reterr);

/** The version of libarchive on this host, for `imgc version`. @return as libarchive_load(). */
IMGC_CHECK int libarchive_version(const char **ret, struct imgc_err *reterr);

/** Fill @e with "WHAT: libarchive's message". @return -NOMEM or -LAYER. */
int libarchive_fail(struct imgc_err *e, const struct libarchive *la, struct archive *a,
                    const char *what);

/** The C locale, for uselocale(). @ret  freelocale() it. @return 0; -NOMEM. */
IMGC_CHECK int libarchive_locale(locale_t *ret, struct imgc_err *reterr);

#endif
