/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps between the IDs of a user namespace and those outside of it, and getting them into the
 * kernel: one ID by oneself, ranges through newuidmap and newgidmap, which are privileged and check
 * them against /etc/subuid and /etc/subgid.
 *
 * Source: user_namespaces(7), newuidmap(1), newgidmap(1).
 */
#ifndef IMGC_RUNTIME_IDMAP_H
#define IMGC_RUNTIME_IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/subid.h"

struct idmap_line {
    uint32_t inside, outside, count;
};

struct idmap {
    struct idmap_line lines[SUBID_RANGES_MAX + 1];
    size_t n;
};

/** Pure. Inside, 0 is @own and 1 and up are the IDs of @ranges, one range behind the other. What of
 * a range overlaps with @own or an earlier range is no part of it: the kernel wants each ID once.
 */
void idmap_make(uint32_t own, const struct subid *ranges, struct idmap *ret);

/** How many IDs there are inside. */
uint64_t idmap_total(const struct idmap *map);

/** Where newuidmap and newgidmap are, for messages and for idmap_helpers_begin(). */
struct idmap_tools {
    const char *uid, *gid; /* absolute; NULL: not there */
};

/** Look in the places of the system, never in PATH: what is found there belongs to root and nobody
 * else may write to it. */
void idmap_find_tools(struct idmap_tools *ret);

/* The two programs, forked but held back: they have to be outside of the namespace. */
struct idmap_helpers {
    pid_t pids[2]; /* 0: none */
    int go_fd;     /* closed without a word: they end */
    int stderr_fd;
};

#define IDMAP_HELPERS_INIT           \
    {                                \
        .go_fd = -1, .stderr_fd = -1 \
    }
void idmap_helpers_done(struct idmap_helpers *h);
#define idmap_helpers_auto imgc_auto(idmap_helpers_done)

/** Fork what will write the maps of this process. @return 0; -SYS; -NOMEM. */
IMGC_CHECK int idmap_helpers_begin(struct idmap_helpers *h, const struct idmap_tools *tools,
                                   const struct idmap *uids, const struct idmap *gids,
                                   struct imgc_err *reterr);

/** Let them, and wait for them. To be called in the new namespace. @return 0; -HOST with what they
 * said. */
IMGC_CHECK int idmap_helpers_run(struct idmap_helpers *h, struct imgc_err *reterr);

struct idmap_ids {
    uint32_t uid, gid;
};

/** Pure. What the first ID inside is outside, in the @text of /proc/PID/uid_map.
 * @return whether there is one. */
bool idmap_root(struct imgc_str text, uint32_t *ret);

/** Map @inside of the namespace that this process has just made to @outside, and nothing else;
 * groups can then not be changed. @proc_fd is /proc/self. Needs no privilege where @outside is the
 * process's own.
 * @return 0; -SYS. Context: parent, or child after clone. */
IMGC_CHECK int idmap_write_single(int proc_fd, struct idmap_ids inside, struct idmap_ids outside,
                                  struct imgc_err *reterr);

#endif
