/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of `run` that mount something in the container: -v and --tmpfs, turned into what
 * runtime/spec.h takes.
 */
#ifndef IMGC_CMD_RUN_MOUNTS_H
#define IMGC_CMD_RUN_MOUNTS_H

#include "cmd/options.h"
#include "runtime/spec.h"

/* As parsed from the command line; borrowed. */
struct run_mounts_options {
    struct option_list volumes, tmpfs;
};

/* The same, checked. */
struct run_mounts {
    struct spec_mount *items;
    size_t n;
};

void run_mounts_done(struct run_mounts *m);
#define run_mounts_auto imgc_auto(run_mounts_done)

/** Check and convert. @ret  caller frees. @return 0; -USAGE that names the mount, two of them on
 * one target too; -NOMEM. */
IMGC_CHECK int run_mounts_parse(const struct run_mounts_options *o, struct run_mounts *ret,
                                struct imgc_err *reterr);

#endif
