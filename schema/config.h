/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image configs: what to run, and which layers make the root file system.
 *
 * Source: OCI image-spec v1.1, config.md; Docker image spec v1.2 (same fields).
 */
#ifndef IMGC_SCHEMA_CONFIG_H
#define IMGC_SCHEMA_CONFIG_H

#include "schema/digest.h"
#include "schema/json.h"
#include "schema/platform.h"

struct config_history {
    char *created, *created_by, *author, *comment; /* each may be NULL */
    bool empty_layer;                              /* takes no diff_id */
};

struct image_config {
    struct platform platform;
    char *created;     /* RFC 3339 as written, or NULL */
    int64_t created_s; /* the same as Unix time; 0 where absent or unreadable */
    char *author;      /* or NULL */
    /* .config: every list is NULL-terminated, or NULL where absent */
    char *user, *working_dir, *stop_signal; /* or NULL */
    char **env, **entrypoint, **cmd;
    json_t *labels, *exposed_ports, *volumes; /* objects as written, or NULL */
    /* .rootfs and .history */
    struct digest *diff_ids; /* bottom first */
    size_t n_diff_ids;
    struct config_history *history;
    size_t n_history;
};

void config_done(struct image_config *c);
#define CONFIG_INIT     \
    {                   \
        .created = NULL \
    }
#define config_auto imgc_auto(config_done)

/** Read a config. rootfs.type must be "layers"; unknown fields are left alone.
 * @return 0; -DOCUMENT; -DIGEST; -UNSUPPORTED; -NOMEM. */
IMGC_CHECK int config_parse(struct imgc_str text, struct image_config *ret,
                            struct imgc_err *reterr);

/** Serialise as a new OCI config, deterministic. @ret caller frees. */
IMGC_CHECK int config_write(const struct image_config *c, char **ret, struct imgc_err *reterr);

/** The same for an image that is made from the one whose config is @before: what of its `config`
 * this reading does not know (Healthcheck, Shell, OnBuild) stays. @return 0; -DOCUMENT; -NOMEM. */
IMGC_CHECK int config_write_after(const struct image_config *c, struct imgc_str before, char **ret,
                                  struct imgc_err *reterr);

/**
 * Apply one `-c/--change` instruction as docker import takes them: CMD, ENTRYPOINT (exec or shell
 * form), ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR, STOPSIGNAL; case does not count.
 * @return 0; -USAGE that names the instruction.
 */
IMGC_CHECK int config_change(struct image_config *c, struct imgc_str change,
                             struct imgc_err *reterr);

#endif
