/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of `run` that mount something in the container: -v, --mount and --tmpfs, turned into what
 * runtime/spec.h takes.
 */
#ifndef IMGC_CMD_RUN_MOUNTS_H
#define IMGC_CMD_RUN_MOUNTS_H

#include "cmd/options.h"
#include "runtime/spec.h"
#include "store/store.h"

/* As parsed from the command line; borrowed. */
struct run_mounts_options {
    struct option_list volumes, mounts, tmpfs;
    const char *image_volume;
    struct option_list volumes_from;
};

#define RUN_MOUNTS_AT(base, field) ((base) + offsetof(struct run_mounts_options, field))

/* Rows of a table of options whose struct has a struct run_mounts_options at @base. */
/* clang-format off */
#define RUN_MOUNTS_ROWS(base) \
    { 'v', "volume", OPT_LIST, RUN_MOUNTS_AT(base, volumes), "[SRC:]DST[:OPTS]", \
      "mount a host path or a volume (ro, nocopy, slave, noexec, ...)" }, \
    { 0, "mount", OPT_LIST, RUN_MOUNTS_AT(base, mounts), "K=V,...", \
      "the same in words: type=bind|volume|tmpfs,src=,dst=,ro" }, \
    { 0, "tmpfs", OPT_LIST, RUN_MOUNTS_AT(base, tmpfs), "DST[:OPTS]", \
      "mount a tmpfs (size=, mode=, ro, exec)" }, \
    { 0, "volumes-from", OPT_LIST, RUN_MOUNTS_AT(base, volumes_from), "CONTAINER[:ro]", \
      "mount what another container mounts" }, \
    { 0, "image-volume", OPT_STRING, RUN_MOUNTS_AT(base, image_volume), \
      "anonymous|tmpfs|ignore", "what the image's VOLUMEs become (anonymous)" }
/* clang-format on */

/* What becomes of the directories that an image declares as VOLUME. */
enum run_mounts_of_image {
    RUN_MOUNTS_ANONYMOUS, /* docker's way: a volume for each container */
    RUN_MOUNTS_TMPFS,
    RUN_MOUNTS_IGNORE, /* directories of the container, as any other */
};

/* The same, checked. */
struct run_mounts {
    struct spec_mount *items;
    size_t n;
    enum run_mounts_of_image of_image;
    struct option_list from; /* containers; borrowed from the options */
};

void run_mounts_done(struct run_mounts *m);
#define run_mounts_auto imgc_auto(run_mounts_done)

/** Check and convert. @ret  caller frees. @return 0; -USAGE that names the mount, two of them on
 * one target too; -NOMEM. */
IMGC_CHECK int run_mounts_parse(const struct run_mounts_options *o, struct run_mounts *ret,
                                struct imgc_err *reterr);

/** Whether the mounts go together with the user namespace. @return 0; -USAGE. */
IMGC_CHECK int run_mounts_check_users(const struct run_mounts *m, const struct isolation *isolation,
                                      struct imgc_err *reterr);

/** Complete the mounts of a new container's @spec: those of other containers, the image's volumes
 * (but where something is mounted there or above), and names for volumes that have none.
 * @return 0; what volumes_from_add() returns; -NOMEM; -SYS. */
IMGC_CHECK int run_mounts_complete(struct store *s, const struct run_mounts *m, struct spec *spec,
                                   struct imgc_err *reterr);

#endif
