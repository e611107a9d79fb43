/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: what the container's first process does, in order, between clone and exec. Pure: made
 * from the spec alone, plain data, printable. child.c executes it.
 *
 * Source: docker's default mounts, masked and read-only paths (docs/security.md).
 */
#ifndef IMGC_RUNTIME_PLAN_H
#define IMGC_RUNTIME_PLAN_H

#include "runtime/spec.h"
#include "schema/base/buf.h"

enum plan_kind {
    PLAN_USERS,          /* the user namespace: options says whose, or what 0 is outside */
    PLAN_JOIN,           /* join the namespace of the kind attr: options says whose it is */
    PLAN_ROOT,           /* mount the root file system on source */
    PLAN_DIRECTORY,      /* create target if missing */
    PLAN_MOUNT,          /* new fstype with options and attr on target */
    PLAN_DEVICES,        /* nodes and links below target; options "all": the host's too */
    PLAN_DEVICE,         /* the host's device source as target; options: access */
    PLAN_CONSOLE,        /* a pseudo terminal of the container's own, also as target */
    PLAN_SHM,            /* the other container's shared memory on target */
    PLAN_CGROUP,         /* cgroup namespace, and its hierarchies on target; options "host": the
                            host's, "joined": another's, which is joined already; or one of
                            PLAN_CGROUP_INIT */
    PLAN_SYSCTL,         /* write options to target */
    PLAN_FILE,           /* generated file source over target, if target's parent exists */
    PLAN_BIND,           /* host path source over target */
    PLAN_MASK,           /* hide target */
    PLAN_MASK_CPUS,      /* hide thermal_throttle of every CPU below target */
    PLAN_READ_ONLY,      /* target becomes read-only */
    PLAN_ROOT_READ_ONLY, /* the root too, but for what is mounted on it */
    PLAN_HOSTNAME,       /* options is the name */
    PLAN_DOMAINNAME,     /* options is the name, for NIS */
    PLAN_LOOPBACK,       /* "lo" up */
    PLAN_PIVOT,          /* the root becomes "/", the host's is gone */
    PLAN_WORKDIR,        /* create target if missing, go there */
};

#define PLAN_OPTIONS_MAX 128

/* For an init system: of both versions v2 alone, and of v1 without v2 what has no limits can be
 * written to; or all, for a privileged one. */
#define PLAN_CGROUP_INIT "v2"
#define PLAN_CGROUP_INIT_ALL "v2,all"

struct plan_step {
    enum plan_kind kind;
    bool optional;      /* a host without it is fine */
    bool system;        /* target is one component, and must be a real directory of the image */
    uint64_t attr;      /* MOUNT_ATTR_*; of PLAN_BIND: what to add */
    const char *source; /* borrowed from the spec, or constant; NULL where the kind has none */
    const char *target; /* the same */
    const char *fstype; /* constant, or NULL */
    const struct spec_mount *mount; /* PLAN_BIND of the user's; borrowed from the spec, or NULL */
    char options[PLAN_OPTIONS_MAX];
};

struct plan {
    struct plan_step *steps;
    size_t n;
};

#define PLAN_INIT     \
    {                 \
        .steps = NULL \
    }
#define plan_auto imgc_auto(plan_done)

/**
 * Make the plan for @spec, which must outlive it.
 * @return 0; -USAGE (a volume over "/", "/dev" or into "/proc"); -NOMEM.
 */
IMGC_CHECK int plan_make(const struct spec *spec, struct plan *ret, struct imgc_err *reterr);

void plan_done(struct plan *p);

/** Append one line per step to @b. */
void plan_print(const struct plan *p, struct imgc_buf *b);

#endif
