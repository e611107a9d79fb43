/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: layers */
/* Maps of punched layers. The checksum keeps everything out that we did not write, so it is put
 * right first: what is tested is the rest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "layers/punch_map.h"
#include "schema/digest.h"
#include "schema/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct punch_map *map)
{
    uint64_t end = 0;

    for (size_t i = 0; i < map->n; i++) {
        const struct punch_run run = punch_map_run(map, i);
        if (run.tar_offset < end || run.len == 0 || run.len > map->tar_size - run.tar_offset ||
            run.file_offset > INT64_MAX - run.len || run.path[0] == '/' ||
            strlen(run.path) > LIMIT_PATH_BYTES || strstr(run.path, "//") ||
            strncmp(run.path, "../", 3) == 0 || strstr(run.path, "/../")) {
            abort();
        }
        if (punch_map_find(map, run.tar_offset) != i ||
            punch_map_find(map, run.tar_offset + run.len - 1) != i) {
            abort();
        }
        end = run.tar_offset + run.len;
    }
    if (punch_map_find(map, end) != map->n) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_err err;
    struct digest sum;
    struct punch_map map;
    imgc_autofree char *bytes = malloc(size + 32);

    if (!bytes || digest_of(DIGEST_SHA256, data, size, &sum, &err) < 0) {
        abort();
    }
    memcpy(bytes, data, size);
    memcpy(bytes + size, sum.bytes, 32);
    if (punch_map_parse((struct imgc_str){ bytes, size + 32 }, &map, &err) == 0) {
        check(&map);
    }
    return 0;
}
