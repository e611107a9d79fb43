/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/isolation.h"

#include <fnmatch.h>

#include "schema/json.h"

const struct isolation_namespace *isolation_of(const struct isolation *i, enum isolation_kind kind)
{
    const struct isolation_namespace *const all[ISOLATION_KINDS] = {
        [ISOLATION_PID] = &i->pid, [ISOLATION_IPC] = &i->ipc,       [ISOLATION_UTS] = &i->uts,
        [ISOLATION_NET] = &i->net, [ISOLATION_CGROUP] = &i->cgroup, [ISOLATION_TIME] = &i->time,
    };
    return all[kind];
}

const char *isolation_kind_name(enum isolation_kind kind)
{
    static const char *const names[ISOLATION_KINDS] = {
        [ISOLATION_PID] = "pid", [ISOLATION_IPC] = "ipc",       [ISOLATION_UTS] = "uts",
        [ISOLATION_NET] = "net", [ISOLATION_CGROUP] = "cgroup", [ISOLATION_TIME] = "time",
    };
    return names[kind];
}

bool isolation_has_users(const struct isolation *i)
{
    return i->users.mode != ISOLATION_USERS_HOST;
}

bool isolation_map_id(const struct isolation_ids *ids, size_t n, uint32_t inside, uint32_t *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (inside >= ids[i].inside && inside - ids[i].inside < ids[i].count) {
            *ret = ids[i].outside + (inside - ids[i].inside);
            return true;
        }
    }
    return false;
}

bool isolation_unmap_id(const struct isolation_ids *ids, size_t n, uint32_t outside, uint32_t *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (outside >= ids[i].outside && outside - ids[i].outside < ids[i].count) {
            *ret = ids[i].inside + (outside - ids[i].outside);
            return true;
        }
    }
    return false;
}

static bool overlaps(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
    return a < (uint64_t)b + b_count && b < (uint64_t)a + a_count;
}

int isolation_add_ids(struct isolation_ids **ids, size_t *n, struct isolation_ids line,
                      struct imgc_err *reterr)
{
    /* The last number means "no ID". */
    if (line.count == 0 || line.count > UINT32_MAX - line.inside ||
        line.count > UINT32_MAX - line.outside) {
        return imgc_fail(reterr, IMGC_E_USAGE, "%u:%u:%u is no range of IDs (they end at %u)",
                         line.inside, line.outside, line.count, UINT32_MAX - 1);
    }
    for (size_t i = 0; i < *n; i++) {
        const struct isolation_ids *o = &(*ids)[i];
        if (overlaps(o->inside, o->count, line.inside, line.count) ||
            overlaps(o->outside, o->count, line.outside, line.count)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "%u:%u:%u overlaps with %u:%u:%u", line.inside,
                             line.outside, line.count, o->inside, o->outside, o->count);
        }
    }
    struct isolation_ids *grown = reallocarray(*ids, *n + 1, sizeof *grown);
    if (!grown) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ids = grown;
    grown[(*n)++] = line;
    return 0;
}

void isolation_done(struct isolation *i)
{
    for (unsigned k = 0; k < ISOLATION_KINDS; k++) {
        free(isolation_of(i, k)->source);
    }
    free(i->users.source);
    free(i->users.uids);
    free(i->users.gids);
    (void)json_strings_free(i->mask);
    (void)json_strings_free(i->unmask);
    (void)json_strings_free(i->groups);
    for (size_t n = 0; n < i->n_rlimits; n++) {
        free(i->rlimits[n].name);
    }
    for (size_t n = 0; n < i->n_sysctls; n++) {
        free(i->sysctls[n].path);
        free(i->sysctls[n].value);
    }
    for (size_t n = 0; n < i->n_devices; n++) {
        free(i->devices[n].source);
        free(i->devices[n].target);
        free(i->devices[n].access);
    }
    (void)json_strings_free(i->device_rules);
    free(i->devices);
    free(i->seccomp_profile);
    free(i->rlimits);
    free(i->sysctls);
    free(i->init_path);
    free(i->domainname);
    free(i->timezone);
    *i = (struct isolation){ .privileged = false };
}

int isolation_append(char ***list, struct imgc_str s, struct imgc_err *reterr)
{
    size_t n = 0;

    while (*list && (*list)[n]) {
        n++;
    }
    char **grown = reallocarray(*list, n + 2, sizeof *grown);
    if (!grown) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *list = grown;
    grown[n] = grown[n + 1] = NULL;
    return imgc_str_dup(s, &grown[n], reterr);
}

bool isolation_delegates(const struct isolation *i)
{
    return i->systemd && i->cgroup.mode == ISOLATION_PRIVATE && !i->privileged;
}

bool isolation_is_unmasked(const struct isolation *i, const char *path)
{
    if (i->privileged) {
        return true;
    }
    for (char **u = i->unmask; u && *u; u++) {
        if (strcmp(*u, "ALL") == 0 || fnmatch(*u, path, 0) == 0) {
            return true;
        }
    }
    return false;
}
