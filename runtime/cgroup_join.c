/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_join.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/cgroup_dir.h"
#include "schema/base/fd.h"

#define PROC_FILE_BYTES (1u << 20) /* mountinfo of a busy host */
#define STATE_BYTES 4096

struct mount {
    struct imgc_str root, point, options; /* as they stand there: escaped */
    bool is_v2;
};

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE SUPER_OPTIONS" */
static bool parse_mount(struct imgc_str line, struct mount *ret)
{
    struct imgc_str field, source, type;

    for (int i = 0; i < 6; i++) {
        if (!imgc_str_token(&line, ' ', &field)) {
            return false;
        }
        if (i == 3) {
            ret->root = field;
        } else if (i == 4) {
            ret->point = field;
        }
    }
    do {
        if (!imgc_str_token(&line, ' ', &field)) {
            return false;
        }
    } while (!imgc_str_eq(field, IMGC_STR("-")));
    if (!imgc_str_token(&line, ' ', &type) || !imgc_str_token(&line, ' ', &source)) {
        return false;
    }
    ret->options = line;
    ret->is_v2 = imgc_str_eq(type, IMGC_STR("cgroup2"));
    return ret->is_v2 || imgc_str_eq(type, IMGC_STR("cgroup"));
}

static bool has_option(struct imgc_str options, struct imgc_str name)
{
    struct imgc_str one;

    while (imgc_str_token(&options, ',', &one)) {
        if (imgc_str_eq(one, name)) {
            return true;
        }
    }
    return false;
}

/* Whether the mount shows the hierarchy of @list: v2 has no controllers in /proc/PID/cgroup. */
static bool shows(const struct mount *m, struct imgc_str list)
{
    struct imgc_str one;

    if (m->is_v2 || list.len == 0) {
        return m->is_v2 && list.len == 0;
    }
    while (imgc_str_token(&list, ',', &one)) {
        if (!has_option(m->options, one)) {
            return false;
        }
    }
    return true;
}

/* "\040" and the like of mountinfo. */
static void add_unescaped(struct imgc_buf *b, struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\\' && s.len - i > 3) {
            imgc_buf_putc(b, (char)((s.ptr[i + 1] - '0') * 64 + (s.ptr[i + 2] - '0') * 8 +
                                    (s.ptr[i + 3] - '0')));
            i += 3;
        } else {
            imgc_buf_putc(b, s.ptr[i]);
        }
    }
}

static bool has_dots(struct imgc_str path)
{
    struct imgc_str part;

    while (imgc_str_token(&path, '/', &part)) {
        if (imgc_str_eq(part, IMGC_STR("..")) || imgc_str_eq(part, IMGC_STR("."))) {
            return true;
        }
    }
    return false;
}

/* @path below the mount's root, below the mount point. @return whether the mount shows it. */
static bool place(const struct mount *m, struct imgc_str path, struct imgc_buf *b)
{
    imgc_autobuf struct imgc_buf root = IMGC_BUF_INIT(PROC_FILE_BYTES);

    add_unescaped(&root, m->root);
    struct imgc_str prefix = { root.ptr, root.len };
    if (imgc_str_eq(prefix, IMGC_STR("/"))) {
        prefix = IMGC_STR("");
    }
    if (!imgc_str_skip(&path, prefix) || (path.len > 0 && path.ptr[0] != '/')) {
        return false;
    }
    add_unescaped(b, m->point);
    imgc_buf_str(b, path);
    return true;
}

int cgroup_join_directory(struct imgc_str line, struct imgc_str mountinfo, char **ret,
                          struct imgc_err *reterr)
{
    struct imgc_str id, list, path, row;

    *ret = NULL;
    /* ".." is outside of our cgroup namespace. */
    if (!imgc_str_split(line, ':', &id, &path) || !imgc_str_split(path, ':', &list, &path) ||
        has_dots(path)) {
        return 0;
    }
    while (imgc_str_token(&mountinfo, '\n', &row)) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(PROC_FILE_BYTES);
        struct mount m;
        if (parse_mount(row, &m) && shows(&m, list) && place(&m, path, &b)) {
            return imgc_buf_take(&b, ret, reterr);
        }
    }
    return 0;
}

/* Made by imgc for a container, wherever below. */
static bool is_ours(struct imgc_str line)
{
    struct imgc_str id, list, path, part;

    if (!imgc_str_split(line, ':', &id, &path) || !imgc_str_split(path, ':', &list, &path)) {
        return false;
    }
    while (imgc_str_token(&path, '/', &part)) {
        if (imgc_str_eq(part, IMGC_STR(CGROUP_DIR_PARENT)) && path.len > 0) {
            return true;
        }
    }
    return false;
}

static bool file_says(int dir_fd, const char *name, struct imgc_str line)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(STATE_BYTES);
    imgc_autoclose int fd = -1;
    struct imgc_err ignored;
    struct imgc_str rest, one;

    if (fd_open_at(dir_fd, name, O_RDONLY, 0, &fd, &ignored) < 0 ||
        fd_read_all(fd, &b, &ignored) < 0) {
        return false;
    }
    rest = (struct imgc_str){ b.ptr, b.len };
    while (imgc_str_token(&rest, '\n', &one)) {
        if (imgc_str_eq(one, line)) {
            return true;
        }
    }
    return false;
}

/* A process that is moved into a frozen cgroup stops there, and whoever waits for it. */
static bool is_frozen(int dir_fd)
{
    return file_says(dir_fd, "cgroup.events", IMGC_STR("frozen 1")) ||
           file_says(dir_fd, "freezer.state", IMGC_STR("FROZEN")) ||
           file_says(dir_fd, "freezer.state", IMGC_STR("FREEZING"));
}

static int move(const char *directory, pid_t pid, struct imgc_err *reterr)
{
    imgc_autoclose int dir_fd = -1, fd = -1;
    char text[16];

    int r = fd_open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY, 0, &dir_fd, reterr);
    if (r < 0) {
        return r;
    }
    if (is_frozen(dir_fd)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "the container is paused: unpause it first");
    }
    r = fd_open_at(dir_fd, "cgroup.procs", O_WRONLY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    int n = snprintf(text, sizeof text, "%d", (int)pid);
    if (write(fd, text, (size_t)n) < 0) {
        return imgc_fail_sys(reterr, errno, "move a process to '%s'", directory);
    }
    return 0;
}

static int join_line(struct imgc_str line, struct imgc_str mountinfo, pid_t pid,
                     struct imgc_err *reterr)
{
    imgc_autofree char *directory = NULL;

    int r = cgroup_join_directory(line, mountinfo, &directory, reterr);
    if (r < 0) {
        return r;
    }
    if (!directory) {
        return is_ours(line) ? imgc_fail(reterr, IMGC_E_HOST,
                                         "the container's cgroup '" IMGC_STR_FMT
                                         "' is mounted nowhere that imgc sees",
                                         IMGC_STR_ARG(line))
                             : 0;
    }
    r = move(directory, pid, reterr);
    if (r == -IMGC_E_SYS) {
        reterr->code = IMGC_E_HOST;
        return is_ours(line) ? imgc_context(reterr, "join the container's cgroup") : 0;
    }
    return r;
}

static bool has_line(struct imgc_str text, struct imgc_str line)
{
    struct imgc_str one;

    while (imgc_str_token(&text, '\n', &one)) {
        if (imgc_str_eq(one, line)) {
            return true;
        }
    }
    return false;
}

static int read_proc(const char *path, struct imgc_buf *b, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, reterr);
    return r < 0 ? r : fd_read_all(fd, b, reterr);
}

int cgroup_join(struct imgc_str theirs, pid_t pid, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf mounts = IMGC_BUF_INIT(PROC_FILE_BYTES);
    imgc_autobuf struct imgc_buf own = IMGC_BUF_INIT(PROC_FILE_BYTES);
    struct imgc_str line;

    int r = read_proc("/proc/self/mountinfo", &mounts, reterr);
    r = r < 0 ? r : read_proc("/proc/self/cgroup", &own, reterr);
    while (r >= 0 && imgc_str_token(&theirs, '\n', &line)) {
        /* Moving takes a lock that waits for an RCU grace period: not where nothing changes. */
        if (line.len > 0 && !has_line((struct imgc_str){ own.ptr, own.len }, line)) {
            r = join_line(line, (struct imgc_str){ mounts.ptr, mounts.len }, pid, reterr);
        }
    }
    return r;
}
