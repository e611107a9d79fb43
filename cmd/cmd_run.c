/* SPDX-License-Identifier: Apache-2.0 */
/* imgc run: a container of an image, or of a directory, in the foreground. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/acquire.h"
#include "cmd/chores.h"
#include "cmd/commands.h"
#include "cmd/kept_spec.h"
#include "cmd/run_options.h"
#include "cmd/run_peer.h"
#include "cmd/sweep.h"
#include "cmd/volumes.h"
#include "layers/rootfs.h"
#include "runtime/launch.h"
#include "schema/base/fd.h"
#include "schema/limits.h"
#include "store/blob.h"
#include "store/container.h"
#include "store/sync.h"

#define WARNINGS_BYTES 4096

struct run {
    struct app *app;
    struct store *store;
    const struct run_options *options;
    struct image image;
    struct image_config config;
    struct rootfs rootfs;
    struct container container;
    struct spec spec;
    struct ahead ahead;
    struct imgc_buf
        warnings; /* lines, told when the container starts: of a failure only the error */
};

static void run_done(struct run *run)
{
    ahead_done(&run->ahead);
    imgc_buf_done(&run->warnings);
    spec_done(&run->spec);
    container_done(&run->container);
    rootfs_done(&run->rootfs);
    config_done(&run->config);
    image_done(&run->image);
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* docker's rule: [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
static int check_name(const char *name, struct imgc_err *reterr)
{
    bool is_good = name[0] != '\0' && name[1] != '\0' && is_name_char(name[0]);

    for (const char *p = name; *p && is_good; p++) {
        is_good = is_name_char(*p) || (p > name && strchr("_.-", *p));
    }
    return is_good
               ? 0
               : imgc_fail(reterr, IMGC_E_USAGE,
                           "--name '%s': letters, digits, '_', '.' and '-', at least two", name);
}

/* It may run all the same, where binfmt_misc has an emulator; else the kernel's refusal says
 * little. */
static void warn_of_platform(struct run *run, const char *name)
{
    struct platform host;
    char have[PLATFORM_TEXT_MAX], want[PLATFORM_TEXT_MAX];

    platform_host(&host);
    if (run->options->platform || platform_match(&host, &run->image.platform) > 0) {
        return;
    }
    output_warn(&run->app->out, "%s is an image for %s, and this host is %s", name,
                platform_text(&run->image.platform, have), platform_text(&host, want));
}

static int prepare_root(struct run *run, struct lease *lease, struct imgc_err *reterr)
{
    struct rootfs_report report = { .fallback = "" };
    const struct rootfs_args args = { .store = run->store,
                                      .lease = lease,
                                      .diff_ids = run->image.diff_ids,
                                      .n_diff_ids = run->image.n_diff_ids,
                                      .form = run->app->settings.form };

    int r = rootfs_prepare(&args, &run->rootfs, &report, reterr);
    if (r == 0) {
        acquire_tell_skipped(run->app, &report.written);
        acquire_tell_form(run->app, &report);
    }
    return r;
}

/* The image's config and its root file system. */
static int load_image(struct run *run, const char *name, struct imgc_err *reterr)
{
    const struct run_options *o = run->options;
    lease_auto struct lease *lease = NULL;
    struct acquire_args acquire = { .name = name,
                                    .policy = ACQUIRE_MISSING,
                                    .platform = o->platform,
                                    .tls_verify = !o->skip_tls_verify,
                                    .quiet = o->quiet };
    int r = o->pull ? acquire_parse_policy(o->pull, &acquire.policy, reterr) : 0;
    r = r < 0 ? r : acquire_image(run->app, &lease, &acquire, &run->image, reterr);
    if (r < 0) {
        return r;
    }
    imgc_autobuf struct imgc_buf bytes = IMGC_BUF_INIT(LIMIT_CONFIG_BYTES);
    struct imgc_str text;
    r = blob_get(run->store, &run->image.id, &bytes, reterr);
    if (r == BLOB_MISSING) {
        return imgc_fail(reterr, IMGC_E_STORE, "%s has no config; remove it and pull again", name);
    }
    r = r < 0 ? r : imgc_buf_finish(&bytes, &text, reterr);
    r = r < 0 ? r : config_parse(text, &run->config, reterr);
    if (r < 0) {
        return imgc_context(reterr, "%s", name);
    }
    warn_of_platform(run, name);
    char hex[DIGEST_HEX_MAX];
    output_debug(&run->app->out, "%s is image %s, %zu layers", name,
                 digest_hex(&run->image.id, hex), run->image.n_diff_ids);
    return prepare_root(run, lease, reterr);
}

static int join_command(const char *const *args, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_ENV_BYTES);

    for (size_t i = 0; args[i]; i++) {
        imgc_buf_puts(&b, i > 0 ? " " : "");
        imgc_buf_puts(&b, args[i]);
    }
    return imgc_buf_take(&b, ret, reterr);
}

static int create_container(struct run *run, const char *image_name,
                            const struct run_request *request, struct imgc_err *reterr)
{
    struct container *c = &run->container;
    const struct run_options *o = run->options;

    c->image_id = run->image.id;
    c->auto_remove = o->remove;
    int r = imgc_str_dup(imgc_str_of(o->name ? o->name : ""), &c->name, reterr);
    r = r < 0 ? r : imgc_str_dup(imgc_str_of(image_name), &c->image_name, reterr);
    r = r < 0 ? r : join_command(request->spec.args, &c->command, reterr);
    r = r < 0 ? r : run_options_json(o, request, &c->spec_json, reterr);
    r = r < 0 ? r : container_create(run->store, c, reterr);
    if (r == -(int)IMGC_E_EXISTS) { /* what has the name may be a container that a crash left */
        struct imgc_err ignored;
        r = sweep_dead(run->app, NULL, &ignored) < 0 ? r : container_create(run->store, c, reterr);
    }
    return r;
}

IMGC_PRINTF(3, 4)
static int set_path(char **field, struct imgc_err *reterr, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(field, fmt, ap);
    va_end(ap);
    if (n < 0) {
        *field = NULL;
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return 0;
}

/* Where the root file system comes from, and where its changes go. */
static int place_root(struct run *run, struct imgc_err *reterr)
{
    struct spec *s = &run->spec;
    const char *root = store_root_path(run->store), *id = run->container.id;

    int r = set_path(&s->state_dir, reterr, "%s/containers/%s", root, id);
    r = r < 0 ? r : set_path(&s->mountpoint, reterr, "%s/tmp", root);
    char cgroup_name[SWEEP_CGROUP_NAME_MAX];
    r = r < 0 ? r : set_path(&s->cgroup_name, reterr, "%s", sweep_cgroup_name(id, cgroup_name));
    if (r < 0) {
        return r;
    }
    if (run->options->rootfs) {
        char resolved[PATH_MAX];
        if (!realpath(run->options->rootfs, resolved)) {
            return imgc_fail_sys(reterr, errno, "--rootfs '%s'", run->options->rootfs);
        }
        return set_path(&s->root_dir, reterr, "%s", resolved);
    }
    s->lowerdirs = imgc_take(run->rootfs.lowerdirs);
    s->erofs_image = imgc_take(run->rootfs.image);
    s->erofs_devices = imgc_take(run->rootfs.devices);
    s->upper_is_disposable = run->options->remove;
    r = set_path(&s->upper_dir, reterr, "%s/containers/%s/upper", root, id);
    return r < 0 ? r : set_path(&s->work_dir, reterr, "%s/containers/%s/work", root, id);
}

/* What can wait until now is done now: the container builds its root on another processor. */
static int on_started(void *arg, const struct process_id *init, const char *cgroup,
                      struct imgc_err *reterr)
{
    struct run *run = arg;

    output_debug(&run->app->out, "container %s runs as process %d, cgroup %s", run->container.id,
                 (int)init->pid, cgroup ? cgroup : "none");
    int r = kept_spec_save(run->store, run->container.id, &run->spec, reterr);
    r = r < 0 ? r : container_started(run->store, run->container.id, init, cgroup, reterr);
    r = r < 0 ? r : sweep_dead(run->app, NULL, reterr);
    if (r == 0) {
        chores_start_noted(run->app); /* a container may run for long */
    }
    return r;
}

static void on_ready(void *arg)
{
    struct run *run = arg;
    struct imgc_str rest = { run->warnings.ptr, run->warnings.len }, line;

    while (imgc_str_token(&rest, '\n', &line) && line.len > 0) {
        output_warn(&run->app->out, IMGC_STR_FMT, IMGC_STR_ARG(line));
    }
}

static void on_warning(void *arg, const char *message)
{
    struct run *run = arg;

    if (run->warnings.len + strlen(message) < run->warnings.max) {
        imgc_buf_printf(&run->warnings, "%s\n", message);
    }
}

static int on_find(void *arg, const char *name, struct nsjoin_peer *ret, struct imgc_err *reterr)
{
    struct run *run = arg;

    return run_peer_find(run->store, name, ret, reterr);
}

/* Not what the user has mounted: "umount" after "imgc run -v" finds it free. */
static bool may_hold_mounts(const struct run *run)
{
    return run->options->remove && !run->options->rootfs && run->spec.n_mounts == 0;
}

static int launch(struct run *run, struct launch_result *ret, struct imgc_err *reterr)
{
    imgc_autoclose int dir_fd = -1, log_fd = -1;
    struct launch_args args = {
        .log_fd = -1, .started = on_started, .ready = on_ready, .arg = run, .warn = on_warning
    };

    args.find = on_find;
    args.hold_mounts = may_hold_mounts(run);
    args.ahead = &run->ahead;

    if (!run->options->remove) {
        int r = container_open_dir(run->store, run->container.id, &dir_fd, reterr);
        r = r < 0 ? r
                  : fd_open_at(dir_fd, "log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600,
                               &log_fd, reterr);
        if (r < 0) {
            return r;
        }
        args.log_fd = log_fd;
    }
    return launch_run(&run->spec, &args, ret, reterr);
}

/* Run the created container; it goes away again when it never ran, or with --rm. */
static int run_container(struct run *run, const struct run_request *request,
                         struct imgc_err *reterr)
{
    const struct image_config *config = run->options->rootfs ? NULL : &run->config;
    struct launch_result result = { .mounts_fd = -1 };
    struct imgc_err ignored;

    int r = spec_from_config(run->container.id, config, &request->spec, &run->spec, reterr);
    r = r < 0 ? r : run_mounts_complete(&request->mounts, &run->spec, reterr);
    r = r < 0 ? r : place_root(run, reterr);
    r = r < 0 ? r : volumes_prepare(run->app, &run->container, &run->spec, reterr);
    r = r < 0 ? r : launch(run, &result, reterr);
    if (r < 0) {
        if (volumes_has(&run->spec)) {
            (void)!volumes_follow(run->app, run->container.id, &ignored);
        }
        (void)!container_remove(run->store, run->container.id, &ignored);
    } else if (run->options->remove) {
        r = container_remove_behind(run->store, run->container.id, &result.mounts_fd, reterr);
        imgc_closep(&result.mounts_fd);
        volumes_released(run->app, &run->spec);
    } else {
        r = container_exited(run->store, run->container.id, result.exit_code, result.oom_killed,
                             reterr);
    }
    if (r < 0) {
        return r;
    }
    if (sync_is_due(run->store)) {
        chores_note(run->app);
    }
    if (result.oom_killed) {
        output_warn(&run->app->out, "the container ran out of memory and was killed");
    }
    return result.exit_code;
}

static int run_in(struct run *run, struct args args, struct imgc_err *reterr)
{
    const struct run_options *o = run->options;
    run_options_auto_request struct run_request request = { .mounts = { .n = 0 } };
    const char *image_name = o->rootfs ? o->rootfs : args.v[0];

    int r = run_options_request(o, args.v + (o->rootfs ? 0 : 1), &request, reterr);
    r = r < 0 || !o->name ? r : check_name(o->name, reterr);
    if (r < 0) {
        return r;
    }
    ahead_begin(&run->ahead, request.spec.network != SPEC_NETWORK_HOST &&
                                 request.isolation.net.mode == ISOLATION_PRIVATE);
    r = app_store(run->app, &run->store, reterr);
    if (r < 0) {
        return r;
    }
    r = o->rootfs ? 0 : load_image(run, image_name, reterr);
    r = r < 0 ? r : create_container(run, image_name, &request, reterr);
    return r < 0 ? r : run_container(run, &request, reterr);
}

static int run_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    struct run run = { .app = app,
                       .options = options,
                       .ahead = AHEAD_INIT,
                       .warnings = IMGC_BUF_INIT(WARNINGS_BYTES) };

    if (args.n == 0 && !run.options->rootfs) {
        return imgc_fail(reterr, IMGC_E_USAGE, "run needs an IMAGE, or --rootfs DIR");
    }
    int r = run_in(&run, args, reterr);
    run_done(&run);
    return r;
}

/* podman's and docker's statuses: what the command could not do, and everything else of ours. */
static int run_failure_status(const struct imgc_err *err)
{
    return err->code == IMGC_E_NOEXEC || err->code == IMGC_E_NOCOMMAND ? imgc_code_status(err->code)
                                                                       : 125;
}

const struct command cmd_run = {
    .name = "run",
    .args = "IMAGE [COMMAND [ARG...]]",
    .summary = "run a command in a new container",
    .help =
        "The image is pulled when it is not in the store. The command's exit status is imgc's;\n"
        "125 is a failure of imgc, 126 a command that cannot be executed, 127 one that is not\n"
        "there, 128+N a death by signal N. Without --network host the container has only a\n"
        "loopback interface.\n"
        "\n"
        "  imgc run --rm debian:bookworm cat /etc/os-release\n"
        "  imgc run --rm -it -v \"$PWD\":/src:ro -w /src debian:bookworm bash\n"
        "  imgc run -m 64m --cpus 0.5 --pids-limit 20 --name job alpine ./job\n"
        "  imgc run --rm --rootfs ./rootfs /bin/sh\n",
    .options = run_options,
    .options_size = sizeof(struct run_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .stop_early = true,
    .ids = IDS_NEEDED,
    .run = run_run,
    .failure_status = run_failure_status,
};
