/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_v2.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/cgroup_cpuset.h"
#include "runtime/cgroup_host.h"
#include "schema/base/buf.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

static unsigned read_controllers(int dir_fd, const char *file)
{
    imgc_autoclose int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
    char text[512]; /* there are a dozen controllers */
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);

    return n < 0 ? 0 : cgroup_host_controllers((struct imgc_str){ text, (size_t)n }, ' ');
}

unsigned cgroup_v2_controllers(const char *path)
{
    imgc_autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? 0 : read_controllers(fd, "cgroup.controllers");
}

static int switch_on(const struct cgroup_dir *d, unsigned controllers, struct imgc_err *reterr)
{
    unsigned missing = controllers & ~read_controllers(d->fd, "cgroup.subtree_control");

    for (unsigned bit = 1; missing != 0; bit <<= 1) {
        char text[16] = "+"; /* the longest name has 7 bytes */

        if (!(missing & bit)) {
            continue;
        }
        missing &= ~bit;
        (void)snprintf(text + 1, sizeof text - 1, "%s", cgroup_host_name(bit));
        if (cgroup_dir_write(d, "cgroup.subtree_control", text, reterr) < 0) {
            return imgc_context(reterr, "switch on the %s controller%s", text + 1,
                                reterr->sys == EBUSY ? " (the cgroup has processes of its own)"
                                                     : "");
        }
    }
    return 0;
}

static int switch_on_at(const char *path, unsigned controllers, struct imgc_err *reterr)
{
    cgroup_dir_auto struct cgroup_dir d = CGROUP_DIR_INIT;
    int r;

    d.is_v2 = true;
    r = imgc_str_dup(imgc_str_of(path), &d.path, reterr);
    if (r < 0) {
        return r;
    }
    r = fd_open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &d.fd, reterr);
    if (r < 0) {
        return r;
    }
    return switch_on(&d, controllers, reterr);
}

int cgroup_v2_make(const char *base, const char *name, unsigned controllers, struct cgroup_dir *ret,
                   struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    struct imgc_str parent;
    int r;

    if (controllers == 0) {
        return cgroup_dir_make(base, name, true, ret, reterr);
    }
    imgc_buf_puts(&b, base);
    imgc_buf_puts(&b, "/" CGROUP_DIR_PARENT);
    r = imgc_buf_finish(&b, &parent, reterr);
    if (r < 0) {
        return r;
    }
    r = switch_on_at(base, controllers, reterr);
    if (r < 0) {
        return r;
    }
    if (mkdir(parent.ptr, 0755) < 0 && errno != EEXIST) {
        return imgc_fail_sys(reterr, errno, "create the cgroup '%s'", parent.ptr);
    }
    r = switch_on_at(parent.ptr, controllers, reterr);
    if (r < 0) {
        return r;
    }
    return cgroup_dir_make(base, name, true, ret, reterr);
}

int cgroup_v2_make_base(const char *mountpoint, const char *base, unsigned controllers,
                        struct imgc_err *reterr)
{
    struct imgc_str rest = imgc_str_of(base), part;
    int r = 0;

    if (!imgc_str_skip(&rest, imgc_str_of(mountpoint))) {
        return imgc_fail(reterr, IMGC_E_HOST, "%s is not below %s", base, mountpoint);
    }
    r = controllers != 0 ? switch_on_at(mountpoint, controllers, reterr) : 0;
    while (r == 0 && imgc_str_token(&rest, '/', &part)) {
        imgc_autofree char *path = NULL;

        if (part.len == 0) {
            continue;
        }
        r = imgc_str_dup((struct imgc_str){ base, (size_t)(part.ptr + part.len - base) }, &path,
                         reterr);
        if (r == 0 && mkdir(path, 0755) < 0 && errno != EEXIST) {
            r = imgc_fail_sys(reterr, errno, "create the cgroup '%s'", path);
        }
        r = r < 0 || controllers == 0 ? r : switch_on_at(path, controllers, reterr);
    }
    return r;
}

/* Where there is less than is in use the kernel would kill until it fits. */
static int check_usage(const struct cgroup_dir *d, const struct spec_limits *to,
                       struct imgc_err *reterr)
{
    int64_t used;

    if (to->memory_bytes > 0 && cgroup_dir_number(d, "memory.current", &used) &&
        used > (int64_t)to->memory_bytes) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "a memory limit of %llu bytes: the container uses %lld, and would be "
                         "killed",
                         (unsigned long long)to->memory_bytes, (long long)used);
    }
    return 0;
}

static int write_or_max(const struct cgroup_dir *d, const char *file, int64_t value,
                        struct imgc_err *reterr)
{
    return value < 0 ? cgroup_dir_write(d, file, "max", reterr)
                     : cgroup_dir_write_number(d, file, value, reterr);
}

static int limit_memory(const struct cgroup_dir *d, const struct cgroup_limits_change *change,
                        struct imgc_err *reterr)
{
    const struct spec_limits *to = change->to;
    int64_t memory = to->memory_bytes > 0 ? (int64_t)to->memory_bytes : -1;
    int64_t both = cgroup_limits_memory_and_swap(to);
    int r;

    r = check_usage(d, to, reterr);
    r = r < 0 ? r : write_or_max(d, "memory.max", memory, reterr);
    if (r < 0) {
        return r;
    }
    if (!cgroup_dir_has(d, "memory.swap.max")) {
        if (memory > 0) {
            cgroup_limits_warn(change, "this host does not count swap: only memory is limited");
        }
        return 0;
    }
    /* v2 counts swap alone */
    return write_or_max(d, "memory.swap.max", both < 0 ? -1 : both - memory, reterr);
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
        r = cgroup_dir_write_number(d, "memory.low", (int64_t)to->memory_reservation_bytes, reterr);
    }
    if (to->swappiness_and_one > 0 && from->swappiness_and_one != to->swappiness_and_one) {
        cgroup_limits_warn(change, "cgroup v2 has no swappiness: --memory-swappiness is ignored");
    }
    if (to->oom_kill_disable && !from->oom_kill_disable) {
        cgroup_limits_warn(change, "cgroup v2 cannot keep the kernel from killing: "
                                   "--oom-kill-disable is ignored");
    }
    return r;
}

static int limit_cpu(const struct cgroup_dir *d, const struct cgroup_limits_change *change,
                     struct imgc_err *reterr)
{
    const struct spec_limits *from = change->from, *to = change->to;
    unsigned long long period_us = cgroup_limits_period_us(to);
    char text[48]; /* two numbers of at most 20 digits */
    int r = 0;

    if (from->cpu_quota_us != to->cpu_quota_us || from->cpu_period_us != to->cpu_period_us) {
        if (to->cpu_quota_us > 0) {
            (void)snprintf(text, sizeof text, "%llu %llu", (unsigned long long)to->cpu_quota_us,
                           period_us);
        } else {
            (void)snprintf(text, sizeof text, "max %llu", period_us);
        }
        r = cgroup_dir_write(d, "cpu.max", text, reterr);
    }
    if (r == 0 && from->cpu_shares != to->cpu_shares) {
        r = cgroup_dir_write_number(d, "cpu.weight", (int64_t)cgroup_limits_weight(to->cpu_shares),
                                    reterr);
    }
    return r;
}

/* @list NULL: what the parent has. The kernel takes processors that are not there, and gives all.
 */
static int limit_cpuset(const struct cgroup_dir *d, const char *file, const char *list,
                        struct imgc_err *reterr)
{
    int r = list ? cgroup_cpuset_check(d, file, list, reterr) : 0;
    return r < 0 ? r : cgroup_dir_write(d, file, list ? list : "\n", reterr);
}

static int write_weight(const struct cgroup_dir *d, const struct cgroup_limits_change *change,
                        struct imgc_err *reterr)
{
    uint32_t weight = change->to->io_weight;

    if (cgroup_dir_has(d, "io.bfq.weight")) { /* counts as v1 does */
        return cgroup_dir_write_number(d, "io.bfq.weight", weight > 0 ? weight : 100, reterr);
    }
    if (cgroup_dir_has(d, "io.weight")) {
        return cgroup_dir_write_number(d, "io.weight", (int64_t)cgroup_limits_io_weight(weight),
                                       reterr);
    }
    cgroup_limits_warn(change, "this kernel does not weigh block I/O: --blkio-weight is ignored");
    return 0;
}

static int write_rules(const struct cgroup_dir *d, char *const *rules, bool off,
                       struct imgc_err *reterr)
{
    for (; rules && *rules; rules++) {
        struct imgc_str head, number;
        char rule[64]; /* "MAJOR:MINOR KEY=max" */
        int r;

        if (!imgc_str_split(imgc_str_of(*rules), '=', &head, &number)) {
            continue; /* cgroup_limits_check() has seen it */
        }
        (void)snprintf(rule, sizeof rule, IMGC_STR_FMT "=max", IMGC_STR_ARG(head));
        r = cgroup_dir_write(d, "io.max", off ? rule : *rules, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int limit_io(const struct cgroup_dir *d, const struct cgroup_limits_change *change,
                    struct imgc_err *reterr)
{
    const struct spec_limits *from = change->from, *to = change->to;
    int r = from->io_weight != to->io_weight ? write_weight(d, change, reterr) : 0;

    if (r == 0 && !cgroup_limits_same_words(from->io_max, to->io_max)) {
        r = write_rules(d, from->io_max, true, reterr);
        r = r < 0 ? r : write_rules(d, to->io_max, false, reterr);
    }
    return r;
}

static int write_conf(const struct cgroup_dir *d, char *const *conf, struct imgc_err *reterr)
{
    for (; conf && *conf; conf++) {
        imgc_autofree char *file = NULL;
        struct imgc_str name, value;
        int r;

        if (!imgc_str_split(imgc_str_of(*conf), '=', &name, &value)) {
            continue; /* cgroup_limits_check() has seen it */
        }
        r = imgc_str_dup(name, &file, reterr);
        r = r < 0 ? r : cgroup_dir_write(d, file, value.ptr, reterr);
        if (r < 0) {
            return imgc_context(reterr, "--cgroup-conf");
        }
    }
    return 0;
}

/* cpuset, io, pids and what the user knows better. */
static int limit_rest(const struct cgroup_dir *d, unsigned changed,
                      const struct cgroup_limits_change *change, struct imgc_err *reterr)
{
    const struct spec_limits *from = change->from, *to = change->to;
    int r = 0;

    if (changed & CGROUP_HOST_CPUSET &&
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
    if (r == 0 && changed & CGROUP_HOST_PIDS && from->pids != to->pids) {
        r = write_or_max(d, "pids.max", to->pids > 0 ? to->pids : -1, reterr);
    }
    if (r == 0 && !cgroup_limits_same_words(from->cgroup_conf, to->cgroup_conf)) {
        r = write_conf(d, to->cgroup_conf, reterr);
    }
    return r;
}

int cgroup_v2_limit(const struct cgroup_dir *d, unsigned controllers,
                    const struct cgroup_limits_change *change, struct imgc_err *reterr)
{
    unsigned changed = controllers & cgroup_limits_changed(change);
    int r = 0;

    if (changed & CGROUP_HOST_MEMORY) {
        r = limit_all_memory(d, change, reterr);
    }
    if (r == 0 && changed & CGROUP_HOST_CPU) {
        r = limit_cpu(d, change, reterr);
    }
    return r < 0 ? r : limit_rest(d, changed, change, reterr);
}

bool cgroup_v2_oom_killed(const struct cgroup_dir *d)
{
    return cgroup_dir_count(d, "memory.events", "oom_kill") > 0;
}
