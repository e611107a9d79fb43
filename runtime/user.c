/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/user.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "runtime/rootpath.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define ID_MAX 2147483647u /* 2^31-1: more would be negative to programs that use int */

void user_done(struct user *u)
{
    free(u->groups);
    free(u->home);
    *u = (struct user)USER_INIT;
}

static bool is_number(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

static bool parse_id(struct imgc_str s, uint32_t *ret)
{
    uint64_t n;
    if (!imgc_str_u64(s, &n) || n > ID_MAX) {
        return false;
    }
    *ret = (uint32_t)n;
    return true;
}

struct passwd_entry {
    struct imgc_str name, home;
    uint32_t uid, gid;
};

/* NAME:PASSWORD:UID:GID:GECOS:HOME:SHELL; lines that are not so are left out, as libc does. */
static bool parse_passwd_line(struct imgc_str line, struct passwd_entry *ret)
{
    struct imgc_str fields[6];

    for (size_t i = 0; i < 6; i++) {
        if (!imgc_str_token(&line, ':', &fields[i])) {
            return false;
        }
    }
    ret->name = fields[0];
    ret->home = fields[5];
    return fields[0].len > 0 && parse_id(fields[2], &ret->uid) && parse_id(fields[3], &ret->gid);
}

/* @name  NULL: by @uid. */
static bool find_user(struct imgc_str passwd, const struct imgc_str *name, uint32_t uid,
                      struct passwd_entry *ret)
{
    struct imgc_str line;

    while (imgc_str_token(&passwd, '\n', &line)) {
        struct passwd_entry e;
        if (parse_passwd_line(line, &e) && (name ? imgc_str_eq(e.name, *name) : e.uid == uid)) {
            *ret = e;
            return true;
        }
    }
    return false;
}

struct group_entry {
    struct imgc_str name, members;
    uint32_t gid;
};

/* NAME:PASSWORD:GID:MEMBER,MEMBER */
static bool parse_group_line(struct imgc_str line, struct group_entry *ret)
{
    struct imgc_str password, gid;

    if (!imgc_str_token(&line, ':', &ret->name) || !imgc_str_token(&line, ':', &password) ||
        !imgc_str_token(&line, ':', &gid)) {
        return false;
    }
    if (!imgc_str_token(&line, ':', &ret->members)) {
        ret->members = (struct imgc_str){ NULL, 0 };
    }
    return ret->name.len > 0 && parse_id(gid, &ret->gid);
}

static bool is_member(struct imgc_str members, struct imgc_str name)
{
    struct imgc_str one;

    while (imgc_str_token(&members, ',', &one)) {
        if (imgc_str_eq(imgc_str_trim(one), name)) {
            return true;
        }
    }
    return false;
}

static int add_group(struct user *u, uint32_t gid, size_t *room, struct imgc_err *reterr)
{
    if (u->n_groups == NGROUPS_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "the user is in more than %d groups", NGROUPS_MAX);
    }
    if (u->n_groups == *room) {
        size_t more = *room ? 2 * *room : 16;
        gid_t *p = reallocarray(u->groups, more, sizeof *p);
        if (!p) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        u->groups = p;
        *room = more;
    }
    u->groups[u->n_groups++] = gid;
    return 0;
}

/* The primary group, and those that list the user, if he has a name. */
static int fill_groups(struct user *u, struct imgc_str name, struct imgc_str group,
                       struct imgc_err *reterr)
{
    struct imgc_str line;
    size_t room = 0;

    int r = add_group(u, u->gid, &room, reterr);
    while (r == 0 && name.len > 0 && imgc_str_token(&group, '\n', &line)) {
        struct group_entry e;
        if (parse_group_line(line, &e) && e.gid != u->gid && is_member(e.members, name)) {
            r = add_group(u, e.gid, &room, reterr);
        }
    }
    return r;
}

/* @return through @ret_entry what passwd says of the user; an empty name where it says nothing. */
static int parse_user(struct imgc_str user, struct imgc_str passwd, struct passwd_entry *ret_entry,
                      struct imgc_err *reterr)
{
    struct passwd_entry e = { .name = { NULL, 0 } };
    uint32_t uid = 0;

    if (user.len == 0 || is_number(user)) {
        if (user.len > 0 && !parse_id(user, &uid)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "user '" IMGC_STR_FMT "' is over %u",
                             IMGC_STR_ARG(user), ID_MAX);
        }
        if (!find_user(passwd, NULL, uid, &e)) {
            e.uid = uid;
        }
    } else if (!find_user(passwd, &user, 0, &e)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "no user '" IMGC_STR_FMT "' in the image's /etc/passwd",
                         IMGC_STR_ARG(user));
    }
    *ret_entry = e;
    return 0;
}

static int parse_group(struct imgc_str name, struct imgc_str group, gid_t *ret,
                       struct imgc_err *reterr)
{
    struct imgc_str line;
    uint32_t gid;

    if (is_number(name)) {
        if (!parse_id(name, &gid)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "group '" IMGC_STR_FMT "' is over %u",
                             IMGC_STR_ARG(name), ID_MAX);
        }
        *ret = gid;
        return 0;
    }
    while (imgc_str_token(&group, '\n', &line)) {
        struct group_entry e;
        if (parse_group_line(line, &e) && imgc_str_eq(e.name, name)) {
            *ret = e.gid;
            return 0;
        }
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "no group '" IMGC_STR_FMT "' in the image's /etc/group",
                     IMGC_STR_ARG(name));
}

int user_parse(struct imgc_str spec, struct imgc_str passwd, struct imgc_str group,
               struct user *ret, struct imgc_err *reterr)
{
    user_auto struct user u = USER_INIT;
    struct imgc_str user_name, group_name;
    struct passwd_entry e = { .uid = 0 };

    (void)imgc_str_split(spec, ':', &user_name, &group_name);
    int r = parse_user(user_name, passwd, &e, reterr);
    if (r < 0) {
        return r;
    }
    u.uid = e.uid;
    u.gid = e.gid;
    if (group_name.len > 0) {
        e.name.len = 0; /* the group that was asked for, and no other */
        r = parse_group(group_name, group, &u.gid, reterr);
    }
    if (r == 0) {
        r = fill_groups(&u, e.name, group, reterr);
    }
    if (r == 0) {
        struct imgc_str home = e.home.len > 0 && e.home.ptr[0] == '/' ? e.home : IMGC_STR("/");
        r = imgc_str_dup(home, &u.home, reterr);
    }
    if (r < 0) {
        return r;
    }
    *ret = u;
    u = (struct user)USER_INIT;
    return 0;
}

/* O_NONBLOCK: the image may have put a FIFO there, and open() must come back to see it. */
int user_read(int root_fd, const char *path, struct imgc_buf *b, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    struct stat st;

    int r = rootpath_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    if (fstat(fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at '%s' of the image", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return imgc_fail(reterr, IMGC_E_LAYER, "'%s' of the image is no regular file", path);
    }
    r = fd_read_all(fd, b, reterr);
    return r < 0 ? imgc_context(reterr, "'%s' of the image", path) : 0;
}

int user_resolve(int root_fd, const char *spec, struct user *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf passwd = IMGC_BUF_INIT(LIMIT_PASSWD_BYTES);
    imgc_autobuf struct imgc_buf group = IMGC_BUF_INIT(LIMIT_PASSWD_BYTES);

    int r = user_read(root_fd, "/etc/passwd", &passwd, reterr);
    if (r == 0) {
        r = user_read(root_fd, "/etc/group", &group, reterr);
    }
    if (r < 0) {
        return r;
    }
    return user_parse(imgc_str_of(spec), (struct imgc_str){ passwd.ptr, passwd.len },
                      (struct imgc_str){ group.ptr, group.len }, ret, reterr);
}

static bool has_group(const struct user *u, gid_t gid)
{
    for (size_t i = 0; i < u->n_groups; i++) {
        if (u->groups[i] == gid) {
            return true;
        }
    }
    return false;
}

int user_parse_groups(char *const *groups, struct imgc_str group, struct user *u,
                      struct imgc_err *reterr)
{
    size_t room = u->n_groups;
    int r = 0;

    for (; groups && *groups && r == 0; groups++) {
        gid_t gid = 0;
        r = parse_group(imgc_str_of(*groups), group, &gid, reterr);
        if (r == 0 && !has_group(u, gid)) {
            r = add_group(u, gid, &room, reterr);
        }
    }
    return r;
}

int user_add_groups(int root_fd, char *const *groups, struct user *u, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf group = IMGC_BUF_INIT(LIMIT_PASSWD_BYTES);
    int r = groups ? user_read(root_fd, "/etc/group", &group, reterr) : 0;

    return r < 0 ? r
                 : user_parse_groups(groups, (struct imgc_str){ group.ptr, group.len }, u, reterr);
}
