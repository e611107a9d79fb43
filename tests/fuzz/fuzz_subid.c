/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: runtime */
/* Input: the text of /etc/subuid. */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/idmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct subid_owner joe = { .name = IMGC_STR("joe"), .uid = 1000 };
    struct imgc_err err;
    struct idmap map;
    struct subid s;

    if (subid_parse((struct imgc_str){ (const char *)data, size }, &joe, &s, &err) < 0) {
        return 0;
    }
    idmap_make(joe.uid, &s, &map);
    if (map.n > SUBID_RANGES_MAX + 1 || idmap_total(&map) > UINT32_MAX) {
        abort();
    }
    for (size_t i = 0; i < map.n; i++) {
        for (size_t j = 0; j < i; j++) {
            uint64_t a = map.lines[i].outside, b = map.lines[j].outside;
            if (a < b + map.lines[j].count && b < a + map.lines[i].count) {
                abort(); /* the kernel refuses an ID that is mapped twice */
            }
        }
    }
    return 0;
}
