/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: runtime */
/* /proc/self/mountinfo, a NUL, /proc/self/cgroup. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cgroup_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct cgroup_host_hierarchy *h)
{
    if (h->mountpoint[0] != '/' || strchr(h->mountpoint, ':')) {
        abort();
    }
    if (h->own && (h->own[0] != '/' || strstr(h->own, "/../"))) {
        abort(); /* would lead out of the mount */
    }
    if (h->is_v2 != (h->controllers == 0)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_str text = { (const char *)data, size }, mountinfo, self;
    struct cgroup_host host = CGROUP_HOST_INIT;
    struct imgc_err err;

    (void)imgc_str_split(text, '\0', &mountinfo, &self);
    if (cgroup_host_parse(mountinfo, self, &host, &err) < 0) {
        return 0;
    }
    if (host.n > CGROUP_HOST_HIERARCHIES) {
        abort();
    }
    for (size_t i = 0; i < host.n; i++) {
        check(&host.hierarchies[i]);
    }
    cgroup_host_done(&host);
    return 0;
}
