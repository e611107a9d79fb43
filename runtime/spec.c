/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spec.h"

#include <signal.h>

void spec_mount_done(struct spec_mount *m)
{
    free(m->source);
    free(m->target);
    free(m->subpath);
    free(m->host_dir);
    m->source = NULL;
    m->target = NULL;
    m->subpath = NULL;
    m->host_dir = NULL;
}

void spec_done(struct spec *s)
{
    char *const strings[] = { s->id,       s->hostname,   s->upper_dir,   s->work_dir,
                              s->root_dir, s->mountpoint, s->erofs_image, s->state_dir,
                              s->cwd,      s->user,       s->cgroup_name, s->cgroup_parent };

    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        free(strings[i]);
    }
    (void)json_strings_free(s->lowerdirs);
    (void)json_strings_free(s->erofs_devices);
    (void)json_strings_free(s->argv);
    (void)json_strings_free(s->env);
    (void)json_strings_free(s->volumes);
    for (size_t i = 0; i < s->n_mounts; i++) {
        spec_mount_done(&s->mounts[i]);
    }
    free(s->mounts);
    isolation_done(&s->isolation);
    spec_limits_done(&s->limits);
    net_want_done(&s->net_want);
    *s = (struct spec)SPEC_INIT;
}

bool spec_owns_network(const struct spec *s)
{
    return s->network != SPEC_NETWORK_HOST && s->isolation.net.mode == ISOLATION_PRIVATE;
}

/* "+3" after RTMIN, "-1" after RTMAX, or nothing. */
static bool parse_realtime(struct imgc_str s, struct imgc_str name, char sign, int base, int *ret)
{
    uint64_t n = 0;

    if (s.len < name.len || !imgc_str_eq_nocase(imgc_str_first(s, name.len), name)) {
        return false;
    }
    s = imgc_str_from(s, name.len);
    if (s.len > 0 && (s.ptr[0] != sign || !imgc_str_u64(imgc_str_from(s, 1), &n))) {
        return false;
    }
    if (n > (uint64_t)(SIGRTMAX - SIGRTMIN)) {
        return false;
    }
    *ret = sign == '+' ? base + (int)n : base - (int)n;
    return true;
}

bool spec_parse_signal(struct imgc_str s, int *ret)
{
    uint64_t n;

    if (imgc_str_u64(s, &n)) {
        if (n < 1 || n > (uint64_t)SIGRTMAX) {
            return false;
        }
        *ret = (int)n;
        return true;
    }
    if (s.len > 3 && imgc_str_eq_nocase(imgc_str_first(s, 3), IMGC_STR("SIG"))) {
        s = imgc_str_from(s, 3);
    }
    for (int i = 1; i < SIGRTMIN; i++) {
        const char *name = sigabbrev_np(i);
        if (name && imgc_str_eq_nocase(s, imgc_str_of(name))) {
            *ret = i;
            return true;
        }
    }
    return parse_realtime(s, IMGC_STR("RTMIN"), '+', SIGRTMIN, ret) ||
           parse_realtime(s, IMGC_STR("RTMAX"), '-', SIGRTMAX, ret);
}
