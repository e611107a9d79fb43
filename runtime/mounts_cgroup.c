/* SPDX-License-Identifier: Apache-2.0 */
/* mounts_cgroup(): the container's own view of cgroup hierarchies, as cgroup_namespaces(7) has it.
 */
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#include "runtime/cgroup_inner.h"
#include "runtime/mountfd.h"
#include "runtime/mounts.h"
#include "runtime/rootpath.h"
#include "schema/base/fd.h"

/* A line of /proc/self/cgroup: "ID:CONTROLLERS:PATH"; no controllers is cgroup2. */
struct hierarchy {
    struct imgc_str controllers, path;
};

static bool is_own(struct imgc_str path, struct imgc_str name)
{
    struct imgc_str parent, base;

    if (!imgc_str_rsplit(path, '/', &parent, &base)) {
        return false;
    }
    return imgc_str_eq(base, name) ||
           (imgc_str_eq(base, IMGC_STR(CGROUP_INNER_NAME)) &&
            imgc_str_rsplit(parent, '/', &parent, &base) && imgc_str_eq(base, name));
}

/* The next line of a hierarchy in which the container has a cgroup of its own: in any other one
 * the namespace's root would be the caller's cgroup, and show the host's. */
static bool next_hierarchy(struct imgc_str *rest, struct imgc_str name, struct hierarchy *ret)
{
    struct imgc_str line, id, tail;

    while (imgc_str_token(rest, '\n', &line)) {
        if (imgc_str_split(line, ':', &id, &tail) &&
            imgc_str_split(tail, ':', &ret->controllers, &ret->path) && is_own(ret->path, name)) {
            return true;
        }
    }
    return false;
}

static int mount_on(int dir_fd, const char *name, const char *fstype, const char *options,
                    uint64_t attr, struct imgc_err *reterr)
{
    imgc_autoclose int target_fd = -1, mount_fd = -1;

    if (mountfd_new(fstype, options, attr, &mount_fd, reterr) < 0) {
        return 0; /* a hierarchy that is going away */
    }
    int r = fd_open_dir_at(dir_fd, name, 0555, &target_fd, reterr);
    return r < 0 ? r : mountfd_attach(mount_fd, target_fd, reterr);
}

/* "cpu,cpuacct" or "name=systemd" as a directory "cpu,cpuacct" or "systemd" of the tmpfs. */
static int mount_hierarchy(int dir_fd, const struct hierarchy *h, bool is_init, uint64_t attr,
                           struct imgc_err *reterr)
{
    struct imgc_str name = h->controllers;
    char options[PLAN_OPTIONS_MAX];

    if (h->controllers.len == 0) {
        return mount_on(dir_fd, "unified", "cgroup2", "", attr, reterr);
    }
    if (h->controllers.len >= sizeof options) {
        return 0;
    }
    memcpy(options, h->controllers.ptr, h->controllers.len);
    options[h->controllers.len] = '\0';
    /* An init system groups its processes in a hierarchy without controllers. In version 1 those of
     * its own cgroup hold the container's limits, which its root could lift; a
     * privileged container may. */
    if (!imgc_str_skip(&name, IMGC_STR("name=")) && is_init) {
        attr |= MOUNT_ATTR_RDONLY;
    }
    if (name.len == 0 || name.ptr[0] == '.' || imgc_str_find(name, '/') < name.len) {
        return 0;
    }
    return mount_on(dir_fd, options + (name.ptr - h->controllers.ptr), "cgroup", options, attr,
                    reterr);
}

static int mount_v1(int target_fd, bool is_init, uint64_t attr, struct imgc_str text,
                    struct imgc_str name, struct imgc_err *reterr)
{
    imgc_autoclose int mount_fd = -1;
    struct hierarchy h;

    int r =
        mountfd_new("tmpfs", "mode=755", attr & ~(uint64_t)MOUNT_ATTR_RDONLY, &mount_fd, reterr);
    if (r == 0) {
        r = mountfd_attach(mount_fd, target_fd, reterr);
    }
    while (r == 0 && next_hierarchy(&text, name, &h)) {
        r = mount_hierarchy(mount_fd, &h, is_init, attr, reterr);
    }
    return r < 0 ? r : mountfd_restrict(mount_fd, MOUNT_ATTR_RDONLY, false, reterr);
}

/* An init system makes cgroups for its services: on a host with both versions it is shown the one
 * in which it may, as if there were no other. */
static bool wants_v2(const struct plan_step *s)
{
    return strncmp(s->options, PLAN_CGROUP_INIT, strlen(PLAN_CGROUP_INIT)) == 0;
}

static bool has_v2(struct imgc_str text, struct imgc_str name)
{
    struct hierarchy h;

    while (next_hierarchy(&text, name, &h)) {
        if (h.controllers.len == 0) {
            return true;
        }
    }
    return false;
}

int mounts_cgroup(struct mounts *m, const struct plan_step *s, struct imgc_str text,
                  const char *name, struct imgc_err *reterr)
{
    imgc_autoclose int target_fd = -1, mount_fd = -1;
    struct imgc_str own = imgc_str_of(name);
    struct hierarchy h;
    struct statfs fs;

    int r = rootpath_open(m->root_fd, s->target, O_PATH | O_DIRECTORY, &target_fd, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    if (statfs("/sys/fs/cgroup", &fs) < 0) {
        return 0;
    }
    bool is_v2 = fs.f_type == CGROUP2_SUPER_MAGIC;
    if (!is_v2 && fs.f_type != TMPFS_MAGIC) {
        return 0;
    }
    if (!is_v2 && !(wants_v2(s) && has_v2(text, own))) {
        return mount_v1(target_fd, strcmp(s->options, PLAN_CGROUP_INIT) == 0, s->attr, text, own,
                        reterr);
    }
    if (!next_hierarchy(&text, own, &h)) {
        return 0;
    }
    r = mountfd_new("cgroup2", "", s->attr, &mount_fd, reterr);
    return r < 0 ? r : mountfd_attach(mount_fd, target_fd, reterr);
}
