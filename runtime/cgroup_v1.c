/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_v1.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "runtime/cgroup_cpuset.h"
#include "runtime/cgroup_host.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define TEXT_BYTES (64u << 10) /* of a file of these controllers: a list, or a number */
#define RULE_BYTES 64          /* "MAJOR:MINOR RATE", three numbers of at most 20 digits */

static int write_memory(const struct cgroup_dir *d, const char *file, int64_t bytes,
                        struct imgc_err *reterr)
{
    int r = cgroup_dir_write_number(d, file, bytes, reterr);

    if (r < 0 && reterr->sys == EBUSY) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "a memory limit of %lld bytes: the container uses more than that, which "
                         "cannot be taken from it",
                         (long long)bytes);
    }
    return r;
}

/* The kernel refuses a limit of memory and swap below the one of memory, so the order depends on
 * where they go. */
static int limit_memory(const struct cgroup_dir *d, const struct cgroup_limits_change *change,
                        struct imgc_err *reterr)
{
    static const char *const memory_file = "memory.limit_in_bytes";
    static const char *const swap_file = "memory.memsw.limit_in_bytes";
    int64_t memory = change->to->memory_bytes > 0 ? (int64_t)change->to->memory_bytes : -1;
    int64_t both = cgroup_limits_memory_and_swap(change->to), now = INT64_MAX;
    bool has_swap = cgroup_dir_has(d, swap_file);

    if (!has_swap) {
        if (memory > 0) {
            cgroup_limits_warn(change, "this host does not count swap: only memory is limited");
        }
        return write_memory(d, memory_file, memory, reterr);
    }
    (void)cgroup_dir_number(d, swap_file, &now);
    bool grows = both < 0 || both > now;
    int r = grows ? write_memory(d, swap_file, both, reterr) : 0;
    r = r < 0 ? r : write_memory(d, memory_file, memory, reterr);
    return r < 0 || grows ? r : write_memory(d, swap_file, both, reterr);
}

static int limit_all_memory(const struct cgroup_dir *d, const struct cgroup_limits_change *change,
                            struct imgc_err *reterr)
{
    const struct spec_limits *from = change->from, *to = change->to;
    int r = 0;

    if (from->memory_bytes != to->memory_bytes ||
        from->memory_swap_bytes != to->memory_swap_bytes) {
        r = limit_memory(d, change, reterr);
    }
    if (r == 0 && from->memory_reservation_bytes != to->memory_reservation_bytes) {
        int64_t low = (int64_t)to->memory_reservation_bytes;
        r = cgroup_dir_write_number(d, "memory.soft_limit_in_bytes", low > 0 ? low : -1, reterr);
    }
    if (r == 0 && from->swappiness_and_one != to->swappiness_and_one) {
        r = cgroup_dir_write_number(d, "memory.swappiness", (int64_t)to->swappiness_and_one - 1,
                                    reterr);
    }
    if (r == 0 && from->oom_kill_disable != to->oom_kill_disable) {
        r = cgroup_dir_write_number(d, "memory.oom_control", to->oom_kill_disable ? 1 : 0, reterr);
    }
    if (r == 0 && to->oom_kill_disable && to->memory_bytes == 0) {
        cgroup_limits_warn(change, "without a memory limit --oom-kill-disable changes nothing");
    }
    return r;
}

static int limit_cpu(const struct cgroup_dir *d, const struct cgroup_limits_change *change,
                     struct imgc_err *reterr)
{
    const struct spec_limits *from = change->from, *to = change->to;
    int64_t quota = to->cpu_quota_us > 0 ? (int64_t)to->cpu_quota_us : -1;
    int64_t period = (int64_t)cgroup_limits_period_us(to);
    int r = 0;

    if (from->cpu_quota_us != to->cpu_quota_us || from->cpu_period_us != to->cpu_period_us) {
        /* No quota while the period changes: no share in between that nobody asked for. */
        r = from->cpu_period_us != to->cpu_period_us && from->cpu_quota_us > 0
                ? cgroup_dir_write_number(d, "cpu.cfs_quota_us", -1, reterr)
                : 0;
        r = r < 0 ? r : cgroup_dir_write_number(d, "cpu.cfs_period_us", period, reterr);
        r = r < 0 ? r : cgroup_dir_write_number(d, "cpu.cfs_quota_us", quota, reterr);
    }
    if (r == 0 && from->cpu_shares != to->cpu_shares) {
        int64_t shares = to->cpu_shares > 0 ? (int64_t)to->cpu_shares : CGROUP_LIMITS_SHARES;
        r = cgroup_dir_write_number(d, "cpu.shares", shares, reterr);
    }
    return r;
}

/* @list NULL: what the parent has. */
static int limit_cpuset(const struct cgroup_dir *d, const char *file, const char *list,
                        struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEXT_BYTES);
    char parents[32]; /* "../cpuset.cpus" */
    struct imgc_str text;

    if (list) {
        int r = cgroup_cpuset_check(d, file, list, reterr);
        return r < 0 ? r : cgroup_dir_write(d, file, list, reterr);
    }
    (void)snprintf(parents, sizeof parents, "../%s", file);
    return cgroup_dir_text(d, parents, &b, &text)
               ? cgroup_dir_write(d, file, strndupa(text.ptr, text.len), reterr)
               : 0;
}

static const char *io_file(struct imgc_str key)
{
    static const char *const files[][2] = {
        { "rbps", "blkio.throttle.read_bps_device" },
        { "wbps", "blkio.throttle.write_bps_device" },
        { "riops", "blkio.throttle.read_iops_device" },
        { "wiops", "blkio.throttle.write_iops_device" },
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (imgc_str_eq(key, imgc_str_of(files[i][0]))) {
            return files[i][1];
        }
    }
    return "";
}

/* Each rule of @rules, or with @off that it is gone. */
static int write_rules(const struct cgroup_dir *d, char *const *rules, bool off,
                       struct imgc_err *reterr)
{
    for (; rules && *rules; rules++) {
        struct imgc_str device, key;
        char rule[RULE_BYTES];
        uint64_t rate;

        if (!cgroup_limits_io_parse(imgc_str_of(*rules), &device, &key, &rate)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is no limit of a device", *rules);
        }
        (void)snprintf(rule, sizeof rule, IMGC_STR_FMT " %llu", IMGC_STR_ARG(device),
                       off ? 0 : (unsigned long long)rate);
        int r = cgroup_dir_write(d, io_file(key), rule, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int limit_io(const struct cgroup_dir *d, const struct cgroup_limits_change *change,
                    struct imgc_err *reterr)
{
    static const char *const weight_files[] = { "blkio.weight", "blkio.bfq.weight" };
    const struct spec_limits *from = change->from, *to = change->to;
    int r = 0;

    if (from->io_weight != to->io_weight) {
        bool first = cgroup_dir_has(d, weight_files[0]),
             second = cgroup_dir_has(d, weight_files[1]);
        if (first || second) {
            r = cgroup_dir_write_number(d, weight_files[first ? 0 : 1],
                                        to->io_weight > 0 ? to->io_weight
                                        : first           ? 500
                                                          : 100,
                                        reterr);
        } else {
            cgroup_limits_warn(change, "this kernel does not weigh block I/O: --blkio-weight is "
                                       "ignored");
        }
    }
    if (r == 0 && !cgroup_limits_same_words(from->io_max, to->io_max)) {
        r = write_rules(d, from->io_max, true, reterr);
        r = r < 0 ? r : write_rules(d, to->io_max, false, reterr);
    }
    return r;
}

static int limit_pids(const struct cgroup_dir *d, int64_t pids, struct imgc_err *reterr)
{
    return pids > 0 ? cgroup_dir_write_number(d, "pids.max", pids, reterr)
                    : cgroup_dir_write(d, "pids.max", "max", reterr);
}

int cgroup_v1_limit(const struct cgroup_dir *d, unsigned controllers,
                    const struct cgroup_limits_change *change, struct imgc_err *reterr)
{
    const struct spec_limits *from = change->from, *to = change->to;
    unsigned changed = controllers & cgroup_limits_changed(change);
    int r = 0;

    if (changed & CGROUP_HOST_MEMORY) {
        r = limit_all_memory(d, change, reterr);
    }
    if (r == 0 && changed & CGROUP_HOST_CPU) {
        r = limit_cpu(d, change, reterr);
    }
    if (r == 0 && changed & CGROUP_HOST_CPUSET &&
        !cgroup_limits_same_word(from->cpuset_cpus, to->cpuset_cpus)) {
        r = limit_cpuset(d, "cpuset.cpus", to->cpuset_cpus, reterr);
    }
    if (r == 0 && changed & CGROUP_HOST_CPUSET &&
        !cgroup_limits_same_word(from->cpuset_mems, to->cpuset_mems)) {
        r = limit_cpuset(d, "cpuset.mems", to->cpuset_mems, reterr);
    }
    if (r == 0 && changed & CGROUP_HOST_IO) {
        r = limit_io(d, change, reterr);
    }
    if (r == 0 && changed & CGROUP_HOST_PIDS) {
        r = limit_pids(d, to->pids, reterr);
    }
    return r;
}

/* @d has a parent in the hierarchy. */
static int inherit(const struct cgroup_dir *d, const char *file, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEXT_BYTES);
    struct imgc_str text;

    if (!cgroup_dir_text(d, file, &b, &text)) {
        return imgc_fail(reterr, IMGC_E_HOST, "%s has no %s", d->path, file);
    }
    return text.len > 0 ? 0 : limit_cpuset(d, file, NULL, reterr);
}

int cgroup_v1_inherit_cpuset(const char *mountpoint, const char *path, struct imgc_err *reterr)
{
    struct imgc_str rest = imgc_str_of(path), part;
    int r = 0;

    if (!imgc_str_skip(&rest, imgc_str_of(mountpoint))) {
        return imgc_fail(reterr, IMGC_E_HOST, "%s is not below %s", path, mountpoint);
    }
    while (r == 0 && imgc_str_token(&rest, '/', &part)) {
        cgroup_dir_auto struct cgroup_dir d = CGROUP_DIR_INIT;

        if (part.len == 0) {
            continue;
        }
        r = imgc_str_dup((struct imgc_str){ path, (size_t)(part.ptr + part.len - path) }, &d.path,
                         reterr);
        r = r < 0 ? r : fd_open_at(AT_FDCWD, d.path, O_RDONLY | O_DIRECTORY, 0, &d.fd, reterr);
        r = r < 0 ? r : inherit(&d, "cpuset.cpus", reterr);
        r = r < 0 ? r : inherit(&d, "cpuset.mems", reterr);
    }
    return r;
}

bool cgroup_v1_oom_killed(const struct cgroup_dir *d)
{
    return cgroup_dir_count(d, "memory.oom_control", "oom_kill") > 0; /* Linux 4.13 */
}
