/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers: their row, their directory containers/<id>/ (upper, work, config.json, log) and who
 * runs them. Whether one runs is asked of the kernel (pid, start time, boot id), never believed.
 */
#ifndef IMGC_STORE_CONTAINER_H
#define IMGC_STORE_CONTAINER_H

#include "schema/base/process.h"
#include "schema/digest.h"
#include "store/store.h"

#define CONTAINER_ID_MAX 65 /* 64 hex digits and the NUL */

enum container_status { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED };

struct container {
    char id[CONTAINER_ID_MAX];
    char *name;
    struct digest image_id;       /* DIGEST_NONE with --rootfs */
    char *image_name;             /* as the user wrote it; or the rootfs path */
    char *command;                /* argv joined by blanks, for ps */
    char *spec_json;              /* options as given, for inspect */
    bool auto_remove;             /* --rm */
    enum container_status status; /* after asking the kernel */
    struct process_id init;       /* PID 1 of the container; pid 0: never started */
    struct process_id owner;      /* the imgc that is its parent; pid 0: none */
    char *cgroup;                 /* path that the owner made, or NULL; for cleaning up */
    int exit_code;                /* with EXITED; -1: not known (its owner was killed) */
    bool oom_killed;
    int64_t created_ns, started_ns, finished_ns; /* 0: not yet */
};

void container_done(struct container *c);
#define container_auto imgc_auto(container_done)

enum { CONTAINER_MISSING = 1 };

/** Insert a new container with a fresh random id and make containers/<id>/ (0700) with upper/ and
 * work/. An empty name becomes a made-up one ("adjective_noun"). Uses name, image_id, image_name,
 * command, spec_json, auto_remove; fills id, name, created_ns. The owner is the calling process.
 * @return 0; -EXISTS for a taken name; -NOTFOUND where the image is gone. */
IMGC_CHECK int container_create(struct store *s, struct container *c, struct imgc_err *reterr);

/** Note that PID 1 @init runs (again). The calling process becomes the owner. @return -NOTFOUND. */
IMGC_CHECK int container_started(struct store *s, const char *id, const struct process_id *init,
                                 const char *cgroup, struct imgc_err *reterr);

/** Note how it ended. @return -NOTFOUND. */
IMGC_CHECK int container_exited(struct store *s, const char *id, int exit_code, bool oom_killed,
                                struct imgc_err *reterr);

/** Note what it is allowed now: @spec_json as in struct container, and @cgroup, NULL where that is as
 * it was. @return -NOTFOUND. */
IMGC_CHECK int container_changed(struct store *s, const char *id, const char *spec_json,
                                 const char *cgroup, struct imgc_err *reterr);

/** By name, full ID, or unambiguous ID prefix. @return 0; CONTAINER_MISSING; -AMBIGUOUS. */
IMGC_CHECK int container_find(struct store *s, struct imgc_str name, struct container *ret,
                              struct imgc_err *reterr);

struct container_list {
    struct container *items;
    size_t n;
};
void container_list_done(struct container_list *list);
#define container_list_auto imgc_auto(container_list_done)

/** All containers, newest first. */
IMGC_CHECK int container_list(struct store *s, struct container_list *ret, struct imgc_err *reterr);

/** Remove row and directory. The caller has made sure that it does not run. */
IMGC_CHECK int container_remove(struct store *s, const char *id, struct imgc_err *reterr);

/** The same for a command that ends now, which does not wait for the directory: behind_remove(),
 * and @hold_fd as there. */
IMGC_CHECK int container_remove_behind(struct store *s, const char *id, int *hold_fd,
                                       struct imgc_err *reterr);

/** Like container_remove(), but the directory goes into the trash: for any size, and the background
 * process must be started. */
IMGC_CHECK int container_discard(struct store *s, const char *id, struct imgc_err *reterr);

/** Open containers/<id>/. @ret_fd caller closes. */
IMGC_CHECK int container_open_dir(struct store *s, const char *id, int *ret_fd,
                                  struct imgc_err *reterr);

#endif
