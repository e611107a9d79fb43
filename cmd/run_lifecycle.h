/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of `run` and `create` that say how a container is called, marked, watched and stopped.
 */
#ifndef IMGC_CMD_RUN_LIFECYCLE_H
#define IMGC_CMD_RUN_LIFECYCLE_H

#include "cmd/options.h"
#include "schema/config.h"

/* As typed; NULL where not given. */
struct run_lifecycle_options {
    bool detach, remove, replace;
    const char *name, *cidfile, *stop_signal, *stop_timeout, *restart;
    struct option_list labels, label_files;
    const char *timeout;
};

#define RUN_LIFECYCLE_AT(base, field) ((base) + offsetof(struct run_lifecycle_options, field))

/* Rows of a table of options whose struct has a struct run_lifecycle_options at @base. */
/* clang-format off */
#define RUN_LIFECYCLE_ROWS(base) \
    { 0, "rm", OPT_FLAG, RUN_LIFECYCLE_AT(base, remove), NULL, \
      "remove the container when it exits" }, \
    { 0, "name", OPT_STRING, RUN_LIFECYCLE_AT(base, name), "NAME", "name of the container" }, \
    { 0, "replace", OPT_FLAG, RUN_LIFECYCLE_AT(base, replace), NULL, \
      "remove the container that has the name first" }, \
    { 0, "cidfile", OPT_STRING, RUN_LIFECYCLE_AT(base, cidfile), "FILE", \
      "write the container's ID to a new file" }, \
    { 'l', "label", OPT_LIST, RUN_LIFECYCLE_AT(base, labels), "K[=V]", "mark the container" }, \
    { 0, "label-file", OPT_LIST, RUN_LIFECYCLE_AT(base, label_files), "FILE", \
      "mark it with the lines of a file" }, \
    { 0, "stop-signal", OPT_STRING, RUN_LIFECYCLE_AT(base, stop_signal), "SIGNAL", \
      "what stop sends (the image's, or TERM)" }, \
    { 0, "stop-timeout", OPT_STRING, RUN_LIFECYCLE_AT(base, stop_timeout), "SECONDS", \
      "how long stop waits before it kills (10)" }, \
    { 0, "timeout", OPT_STRING, RUN_LIFECYCLE_AT(base, timeout), "SECONDS", \
      "kill it when it has run for so long (0: never)" }, \
    { 0, "restart", OPT_STRING, RUN_LIFECYCLE_AT(base, restart), "POLICY", NULL }, \
    { 'd', "detach", OPT_FLAG, RUN_LIFECYCLE_AT(base, detach), NULL, \
      "run in the background and print the ID (not of create)" }
/* clang-format on */

/* The same, checked. */
struct run_lifecycle {
    int stop_signal; /* 0: the image's */
    int64_t stop_timeout_s;
    char *labels; /* JSON object: the image's and the given ones */
};

void run_lifecycle_done(struct run_lifecycle *l);
#define run_lifecycle_auto imgc_auto(run_lifecycle_done)

/** @text  of --timeout, or NULL. @return 0; -USAGE. */
IMGC_CHECK int run_lifecycle_parse_timeout(const char *text, uint64_t *ret,
                                           struct imgc_err *reterr);

/** Check what needs no image: before anything is pulled. @return 0; -USAGE that names the option.
 */
IMGC_CHECK int run_lifecycle_check(const struct run_lifecycle_options *o, struct imgc_err *reterr);

/** Convert. @config  of the image; NULL with --rootfs. @ret  caller frees.
 * @return 0; -USAGE; -SYS, -LIMIT (a label file); -NOMEM. */
IMGC_CHECK int run_lifecycle_parse(const struct run_lifecycle_options *o,
                                   const struct image_config *config, struct run_lifecycle *ret,
                                   struct imgc_err *reterr);

/** Write --cidfile, which must not exist. Nothing is done where it was not given.
 * @return 0; -EXISTS; -SYS. */
IMGC_CHECK int run_lifecycle_write_id(const struct run_lifecycle_options *o, const char *id,
                                      struct imgc_err *reterr);

#endif
