/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/entry_list_header.h"

#include <string.h>

#include "layers/entry_list.h"

static const char magic[8] = { 'i', 'm', 'g', 'c', 'e', 'n', 't', 's' };

static void put_le(unsigned char *p, uint64_t v, int n)
{
    for (int i = 0; i < n; i++) {
        p[i] = (unsigned char)(v >> (8 * i));
    }
}

static uint64_t get_le(const unsigned char *p, int n)
{
    uint64_t v = 0;

    for (int i = n; i > 0; i--) {
        v = v << 8 | p[i - 1];
    }
    return v;
}

void entry_list_header_write(const struct entry_list_header *h, unsigned char *out)
{
    memcpy(out, magic, sizeof magic);
    put_le(out + 8, ENTRY_LIST_VERSION, 4);
    put_le(out + 12, 0, 4);
    put_le(out + 16, h->tar_size, 8);
    put_le(out + 24, h->n_entries, 8);
    put_le(out + 32, h->list_size, 8);
}

bool entry_list_header_read(const unsigned char *raw, struct entry_list_header *ret)
{
    if (memcmp(raw, magic, sizeof magic) != 0 || get_le(raw + 8, 4) != ENTRY_LIST_VERSION ||
        get_le(raw + 12, 4) != 0) {
        return false;
    }
    ret->tar_size = get_le(raw + 16, 8);
    ret->n_entries = get_le(raw + 24, 8);
    ret->list_size = get_le(raw + 32, 8);
    return true;
}
