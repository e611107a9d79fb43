/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/fd.h"

#define PROC_FILE_BYTES                                                      \
    (4u << 20) /* a host with thousands of mounts has some hundred kilobytes \
                */

static const struct {
    unsigned bit;
    const char *name;
} controllers[] = {
    { CGROUP_HOST_MEMORY, "memory" },   { CGROUP_HOST_CPU, "cpu" },
    { CGROUP_HOST_PIDS, "pids" },       { CGROUP_HOST_CPUSET, "cpuset" },
    { CGROUP_HOST_IO, "io" },           { CGROUP_HOST_IO, "blkio" },
    { CGROUP_HOST_FREEZER, "freezer" }, { CGROUP_HOST_DEVICES, "devices" },
};

/* One line of mountinfo, as far as we want it. */
struct mount_line {
    struct imgc_str root, mountpoint, fstype, options; /* options: of the super block */
};

unsigned cgroup_host_controllers(struct imgc_str list, char sep)
{
    struct imgc_str rest = imgc_str_trim(list), name;
    unsigned bits = 0;

    while (imgc_str_token(&rest, sep, &name)) {
        for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++) {
            if (imgc_str_eq(name, imgc_str_of(controllers[i].name))) {
                bits |= controllers[i].bit;
            }
        }
    }
    return bits;
}

const char *cgroup_host_name(unsigned controller)
{
    for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++) {
        if (controllers[i].bit == controller) {
            return controllers[i].name;
        }
    }
    return "cgroup";
}

/* "36 35 98:0 /root /mount/point rw,noatime shared:1 ... - fstype source options" */
static bool parse_line(struct imgc_str line, struct mount_line *ret)
{
    struct imgc_str rest = line, word, skipped;

    for (int i = 0; i < 3; i++) {
        if (!imgc_str_token(&rest, ' ', &skipped)) {
            return false;
        }
    }
    if (!imgc_str_token(&rest, ' ', &ret->root) || !imgc_str_token(&rest, ' ', &ret->mountpoint)) {
        return false;
    }
    do { /* the mount's options and any number of optional fields */
        if (!imgc_str_token(&rest, ' ', &word)) {
            return false;
        }
    } while (!imgc_str_eq(word, IMGC_STR("-")));

    return imgc_str_token(&rest, ' ', &ret->fstype) && imgc_str_token(&rest, ' ', &skipped) &&
           imgc_str_token(&rest, ' ', &ret->options);
}

/* The kernel writes space, tab, newline and backslash as three octal digits. */
static int unescape(struct imgc_str s, char **ret, struct imgc_err *reterr)
{
    char *out = malloc(s.len + 1), *p = out;

    if (!out) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "cgroup mounts");
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned value = 0;
        size_t digits = 0;

        while (s.ptr[i] == '\\' && digits < 3 && i + digits + 1 < s.len &&
               s.ptr[i + digits + 1] >= '0' && s.ptr[i + digits + 1] <= '7') {
            value = value * 8 + (unsigned)(s.ptr[i + digits + 1] - '0');
            digits++;
        }
        if (digits == 3 && value > 0 && value < 256) {
            *p++ = (char)value;
            i += 3;
        } else {
            *p++ = s.ptr[i];
        }
    }
    *p = '\0';
    *ret = out;
    return 0;
}

/* Where the caller is, below a mount that shows the hierarchy from @root on. A path with ".." is
 * outside of the caller's cgroup namespace, and one that does not begin with @root outside of the
 * mount. ':' separates directories in cgroup_path(). */
static bool below(struct imgc_str path, struct imgc_str root, struct imgc_str *ret)
{
    struct imgc_str rest = path, part;

    if (imgc_str_eq(root, IMGC_STR("/"))) {
        root = IMGC_STR("");
    }
    if (!imgc_str_skip(&rest, root) || (rest.len > 0 && rest.ptr[0] != '/') ||
        imgc_str_find(rest, ':') < rest.len) {
        return false;
    }
    *ret = rest.len > 0 ? rest : IMGC_STR("/");
    rest = *ret;
    while (imgc_str_token(&rest, '/', &part)) {
        if (imgc_str_eq(part, IMGC_STR("..")) || imgc_str_eq(part, IMGC_STR("."))) {
            return false;
        }
    }
    return true;
}

/* /proc/self/cgroup: "ID:CONTROLLERS:PATH"; v2 has no controllers there. */
static int find_own(struct imgc_str self, struct imgc_str root, struct cgroup_host_hierarchy *h,
                    struct imgc_err *reterr)
{
    struct imgc_str rest = self, line, list, path, id, found;

    while (imgc_str_token(&rest, '\n', &line)) {
        if (!imgc_str_split(line, ':', &id, &path) || !imgc_str_split(path, ':', &list, &path)) {
            continue;
        }
        if (h->is_v2 ? list.len > 0 || !imgc_str_eq(id, IMGC_STR("0"))
                     : cgroup_host_controllers(list, ',') != h->controllers) {
            continue;
        }
        return below(path, root, &found) ? imgc_str_dup(found, &h->own, reterr) : 0;
    }
    return 0;
}

static bool is_new(const struct cgroup_host *host, const struct cgroup_host_hierarchy *h)
{
    for (size_t i = 0; i < host->n; i++) {
        if (host->hierarchies[i].is_v2 == h->is_v2 &&
            host->hierarchies[i].controllers == h->controllers) {
            return false;
        }
    }
    return host->n < CGROUP_HOST_HIERARCHIES;
}

static bool has_word(struct imgc_str list, struct imgc_str word)
{
    struct imgc_str one;

    while (imgc_str_token(&list, ',', &one)) {
        if (imgc_str_eq(one, word)) {
            return true;
        }
    }
    return false;
}

static int add_mount(struct cgroup_host *host, const struct mount_line *m, struct imgc_str self,
                     struct imgc_err *reterr)
{
    struct cgroup_host_hierarchy h = { .is_v2 = imgc_str_eq(m->fstype, IMGC_STR("cgroup2")) };
    imgc_autofree char *root = NULL;
    int r;

    h.is_delegating = h.is_v2 && has_word(m->options, IMGC_STR("nsdelegate"));
    if (!h.is_v2) {
        h.controllers = cgroup_host_controllers(m->options, ',');
        if (h.controllers == 0 || !imgc_str_eq(m->fstype, IMGC_STR("cgroup"))) {
            return 0; /* another file system, or "name=systemd" and others of no use to us */
        }
    }
    if (!is_new(host, &h)) {
        return 0;
    }
    r = unescape(m->root, &root, reterr);
    if (r < 0) {
        return r;
    }
    r = unescape(m->mountpoint, &h.mountpoint, reterr);
    if (r < 0) {
        return r;
    }
    if (strchr(h.mountpoint, ':')) { /* separates directories in cgroup_path() */
        free(h.mountpoint);
        return 0;
    }
    r = find_own(self, imgc_str_of(root), &h, reterr);
    host->hierarchies[host->n++] = h; /* owned from here on, whatever r is */
    return r == -IMGC_E_USAGE ? 0 : r;
}

int cgroup_host_parse(struct imgc_str mountinfo, struct imgc_str self, struct cgroup_host *ret,
                      struct imgc_err *reterr)
{
    cgroup_host_auto struct cgroup_host host = CGROUP_HOST_INIT;
    struct imgc_str rest = mountinfo, line;
    int r;

    while (imgc_str_token(&rest, '\n', &line)) {
        struct mount_line m;

        if (!parse_line(line, &m) || m.mountpoint.len == 0 || m.mountpoint.ptr[0] != '/') {
            continue;
        }
        r = add_mount(&host, &m, self, reterr);
        if (r < 0) {
            return r;
        }
    }
    *ret = host;
    host.n = 0;
    return 0;
}

static int read_proc(const char *path, struct imgc_buf *buf, struct imgc_str *ret,
                     struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    int r;

    r = fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    r = fd_read_all(fd, buf, reterr);
    if (r < 0) {
        return r;
    }
    return imgc_buf_finish(buf, ret, reterr);
}

int cgroup_host_read(struct cgroup_host *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf mounts = IMGC_BUF_INIT(PROC_FILE_BYTES);
    imgc_autobuf struct imgc_buf self = IMGC_BUF_INIT(PROC_FILE_BYTES);
    struct imgc_str mounts_text, self_text;
    int r;

    r = read_proc("/proc/self/mountinfo", &mounts, &mounts_text, reterr);
    if (r < 0) {
        return r;
    }
    r = read_proc("/proc/self/cgroup", &self, &self_text, reterr);
    if (r < 0) {
        return r;
    }
    return cgroup_host_parse(mounts_text, self_text, ret, reterr);
}

const struct cgroup_host_hierarchy *cgroup_host_v2(const struct cgroup_host *host)
{
    for (size_t i = 0; i < host->n; i++) {
        if (host->hierarchies[i].is_v2) {
            return &host->hierarchies[i];
        }
    }
    return NULL;
}

const struct cgroup_host_hierarchy *cgroup_host_v1(const struct cgroup_host *host,
                                                   unsigned controller)
{
    for (size_t i = 0; i < host->n; i++) {
        if (host->hierarchies[i].controllers & controller) {
            return &host->hierarchies[i];
        }
    }
    return NULL;
}

void cgroup_host_done(struct cgroup_host *host)
{
    for (size_t i = 0; i < host->n; i++) {
        free(host->hierarchies[i].mountpoint);
        free(host->hierarchies[i].own);
    }
    host->n = 0;
}
