/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run a container: plan it, make its cgroup, clone it into new namespaces, hand it its root,
 * forward signals and the terminal, wait, clean up. The caller is the container's parent: the
 * command that runs it in the foreground, or the monitor of a detached one. Files of this folder:
 *
 *   spec      what is wanted (plain data); spec_config, spec_mount* make it
 *   plan      the steps that do it (pure, testable)
 *   launch    parent side, from plan to exit code     child      child side, from clone to exec
 *   become    what a child does to itself before exec: user, stdio, environment
 *   spawn     clone, and what a host forbids          sync       what the two say to each other
 *   isolation what is not as the default has it       nsjoin     namespaces of others
 *   ahead     what any container needs, prepared by a thread
 *   selfexe   keeps imgc's own binary safe            program    PATH search and exec
 *   mounts    the steps on mounts; mounts_bind,       mountfd    mounts as fds
 *             mounts_cgroup                           mountinfo  how a mount propagates
 *   overlay   the root file system                    rootpath   paths inside the root (openat2)
 *   devices   /dev                                    etcfiles   /etc/hosts and the like
 *   user      "user[:group]" inside the root          caps       capabilities
 *   seccomp   schema/seccomp.json -> filter           cgroup     limits; cgroup_v1, cgroup_v2
 *   init_program  process 1 of --init
 *   relay     output, terminal and signals            tty        pseudo terminal, raw mode, size
 *   monitor   process of a detached container         attach     the socket to it; attach_server
 *   detach_keys  what is typed to leave it running               its side, attach_client the other
 *   spec_json a spec that waits to be started
 *   log       output of containers, kept; log_rotate in several files, log_reader read
 *   exec      one more process in a running container: exec_child its side, join and cgroup_join
 *             where it goes, selfcopy where it runs from
 */
#ifndef IMGC_RUNTIME_LAUNCH_H
#define IMGC_RUNTIME_LAUNCH_H

#include "runtime/ahead.h"
#include "runtime/attach_server.h"
#include "runtime/etcfiles.h"
#include "runtime/nsjoin.h"
#include "runtime/spec.h"
#include "schema/base/process.h"

struct launch_args {
    int log_fd; /* borrowed; stdout and stderr are copied there too; -1: keep no log, and then
                   the container writes straight to the caller's stdout and stderr */
    /** Called once the container's process exists, in its cgroup, and while it builds its root: on
     * another processor, so this costs no time. A failure here kills it. May be NULL. */
    int (*started)(void *arg, const struct process_id *init, const char *cgroup,
                   struct imgc_err *reterr);
    /** Called next: to give the container's network namespace (borrowed) its interfaces. A failure
     * here kills it. May be NULL. */
    int (*network)(void *arg, int netns_fd, struct imgc_err *reterr);
    void (*ready)(void *arg);   /* called next, when it has its root, before it runs; may be NULL */
    void (*running)(void *arg); /* called when the command is executed; may be NULL */
    void *arg;
    nsjoin_find *find;   /* other containers whose namespaces the spec joins; called before the
                            container is made; may be NULL */
    struct ahead *ahead; /* begun; or NULL */
    struct attach_server *attach; /* borrowed; then the caller's standard input, output and error
                                     are none of the container's, its clients' are; NULL: in the
                                     foreground */
    struct attach_size size;      /* of the container's terminal from its first moment, with
                                     attach; 0: nobody knows it yet */
    bool hold_mounts;             /* for launch_result.mounts_fd */
    struct etcfiles_net etc;      /* borrowed */
    void (*warn)(void *arg, const char *message); /* survivable: a limit this host lacks; may be
                                                     NULL */
};

struct launch_result {
    int exit_code; /* the command's own; 128 + n when killed by signal n */
    bool oom_killed;
    int mounts_fd; /* with hold_mounts: keeps the container's mounts, so that the end of its last
                      process does not wait until they are taken down; its last close does. The
                      caller closes it. -1: none, they are down */
    bool cgroup_remains; /* on failure, too: what is in it does not die, or the kernel has another
                            use for it. For a later launch_cleanup_cgroup() */
};

/**
 * Run and wait. No thread may be alive in the process. The terminal, the signal mask and the signal
 * handlers are as before on every return.
 * @return 0; -NOEXEC, -NOCOMMAND (the command); -HOST (namespaces, mounts or cgroups forbidden:
 *         names what and the remedy); -USAGE (unknown user); -SYS; -NOSPACE.
 */
IMGC_CHECK int launch_run(const struct spec *spec, const struct launch_args *args,
                          struct launch_result *ret, struct imgc_err *reterr);

/** Kill what is left in a dead launcher's cgroup and remove it. @cgroup as given to started(), or
 * NULL where it never came so far; @cgroup_name the spec's. @patience as for cgroup_remove_path().
 */
IMGC_CHECK int launch_cleanup_cgroup(const char *cgroup, const char *cgroup_name, bool patience,
                                     struct imgc_err *reterr);

#endif
