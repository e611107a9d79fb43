/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Get the image that a user names: from the store, or from its registry as the policy says.
 */
#ifndef IMGC_CMD_ACQUIRE_H
#define IMGC_CMD_ACQUIRE_H

#include "cmd/app.h"
#include "cmd/progress.h"
#include "cmd/registry_access.h"
#include "fetch/retry.h"
#include "layers/rootfs.h"
#include "schema/platform.h"
#include "store/image.h"

enum acquire_policy { ACQUIRE_MISSING, ACQUIRE_ALWAYS, ACQUIRE_NEVER };

struct acquire_args {
    const char *name; /* as the user wrote it; IDs are never pulled */
    enum acquire_policy policy;
    const char *platform;                    /* "os/arch[/variant]"; NULL: this host's */
    bool all_platforms;                      /* of acquire_pull(): see struct pull_args */
    const struct registry_options *registry; /* how it is reached */
    bool quiet;                              /* no progress, and no word about the result */
    enum progress_form progress;             /* how it is shown */
    unsigned parallel;                       /* transfers at once; 0: the default */
    const struct retry_policy *retry;        /* NULL: the usual */
};

/** "missing", "always", "never". @return 0; -USAGE. */
IMGC_CHECK int acquire_parse_policy(const char *text, enum acquire_policy *ret,
                                    struct imgc_err *reterr);

/** Pull @args->name, whatever is in the store, and build its root file system's views.
 * @ret caller frees with image_done(). @return 0; what pull_image() returns. */
IMGC_CHECK int acquire_pull(struct app *app, struct lease *lease, const struct acquire_args *args,
                            struct image *ret, struct imgc_err *reterr);

/** Find or pull as the policy says, to run it: of one that is there @ret says what
 * image_find_stack() does. @ret_lease  begun for a pull; else as it was. @return 0;
 * -NOTFOUND with ACQUIRE_NEVER; what acquire_pull() returns. */
IMGC_CHECK int acquire_image(struct app *app, struct lease **ret_lease,
                             const struct acquire_args *args, struct image *ret,
                             struct imgc_err *reterr);

/** Say what an ordinary user or a container could not set in what was unpacked just now: once. */
void acquire_tell_skipped(struct app *app, const struct dir_sink_report *report);

/** Say why an image has another form than the others here, where that was found just now. */
void acquire_tell_form(struct app *app, const struct rootfs_report *report);

/** Only from the store. @return 0; -NOTFOUND that names the image and the remedy. */
IMGC_CHECK int acquire_local(struct app *app, const char *name, struct image *ret,
                             struct imgc_err *reterr);

#endif
