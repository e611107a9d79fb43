/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/devices_given.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/mountfd.h"
#include "runtime/rootpath.h"
#include "schema/base/fd.h"
#include "schema/base/path.h"
#include "schema/limits.h"

#define STAGED ".imgc-device" /* in the container's /dev, for a moment */
#define DEPTH_MAX 8           /* of directories of devices */

static bool parse_access(struct imgc_str s, unsigned *ret)
{
    unsigned access = 0;

    for (size_t i = 0; i < s.len; i++) {
        switch (s.ptr[i]) {
        case 'r':
            access |= CGROUP_DEVICES_READ;
            break;
        case 'w':
            access |= CGROUP_DEVICES_WRITE;
            break;
        case 'm':
            access |= CGROUP_DEVICES_MKNOD;
            break;
        default:
            return false;
        }
    }
    *ret = access;
    return s.len > 0 && s.len <= 3;
}

static int bad(struct imgc_str s, const char *why, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_USAGE, "--device '" IMGC_STR_FMT "': %s", IMGC_STR_ARG(s), why);
}

int devices_given_parse(struct imgc_str s, struct isolation_device *ret, struct imgc_err *reterr)
{
    imgc_autofree char *source = NULL, *target = NULL, *access_copy = NULL;
    struct imgc_str host, rest, container, access = IMGC_STR("rwm");
    unsigned bits = 0;

    (void)imgc_str_split(s, ':', &host, &rest);
    container = host;
    if (rest.len > 0 && rest.ptr[0] != '/') {
        access = rest;
    } else if (rest.len > 0 && !imgc_str_split(rest, ':', &container, &access)) {
        access = IMGC_STR("rwm");
    }
    if (host.len == 0 || host.ptr[0] != '/' || container.ptr[0] != '/') {
        return bad(s, "/HOST/PATH[:/CONTAINER/PATH][:rwm]", reterr);
    }
    if (!parse_access(access, &bits)) {
        return bad(s, "access is letters of rwm", reterr);
    }
    int r = path_clean(IMGC_STR("/"), host, &source, reterr);
    r = r < 0 ? r : path_clean(IMGC_STR("/"), container, &target, reterr);
    r = r < 0 ? r : imgc_str_dup(access, &access_copy, reterr);
    if (r < 0) {
        return r;
    }
    if (target[1] == '\0' || strcmp(target, "/dev") == 0) {
        return bad(s, "it cannot take that place in the container", reterr);
    }
    *ret = (struct isolation_device){ .source = imgc_take(source),
                                      .target = imgc_take(target),
                                      .access = imgc_take(access_copy) };
    return 0;
}

static bool parse_number(struct imgc_str s, int64_t *ret)
{
    uint64_t n = 0;

    if (imgc_str_eq(s, IMGC_STR("*"))) {
        *ret = -1;
        return true;
    }
    if (!imgc_str_u64(s, &n) || n > INT32_MAX) {
        return false;
    }
    *ret = (int64_t)n;
    return true;
}

bool devices_given_parse_rule(struct imgc_str s, struct cgroup_device_rule *ret)
{
    struct imgc_str type, rest, numbers, access, major, minor;
    struct cgroup_device_rule rule = { .type = 0 };

    if (!imgc_str_split(s, ' ', &type, &rest) || !imgc_str_split(rest, ' ', &numbers, &access) ||
        !imgc_str_split(numbers, ':', &major, &minor) || type.len != 1 ||
        !strchr("abc", type.ptr[0]) || !parse_number(major, &rule.major) ||
        !parse_number(minor, &rule.minor) || !parse_access(access, &rule.access)) {
        return false;
    }
    rule.type = type.ptr[0];
    *ret = rule;
    return true;
}

void devices_given_done(struct devices_given *d)
{
    for (size_t i = 0; i < d->n_nodes; i++) {
        free(d->nodes[i].path);
        free(d->nodes[i].target);
    }
    free(d->nodes);
    free(d->rules);
    *d = (struct devices_given)DEVICES_GIVEN_INIT;
}

static int add_rule(struct devices_given *d, struct cgroup_device_rule rule,
                    struct imgc_err *reterr)
{
    struct cgroup_device_rule *grown = reallocarray(d->rules, d->n_rules + 1, sizeof *grown);

    if (!grown) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    d->rules = grown;
    d->rules[d->n_rules++] = rule;
    return 0;
}

static int join(const char *a, const char *b, char **ret, struct imgc_err *reterr)
{
    if (asprintf(ret, "%s%s", a, b) < 0) {
        *ret = NULL;
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return 0;
}

/* @below  "" or "/NAME...", behind source and target. */
static int add_node(struct devices_given *d, const struct isolation_device *of, const char *below,
                    const struct stat *st, struct imgc_err *reterr)
{
    struct cgroup_device_rule rule = { .type = S_ISCHR(st->st_mode) ? 'c' : 'b',
                                       .major = major(st->st_rdev),
                                       .minor = minor(st->st_rdev) };

    if (d->n_nodes == LIMIT_VOLUMES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "--device: more than %d devices", LIMIT_VOLUMES);
    }
    struct device_node *grown = reallocarray(d->nodes, d->n_nodes + 1, sizeof *grown);
    if (!grown) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    d->nodes = grown;
    struct device_node *n = &d->nodes[d->n_nodes++];
    *n = (struct device_node){
        .of = of, .mode = st->st_mode, .rdev = st->st_rdev, .uid = st->st_uid, .gid = st->st_gid
    };
    int r = join(of->source, below, &n->path, reterr);
    r = r < 0 ? r : join(of->target, below, &n->target, reterr);
    if (r < 0) {
        return r;
    }
    if (!parse_access(imgc_str_of(of->access), &rule.access)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "bad access '%s' to a device", of->access);
    }
    return add_rule(d, rule, reterr);
}

static void closedirp(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

/* Recursion: DEPTH_MAX at most. Links are left out: they lead to what has a name of its own. */
static int add_directory(struct devices_given *d, const struct isolation_device *of,
                         const char *below, unsigned depth, struct imgc_err *reterr)
{
    imgc_autofree char *path = NULL;
    int r = join(of->source, below, &path, reterr);

    if (r < 0) {
        return r;
    }
    imgc_auto(closedirp) DIR *dir = opendir(path);
    if (!dir) {
        return imgc_fail_sys(reterr, errno, "--device '%s'", path);
    }
    for (struct dirent *e = readdir(dir); e && r == 0; e = readdir(dir)) {
        imgc_autofree char *name = NULL;
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            continue;
        }
        imgc_autofree char *dir_name = NULL;
        r = join(below, "/", &dir_name, reterr);
        r = r < 0 ? r : join(dir_name, e->d_name, &name, reterr);
        if (r < 0) {
            return r;
        }
        if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
            r = add_node(d, of, name, &st, reterr);
        } else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
            r = add_directory(d, of, name, depth + 1, reterr);
        }
    }
    return r;
}

static int find_one(struct devices_given *d, const struct isolation_device *of,
                    struct imgc_err *reterr)
{
    size_t before = d->n_nodes;
    struct stat st;

    if (stat(of->source, &st) < 0) {
        return errno == ENOENT
                   ? imgc_fail(reterr, IMGC_E_USAGE, "--device '%s': this host has no such device",
                               of->source)
                   : imgc_fail_sys(reterr, errno, "--device '%s'", of->source);
    }
    int r = 0;
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
        r = add_node(d, of, "", &st, reterr);
    } else if (S_ISDIR(st.st_mode)) {
        r = add_directory(d, of, "", 0, reterr);
    }
    if (r == 0 && d->n_nodes == before) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--device '%s': it is no device, nor a directory "
                         "of them",
                         of->source);
    }
    return r;
}

int devices_given_find(const struct isolation *isolation, struct devices_given *ret,
                       struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < isolation->n_devices && r == 0; i++) {
        r = find_one(ret, &isolation->devices[i], reterr);
    }
    for (char **rule = isolation->device_rules; rule && *rule && r == 0; rule++) {
        struct cgroup_device_rule parsed;
        r = devices_given_parse_rule(imgc_str_of(*rule), &parsed)
                ? add_rule(ret, parsed, reterr)
                : imgc_fail(reterr, IMGC_E_DOCUMENT, "bad device rule '%s'", *rule);
    }
    return r;
}

/* A node on the container's own /dev, as a mount of its own that lets it be opened. */
static int make_node(int dev_fd, const struct device_node *n, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    if (mknodat(dev_fd, STAGED, n->mode, n->rdev) < 0) {
        /* A user namespace: the host's own node serves. */
        return errno == EPERM ? mountfd_clone(AT_FDCWD, n->path, false, ret_fd, reterr)
                              : imgc_fail_sys(reterr, errno, "make a node for '%s'", n->path);
    }
    int r = fd_open_at(dev_fd, STAGED, O_PATH | O_NOFOLLOW, 0, &fd, reterr);
    if (r == 0 && (fchownat(dev_fd, STAGED, n->uid, n->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
                   fchmodat(dev_fd, STAGED, n->mode & 07777, 0) < 0)) {
        r = imgc_fail_sys(reterr, errno, "set the mode of '%s'", n->target);
    }
    if (r == 0) {
        r = mountfd_clone(fd, "", false, ret_fd, reterr);
    }
    return r < 0 ? r : mountfd_allow_devices(*ret_fd, reterr);
}

static int place_node(int root_fd, int dev_fd, const struct device_node *n, struct imgc_err *reterr)
{
    imgc_autoclose int mount_fd = -1, target_fd = -1;
    struct statfs fs;
    struct stat st;

    int r = rootpath_create(root_fd, n->target, false, &target_fd, reterr);
    if (r == 0 && (fstatfs(target_fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "no device can be in /proc");
    }
    if (r == 0) {
        r = make_node(dev_fd, n, &mount_fd, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (fstat(mount_fd, &st) < 0 || st.st_rdev != n->rdev ||
        (st.st_mode & S_IFMT) != (n->mode & S_IFMT)) {
        return imgc_fail(reterr, IMGC_E_HOST, "it has changed meanwhile");
    }
    r = mountfd_attach(mount_fd, target_fd, reterr);
    (void)unlinkat(dev_fd, STAGED, 0); /* not earlier: what is gone cannot be mounted */
    return r;
}

int devices_given_make(int root_fd, const struct devices_given *d, const char *source,
                       struct imgc_err *reterr)
{
    imgc_autoclose int dev_fd = -1;

    int r = fd_open_at(root_fd, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &dev_fd, reterr);
    for (size_t i = 0; i < d->n_nodes && r == 0; i++) {
        const struct device_node *n = &d->nodes[i];
        if (n->of->source != source) { /* the pointer: one device may be given twice */
            continue;
        }
        r = place_node(root_fd, dev_fd, n, reterr);
        if (r < 0) {
            return imgc_context(reterr, "--device '%s' at '%s'", n->path, n->target);
        }
    }
    return r;
}
