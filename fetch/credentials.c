/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/credentials.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fetch/credential_helper.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

int credentials_read_file(const char *path, struct auth_file *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_TOKEN_BYTES);
    imgc_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct imgc_str text = IMGC_STR("");
    struct stat st;
    int r = 0;

    /* Where not even its folder may be looked into it is nobody's file but root's: /run/containers,
     * for a user who has no XDG_RUNTIME_DIR. */
    if (fd < 0 && errno == EACCES && stat(path, &st) < 0) {
        errno = ENOENT;
    }
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR) {
        return imgc_fail_sys(reterr, errno, "open '%s'", path);
    }
    if (fd >= 0) {
        r = fd_read_all(fd, &b, reterr);
        r = r < 0 ? r : imgc_buf_finish(&b, &text, reterr);
    }
    r = r < 0 ? r : auth_file_parse(text, ret, reterr);
    if (b.ptr) {
        explicit_bzero(b.ptr, b.len);
    }
    return r < 0 ? imgc_context(reterr, "'%s'", path) : 0;
}

/* One file. */
static int look_into(const char *path, const struct ref *ref, struct credential *ret,
                     struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf name = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    auth_file_auto struct auth_file file = { .doc = NULL };
    struct imgc_str text;

    int r = credentials_read_file(path, &file, reterr);
    if (r < 0) {
        return r;
    }
    const char *helper = auth_file_helper(&file, imgc_str_of(ref->domain));
    if (helper) {
        r = credential_helper_get(helper, auth_file_docker_key(ref->domain), ret, reterr);
        if (r != CREDENTIAL_HELPER_NONE) {
            return r;
        }
    }
    imgc_buf_printf(&name, "%s%s%s", ref->domain, ref->path && ref->path[0] ? "/" : "",
                    ref->path ? ref->path : "");
    r = imgc_buf_finish(&name, &text, reterr);
    r = r < 0 ? r : auth_file_find(&file, text, ret, reterr);
    if (r < 0) {
        return imgc_context(reterr, "'%s'", path);
    }
    return r == AUTH_FILE_NONE ? CREDENTIALS_NONE : 0;
}

int credentials_find(const struct credentials_source *source, const struct ref *ref,
                     struct credential *ret, struct imgc_err *reterr)
{
    if (source->given) {
        return credential_parse(imgc_str_of(source->given), ret, reterr);
    }
    for (const char *const *path = source->files; path && *path; path++) {
        int r = look_into(*path, ref, ret, reterr);
        if (r != CREDENTIALS_NONE) {
            return r;
        }
    }
    return CREDENTIALS_NONE;
}

static int make_parents(const char *path, struct imgc_err *reterr)
{
    char part[PATH_MAX];
    size_t n = strlen(path);

    if (n >= sizeof part) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is too long", path);
    }
    for (size_t i = 1; i < n; i++) {
        if (path[i] != '/') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST && access(part, X_OK) < 0) {
            return imgc_fail_sys(reterr, errno, "make '%s'", part);
        }
    }
    return 0;
}

/* Beside @path, then over it: whoever reads it meanwhile reads the old one. */
static int replace(const char *path, const char *text, struct imgc_err *reterr)
{
    char beside[PATH_MAX];
    int n = snprintf(beside, sizeof beside, "%s.XXXXXX", path);

    if (n < 0 || (size_t)n >= sizeof beside) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is too long", path);
    }
    imgc_autoclose int fd = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "write beside '%s'", path);
    }
    int r = fd_write_all(fd, text, strlen(text), reterr);
    if (r == 0 && fsync(fd) < 0) {
        r = imgc_fail_sys(reterr, errno, "sync '%s'", beside);
    }
    if (r == 0 && rename(beside, path) < 0) {
        r = imgc_fail_sys(reterr, errno, "replace '%s'", path);
    }
    if (r < 0) {
        (void)unlink(beside);
    }
    return r;
}

int credentials_write_file(const char *path, const struct auth_file *f, struct imgc_err *reterr)
{
    imgc_autofree char *text = NULL;
    char resolved[PATH_MAX];

    int r = make_parents(path, reterr);
    r = r < 0 ? r : auth_file_dump(f, &text, reterr);
    if (r < 0) {
        return r;
    }
    r = replace(realpath(path, resolved) ? resolved : path, text, reterr);
    explicit_bzero(text, strlen(text));
    return r;
}
