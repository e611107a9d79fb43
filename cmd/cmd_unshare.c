/* SPDX-License-Identifier: Apache-2.0 */
/* imgc unshare: a command of the host in the user namespace that an ordinary user's imgc works in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/commands.h"

/* An imgc in there is root, and has to find the user's store all the same. */
static int pass_settings(const struct settings *s, struct imgc_err *reterr)
{
    if (setenv("IMGC_ROOT", s->root, 1) < 0 || setenv("IMGC_RUNROOT", s->runroot, 1) < 0) {
        return imgc_fail_sys(reterr, errno, "set the environment");
    }
    return 0;
}

static int exec_failed(const char *command, int errnum, struct imgc_err *reterr)
{
    if (errnum == ENOENT) {
        return imgc_fail(reterr, IMGC_E_NOCOMMAND, "'%s' was not found", command);
    }
    return imgc_fail(reterr, IMGC_E_NOEXEC, "execute '%s': %s", command, strerrordesc_np(errnum));
}

static int unshare_run(struct app *app, const void *options, struct args args,
                       struct imgc_err *reterr)
{
    const char *shell = settings_env("SHELL");
    const char *const fallback[] = { shell && *shell ? shell : "/bin/sh", NULL };
    const char *const *argv = args.n > 0 ? args.v : fallback;
    (void)options;

    if (app->ids.kind == USERNS_NONE) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "unshare is for ordinary users: root has all IDs already");
    }
    if (app->ids.kind == USERNS_SINGLE) {
        output_warn(&app->out, "there is only one ID inside: %s", app->ids.why_single);
    }
    int r = userns_own_mounts(reterr);
    r = r < 0 ? r : pass_settings(&app->settings, reterr);
    r = r < 0 ? r : output_finish(&app->out, reterr);
    r = r < 0 ? r : userns_exec(argv, reterr);
    return r < 0 ? r : exec_failed(argv[0], r, reterr);
}

const struct command cmd_unshare = {
    .name = "unshare",
    .args = "[COMMAND [ARG...]]",
    .summary = "run a command of the host with the IDs of your containers",
    .help = "For ordinary users: the command, or a shell, is root in the user namespace that imgc\n"
            "itself works in. It may look at, change and remove what containers have written as\n"
            "other users. Its mounts are its own.\n"
            "\n"
            "  imgc unshare ls -ln ~/volume\n"
            "  imgc unshare rm -rf ~/volume/mysql\n"
            "  imgc unshare cat /proc/self/uid_map\n",
    .min_args = 0,
    .max_args = SIZE_MAX,
    .stop_early = true,
    .ids = IDS_NEEDED,
    .run = unshare_run,
};
