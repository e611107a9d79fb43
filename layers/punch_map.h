/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of a punched layer: which runs of its tar lie in which files of its directory. It is
 * written once and never changed; docs/store-format.md has the format.
 */
#ifndef IMGC_LAYERS_PUNCH_MAP_H
#define IMGC_LAYERS_PUNCH_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

struct punch_run {
    uint64_t tar_offset, len;
    uint64_t file_offset;
    const char *path; /* of the file in the directory: relative, clean; borrowed from the map */
    uint32_t crc;     /* crc32 of the bytes: tells which file it is when the DiffID does not fit */
};

/* A map that was read: runs by ascending tar_offset, without overlap, inside the tar. */
struct punch_map {
    const uint8_t *bytes;
    size_t len;
    void *mapped;      /* @bytes where they are our own, else NULL */
    size_t n;          /* runs */
    uint64_t tar_size; /* of the layer that it is about */
};

/** Check all of @bytes (borrowed; must stay). @return 0; -STORE for anything that
 * punch_map_write() does not write. */
IMGC_CHECK int punch_map_parse(struct imgc_str bytes, struct punch_map *ret,
                               struct imgc_err *reterr);

/** Map the file @fd (which may be closed then) and check it. @ret is done() by the caller. */
IMGC_CHECK int punch_map_open(int fd, struct punch_map *ret, struct imgc_err *reterr);
void punch_map_done(struct punch_map *map);
#define punch_map_auto imgc_auto(punch_map_done)

/** Run @i, from 0. */
struct punch_run punch_map_run(const struct punch_map *map, size_t i);

/** The first run that ends behind @offset, or map->n. */
size_t punch_map_find(const struct punch_map *map, uint64_t offset);

/** A map being made. */
struct punch_map_builder;
IMGC_CHECK int punch_map_builder_new(struct punch_map_builder **ret, struct imgc_err *reterr);
struct punch_map_builder *punch_map_builder_free(struct punch_map_builder *b);
void punch_map_builder_freep(struct punch_map_builder **b);

/** Add a run, in any order; run->path is copied. @return 0; -LIMIT (the map would be too large, or
 * the path is longer than a system call takes); -NOMEM. */
IMGC_CHECK int punch_map_builder_add(struct punch_map_builder *b, const struct punch_run *run,
                                     struct imgc_err *reterr);

/** Write the map of a tar of @tar_size bytes into the empty file @fd. Nothing is added afterwards.
 * @return 0; -LAYER for runs that overlap or lie outside; -SYS; -NOSPACE; -NOMEM. */
IMGC_CHECK int punch_map_builder_write(struct punch_map_builder *b, uint64_t tar_size, int fd,
                                       struct imgc_err *reterr);

#endif
