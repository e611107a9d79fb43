/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "schema/base/str.h"

#define HEAD_BYTES 4096 /* of a program: holds "#!" lines and usual program headers */

static const char *path_of(char *const *env)
{
    for (; *env; env++) {
        if (strncmp(*env, "PATH=", 5) == 0) {
            return *env + 5;
        }
    }
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* The interpreter of a script: the word after "#!". */
static bool script_interpreter(struct imgc_str head, struct imgc_str *ret)
{
    struct imgc_str line, rest;

    if (!imgc_str_skip(&head, IMGC_STR("#!"))) {
        return false;
    }
    (void)imgc_str_split(head, '\n', &line, &rest);
    line = imgc_str_trim(line);
    size_t n = 0;
    while (n < line.len && line.ptr[n] != ' ' && line.ptr[n] != '\t') {
        n++;
    }
    *ret = imgc_str_first(line, n);
    return n > 0;
}

/* The interpreter that PT_INTERP of a 64-bit ELF file names. */
static bool elf_interpreter(struct imgc_str head, struct imgc_str *ret)
{
    Elf64_Ehdr header;
    Elf64_Phdr segment;

    if (head.len < sizeof header || memcmp(head.ptr, ELFMAG, SELFMAG) != 0 ||
        head.ptr[EI_CLASS] != ELFCLASS64) {
        return false;
    }
    memcpy(&header, head.ptr, sizeof header);
    for (unsigned i = 0; i < header.e_phnum; i++) {
        uint64_t at = header.e_phoff + (uint64_t)i * sizeof segment;
        if (header.e_phoff > head.len || at > head.len - sizeof segment) {
            return false;
        }
        memcpy(&segment, head.ptr + at, sizeof segment);
        if (segment.p_type == PT_INTERP && segment.p_offset < head.len) {
            *ret = imgc_str_from(head, (size_t)segment.p_offset);
            *ret = imgc_str_first(*ret, imgc_str_find(*ret, '\0'));
            return ret->len > 0;
        }
    }
    return false;
}

/* ENOENT of a file that is there means its interpreter. */
static int interpreter_missing(const char *path, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    char bytes[HEAD_BYTES];
    struct imgc_str head = { bytes, 0 }, name;
    struct imgc_err ignored;

    if (fd_open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd, &ignored) < 0 ||
        fd_read_some(fd, bytes, sizeof bytes, &head.len, &ignored) < 0 ||
        (!script_interpreter(head, &name) && !elf_interpreter(head, &name))) {
        return imgc_fail(reterr, IMGC_E_NOCOMMAND, "'%s' is there, but its interpreter is not",
                         path);
    }
    return imgc_fail(reterr, IMGC_E_NOCOMMAND,
                     "'%s' is there, but its interpreter '" IMGC_STR_FMT
                     "' is not in the container",
                     path, IMGC_STR_ARG(name));
}

/* @errnum  of execve(@path). */
static int exec_failed(const char *path, int errnum, struct imgc_err *reterr)
{
    struct stat st;

    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return access(path, F_OK) == 0 ? interpreter_missing(path, reterr)
                                       : imgc_fail(reterr, IMGC_E_NOCOMMAND,
                                                   "command '%s' not found in the container", path);
    case EACCES:
    case EISDIR:
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            return imgc_fail(reterr, IMGC_E_NOEXEC, "'%s' is a directory", path);
        }
        return imgc_fail(reterr, IMGC_E_NOEXEC, "'%s' may not be executed: permission denied",
                         path);
    case ENOEXEC:
        return imgc_fail(reterr, IMGC_E_NOEXEC,
                         "'%s' is neither a program for this machine nor a script with '#!'", path);
    default:
        return imgc_fail(reterr, IMGC_E_NOEXEC, "execute '%s': %s", path, strerrordesc_np(errnum));
    }
}

/* Whether the search goes on after this errno of one directory's candidate. */
static bool try_next(const char *path, int errnum)
{
    return errnum == ENOTDIR || errnum == EACCES || errnum == ENAMETOOLONG || errnum == ELOOP ||
           (errnum == ENOENT && access(path, F_OK) < 0);
}

/* Instead of execve(): only whether it would go on. */
static int look_for(const char *path)
{
    struct stat st;

    if (access(path, X_OK) < 0) {
        return errno;
    }
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? EACCES : 0;
}

int program_find(char *const *argv, char *const *env, char *ret, struct imgc_err *reterr)
{
    struct imgc_str rest = imgc_str_of(path_of(env)), dir;
    bool is_path = strchr(argv[0], '/') != NULL;
    int n = is_path ? snprintf(ret, PATH_MAX, "%s", argv[0]) : 0,
        errnum = is_path ? look_for(ret) : ENOENT;

    while (!is_path && errnum != 0 && imgc_str_token(&rest, ':', &dir)) {
        if (dir.len == 0 || dir.len >= PATH_MAX) {
            continue;
        }
        n = snprintf(ret, PATH_MAX, "%.*s/%s", (int)dir.len, dir.ptr, argv[0]);
        int e = n < 0 || n >= PATH_MAX ? ENOENT : look_for(ret);
        errnum = e == 0 || e == EACCES ? e : errnum;
    }
    if (errnum == 0 && n >= 0 && n < PATH_MAX) {
        return 0;
    }
    return errnum == ENOENT && !is_path
               ? imgc_fail(reterr, IMGC_E_NOCOMMAND,
                           "command '%s' not found in the container's PATH", argv[0])
               : exec_failed(argv[0], errnum ? errnum : ENAMETOOLONG, reterr);
}

int program_exec(char *const *argv, char *const *env, struct imgc_err *reterr)
{
    if (strchr(argv[0], '/')) {
        (void)execve(argv[0], argv, env);
        return exec_failed(argv[0], errno, reterr);
    }

    struct imgc_str rest = imgc_str_of(path_of(env)), dir;
    char path[PATH_MAX], denied[PATH_MAX] = "";

    while (imgc_str_token(&rest, ':', &dir)) {
        if (dir.len == 0 || dir.len >= sizeof path) { /* "" would be the working directory */
            continue;
        }
        int n = snprintf(path, sizeof path, "%.*s/%s", (int)dir.len, dir.ptr, argv[0]);
        if (n < 0 || (size_t)n >= sizeof path) {
            continue;
        }
        (void)execve(path, argv, env);
        int saved = errno;
        if (!try_next(path, saved)) {
            return exec_failed(path, saved, reterr);
        }
        if (saved == EACCES && access(path, F_OK) == 0) {
            memcpy(denied, path, (size_t)n + 1);
        }
    }
    if (denied[0]) {
        return exec_failed(denied, EACCES, reterr);
    }
    return imgc_fail(reterr, IMGC_E_NOCOMMAND, "command '%s' not found in the container's PATH",
                     argv[0]);
}
