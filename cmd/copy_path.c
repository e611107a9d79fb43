/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/copy_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/rootpath.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

void copy_path_done(struct copy_path *p)
{
    free(p->path);
    free(p->name);
    imgc_closep(&p->parent_fd);
}

bool copy_path_split(const char *word, struct imgc_str *ret_container, const char **ret_path)
{
    struct imgc_str path;

    if (word[0] == '/' || word[0] == '.' ||
        !imgc_str_split(imgc_str_of(word), ':', ret_container, &path) || ret_container->len == 0) {
        return false;
    }
    *ret_path = word + ret_container->len + 1;
    return true;
}

/* Take off what only says how it is meant. */
static void trim(struct copy_path *p)
{
    size_t len = strlen(p->path);

    for (;;) {
        if (len > 1 && p->path[len - 1] == '/') {
            p->has_slash = true;
            len--;
        } else if (len > 1 && p->path[len - 1] == '.' && p->path[len - 2] == '/') {
            p->is_contents = true;
            len--;
        } else {
            break;
        }
    }
    p->path[len] = '\0';
    p->is_contents = p->is_contents || len == 1;
}

int copy_path_parse(const char *text, bool is_local, struct copy_path *ret, struct imgc_err *reterr)
{
    char cwd[PATH_MAX] = "";
    char *path = NULL;

    if (is_local && text[0] != '/' && !getcwd(cwd, sizeof cwd)) {
        return imgc_fail_sys(reterr, errno, "find the working directory");
    }
    if (asprintf(&path, "%s%s%s", cwd, text[0] == '/' ? "" : "/", text) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret = (struct copy_path){ .shown = text, .path = path, .parent_fd = -1 };
    if (strlen(path) > LIMIT_PATH_BYTES) {
        copy_path_done(ret);
        return imgc_fail(reterr, IMGC_E_LIMIT, "a path of more than %d bytes", LIMIT_PATH_BYTES);
    }
    trim(ret);
    return 0;
}

static bool is_self(const char *name)
{
    return *name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int open_in(int root_fd, const char *path, int *ret_fd, struct imgc_err *reterr)
{
    int r = rootpath_open(root_fd, path, O_PATH | O_DIRECTORY, ret_fd, reterr);

    return r == ROOTPATH_MISSING ? imgc_fail_sys(reterr, ENOENT, "the directory '%s'", path) : r;
}

/* A directory that has no name of its own here. */
static int find_self(struct copy_path *p, int root_fd, const char *path, struct imgc_err *reterr)
{
    int r = open_in(root_fd, path, &p->parent_fd, reterr);

    if (r == 0 && fstat(p->parent_fd, &p->st) < 0) {
        r = imgc_fail_sys(reterr, errno, "look at '%s'", path);
    }
    return r < 0 ? r : imgc_str_dup(IMGC_STR(""), &p->name, reterr);
}

/* Where the link "PATH" leads, as a path. */
static int follow_link(const struct copy_path *p, char path[PATH_MAX], size_t dir_len,
                       struct imgc_err *reterr)
{
    char target[PATH_MAX], joined[2 * PATH_MAX];

    ssize_t n = readlinkat(p->parent_fd, p->name, target, sizeof target - 1);
    if (n < 0) {
        return imgc_fail_sys(reterr, errno, "read the link '%s'", path);
    }
    target[n] = '\0';
    n = snprintf(joined, sizeof joined, "%.*s%s%s", target[0] == '/' ? 0 : (int)dir_len, path,
                 target[0] == '/' ? "" : "/", target);
    if (n < 0 || n >= PATH_MAX) {
        return imgc_fail_sys(reterr, ENAMETOOLONG, "follow the link '%s'", path);
    }
    memcpy(path, joined, (size_t)n + 1);
    for (; n > 1 && path[n - 1] == '/'; n--) {
        path[n - 1] = '\0';
    }
    return 0;
}

enum { FOUND_LINK = 1 };

static int find_once(struct copy_path *p, int root_fd, char path[PATH_MAX], bool follow,
                     struct imgc_err *reterr)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t dir_len = (size_t)(slash - path);

    imgc_closep(&p->parent_fd);
    free(p->name);
    p->name = NULL;
    if (is_self(slash + 1)) {
        return find_self(p, root_fd, path, reterr);
    }
    (void)snprintf(dir, sizeof dir, "%.*s/", (int)dir_len, path);
    int r = open_in(root_fd, dir, &p->parent_fd, reterr);
    r = r < 0 ? r : imgc_str_dup(imgc_str_of(slash + 1), &p->name, reterr);
    if (r < 0) {
        return r;
    }
    if (fstatat(p->parent_fd, p->name, &p->st, AT_SYMLINK_NOFOLLOW) < 0) {
        p->is_missing = errno == ENOENT;
        return p->is_missing ? 0 : imgc_fail_sys(reterr, errno, "look at '%s'", path);
    }
    if (!S_ISLNK(p->st.st_mode) || !follow) {
        return 0;
    }
    r = follow_link(p, path, dir_len, reterr);
    return r < 0 ? r : FOUND_LINK;
}

int copy_path_find(struct copy_path *p, int root_fd, bool follow, struct imgc_err *reterr)
{
    char path[PATH_MAX];
    int r = FOUND_LINK;

    (void)snprintf(path, sizeof path, "%s", p->path);
    follow = follow || p->has_slash || p->is_contents;
    for (int i = 0; i < LIMIT_SYMLINKS && r == FOUND_LINK; i++) {
        r = find_once(p, root_fd, path, follow, reterr);
    }
    return r == FOUND_LINK ? imgc_fail_sys(reterr, ELOOP, "'%s'", p->path) : r;
}

int copy_path_open_dir(const struct copy_path *p, int *ret_fd, struct imgc_err *reterr)
{
    int fd = *p->name ? openat(p->parent_fd, p->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                      : fcntl(p->parent_fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "open the directory '%s'", p->path);
    }
    *ret_fd = fd;
    return 0;
}

const char *copy_path_base(const struct copy_path *p)
{
    const char *name = strrchr(p->path, '/') + 1;

    return is_self(name) ? "" : name;
}
