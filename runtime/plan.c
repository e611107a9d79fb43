/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/plan.h"

#include <stdio.h>
#include <sys/mount.h>

#include "runtime/sysctls.h"
#include "runtime/timezone.h"

#define FIXED_STEPS_MAX 64 /* steps that do not come from a list of the spec */

#define HARD (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV)

/* In this order: what is mounted later may lie on what came before. */
static const struct plan_step system_mounts[] = {
    { .kind = PLAN_MOUNT, .system = true, .target = "proc", .fstype = "proc", .attr = HARD },
    { .kind = PLAN_MOUNT,
      .system = true,
      .target = "dev",
      .fstype = "tmpfs",
      .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME,
      .options = "mode=755,size=65536k" },
    { .kind = PLAN_DEVICES, .target = "/dev" },
    { .kind = PLAN_MOUNT,
      .target = "/dev/pts",
      .fstype = "devpts",
      .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
      .options = "newinstance,ptmxmode=0666,mode=0620,gid=5" },
    { .kind = PLAN_MOUNT,
      .system = true,
      .target = "sys",
      .fstype = "sysfs",
      .attr = HARD | MOUNT_ATTR_RDONLY },
    { .kind = PLAN_CGROUP, .target = "/sys/fs/cgroup", .attr = HARD | MOUNT_ATTR_RDONLY },
    { .kind = PLAN_MOUNT,
      .optional = true,
      .target = "/dev/mqueue",
      .fstype = "mqueue",
      .attr = HARD },
    { .kind = PLAN_MOUNT,
      .target = "/dev/shm",
      .fstype = "tmpfs",
      .attr = HARD,
      .options = "mode=1777,size=64m" },
};

/* docker's, for a network namespace of the container's own. */
static const struct plan_step network_sysctls[] = {
    { .kind = PLAN_SYSCTL,
      .optional = true,
      .target = "/proc/sys/net/ipv4/ip_unprivileged_port_start",
      .options = "0" },
    { .kind = PLAN_SYSCTL,
      .optional = true,
      .target = "/proc/sys/net/ipv4/ping_group_range",
      .options = "0 2147483647" },
};

static const struct plan_step generated_files[] = {
    { .kind = PLAN_FILE, .source = "resolv.conf", .target = "/etc/resolv.conf" },
    { .kind = PLAN_FILE, .source = "hostname", .target = "/etc/hostname" },
    { .kind = PLAN_FILE, .source = "hosts", .target = "/etc/hosts" },
};

#define WRITABLE_TMPFS \
    .kind = PLAN_MOUNT, .fstype = "tmpfs", .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV

/* podman's --read-only-tmpfs */
static const struct plan_step writable_mounts[] = {
    { WRITABLE_TMPFS, .target = "/run", .options = "mode=755" },
    { WRITABLE_TMPFS, .target = "/tmp", .options = "mode=1777" },
    { WRITABLE_TMPFS, .target = "/var/tmp", .options = "mode=1777" },
};

/* What systemd expects to be empty at boot, and its own. */
static const struct plan_step systemd_mounts[] = {
    { WRITABLE_TMPFS, .target = "/run", .options = "mode=755" },
    { WRITABLE_TMPFS, .target = "/run/lock", .options = "mode=1777" },
    { WRITABLE_TMPFS, .target = "/tmp", .options = "mode=1777" },
    { WRITABLE_TMPFS, .target = "/var/log/journal", .options = "mode=755" },
};

static const char *const masked_paths[] = {
    "/proc/acpi",       "/proc/asound",        "/proc/interrupts",  "/proc/kcore",
    "/proc/keys",       "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/timer_list", "/proc/timer_stats",   "/sys/firmware",     "/sys/devices/virtual/powercap",
};

static const char *const read_only_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct plan_step *add(struct plan *p, struct plan_step step)
{
    p->steps[p->n] = step;
    return &p->steps[p->n++];
}

/* Whether the user mounts something of his own exactly there. */
static bool is_replaced(const struct spec *spec, const char *target)
{
    for (size_t i = 0; i < spec->n_mounts; i++) {
        if (strcmp(spec->mounts[i].target, target) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a step of the tables is left out of this container. */
static bool is_left_out(const struct plan_step *step, const struct spec *spec)
{
    const struct isolation *i = &spec->isolation;

    return (i->ipc_use == ISOLATION_IPC_NO_SHM && strcmp(step->target, "/dev/shm") == 0) ||
           /* which name it is, only the inside of that namespace knows */
           (i->uts.mode == ISOLATION_CONTAINER && strcmp(step->target, "/etc/hostname") == 0);
}

static void add_table(struct plan *p, const struct spec *spec, const struct plan_step *table,
                      size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((table[i].system || !is_replaced(spec, table[i].target)) &&
            !is_left_out(&table[i], spec)) {
            add(p, table[i]);
        }
    }
}

/* What a step becomes where the namespace that it is about is not the container's own. */
static void share(struct plan_step *step, const struct isolation *isolation)
{
    static const char *const cgroups[] = { [ISOLATION_PRIVATE] = "",
                                           [ISOLATION_HOST] = "host",
                                           [ISOLATION_CONTAINER] = "joined",
                                           [ISOLATION_PATH] = "joined" };
    enum isolation_mode ipc = isolation->ipc.mode;

    if (step->kind == PLAN_CGROUP && isolation->systemd &&
        isolation->cgroup.mode == ISOLATION_PRIVATE) {
        (void)snprintf(step->options, sizeof step->options, "%s",
                       isolation->privileged ? PLAN_CGROUP_INIT_ALL : PLAN_CGROUP_INIT);
        step->attr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
    } else if (step->kind == PLAN_CGROUP) {
        (void)snprintf(step->options, sizeof step->options, "%s", cgroups[isolation->cgroup.mode]);
    } else if (strcmp(step->target, "/dev/shm") == 0 && isolation->shm_bytes > 0 &&
               ipc == ISOLATION_PRIVATE) {
        (void)snprintf(step->options, sizeof step->options, "mode=1777,size=%llu",
                       (unsigned long long)isolation->shm_bytes);
    } else if (strcmp(step->target, "/dev/shm") == 0 && ipc == ISOLATION_HOST) {
        *step = (struct plan_step){
            .kind = PLAN_BIND, .source = "/dev/shm", .target = "/dev/shm", .attr = HARD
        };
    } else if (strcmp(step->target, "/dev/shm") == 0 && ipc == ISOLATION_CONTAINER) {
        *step = (struct plan_step){ .kind = PLAN_SHM, .target = "/dev/shm" };
    }
}

static void add_users(struct plan *p, const struct isolation_users *u)
{
    if (u->mode == ISOLATION_USERS_HOST) {
        return;
    }
    struct plan_step *step = add(p, (struct plan_step){ .kind = PLAN_USERS });
    if (u->mode == ISOLATION_USERS_MAPPED) {
        int n = 0;
        for (size_t i = 0; i < u->n_uids && n >= 0 && (size_t)n < sizeof step->options; i++) {
            n +=
                snprintf(step->options + n, sizeof step->options - (size_t)n, "%s%u:%u:%u",
                         i > 0 ? "," : "", u->uids[i].inside, u->uids[i].outside, u->uids[i].count);
        }
    } else {
        (void)snprintf(step->options, sizeof step->options, "%s:%.80s",
                       u->mode == ISOLATION_USERS_PATH ? "ns" : "container", u->source);
    }
}

static void add_joins(struct plan *p, const struct isolation *isolation)
{
    for (unsigned kind = 0; kind < ISOLATION_KINDS; kind++) {
        const struct isolation_namespace *n = isolation_of(isolation, kind);
        if ((n->mode != ISOLATION_CONTAINER && n->mode != ISOLATION_PATH) ||
            kind == ISOLATION_PID) { /* of which the first process is a child, from its start */
            continue;
        }
        struct plan_step *step = add(p, (struct plan_step){ .kind = PLAN_JOIN, .attr = kind });
        (void)snprintf(step->options, sizeof step->options, "%s %s:%.80s",
                       isolation_kind_name(kind), n->mode == ISOLATION_PATH ? "ns" : "container",
                       n->source);
    }
}

static void add_system_mounts(struct plan *p, const struct spec *spec)
{
    size_t first = p->n;

    add_table(p, spec, system_mounts, COUNT(system_mounts));
    for (size_t i = first; i < p->n && spec->isolation.privileged; i++) {
        struct plan_step *step = &p->steps[i];
        step->attr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
        if (step->kind == PLAN_DEVICES) {
            (void)snprintf(step->options, sizeof step->options, "all");
        }
    }
    for (size_t i = first; i < p->n; i++) {
        share(&p->steps[i], &spec->isolation);
    }
}

static bool is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* What the container's safety rests on stays ours: writes to /proc must reach procfs, device
 * nodes must be those of devices.c (CVE-2019-16884, CVE-2023-27561). */
static int check_target(const char *target, struct imgc_err *reterr)
{
    if (strcmp(target, "/") == 0 || strcmp(target, "/dev") == 0 || is_below(target, "/proc")) {
        return imgc_fail(reterr, IMGC_E_USAGE, "nothing can be mounted over '%s' of a container",
                         target);
    }
    return 0;
}

static size_t depth(const char *path)
{
    size_t n = 0;
    for (; *path; path++) {
        n += *path == '/' && path[1] != '\0';
    }
    return n;
}

/* What was not asked for is not said, so that the kernel's own defaults hold. */
static void set_tmpfs_options(struct plan_step *step, const struct spec_mount *m)
{
    const struct {
        const char *name, *unit;
        unsigned long long value;
    } options[] = {
        { "size", "", m->size_bytes },  { "size", "%", m->size_percent },
        { "nr_inodes", "", m->inodes }, { "uid", "", m->uid },
        { "gid", "", m->gid },
    };
    int n = snprintf(step->options, sizeof step->options, "mode=%o", m->mode ? m->mode : 01777u);

    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (options[i].value != 0 && n > 0 && (size_t)n < sizeof step->options) {
            n += snprintf(step->options + n, sizeof step->options - (size_t)n, ",%s=%llu%s",
                          options[i].name, options[i].value, options[i].unit);
        }
    }
}

static void add_mount(struct plan *p, const struct spec_mount *m)
{
    uint64_t read_only = m->read_only ? MOUNT_ATTR_RDONLY : 0u;

    if (m->kind != SPEC_MOUNT_TMPFS) {
        add(p,
            (struct plan_step){
                .kind = PLAN_BIND,
                .source = m->host_dir ? m->host_dir : m->source,
                .target = m->target,
                .attr = read_only | (m->dev ? 0u : MOUNT_ATTR_NODEV) |
                        (m->nosuid ? MOUNT_ATTR_NOSUID : 0u) | (m->noexec ? MOUNT_ATTR_NOEXEC : 0u),
                .mount = m,
            });
        return;
    }
    struct plan_step *step = add(p, (struct plan_step){
                                        .kind = PLAN_MOUNT,
                                        .target = m->target,
                                        .fstype = "tmpfs",
                                        .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | read_only |
                                                (m->noexec ? MOUNT_ATTR_NOEXEC : 0),
                                    });
    set_tmpfs_options(step, m);
}

/* "/a" before "/a/b", else in the order given. */
static int add_user_mounts(struct plan *p, const struct spec *spec, struct imgc_err *reterr)
{
    size_t done = 0;

    for (size_t d = 0; done < spec->n_mounts; d++) {
        for (size_t i = 0; i < spec->n_mounts; i++) {
            if (depth(spec->mounts[i].target) != d) {
                continue;
            }
            int r = check_target(spec->mounts[i].target, reterr);
            if (r < 0) {
                return r;
            }
            add_mount(p, &spec->mounts[i]);
            done++;
        }
    }
    return 0;
}

/* What the image declares as a volume is there, though it be a plain directory of the container.
 * Before anything is mounted: never in a host's directory or in /proc. */
static void add_volumes(struct plan *p, const struct spec *spec)
{
    for (char **v = spec->volumes; v && *v; v++) {
        add(p, (struct plan_step){ .kind = PLAN_DIRECTORY, .target = *v });
    }
}

/* Those of @paths that --privileged or unmask= do not leave alone. */
static void add_restricted(struct plan *p, const struct spec *spec, enum plan_kind kind,
                           const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isolation_is_unmasked(&spec->isolation, paths[i])) {
            add(p, (struct plan_step){ .kind = kind, .target = paths[i] });
        }
    }
}

static void add_restrictions(struct plan *p, const struct spec *spec)
{
    static const char *const cpus = "/sys/devices/system/cpu";

    add_restricted(p, spec, PLAN_MASK, masked_paths, COUNT(masked_paths));
    add_restricted(p, spec, PLAN_MASK_CPUS, &cpus, 1);
    for (char **path = spec->isolation.mask; path && *path; path++) {
        add(p, (struct plan_step){ .kind = PLAN_MASK, .target = *path });
    }
    add_restricted(p, spec, PLAN_READ_ONLY, read_only_paths, COUNT(read_only_paths));
    if (spec->read_only) {
        add(p, (struct plan_step){ .kind = PLAN_ROOT_READ_ONLY });
    }
}

static void add_identity(struct plan *p, const struct spec *spec)
{
    if (spec->hostname && spec->hostname[0]) {
        struct plan_step *step = add(p, (struct plan_step){ .kind = PLAN_HOSTNAME });
        (void)snprintf(step->options, sizeof step->options, "%s", spec->hostname);
    }
    if (spec->isolation.domainname) {
        struct plan_step *step = add(p, (struct plan_step){ .kind = PLAN_DOMAINNAME });
        (void)snprintf(step->options, sizeof step->options, "%s", spec->isolation.domainname);
    }
    if (spec_owns_network(spec)) {
        add(p, (struct plan_step){ .kind = PLAN_LOOPBACK });
    }
}

static void add_devices(struct plan *p, const struct spec *spec)
{
    for (size_t i = 0; i < spec->isolation.n_devices; i++) {
        const struct isolation_device *d = &spec->isolation.devices[i];
        struct plan_step *step = add(
            p, (struct plan_step){ .kind = PLAN_DEVICE, .source = d->source, .target = d->target });
        (void)snprintf(step->options, sizeof step->options, "%.3s", d->access);
    }
}

static void add_sysctls(struct plan *p, const struct spec *spec)
{
    for (size_t i = 0; i < spec->isolation.n_sysctls; i++) {
        const struct isolation_sysctl *s = &spec->isolation.sysctls[i];
        struct plan_step *step =
            add(p, (struct plan_step){ .kind = PLAN_SYSCTL, .target = s->path });
        (void)snprintf(step->options, sizeof step->options, "%s", s->value);
    }
}

/* Of writable_mounts /run and /tmp are among those for systemd, too. */
static void add_writable(struct plan *p, const struct spec *spec)
{
    size_t first = spec->isolation.systemd ? COUNT(writable_mounts) - 1 : 0;

    if (spec->isolation.systemd) {
        add_table(p, spec, systemd_mounts, COUNT(systemd_mounts));
    }
    if (spec->read_only && spec->isolation.read_only_tmpfs) {
        add_table(p, spec, writable_mounts + first, COUNT(writable_mounts) - first);
    }
}

static size_t count(char *const *list)
{
    size_t n = 0;

    while (list && list[n]) {
        n++;
    }
    return n;
}

int plan_make(const struct spec *spec, struct plan *ret, struct imgc_err *reterr)
{
    plan_auto struct plan p = PLAN_INIT;
    size_t n = FIXED_STEPS_MAX + spec->n_mounts + count(spec->volumes) +
               count(spec->isolation.mask) + spec->isolation.n_sysctls + spec->isolation.n_devices;

    p.steps = calloc(n, sizeof *p.steps);
    if (!p.steps) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = sysctls_check(spec, reterr);
    if (r < 0) {
        return r;
    }
    add_users(&p, &spec->isolation.users);
    add_joins(&p, &spec->isolation);
    add(&p, (struct plan_step){ .kind = PLAN_ROOT, .source = spec->mountpoint });
    add_volumes(&p, spec);
    add_system_mounts(&p, spec);
    add_devices(&p, spec);
    if (spec->terminal) {
        add(&p, (struct plan_step){ .kind = PLAN_CONSOLE, .target = "/dev/console" });
    }
    if (spec_owns_network(spec)) {
        add_table(&p, spec, network_sysctls, COUNT(network_sysctls));
    }
    add_sysctls(&p, spec);
    add_table(&p, spec, generated_files, COUNT(generated_files));
    if (spec->isolation.timezone) {
        add(&p, (struct plan_step){
                    .kind = PLAN_FILE, .source = TIMEZONE_FILE, .target = "/etc/localtime" });
    }
    add_writable(&p, spec);
    r = add_user_mounts(&p, spec, reterr);
    if (r < 0) {
        return r;
    }
    /* The directory is created before the root becomes read-only. */
    add(&p, (struct plan_step){ .kind = PLAN_WORKDIR, .target = spec->cwd });
    add_restrictions(&p, spec);
    add_identity(&p, spec);
    add(&p, (struct plan_step){ .kind = PLAN_PIVOT });

    *ret = p;
    p = (struct plan)PLAN_INIT;
    return 0;
}

void plan_done(struct plan *p)
{
    free(p->steps);
    p->steps = NULL;
    p->n = 0;
}

static void print_attr(uint64_t attr, struct imgc_buf *b)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } names[] = {
        { MOUNT_ATTR_RDONLY, "ro" },
        { MOUNT_ATTR_NOSUID, "nosuid" },
        { MOUNT_ATTR_NOEXEC, "noexec" },
        { MOUNT_ATTR_NODEV, "nodev" },
        { MOUNT_ATTR_STRICTATIME, "strictatime" },
    };

    for (size_t i = 0; i < COUNT(names); i++) {
        if (attr & names[i].bit) {
            imgc_buf_printf(b, " %s", names[i].name);
        }
    }
}

static void print_propagation(const struct spec_mount *m, struct imgc_buf *b)
{
    if (m && m->propagation != SPEC_PROPAGATION_PRIVATE) {
        imgc_buf_puts(b, m->propagation == SPEC_PROPAGATION_SLAVE ? " slave" : " shared");
    }
}

void plan_print(const struct plan *p, struct imgc_buf *b)
{
    static const char *const kinds[] = {
        [PLAN_USERS] = "users",
        [PLAN_JOIN] = "join",
        [PLAN_SHM] = "shm",
        [PLAN_ROOT] = "root",
        [PLAN_DIRECTORY] = "directory",
        [PLAN_MOUNT] = "mount",
        [PLAN_DEVICES] = "devices",
        [PLAN_DEVICE] = "device",
        [PLAN_CONSOLE] = "console",
        [PLAN_CGROUP] = "cgroup",
        [PLAN_SYSCTL] = "sysctl",
        [PLAN_FILE] = "file",
        [PLAN_BIND] = "bind",
        [PLAN_MASK] = "mask",
        [PLAN_MASK_CPUS] = "mask-cpus",
        [PLAN_READ_ONLY] = "read-only",
        [PLAN_ROOT_READ_ONLY] = "root-read-only",
        [PLAN_HOSTNAME] = "hostname",
        [PLAN_DOMAINNAME] = "domainname",
        [PLAN_LOOPBACK] = "loopback",
        [PLAN_PIVOT] = "pivot",
        [PLAN_WORKDIR] = "workdir",
    };

    for (size_t i = 0; i < p->n; i++) {
        const struct plan_step *s = &p->steps[i];
        const char *const words[] = { s->fstype, s->source, s->target, s->options };

        imgc_buf_puts(b, kinds[s->kind]);
        for (size_t j = 0; j < COUNT(words); j++) {
            if (words[j] && words[j][0]) {
                imgc_buf_printf(b, " %s", words[j]);
            }
        }
        print_attr(s->kind == PLAN_JOIN ? 0 : s->attr, b);
        print_propagation(s->mount, b);
        imgc_buf_putc(b, '\n');
    }
}
