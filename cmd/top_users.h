/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The users of a container's processes for `imgc top`: as the container numbers and names them, and
 * as the host does.
 */
#ifndef IMGC_CMD_TOP_USERS_H
#define IMGC_CMD_TOP_USERS_H

#include "runtime/user_names.h"
#include "schema/base/buf.h"
#include "schema/base/process.h"

#define TOP_USERS_LINES 340 /* of a map: the kernel's limit */

struct top_users_line {
    uint32_t inside, outside, count;
};

struct top_users_map {
    struct top_users_line lines[TOP_USERS_LINES];
    size_t n;
};

struct top_users {
    struct top_users_map uids, gids;
    struct user_names users, groups;
};

void top_users_done(struct top_users *u);

/** Of the container whose first process is @init. What cannot be read has numbers instead of names.
 * @return 0; -NOMEM. */
IMGC_CHECK int top_users_load(const struct process_id *init, struct top_users *ret,
                              struct imgc_err *reterr);

/** The text of /proc/PID/uid_map. Pure. */
void top_users_parse_map(struct imgc_str text, struct top_users_map *ret);

enum top_users_kind { TOP_USERS_USER, TOP_USERS_GROUP };

/** Append the container's name of @id, which is the caller's number of it; or its number; or, where
 * the container knows none, 65534 as the kernel does. */
void top_users_write(const struct top_users *u, enum top_users_kind kind, uint32_t id,
                     struct imgc_buf *b);
/** Append the container's number of it. */
void top_users_write_number(const struct top_users *u, enum top_users_kind kind, uint32_t id,
                            struct imgc_buf *b);
/** Append the host's name of it, or its number. */
void top_users_write_host(enum top_users_kind kind, uint32_t id, struct imgc_buf *b);

#endif
