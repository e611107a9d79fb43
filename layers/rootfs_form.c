/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/rootfs_form.h"

#include <stdio.h>

#include "layers/dir_sink.h"
#include "layers/erofs_probe.h"
#include "store/lease.h"
#include "store/probe.h"

#define PROBE_NAME "erofs"

static const char *const names[] = {
    [ROOTFS_AUTO] = "auto", [ROOTFS_EROFS] = "erofs", [ROOTFS_DIRECTORY] = "directory"
};

const char *rootfs_form_name(enum rootfs_form form)
{
    return names[form];
}

bool rootfs_form_parse(const char *text, enum rootfs_form *ret)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], text) == 0) {
            *ret = (enum rootfs_form)i;
            return true;
        }
    }
    return false;
}

/* Try in a directory of the store, on the file system where the images would be. */
static int try_once(struct store *s, struct erofs_probe *ret, struct imgc_err *reterr)
{
    lease_auto struct lease *lease = NULL;

    int r = lease_begin(s, &lease, reterr);
    r = r < 0 ? r : erofs_probe_run(lease_dir_fd(lease), ret, reterr);
    if (r == 0 && ret->is_final) {
        r = probe_put(s, PROBE_NAME, ret->reason, reterr);
    }
    return r;
}

/* Why this host does not mount EROFS; "" where it does. */
static int find_reason(struct store *s, char reason[EROFS_PROBE_REASON_MAX],
                       struct imgc_err *reterr)
{
    imgc_autofree char *known = NULL;
    struct erofs_probe probe = { .works = false };
    struct imgc_err err;

    /* Not remembered: the same store may be used from inside of a user namespace, too. */
    if (!dir_sink_privileged()) {
        (void)snprintf(reason, EROFS_PROBE_REASON_MAX,
                       "only root, outside of user namespaces, can "
                       "mount EROFS");
        return 0;
    }
    int r = probe_find(s, PROBE_NAME, &known, reterr);
    if (r != PROBE_UNKNOWN) {
        (void)snprintf(reason, EROFS_PROBE_REASON_MAX, "%s", known ? known : "");
        return r;
    }
    /* That it could not be tried (a full disk) is no reason to fail: there is the other form. */
    r = try_once(s, &probe, &err);
    (void)snprintf(reason, EROFS_PROBE_REASON_MAX, "%.*s", EROFS_PROBE_REASON_MAX - 1,
                   r < 0 ? err.msg : probe.reason);
    return 0;
}

static void choose(struct rootfs_choice *ret, enum rootfs_form form, const char *reason)
{
    ret->form = form;
    (void)snprintf(ret->reason, sizeof ret->reason, "%s", reason);
}

int rootfs_form_choose(struct store *s, enum rootfs_form want, struct rootfs_choice *ret,
                       struct imgc_err *reterr)
{
    char reason[EROFS_PROBE_REASON_MAX];

    if (want == ROOTFS_DIRECTORY) {
        choose(ret, ROOTFS_DIRECTORY, "--layers or IMGC_LAYERS says so");
        return 0;
    }
    int r = find_reason(s, reason, reterr);
    if (r < 0) {
        return r;
    }
    if (reason[0] != '\0') {
        choose(ret, ROOTFS_DIRECTORY, reason);
        return want == ROOTFS_AUTO
                   ? 0
                   : imgc_fail(reterr, IMGC_E_HOST, "--layers erofs cannot be: %s", reason);
    }
    choose(ret, ROOTFS_EROFS,
           want == ROOTFS_AUTO ? "this kernel mounts EROFS from files: nothing is unpacked"
                               : "--layers or IMGC_LAYERS says so");
    return 0;
}
