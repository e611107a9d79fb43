/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes: directories that outlive containers. A row and volumes/<name>/data; which container uses
 * which is in the index, so that a used one is never removed.
 *
 * A new volume is filled once, with what the image has at the place where it is first mounted. That
 * is staged elsewhere, synced, and renamed over the empty directory: half of it is never seen, also
 * after a kill or a power loss.
 */
#ifndef IMGC_STORE_VOLUME_H
#define IMGC_STORE_VOLUME_H

#include "schema/volume_name.h"
#include "store/lease.h"
#include "store/paths.h"

struct volume {
    char *name;
    bool is_anonymous; /* made for one container: goes with it, where that is asked (rm -v, --rm) */
    bool is_filled;    /* its content is the user's: nothing is copied into it any more */
    char *labels_json; /* an object */
    int64_t created_ns;
    uint64_t uses; /* containers */
};

void volume_done(struct volume *v);
#define volume_auto imgc_auto(volume_done)

enum { VOLUME_EXISTS = 1, VOLUME_MISSING = 2, VOLUME_USED = 3, VOLUME_FULL = 4 };

/** "volumes/<name>/data" under the root. Returns @out. */
const char *volume_path(const char *name, char out[PATHS_MAX]);

/** A name for a volume without one: 64 random hex digits. */
#define VOLUME_MADE_NAME_MAX 65
IMGC_CHECK int volume_make_name(char out[VOLUME_MADE_NAME_MAX], struct imgc_err *reterr);

struct volume_args {
    const char *name;         /* a good one (schema/volume_name.h) */
    const char *labels_json;  /* of a new one; NULL: none */
    const char *container_id; /* that uses it from now on; NULL: none does */
    bool is_anonymous;        /* a new one is */
};

/** Make the volume, unless it is there; with a container's use of it in the same transaction. A
 * new one is in the index on the disk when this returns: what is written into it then is not
 * forgotten. One of an index that is older than its directory gets an empty directory again.
 * @return 0; VOLUME_EXISTS; -NOTFOUND (the container is gone); -SYS. */
IMGC_CHECK int volume_create(struct store *s, struct lease *l, const struct volume_args *args,
                             struct imgc_err *reterr);

/** The content of a new volume was decided: the staged directory @name of the lease's, or NULL: it
 * stays empty. Without effect on one that is filled, or that has something in it.
 * @is_disposable  nobody will miss it after a power loss: it is not waited for the disk. */
IMGC_CHECK int volume_fill(struct store *s, struct lease *l, const char *volume, const char *name,
                           bool is_disposable, struct imgc_err *reterr);

/** @return 0; VOLUME_MISSING. */
IMGC_CHECK int volume_find(struct store *s, const char *name, struct volume *ret,
                           struct imgc_err *reterr);

struct volume_list {
    struct volume *items;
    size_t n;
};
void volume_list_done(struct volume_list *list);
#define volume_list_auto imgc_auto(volume_list_done)

/** All, by name. */
IMGC_CHECK int volume_list(struct store *s, struct volume_list *ret, struct imgc_err *reterr);

/** Remove it with its content; the background process must be started.
 * @return 0; VOLUME_MISSING; VOLUME_USED. */
IMGC_CHECK int volume_remove(struct store *s, const char *name, struct imgc_err *reterr);

/** The names of the containers that use @name. @ret NULL-terminated; json_strings_free(). */
IMGC_CHECK int volume_users(struct store *s, const char *name, char ***ret,
                            struct imgc_err *reterr);

/** Of a container that is removed next, also those go that were made for it. */
IMGC_CHECK int volume_follow(struct store *s, const char *container_id, struct imgc_err *reterr);

/** For the files of this folder. Inside the transaction that deletes the row of a container: with
 * one of --rm go the volumes that were made for it and that no other one uses. */
IMGC_CHECK int volume_leave(struct store *s, const char *container_id, struct imgc_err *reterr);

/** Disk bytes of one. */
IMGC_CHECK int volume_bytes(struct store *s, const char *name, uint64_t *ret,
                            struct imgc_err *reterr);

#endif
