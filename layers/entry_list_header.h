/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of an entry list's header and numbers (layers/entry_list.h). Only for the list's own
 * files.
 */
#ifndef IMGC_LAYERS_ENTRY_LIST_HEADER_H
#define IMGC_LAYERS_ENTRY_LIST_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#define ENTRY_LIST_SUM_AT 40
#define ENTRY_LIST_SUM_BYTES 32
#define ENTRY_LIST_NUMBER_MAX 10 /* bytes of the longest number */

struct entry_list_header {
    uint64_t tar_size;
    uint64_t n_entries;
    uint64_t list_size; /* bytes behind the header */
};

/** Write all of the header but its checksum: ENTRY_LIST_SUM_AT bytes. */
void entry_list_header_write(const struct entry_list_header *h, unsigned char *out);

/** @return whether it is a header of this version. */
bool entry_list_header_read(const unsigned char *raw, struct entry_list_header *ret);

static inline uint64_t entry_list_zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t entry_list_unzigzag(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (v & 1 ? UINT64_MAX : 0));
}

#endif
