/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/security_opt.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/seccomp_profile.h"
#include "schema/base/fd.h"
#include "schema/base/path.h"

static int bad(const char *text, const char *why, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_USAGE, "--security-opt '%s': %s", text, why);
}

static int apply_no_new_privs(const char *text, struct imgc_str value, struct isolation *i,
                              struct imgc_err *reterr)
{
    if (value.len == 0 || imgc_str_eq_nocase(value, IMGC_STR("true")) ||
        imgc_str_eq(value, IMGC_STR("1"))) {
        i->no_new_privs = true;
    } else if (imgc_str_eq_nocase(value, IMGC_STR("false")) || imgc_str_eq(value, IMGC_STR("0"))) {
        i->no_new_privs = false;
    } else {
        return bad(text, "true or false", reterr);
    }
    return 0;
}

/* The text goes with the container: the file may be gone when it is started again. */
static int read_profile(const char *text, const char *path, struct isolation *i,
                        struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(SECCOMP_PROFILE_BYTES_MAX);
    imgc_autofree char *profile = NULL;
    imgc_autoclose int fd = -1;
    struct stat st;

    int r = fd_open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd, reterr);
    if (r == 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        return bad(text, "not a regular file", reterr);
    }
    r = r < 0 ? r : fd_read_all(fd, &b, reterr);
    r = r < 0 ? r : imgc_buf_take(&b, &profile, reterr);
    r = r < 0 ? r : seccomp_profile_check(imgc_str_of(profile), reterr);
    if (r < 0) {
        return imgc_context(reterr, "--security-opt '%s'", text);
    }
    free(i->seccomp_profile);
    i->seccomp_profile = imgc_take(profile);
    i->no_seccomp = false;
    return 0;
}

static int apply_seccomp(const char *text, struct imgc_str value, struct isolation *i,
                         struct imgc_err *reterr)
{
    bool is_unconfined = imgc_str_eq(value, IMGC_STR("unconfined"));

    if (!is_unconfined && !imgc_str_eq(value, IMGC_STR("builtin"))) {
        return read_profile(text, value.ptr, i,
                            reterr); /* the tail of a word of the command line */
    }
    i->no_seccomp = is_unconfined;
    free(i->seccomp_profile);
    i->seccomp_profile = NULL;
    return 0;
}

/* "/a:/b" */
static int apply_mask(const char *text, struct imgc_str value, struct isolation *i,
                      struct imgc_err *reterr)
{
    struct imgc_str path;
    int r = 0;

    while (r == 0 && imgc_str_token(&value, ':', &path)) {
        imgc_autofree char *clean = NULL;
        if (path.len == 0 || path.ptr[0] != '/') {
            return bad(text, "absolute paths, with ':' between them", reterr);
        }
        r = path_clean(IMGC_STR("/"), path, &clean, reterr);
        if (r == 0 && clean[1] == '\0') {
            return bad(text, "'/' cannot be masked", reterr);
        }
        r = r < 0 ? r : isolation_append(&i->mask, imgc_str_of(clean), reterr);
    }
    return r;
}

/* "ALL", or patterns as podman: "/proc/acpi:/sys/f*" */
static int apply_unmask(const char *text, struct imgc_str value, struct isolation *i,
                        struct imgc_err *reterr)
{
    struct imgc_str pattern;
    int r = 0;

    if (imgc_str_eq_nocase(value, IMGC_STR("all"))) {
        return isolation_append(&i->unmask, IMGC_STR("ALL"), reterr);
    }
    while (r == 0 && imgc_str_token(&value, ':', &pattern)) {
        if (pattern.len == 0 || pattern.ptr[0] != '/') {
            return bad(text, "ALL, or absolute paths with ':' between them", reterr);
        }
        r = isolation_append(&i->unmask, pattern, reterr);
    }
    return r;
}

static int apply_systempaths(const char *text, struct imgc_str value, struct isolation *i,
                             struct imgc_err *reterr)
{
    return imgc_str_eq(value, IMGC_STR("unconfined"))
               ? isolation_append(&i->unmask, IMGC_STR("ALL"), reterr)
               : bad(text, "unconfined", reterr);
}

/* imgc sets no profile: that a host without AppArmor ignores one is docker's rule too. */
static int apply_apparmor(const char *text, struct imgc_str value, struct isolation *i,
                          struct imgc_err *reterr)
{
    (void)i;
    if (imgc_str_eq(value, IMGC_STR("unconfined")) ||
        access("/sys/kernel/security/apparmor", F_OK) < 0) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_HOST,
                     "--security-opt '%s': imgc sets no AppArmor profiles (leave it out)", text);
}

static int apply_label(const char *text, struct imgc_str value, struct isolation *i,
                       struct imgc_err *reterr)
{
    (void)i;
    if (imgc_str_eq(value, IMGC_STR("disable")) || access("/sys/fs/selinux/enforce", F_OK) < 0) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_HOST,
                     "--security-opt '%s': imgc sets no SELinux labels (leave it out)", text);
}

static const struct {
    const char *key;
    bool needs_value;
    int (*apply)(const char *text, struct imgc_str value, struct isolation *i,
                 struct imgc_err *reterr);
} kinds[] = {
    { "no-new-privileges", false, apply_no_new_privs },
    { "seccomp", true, apply_seccomp },
    { "mask", true, apply_mask },
    { "unmask", true, apply_unmask },
    { "systempaths", true, apply_systempaths },
    { "apparmor", true, apply_apparmor },
    { "label", true, apply_label },
};

int security_opt_apply(const char *text, struct isolation *i, struct imgc_err *reterr)
{
    size_t n = strcspn(text, "=:");
    struct imgc_str key = { text, n }, value = imgc_str_of(text[n] ? text + n + 1 : "");

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (!imgc_str_eq(key, imgc_str_of(kinds[k].key))) {
            continue;
        }
        if (kinds[k].needs_value && value.len == 0) {
            return bad(text, "it needs a value", reterr);
        }
        return kinds[k].apply(text, value, i, reterr);
    }
    return bad(text,
               "not one of no-new-privileges, seccomp=, mask=, unmask=, systempaths=, apparmor=, "
               "label=",
               reterr);
}
