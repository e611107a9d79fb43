/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sets a container apart from the host, beyond the defaults: the part of the spec (spec.h)
 * that --privileged, --cap-add, --security-opt and their like fill. Plain data; nothing here asks
 * the kernel. All zero is the default container.
 */
#ifndef IMGC_RUNTIME_ISOLATION_H
#define IMGC_RUNTIME_ISOLATION_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

enum isolation_kind {
    ISOLATION_PID,
    ISOLATION_IPC,
    ISOLATION_UTS,
    ISOLATION_NET,
    ISOLATION_CGROUP,
    ISOLATION_TIME,
    ISOLATION_KINDS
};

enum isolation_mode {
    ISOLATION_PRIVATE,   /* a namespace of the container's own */
    ISOLATION_HOST,      /* the launcher's */
    ISOLATION_CONTAINER, /* that of the container @source, looked up at start */
    ISOLATION_PATH,      /* the file @source, as `ip netns` makes them */
};

struct isolation_namespace {
    enum isolation_mode mode;
    char *source; /* CONTAINER: a name or ID; PATH: an absolute path; else NULL */
};

enum isolation_ipc {
    ISOLATION_IPC_CLOSED,    /* no other container may join it */
    ISOLATION_IPC_SHAREABLE, /* others may */
    ISOLATION_IPC_NO_SHM,    /* and there is no /dev/shm */
};

enum isolation_users_mode {
    ISOLATION_USERS_HOST,      /* the launcher's user namespace */
    ISOLATION_USERS_MAPPED,    /* one of the container's own, with maps */
    ISOLATION_USERS_CONTAINER, /* that of the container @source, looked up at start */
    ISOLATION_USERS_PATH,      /* the file @source */
};

struct isolation_ids { /* IDs of the container and what they are where the launcher is */
    uint32_t inside, outside, count;
};

/* Whose users the container's are. */
struct isolation_users {
    enum isolation_users_mode mode;
    char *source;                      /* CONTAINER: a name or ID; PATH: an absolute path */
    struct isolation_ids *uids, *gids; /* MAPPED */
    size_t n_uids, n_gids;
    bool mounts_stay; /* the files of the image and of volumes have the owners that the map makes of
                         them; else they have those that they would have without a map */
};

struct isolation_rlimit {
    char *name; /* docker's: "nofile" */
    uint64_t soft, hard;
};

struct isolation_sysctl {
    char *path; /* "/proc/sys/net/..." */
    char *value;
};

struct isolation_device {
    char *source; /* on the host: a device, or a directory of them */
    char *target; /* in the container */
    char *access; /* letters of "rwm" */
};

struct isolation {
    /* ISOLATION_NET: --network host is spec.network, not a mode here */
    struct isolation_namespace pid, ipc, uts, net, cgroup, time;
    struct isolation_users users;
    enum isolation_ipc ipc_use; /* of a private IPC namespace */
    bool privileged; /* all capabilities that the launcher has, the host's devices, no filter, no
                        masks, /sys and cgroups writable */
    bool systemd;    /* for an init system: /run and its like are new, its cgroup is writable */
    bool init;       /* process 1 is an init that starts the command */
    char *init_path; /* the user's own, a file of the host; NULL: imgc's (init_program.h) */
    bool no_new_privs;
    bool no_seccomp;
    char *seccomp_profile; /* text of the user's own filter (seccomp_profile.h); NULL: imgc's */
    uint64_t cap_add, cap_drop; /* bit n = capability n; caps_combine() says what they make */
    char **mask;                /* more paths to hide: absolute, clean; NULL-terminated */
    char **unmask; /* patterns (fnmatch) of default masked and read-only paths to leave alone;
                      "ALL" is all of them */
    struct isolation_rlimit *rlimits;
    size_t n_rlimits;
    struct isolation_sysctl *sysctls;
    size_t n_sysctls;
    struct isolation_device *devices;
    size_t n_devices;
    char **device_rules; /* "c 1:3 rwm"; NULL-terminated */
    uint64_t shm_bytes;  /* of /dev/shm; 0: 64 MiB */
    bool has_umask;
    uint32_t umask;       /* with has_umask; else 022 */
    int oom_score_adj;    /* -1000 to 1000 */
    char **groups;        /* more supplementary groups, names or numbers; NULL-terminated */
    char *domainname;     /* NIS; NULL: as it is */
    char *timezone;       /* a zone of the host, "local" for its own; NULL: the image's */
    bool read_only_tmpfs; /* with a read-only root: /run, /tmp and /var/tmp can be written */
};

/** The field of @kind. Pure. */
const struct isolation_namespace *isolation_of(const struct isolation *i, enum isolation_kind kind);

/** "pid", "ipc", ...: the file of /proc/PID/ns. Pure. */
const char *isolation_kind_name(enum isolation_kind kind);

/** Whether the container's process is in another user namespace than the launcher. Pure. */
bool isolation_has_users(const struct isolation *i);

/** What @inside is outside, in one of the lists of a map. Pure. @return whether it is mapped. */
bool isolation_map_id(const struct isolation_ids *ids, size_t n, uint32_t inside, uint32_t *ret);

/** The other way round. Pure. @return whether @outside is what some ID is. */
bool isolation_unmap_id(const struct isolation_ids *ids, size_t n, uint32_t outside, uint32_t *ret);

/** Append a line to a map. @return 0; -USAGE where it is no range or overlaps with another;
 * -NOMEM. */
IMGC_CHECK int isolation_add_ids(struct isolation_ids **ids, size_t *n, struct isolation_ids line,
                                 struct imgc_err *reterr);

void isolation_done(struct isolation *i);
#define isolation_auto imgc_auto(isolation_done)

/** Append a copy of @s to the NULL-terminated *list (NULL: an empty one). @return 0; -NOMEM. */
IMGC_CHECK int isolation_append(char ***list, struct imgc_str s, struct imgc_err *reterr);

/** Whether the container may make cgroups below its own, but not change that one's limits: an init
 * system, unless it is privileged. Pure. */
bool isolation_delegates(const struct isolation *i);

/** Whether a default masked or read-only @path is to be left as it is. Pure. */
bool isolation_is_unmasked(const struct isolation *i, const char *path);

#endif
