/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/top_users.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#include "runtime/rootview.h"
#include "schema/base/fd.h"

#define OVERFLOW_ID 65534 /* what the kernel shows for an ID that has no number */
#define ENTRY_BYTES 16384 /* of one user or group of the host's */
#define MAP_BYTES 65536   /* 340 lines of three numbers */

void top_users_done(struct top_users *u)
{
    user_names_done(&u->users);
    user_names_done(&u->groups);
}

static bool next_number(struct imgc_str *rest, uint32_t *ret)
{
    struct imgc_str word;
    uint64_t n;

    while (imgc_str_token(rest, ' ', &word)) {
        if (word.len > 0) {
            *ret = imgc_str_u64(word, &n) && n <= UINT32_MAX ? (uint32_t)n : 0;
            return true;
        }
    }
    return false;
}

void top_users_parse_map(struct imgc_str text, struct top_users_map *ret)
{
    struct imgc_str line;

    ret->n = 0;
    while (ret->n < TOP_USERS_LINES && imgc_str_token(&text, '\n', &line)) {
        struct top_users_line *l = &ret->lines[ret->n];
        ret->n += next_number(&line, &l->inside) && next_number(&line, &l->outside) &&
                  next_number(&line, &l->count);
    }
}

static void read_map(pid_t pid, const char *file, struct top_users_map *ret)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(MAP_BYTES);
    imgc_autoclose int fd = -1;
    struct imgc_err ignored;
    char path[64]; /* "/proc/PID/uid_map" */

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    if (fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, &ignored) == 0 &&
        fd_read_all(fd, &b, &ignored) == 0) {
        top_users_parse_map((struct imgc_str){ b.ptr, b.len }, ret);
    }
}

int top_users_load(const struct process_id *init, struct top_users *ret, struct imgc_err *reterr)
{
    imgc_autoclose int root_fd = -1;
    struct imgc_err ignored;

    *ret = (struct top_users){ .uids = { .n = 0 } };
    read_map(init->pid, "uid_map", &ret->uids);
    read_map(init->pid, "gid_map", &ret->gids);
    if (rootview_open(init, ROOTVIEW_ALL, &root_fd, &ignored) != 0) {
        return 0;
    }
    /* A container may have made a mess of its files: then there are numbers. */
    int r = user_names_read(root_fd, "/etc/passwd", &ret->users, reterr);
    if (r != -IMGC_E_NOMEM) {
        r = user_names_read(root_fd, "/etc/group", &ret->groups, reterr);
    }
    return r == -IMGC_E_NOMEM ? r : 0;
}

static uint32_t inside(const struct top_users_map *map, uint32_t id)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct top_users_line *l = &map->lines[i];
        if (id >= l->outside && id - l->outside < l->count) {
            return l->inside + (id - l->outside);
        }
    }
    return OVERFLOW_ID;
}

static uint32_t number(const struct top_users *u, enum top_users_kind kind, uint32_t id)
{
    return inside(kind == TOP_USERS_USER ? &u->uids : &u->gids, id);
}

void top_users_write(const struct top_users *u, enum top_users_kind kind, uint32_t id,
                     struct imgc_buf *b)
{
    uint32_t n = number(u, kind, id);
    struct imgc_str name;

    if (user_names_find(kind == TOP_USERS_USER ? &u->users : &u->groups, n, &name)) {
        imgc_buf_str(b, name);
    } else {
        imgc_buf_printf(b, "%u", (unsigned)n);
    }
}

void top_users_write_number(const struct top_users *u, enum top_users_kind kind, uint32_t id,
                            struct imgc_buf *b)
{
    imgc_buf_printf(b, "%u", (unsigned)number(u, kind, id));
}

void top_users_write_host(enum top_users_kind kind, uint32_t id, struct imgc_buf *b)
{
    char text[ENTRY_BYTES];
    struct passwd user, *found_user = NULL;
    struct group group, *found_group = NULL;
    const char *name = NULL;

    if (kind == TOP_USERS_USER && getpwuid_r(id, &user, text, sizeof text, &found_user) == 0 &&
        found_user) {
        name = user.pw_name;
    }
    if (kind == TOP_USERS_GROUP && getgrgid_r(id, &group, text, sizeof text, &found_group) == 0 &&
        found_group) {
        name = group.gr_name;
    }
    if (name) {
        imgc_buf_puts(b, name);
    } else {
        imgc_buf_printf(b, "%u", (unsigned)id);
    }
}
