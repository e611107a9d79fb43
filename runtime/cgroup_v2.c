/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_v2.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/cgroup_host.h"
#include "runtime/cgroup_limits.h"
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

static int limit_memory(const struct cgroup_dir *d, const struct spec_limits *limits,
                        bool *ret_swap, struct imgc_err *reterr)
{
    int64_t both = cgroup_limits_memory_and_swap(limits);
    int r;

    r = cgroup_dir_write_number(d, "memory.max", (int64_t)limits->memory_bytes, reterr);
    if (r < 0) {
        return r;
    }
    *ret_swap = cgroup_dir_has(d, "memory.swap.max");
    if (!*ret_swap || both < 0) {
        return 0; /* "max" is the default */
    }
    /* v2 counts swap alone */
    return cgroup_dir_write_number(d, "memory.swap.max", both - (int64_t)limits->memory_bytes,
                                   reterr);
}

int cgroup_v2_limit(const struct cgroup_dir *d, unsigned controllers,
                    const struct spec_limits *limits, bool *ret_swap, struct imgc_err *reterr)
{
    unsigned asked = controllers & cgroup_limits_controllers(limits);
    int r = 0;

    *ret_swap = true;
    if (asked & CGROUP_HOST_MEMORY) {
        r = limit_memory(d, limits, ret_swap, reterr);
    }
    if (r == 0 && asked & CGROUP_HOST_CPU) {
        char text[48]; /* two numbers of at most 20 digits */

        (void)snprintf(text, sizeof text, "%llu %d", (unsigned long long)limits->cpu_quota_us,
                       CGROUP_LIMITS_PERIOD_US);
        r = cgroup_dir_write(d, "cpu.max", text, reterr);
    }
    if (r == 0 && asked & CGROUP_HOST_PIDS) {
        r = cgroup_dir_write_number(d, "pids.max", limits->pids, reterr);
    }
    return r;
}

bool cgroup_v2_oom_killed(const struct cgroup_dir *d)
{
    return cgroup_dir_count(d, "memory.events", "oom_kill") > 0;
}
