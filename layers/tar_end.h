/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a tar that streams by has its end: bytes behind the end-of-archive marker are padding (to
 * the record size of a tape), and padding has a bound, or an endless stream of zeros would fill the
 * disk. No parser of entries: it steps over them by their sizes. Of headers that it does not
 * understand to the last bit it makes nothing, and from there on sees no end; whether they are
 * good, layers/tar_source.h says.
 *
 * Source: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block".
 */
#ifndef IMGC_LAYERS_TAR_END_H
#define IMGC_LAYERS_TAR_END_H

#include <stdint.h>

#include "layers/tar_probe.h"
#include "schema/base/err.h"

enum tar_end_state {
    TAR_END_HEADER, /* a header block is due */
    TAR_END_DATA,   /* of an entry */
    TAR_END_PAX,    /* of an extended header: a size in it counts for the next entry */
    TAR_END_OVER,   /* behind the marker */
    TAR_END_UNSURE, /* whatever comes is passed over */
};

/** Zero-initialised: the start of a tar. */
struct tar_end {
    enum tar_end_state state;
    uint64_t left;     /* bytes of DATA or PAX, with their padding to whole blocks */
    uint64_t pax_left; /* of PAX, without */
    uint64_t size;     /* said by the pax header for the next entry */
    bool has_size;
    /* PAX: the record that is being read */
    uint64_t record, n_digits; /* its length, and the digits of that */
    uint64_t record_left;      /* bytes behind the length; 0: in the length */
    bool is_in_keyword;        /* all of it was so far as in "size=" */
    bool is_in_size;           /* in the value of it */
    unsigned matched;          /* characters of the keyword seen */
    uint64_t behind;           /* bytes that followed the marker's first block */
    size_t n;                  /* of the block */
    unsigned char block[TAR_PROBE_BYTES];
};

/** Look at the next @len bytes of the tar.
 * @return 0; -LIMIT for more than LIMIT_TAR_PADDING_BYTES behind the end of the archive. */
IMGC_CHECK int tar_end_feed(struct tar_end *t, const void *ptr, size_t len,
                            struct imgc_err *reterr);

#endif
