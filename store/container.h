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
    bool is_unowned;              /* to container_create(): the caller does not run it */
    int stop_signal;              /* what `stop` sends first; 0 on creation: SIGTERM */
    int64_t stop_timeout_s;       /* and how long it waits then; -1: for ever */
    char *labels;                 /* JSON object of strings; NULL on creation: none */
    enum container_status status; /* after asking the kernel */
    struct process_id init;       /* PID 1 of the container; pid 0: never started */
    struct process_id owner;      /* the imgc that is its parent, or starts it; pid 0: none */
    char *cgroup;  /* path that the owner made, for cleaning up; NULL: none, or gone */
    int exit_code; /* with EXITED; -1: not known (its owner was killed) */
    bool oom_killed;
    int64_t created_ns, started_ns, finished_ns; /* 0: not yet */
};

void container_done(struct container *c);
#define container_auto imgc_auto(container_done)

enum { CONTAINER_MISSING = 1 };

/** A fresh random id. */
IMGC_CHECK int container_make_id(char ret[CONTAINER_ID_MAX], struct imgc_err *reterr);

/** Insert a new container and make containers/<id>/ (0700) with upper/ and work/. An empty name
 * becomes a made-up one ("adjective_noun"), an empty id a fresh one. Uses the fields that say how
 * it was made; fills id, name, created_ns. The owner is the calling process, or nobody.
 * @return 0; -EXISTS for a taken name, with whose it is; -NOTFOUND where the image is gone. */
IMGC_CHECK int container_create(struct store *s, struct container *c, struct imgc_err *reterr);

enum { CONTAINER_BUSY = 2 };

/** Become the owner of a container that is to be started: until then, or until it is given back, no
 * other process can. @return 0; CONTAINER_BUSY (it runs, or another process is starting it);
 * -NOTFOUND. */
IMGC_CHECK int container_claim(struct store *s, const char *id, struct imgc_err *reterr);

/** Take a claim back: what the killed owner has left, as it was found as @before, is still there,
 * and others may try to remove it. @return 0. */
IMGC_CHECK int container_unclaim(struct store *s, const struct container *before,
                                 struct imgc_err *reterr);

/** Note that the process which ran it was killed, after what that left is gone: it has ended now,
 * and nobody knows how; one that had not been started waits for it again. The caller has claimed
 * it.
 * @return 0; -NOTFOUND. */
IMGC_CHECK int container_abandoned(struct store *s, const char *id, struct imgc_err *reterr);

/** Give it back, not started, as it was when it was found as @before. @return 0; -NOTFOUND. */
IMGC_CHECK int container_release(struct store *s, const struct container *before,
                                 struct imgc_err *reterr);

/** Delete its row, unless it runs or somebody is starting it: what can be done by then is settled
 * with this. container_remove() does not look. @with_volumes  what was made for it alone goes too;
 * of a busy one nothing is changed. @return 0; CONTAINER_BUSY; -NOTFOUND. */
IMGC_CHECK int container_delete_idle(struct store *s, const char *id, bool with_volumes,
                                     struct imgc_err *reterr);

/** Remove the directories of a container whose row is gone. */
IMGC_CHECK int container_remove_files(struct store *s, const char *id, struct imgc_err *reterr);

/** Give it another name. @return 0; -EXISTS; -USAGE (not a name); -NOTFOUND. */
IMGC_CHECK int container_rename(struct store *s, const char *id, const char *name,
                                struct imgc_err *reterr);

/** Note that PID 1 @init runs (again). The calling process becomes the owner. @return -NOTFOUND. */
IMGC_CHECK int container_started(struct store *s, const char *id, const struct process_id *init,
                                 const char *cgroup, struct imgc_err *reterr);

/** Note how it ended; nobody owns it any more. @cgroup_remains  whoever sweeps removes it: until
 * container_swept() the field says so. @return -NOTFOUND. */
IMGC_CHECK int container_exited(struct store *s, const char *id, int exit_code, bool oom_killed,
                                bool cgroup_remains, struct imgc_err *reterr);

/** Note that what remained of one that has ended is gone. The caller has claimed it.
 * @return -NOTFOUND. */
IMGC_CHECK int container_swept(struct store *s, const char *id, struct imgc_err *reterr);

/** Note what it is allowed now: @spec_json as in struct container, and @cgroup, NULL where that is
 * as it was. @return -NOTFOUND. */
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

/** Open <runroot>/containers/<id>/, what is there of a container while it runs, made 0700 where it
 * is missing. @ret_fd caller closes. */
IMGC_CHECK int container_open_run_dir(struct store *s, const char *id, int *ret_fd,
                                      struct imgc_err *reterr);

/** Remove it, and what a killed owner has left there. Missing is fine. */
void container_remove_run_dir(struct store *s, const char *id);

#endif
