/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "runtime/spec.h"

static int copy_word(const char *from, char **ret, struct imgc_err *reterr)
{
    return from ? imgc_str_dup(imgc_str_of(from), ret, reterr) : 0;
}

static int copy_words(char *const *from, char ***ret, struct imgc_err *reterr)
{
    size_t n = 0;

    while (from && from[n]) {
        n++;
    }
    if (n == 0) {
        return 0;
    }
    *ret = calloc(n + 1, sizeof **ret);
    if (!*ret) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "limits");
    }
    for (size_t i = 0; i < n; i++) {
        int r = copy_word(from[i], &(*ret)[i], reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int spec_limits_copy(const struct spec_limits *from, struct spec_limits *ret,
                     struct imgc_err *reterr)
{
    spec_limits_auto struct spec_limits copy = *from;

    copy.cpuset_cpus = copy.cpuset_mems = NULL;
    copy.io_max = copy.cgroup_conf = NULL;
    int r = copy_word(from->cpuset_cpus, &copy.cpuset_cpus, reterr);
    r = r < 0 ? r : copy_word(from->cpuset_mems, &copy.cpuset_mems, reterr);
    r = r < 0 ? r : copy_words(from->io_max, &copy.io_max, reterr);
    r = r < 0 ? r : copy_words(from->cgroup_conf, &copy.cgroup_conf, reterr);
    if (r < 0) {
        return r;
    }
    *ret = copy;
    copy.cpuset_cpus = copy.cpuset_mems = NULL;
    copy.io_max = copy.cgroup_conf = NULL;
    return 0;
}

void spec_limits_done(struct spec_limits *limits)
{
    free(limits->cpuset_cpus);
    free(limits->cpuset_mems);
    (void)json_strings_free(limits->io_max);
    (void)json_strings_free(limits->cgroup_conf);
    *limits = (struct spec_limits){ 0 };
}
