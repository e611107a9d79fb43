/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of `run` that decide whose users those of a container are: --userns, --uidmap, --gidmap,
 * --subuidname, --subgidname, as podman spells them.
 */
#ifndef IMGC_CMD_RUN_USERNS_H
#define IMGC_CMD_RUN_USERNS_H

#include "cmd/app.h"
#include "cmd/options.h"
#include "runtime/spec.h"
#include "runtime/subid.h"
#include "schema/json.h"

/* As parsed from the command line. */
struct run_userns_options {
    const char *userns, *subuid_name, *subgid_name;
    struct option_list uid_maps, gid_maps;
};

#define RUN_USERNS_AT(base, field) ((base) + offsetof(struct run_userns_options, field))

/* Rows of a table of options whose struct has a struct run_userns_options at @base. */
/* clang-format off */
#define RUN_USERNS_ROWS(base) \
    { 0, "userns", OPT_STRING, RUN_USERNS_AT(base, userns), "MODE", \
      "users: host, private, auto[:size=N], keep-id, container:NAME" }, \
    { 0, "uidmap", OPT_LIST, RUN_USERNS_AT(base, uid_maps), "CTR:HOST[:N]", \
      "user IDs of the container and what they are on the host" }, \
    { 0, "gidmap", OPT_LIST, RUN_USERNS_AT(base, gid_maps), "CTR:HOST[:N]", \
      "the same for groups (as --uidmap)" }, \
    { 0, "subuidname", OPT_STRING, RUN_USERNS_AT(base, subuid_name), "NAME", \
      "whose ranges of /etc/subuid to use (imgc, containers)" }, \
    { 0, "subgidname", OPT_STRING, RUN_USERNS_AT(base, subgid_name), "NAME", \
      "the same for /etc/subgid" }
/* clang-format on */

/* What is left to be decided when the container has a row. */
struct run_userns {
    bool is_auto;            /* IDs that no other container has */
    uint32_t auto_count;     /* how many; 0: as many as is usual */
    struct subid uids, gids; /* with is_auto: where they come from */
    char user[32]; /* "UID:GID" that the command runs as, where --user says nothing; or "" */
};

/** Check and convert. What needs the index is left to run_userns_complete().
 * @return 0; -USAGE that names the option; -HOST (no ranges; a bad line in /etc/subuid); -NOMEM. */
IMGC_CHECK int run_userns_parse(const struct run_userns_options *o, const struct app *app,
                                struct run_userns *ret, struct isolation *isolation,
                                struct imgc_err *reterr);

/** Choose the IDs of the container @id, which has its row, and write down whose they are.
 * @return 0; -LIMIT (all are taken); -SYS. */
IMGC_CHECK int run_userns_complete(struct store *s, const struct run_userns *u, const char *id,
                                   struct isolation *isolation, struct imgc_err *reterr);

/** UsernsMode and IDMappings, for inspect. @return new reference; NULL without memory. */
json_t *run_userns_json(const struct isolation_users *users);

#endif
