/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of `run` that decide how a container runs, turned into what runtime/spec.h takes.
 */
#ifndef IMGC_CMD_RUN_OPTIONS_H
#define IMGC_CMD_RUN_OPTIONS_H

#include "cmd/environment.h"
#include "cmd/options.h"
#include "cmd/registry_access.h"
#include "cmd/retry_options.h"
#include "cmd/run_attach.h"
#include "cmd/run_isolation.h"
#include "cmd/run_lifecycle.h"
#include "cmd/run_limits.h"
#include "cmd/run_log.h"
#include "cmd/run_mounts.h"
#include "cmd/run_network.h"
#include "cmd/run_process.h"
#include "cmd/run_userns.h"
#include "runtime/spec.h"

/* As parsed from the command line. */
struct run_options {
    bool interactive, terminal, read_only, quiet;
    const char *workdir, *user, *entrypoint, *hostname, *pull, *platform, *rootfs, *progress;
    struct run_attach_options attach;
    struct run_lifecycle_options lifecycle;
    struct run_limits limits;
    struct run_log log;
    struct run_network_options network;
    struct option_list env, env_files;
    struct run_mounts_options mounts;
    struct run_isolation_options isolation;
    struct run_process_options process;
    struct registry_options registry;
    struct retry_options retry;
    struct run_userns_options userns;
};

extern const struct option run_options[];

/* The same, checked; owns what it points to. */
struct run_request {
    struct environment env;
    struct run_mounts mounts;
    struct isolation isolation; /* of these two spec_from_config() takes what they hold */
    struct net_want net_want;
    struct spec_options spec; /* borrows from here and from the run_options */
};

void run_options_done_request(struct run_request *r);
#define run_options_auto_request imgc_auto(run_options_done_request)

/** Check and convert. @args  the words after IMAGE (NULL-terminated), borrowed.
 * @return 0; -USAGE that names the option. */
IMGC_CHECK int run_options_request(const struct run_options *o, const char *const *args,
                                   struct run_request *ret, struct imgc_err *reterr);

/** JSON of what was asked, kept for inspect. @want  of the spec. @ret caller frees. */
IMGC_CHECK int run_options_json(const struct run_options *o, const struct run_request *request,
                                const struct net_want *want, char **ret, struct imgc_err *reterr);

#endif
