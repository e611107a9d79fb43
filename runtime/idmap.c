/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/idmap.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/cleanup.h"
#include "schema/base/fd.h"

#define NUMBER_MAX 11 /* bytes of a 32-bit number with its NUL */
#define PATH_BYTES 64 /* of one of the places where the programs are looked for */
#define ARGS_MAX (2 + 3 * (SUBID_RANGES_MAX + 1) + 1)
#define SAID_MAX 256 /* bytes that we repeat of what a helper said */

/* Take out of @range what @taken has; the larger part stays. */
static void cut(struct subid_range *range, uint32_t start, uint32_t count)
{
    uint64_t a = range->start, a_end = a + range->count, b = start, b_end = b + count;

    if (a >= b_end || b >= a_end) {
        return;
    }
    uint64_t before = b > a ? b - a : 0, after = a_end > b_end ? a_end - b_end : 0;
    *range = before >= after ? (struct subid_range){ (uint32_t)a, (uint32_t)before }
                             : (struct subid_range){ (uint32_t)b_end, (uint32_t)after };
}

void idmap_make(uint32_t own, const struct subid *ranges, struct idmap *ret)
{
    uint32_t next = 1;

    *ret = (struct idmap){ .lines = { { .inside = 0, .outside = own, .count = 1 } }, .n = 1 };
    for (size_t i = 0; i < ranges->n; i++) {
        struct subid_range range = ranges->ranges[i];

        for (size_t j = 0; j < ret->n; j++) {
            cut(&range, ret->lines[j].outside, ret->lines[j].count);
        }
        if (range.count > UINT32_MAX - next) {
            range.count = UINT32_MAX - next;
        }
        if (range.count > 0) {
            ret->lines[ret->n++] = (struct idmap_line){ next, range.start, range.count };
            next += range.count;
        }
    }
}

uint64_t idmap_total(const struct idmap *map)
{
    uint64_t total = 0;

    for (size_t i = 0; i < map->n; i++) {
        total += map->lines[i].count;
    }
    return total;
}

bool idmap_root(struct imgc_str text, uint32_t *ret)
{
    struct imgc_str line;

    while (imgc_str_token(&text, '\n', &line)) {
        uint64_t numbers[3] = { 1 };
        size_t n = 0;
        struct imgc_str word;
        while (n < 3 && imgc_str_token(&line, ' ', &word)) {
            n += word.len > 0 && imgc_str_u64(word, &numbers[n]);
        }
        if (n == 3 && numbers[0] == 0 && numbers[2] > 0 && numbers[1] < UINT32_MAX) {
            *ret = (uint32_t)numbers[1];
            return true;
        }
    }
    return false;
}

/* Nobody but root may decide what runs in the name of the user here. */
static bool is_trusted(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 &&
           (st.st_mode & 022) == 0 && (st.st_mode & 0111) != 0;
}

static const char *find_tool(const char *const *paths)
{
    for (; *paths; paths++) {
        if (is_trusted(*paths)) {
            return *paths;
        }
    }
    return NULL;
}

void idmap_find_tools(struct idmap_tools *ret)
{
    /* Debian and most others; merged /bin; built by hand; NixOS. */
    static const char *const uid_paths[] = { "/usr/bin/newuidmap", "/bin/newuidmap",
                                             "/usr/local/bin/newuidmap",
                                             "/run/wrappers/bin/newuidmap", NULL };
    static const char *const gid_paths[] = { "/usr/bin/newgidmap", "/bin/newgidmap",
                                             "/usr/local/bin/newgidmap",
                                             "/run/wrappers/bin/newgidmap", NULL };

    *ret = (struct idmap_tools){ .uid = find_tool(uid_paths), .gid = find_tool(gid_paths) };
}

void idmap_helpers_done(struct idmap_helpers *h)
{
    imgc_closep(&h->go_fd);
    imgc_closep(&h->stderr_fd);
    for (size_t i = 0; i < 2; i++) {
        while (h->pids[i] > 0 && waitpid(h->pids[i], NULL, 0) < 0 && errno == EINTR) {
        }
        h->pids[i] = 0;
    }
}

/* "newuidmap PID INSIDE OUTSIDE COUNT ...": its whole command line, its environment is empty. */
struct command_line {
    char path[PATH_BYTES];
    char numbers[ARGS_MAX][NUMBER_MAX];
    char *argv[ARGS_MAX + 1];
};

static void build_command(struct command_line *c, const char *path, pid_t pid,
                          const struct idmap *map)
{
    size_t n = 0;

    (void)snprintf(c->path, sizeof c->path, "%s", path);
    c->argv[n++] = c->path;
    (void)snprintf(c->numbers[n], NUMBER_MAX, "%d", (int)pid);
    c->argv[n] = c->numbers[n];
    n++;
    for (size_t i = 0; i < map->n; i++) {
        const uint32_t numbers[] = { map->lines[i].inside, map->lines[i].outside,
                                     map->lines[i].count };
        for (size_t j = 0; j < 3; j++, n++) {
            (void)snprintf(c->numbers[n], NUMBER_MAX, "%u", (unsigned)numbers[j]);
            c->argv[n] = c->numbers[n];
        }
    }
    c->argv[n] = NULL;
}

/* The program gets nothing of the user's: no environment, no files, no terminal. */
_Noreturn static void run_helper(struct command_line *c, int go_fd, int stderr_fd)
{
    char *const env[] = { NULL };
    char go;
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0 ||
        dup2(stderr_fd, STDERR_FILENO) < 0 || close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0) {
        _exit(126);
    }
    if (read(go_fd, &go, 1) == 1) {
        (void)execve(c->argv[0], c->argv, env);
    }
    _exit(127);
}

static int fork_helper(struct idmap_helpers *h, size_t i, struct command_line *c, const int ends[2],
                       struct imgc_err *reterr)
{
    pid_t pid = fork();

    if (pid < 0) {
        return imgc_fail_sys(reterr, errno, "fork");
    }
    if (pid == 0) {
        (void)close(h->go_fd); /* else this copy would keep it open when imgc is gone */
        run_helper(c, ends[0], ends[1]);
    }
    h->pids[i] = pid;
    return 0;
}

int idmap_helpers_begin(struct idmap_helpers *h, const struct idmap_tools *tools,
                        const struct idmap *uids, const struct idmap *gids, struct imgc_err *reterr)
{
    imgc_autofree struct command_line *commands = calloc(2, sizeof *commands);
    imgc_autoclose int go_end = -1, stderr_end = -1;
    int go[2], said[2];

    if (!commands) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (pipe2(go, O_CLOEXEC) < 0) {
        return imgc_fail_sys(reterr, errno, "make a pipe");
    }
    go_end = go[0];
    h->go_fd = go[1];
    if (pipe2(said, O_CLOEXEC) < 0) {
        return imgc_fail_sys(reterr, errno, "make a pipe");
    }
    h->stderr_fd = said[0];
    stderr_end = said[1];
    build_command(&commands[0], tools->uid, getpid(), uids);
    build_command(&commands[1], tools->gid, getpid(), gids);
    int r = 0;
    for (size_t i = 0; i < 2 && r == 0; i++) {
        r = fork_helper(h, i, &commands[i], (const int[]){ go_end, stderr_end }, reterr);
    }
    return r;
}

static bool wait_for(pid_t *pid)
{
    int status = -1;

    while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
    }
    *pid = 0;
    return status == 0;
}

int idmap_helpers_run(struct idmap_helpers *h, struct imgc_err *reterr)
{
    char said[SAID_MAX + 1] = "";

    int r = fd_write_all(h->go_fd, "gg", 2, reterr);
    imgc_closep(&h->go_fd);
    if (r < 0) {
        return imgc_context(reterr, "start newuidmap");
    }
    bool are_done = wait_for(&h->pids[0]);
    are_done = wait_for(&h->pids[1]) && are_done;
    if (are_done) {
        return 0;
    }
    ssize_t n = read(h->stderr_fd, said, SAID_MAX);
    struct imgc_str line = { said, n > 0 ? (size_t)n : 0 };
    struct imgc_str rest = imgc_str_trim(line);
    (void)imgc_str_token(&rest, '\n', &line);
    return imgc_fail(reterr, IMGC_E_HOST,
                     "newuidmap or newgidmap refused to map the IDs of /etc/subuid and "
                     "/etc/subgid: %.*s (root has to reinstall the package uidmap where they lack "
                     "their privilege)",
                     (int)line.len, line.len > 0 ? line.ptr : "");
}

static int write_map(int proc_fd, const char *path, const char *text, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = fd_open_at(proc_fd, path, O_WRONLY, 0, &fd, reterr);
    r = r < 0 ? r : fd_write_all(fd, text, strlen(text), reterr);
    return r < 0 ? imgc_context(reterr, "map IDs") : 0;
}

int idmap_write_single(int proc_fd, struct idmap_ids inside, struct idmap_ids outside,
                       struct imgc_err *reterr)
{
    char uid_line[3 * NUMBER_MAX], gid_line[3 * NUMBER_MAX];

    (void)snprintf(uid_line, sizeof uid_line, "%u %u 1", (unsigned)inside.uid,
                   (unsigned)outside.uid);
    (void)snprintf(gid_line, sizeof gid_line, "%u %u 1", (unsigned)inside.gid,
                   (unsigned)outside.gid);
    /* Without this a user could drop a group that denies him something. */
    int r = write_map(proc_fd, "setgroups", "deny", reterr);
    r = r < 0 ? r : write_map(proc_fd, "uid_map", uid_line, reterr);
    return r < 0 ? r : write_map(proc_fd, "gid_map", gid_line, reterr);
}
