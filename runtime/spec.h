/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container spec: everything that decides how a container runs, as plain data. Built by cmd/
 * from the image config and the options; turned into a plan (plan.h), which is executed (launch.h).
 * Spec, plan and execution stay apart: nothing here asks the kernel or needs privilege.
 *
 * Source: OCI image-spec v1.1, conversion.md; docker's and podman's defaults (docs/security.md).
 */
#ifndef IMGC_RUNTIME_SPEC_H
#define IMGC_RUNTIME_SPEC_H

#include <stdint.h>

#include "runtime/isolation.h"
#include "runtime/net_want.h"
#include "schema/config.h"

enum spec_network {
    SPEC_NETWORK_NONE,
    SPEC_NETWORK_HOST,
    SPEC_NETWORK_BRIDGE, /* a network of this store, looked up when the container starts */
    SPEC_NETWORK_USER,   /* of an ordinary user: net_user.h */
};

enum spec_mount_kind { SPEC_MOUNT_BIND, SPEC_MOUNT_TMPFS, SPEC_MOUNT_VOLUME };

/* Whether what is mounted below a source later shows on the other side: never; in the container
 * what the host mounts; both ways. */
enum spec_propagation { SPEC_PROPAGATION_PRIVATE, SPEC_PROPAGATION_SLAVE, SPEC_PROPAGATION_SHARED };

struct spec_mount {
    enum spec_mount_kind kind;
    char *source;   /* BIND: absolute host path; VOLUME: its name, NULL as long as an anonymous one
                       has none; else NULL */
    char *target;   /* absolute path in the container, cleaned */
    char *subpath;  /* VOLUME: what of it is mounted, looked up inside of it, "/a/b"; NULL: all */
    char *host_dir; /* VOLUME: where it is, looked up before each start; else NULL */
    bool read_only;
    bool noexec, nosuid;
    bool dev; /* device nodes below it may be used; of TMPFS never, nor set-user-ID */
    enum spec_propagation propagation; /* not TMPFS, and the three below */
    bool no_submounts;                 /* without what is mounted below the source */
    bool submounts_writable;           /* read_only does not go down into what is mounted below */
    bool is_anonymous;                 /* VOLUME: made for this container, and goes with it */
    bool must_exist;       /* BIND: a missing source is an error and not a new directory */
    bool idmap;            /* BIND: files have the owners that the container's users make of them */
    bool chown;            /* first give all of it to the container's user */
    bool no_copy;          /* VOLUME: a new one begins empty, without what the image has there */
    uint64_t size_bytes;   /* TMPFS: 0 = the kernel's default */
    uint64_t size_percent; /* TMPFS: of the memory, instead of size_bytes; 0 = not given */
    uint64_t inodes;       /* TMPFS: 0 = the kernel's default */
    uint32_t mode;         /* TMPFS: 0 = 1777 */
    uint32_t uid, gid;     /* TMPFS: the owner */
};

struct spec_limits { /* 0, NULL, false: no limit of this kind */
    uint64_t memory_bytes;
    int64_t memory_swap_bytes; /* memory and swap together; 0: twice the memory; -1: no limit */
    uint64_t memory_reservation_bytes;
    uint32_t swappiness_and_one; /* v1 only: 1 + a value of 0 to 100 */
    bool oom_kill_disable;       /* v1 only */
    uint64_t cpu_quota_us;       /* per period */
    uint64_t cpu_period_us;      /* 0: 100 000 */
    uint64_t cpu_shares;         /* as v1 counts them: 2 to 262144, 1024 is the usual share */
    char *cpuset_cpus;           /* "0-3,7" */
    char *cpuset_mems;
    int64_t pids;       /* -1: no limit */
    uint32_t io_weight; /* 10 to 1000 */
    char **io_max;      /* "MAJOR:MINOR KEY=N", KEY as v2 names them: rbps wbps riops wiops */
    char **cgroup_conf; /* "FILE=VALUE" for v2, as it is */
};

/* The variable where an image has none. */
#define SPEC_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct spec {
    char *id;       /* 64 hex digits */
    char *hostname; /* "" keeps the host's */
    /* root file system: lower directories, or an EROFS image, and upper/work for an overlay on
     * top; or a directory as it is */
    char **lowerdirs; /* top first, NULL-terminated */
    char *erofs_image;
    char **erofs_devices; /* files that hold the image's data, in its order; NULL-terminated */
    char *upper_dir, *work_dir;
    bool upper_is_disposable; /* nobody reads it after the container's end: it need not survive a
                                 power loss */
    char *root_dir;
    char *mountpoint; /* an existing host directory to mount the root on, in a mount namespace of
                         the container's own */
    char *state_dir;  /* host directory for generated /etc/hosts, hostname, resolv.conf */
    bool read_only;
    uint64_t log_max_bytes; /* log_rotate.h; 0: its default */
    uint32_t log_max_files;
    /* process */
    char **argv, **env;        /* NULL-terminated */
    uint32_t n_entrypoint;     /* words of argv that are the entrypoint: the rest is the command */
    bool no_home, no_hostname; /* these variables are not added where env has none */
    char *cwd;
    char *user; /* "", "uid", "name", "uid:gid", ...: resolved inside the root by user.h */
    bool terminal, interactive; /* -t, -i */
    int stop_signal;
    uint64_t timeout_s; /* after which it is killed; 0: never */
    /* isolation */
    enum spec_network network;
    struct net_want net_want;
    uint64_t capabilities; /* bounding = permitted = effective, bit n = capability n */
    bool no_seccomp;       /* --security-opt seccomp=unconfined */
    struct isolation isolation;
    struct spec_mount *mounts;
    size_t n_mounts;
    char **volumes; /* directories that the image declares: absolute, cleaned; NULL-terminated */
    struct spec_limits limits;
    char *cgroup_name;   /* made below the caller's or the root cgroup; NULL: "imgc-<id>" */
    char *cgroup_parent; /* below this cgroup instead, a path from the hierarchies' roots */
    bool no_cgroup;
};

void spec_done(struct spec *s);

/** Whether the network namespace is the container's own. Pure. */
bool spec_owns_network(const struct spec *s);
#define SPEC_INIT  \
    {              \
        .id = NULL \
    }
#define spec_auto imgc_auto(spec_done)

/* Whether the container is furnished for an init system: podman's --systemd. */
enum spec_systemd {
    SPEC_SYSTEMD_TRUE, /* where the command is one by its name */
    SPEC_SYSTEMD_FALSE,
    SPEC_SYSTEMD_ALWAYS,
};

/* What the command line says; NULL or 0 where it says nothing. All borrowed. */
struct spec_options {
    const char *const *args;      /* words after IMAGE, NULL-terminated */
    const char *const *env;       /* "K=V", or "K" to take the caller's value; in order */
    const char *const *unset_env; /* variables of the image and of ours that are not wanted */
    bool unset_all_env;
    const char *const *host_env; /* what is there before the image's variables; NULL: nothing */
    bool has_entrypoint;         /* --entrypoint was given (it may be "", which clears) */
    const char *entrypoint;      /* a word, or a JSON array */
    const char *workdir, *user, *hostname;
    bool terminal, interactive, read_only;
    enum spec_network network;
    enum spec_systemd systemd;
    const struct spec_mount *mounts;
    size_t n_mounts;
    struct spec_limits limits; /* what it points to is borrowed */
    const char *cgroup_parent;
    bool no_cgroup;
    uint64_t log_max_bytes;
    uint32_t log_max_files;
    uint64_t timeout_s;
    struct isolation *take_isolation; /* emptied; NULL: the default */
    struct net_want *take_net_want;   /* the same */
};

/**
 * Fill the process part, hostname, mounts, limits and defaults of *ret from an image's config (NULL
 * with --rootfs) and the options: Entrypoint + Cmd, arguments replace Cmd, --entrypoint clears Cmd;
 * Env in docker's order (PATH default, HOSTNAME, TERM with -t, the image's, -e), WorkingDir, User,
 * Volumes, StopSignal (of an init system SIGRTMIN+3 where the image names none), default
 * capabilities. Image labels and annotations never matter. The rootfs
 * fields are left to the caller.
 *
 * @id  64 hex digits. @return 0; -USAGE (no command given, bad -w); -NOCOMMAND (an empty word);
 * -LIMIT (environment too large, too many volumes); -DOCUMENT (bad StopSignal); -NOMEM.
 */
IMGC_CHECK int spec_from_config(const char *id, const struct image_config *config,
                                const struct spec_options *options, struct spec *ret,
                                struct imgc_err *reterr);

/** @ret  takes the place of nothing; free with spec_limits_done(). @return 0; -NOMEM. */
IMGC_CHECK int spec_limits_copy(const struct spec_limits *from, struct spec_limits *ret,
                                struct imgc_err *reterr);
void spec_limits_done(struct spec_limits *limits);
#define spec_limits_auto imgc_auto(spec_limits_done)

/** "SIGTERM", "TERM", "15" to a number. @return whether it is a signal. */
bool spec_parse_signal(struct imgc_str s, int *ret);

/**
 * Parse "-v [SRC:]DST[:OPTS]" (without SRC: a volume of the container's own; SRC with a
 * leading '/' or '.': a path, made absolute against the current directory; else a volume's name),
 * "--mount type=bind|volume|tmpfs,...", a line of CSV as docker has it, and "--tmpfs DST[:OPTS]"
 * (size, nr_inodes, mode, uid, gid, ro, exec, noexec). What docker or podman have and imgc has not
 * is refused by name.
 * @ret  caller frees with spec_mount_done(). @return 0; -USAGE.
 */
IMGC_CHECK int spec_parse_volume(struct imgc_str s, struct spec_mount *ret,
                                 struct imgc_err *reterr);
IMGC_CHECK int spec_parse_mount(struct imgc_str s, struct spec_mount *ret, struct imgc_err *reterr);
IMGC_CHECK int spec_parse_tmpfs(struct imgc_str s, struct spec_mount *ret, struct imgc_err *reterr);
void spec_mount_done(struct spec_mount *m);

#endif
