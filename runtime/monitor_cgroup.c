/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/monitor_cgroup.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cgroup_dir.h"
#include "runtime/cgroup_host.h"
#include "runtime/cgroup_v2.h"
#include "schema/limits.h"

#define LEAF "/" CGROUP_DIR_PARENT "/monitors"

/* Below the root of what we see, never below the caller's own: that is what it is to leave. */
void monitor_cgroup_open(int *ret_fd)
{
    cgroup_host_auto struct cgroup_host host = CGROUP_HOST_INIT;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    struct imgc_err ignored;
    struct imgc_str path;

    *ret_fd = -1;
    if (geteuid() != 0 || cgroup_host_read(&host, &ignored) < 0) {
        return;
    }
    const struct cgroup_host_hierarchy *h = cgroup_host_v2(&host);
    if (!h || !h->own || strcmp(h->own, "/") == 0 || strcmp(h->own, LEAF) == 0) {
        return;
    }
    imgc_buf_puts(&b, h->mountpoint);
    imgc_buf_puts(&b, LEAF);
    if (imgc_buf_finish(&b, &path, &ignored) == 0 &&
        cgroup_v2_make_base(h->mountpoint, path.ptr, 0, &ignored) == 0) {
        *ret_fd = open(path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
}
