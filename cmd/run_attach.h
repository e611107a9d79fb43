/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of `run` and `create` that say what of the caller's is connected to the container, and
 * how it can be left running.
 */
#ifndef IMGC_CMD_RUN_ATTACH_H
#define IMGC_CMD_RUN_ATTACH_H

#include "cmd/attaching.h"
#include "cmd/options.h"

/* As typed; NULL where not given. */
struct run_attach_options {
    const char *detach_keys;
    bool no_sig_proxy;
    struct option_list streams;
};

#define RUN_ATTACH_AT(base, field) ((base) + offsetof(struct run_attach_options, field))

/* Rows of a table of options whose struct has a struct run_attach_options at @base. */
/* clang-format off */
#define RUN_ATTACH_ROWS(base) \
    { 'a', "attach", OPT_LIST, RUN_ATTACH_AT(base, streams), "STREAM", \
      "connect only stdin, stdout or stderr (all of them)" }, \
    { 0, "detach-keys", OPT_STRING, RUN_ATTACH_AT(base, detach_keys), "KEYS", \
      "with -it: what leaves it running (ctrl-p,ctrl-q); \"\": nothing does" }, \
    { 0, "sig-proxy", OPT_NEGATED, RUN_ATTACH_AT(base, no_sig_proxy), NULL, \
      "=false: signals end imgc and not the container" }
/* clang-format on */

/** Check and convert. @return 0; -USAGE. */
IMGC_CHECK int run_attach_parse(const struct run_attach_options *o, bool detach,
                                struct attaching *ret, struct imgc_err *reterr);

/** @has_terminal  -i and -t. @return whether the container may have to live without the command
 * that runs it, so that a monitor has to be its parent. Nobody else pays for one. */
bool run_attach_needs_monitor(const struct run_attach_options *o, const struct attaching *a,
                              bool has_terminal);

#endif
