/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/rlimits.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    int resource;
} limits[] = {
    { "core", RLIMIT_CORE },         { "cpu", RLIMIT_CPU },
    { "data", RLIMIT_DATA },         { "fsize", RLIMIT_FSIZE },
    { "locks", RLIMIT_LOCKS },       { "memlock", RLIMIT_MEMLOCK },
    { "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
    { "nofile", RLIMIT_NOFILE },     { "nproc", RLIMIT_NPROC },
    { "rss", RLIMIT_RSS },           { "rtprio", RLIMIT_RTPRIO },
    { "rttime", RLIMIT_RTTIME },     { "sigpending", RLIMIT_SIGPENDING },
    { "stack", RLIMIT_STACK },       { "as", RLIMIT_AS },
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int find(struct imgc_str name)
{
    for (size_t i = 0; i < COUNT(limits); i++) {
        if (imgc_str_eq(name, imgc_str_of(limits[i].name))) {
            return limits[i].resource;
        }
    }
    return -1;
}

/* RLIM_INFINITY is UINT64_MAX, which no number may say. */
static bool parse_value(struct imgc_str s, uint64_t *ret)
{
    if (imgc_str_eq(s, IMGC_STR("-1")) || imgc_str_eq(s, IMGC_STR("unlimited"))) {
        *ret = RLIM_INFINITY;
        return true;
    }
    return imgc_str_u64(s, ret) && *ret != RLIM_INFINITY;
}

int rlimits_parse(struct imgc_str s, struct isolation_rlimit *ret, struct imgc_err *reterr)
{
    struct imgc_str name, rest, soft, hard;
    struct isolation_rlimit limit = { .name = NULL };

    if (!imgc_str_split(s, '=', &name, &rest)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--ulimit '" IMGC_STR_FMT "': NAME=SOFT[:HARD]",
                         IMGC_STR_ARG(s));
    }
    if (find(name) < 0) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--ulimit '" IMGC_STR_FMT "': no such limit (such as nofile, nproc, core)",
                         IMGC_STR_ARG(s));
    }
    bool has_hard = imgc_str_split(rest, ':', &soft, &hard);
    if (!parse_value(soft, &limit.soft) || (has_hard && !parse_value(hard, &limit.hard))) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--ulimit '" IMGC_STR_FMT "': not a number (-1 is no limit)",
                         IMGC_STR_ARG(s));
    }
    limit.hard = has_hard ? limit.hard : limit.soft;
    if (limit.soft > limit.hard) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--ulimit '" IMGC_STR_FMT "': the soft limit is above the hard one",
                         IMGC_STR_ARG(s));
    }
    int r = imgc_str_dup(name, &limit.name, reterr);
    if (r == 0) {
        *ret = limit;
    }
    return r;
}

static bool may_raise(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    return syscall(SYS_capget, &header, data) == 0 &&
           (data[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective & CAP_TO_MASK(CAP_SYS_RESOURCE)) != 0;
}

void rlimits_warn(const struct isolation *isolation, void (*warn)(void *arg, const char *message),
                  void *arg)
{
    if (isolation->n_rlimits == 0 || !warn || may_raise()) {
        return;
    }
    for (size_t i = 0; i < isolation->n_rlimits; i++) {
        const struct isolation_rlimit *want = &isolation->rlimits[i];
        int number = find(imgc_str_of(want->name ? want->name : ""));
        struct rlimit have;
        char message[160];

        if (number < 0 || prlimit(0, (__rlimit_resource_t)number, NULL, &have) < 0 ||
            want->hard <= have.rlim_max) {
            continue;
        }
        (void)snprintf(message, sizeof message,
                       "--ulimit %s: this host allows no more than %llu, which it is now",
                       want->name, (unsigned long long)have.rlim_max);
        warn(arg, message);
    }
}

int rlimits_apply(const struct isolation *isolation, struct imgc_err *reterr)
{
    for (size_t i = 0; i < isolation->n_rlimits; i++) {
        const struct isolation_rlimit *want = &isolation->rlimits[i];
        int number = find(imgc_str_of(want->name ? want->name : ""));
        __rlimit_resource_t resource = (__rlimit_resource_t)number;
        struct rlimit limit = { .rlim_cur = want->soft, .rlim_max = want->hard }, have;

        if (number < 0) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "there is no limit '%s'", want->name);
        }
        if (prlimit(0, resource, &limit, NULL) == 0) {
            continue;
        }
        int saved = errno;
        if (saved == EPERM && prlimit(0, resource, NULL, &have) == 0) {
            limit.rlim_max = want->hard < have.rlim_max ? want->hard : have.rlim_max;
            limit.rlim_cur = want->soft < limit.rlim_max ? want->soft : limit.rlim_max;
            saved = prlimit(0, resource, &limit, NULL) == 0 ? 0 : errno;
        }
        if (saved != 0) {
            return imgc_fail_sys(reterr, saved, "set the limit %s", want->name);
        }
    }
    return 0;
}
