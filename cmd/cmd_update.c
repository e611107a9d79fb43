/* SPDX-License-Identifier: Apache-2.0 */
/* imgc update: other limits for containers that are there. */
#include "cmd/commands.h"
#include "cmd/kept_spec.h"
#include "cmd/lookup.h"
#include "cmd/run_limits.h"
#include "runtime/cgroup_update.h"

struct update_options {
    struct run_limits limits;
};

static const struct option update_options[] = {
    RUN_LIMITS_ROWS(offsetof(struct update_options, limits)),
    { .name = NULL },
};

static void on_warning(void *arg, const char *message)
{
    struct app *app = arg;

    output_warn(&app->out, "%s", message);
}

/* What inspect tells of the container, with its new limits. */
static int describe(const struct container *c, const struct spec_limits *limits, char **ret,
                    struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;

    int r = json_parse(imgc_str_of(c->spec_json), "container", &doc, reterr);
    if (r < 0) {
        return r;
    }
    json_auto_free json_t *changed = run_limits_json(limits);
    if (!changed || json_object_update(doc, changed) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return json_dump(doc, true, ret, reterr);
}

static int apply(struct app *app, const struct container *c, const struct spec_limits *from,
                 const struct spec_limits *to, char **ret_cgroup, struct imgc_err *reterr)
{
    const struct cgroup_limits_change change = {
        .from = from, .to = to, .warn = on_warning, .arg = app
    };

    if (!c->cgroup) {
        return imgc_fail(reterr, IMGC_E_HOST, "without a cgroup it cannot be limited");
    }
    return cgroup_update(c->cgroup, &change, ret_cgroup, reterr);
}

/* First the cgroup, which may refuse, then what is kept for the next start and for inspect. */
static int change(struct app *app, const struct container *c, const struct update_options *o,
                  struct imgc_err *reterr)
{
    spec_auto struct spec spec = SPEC_INIT;
    spec_limits_auto struct spec_limits to = { .pids = 0 };
    imgc_autofree char *cgroup = NULL, *described = NULL;

    int r = kept_spec_load(app->store, c->id, &spec, reterr);
    r = r < 0 ? r : spec_limits_copy(&spec.limits, &to, reterr);
    r = r < 0 ? r : run_limits_parse(&o->limits, &to, reterr);
    if (r == 0 && c->status == CONTAINER_RUNNING) {
        r = apply(app, c, &spec.limits, &to, &cgroup, reterr);
    }
    r = r < 0 ? r : describe(c, &to, &described, reterr);
    if (r < 0) {
        return r;
    }
    spec_limits_done(&spec.limits);
    spec.limits = to;
    to = (struct spec_limits){ .pids = 0 };
    r = kept_spec_save(app->store, c->id, &spec, true, reterr);
    return r < 0 ? r : container_changed(app->store, c->id, described, cgroup, reterr);
}

static int change_named(struct app *app, const char *name, const struct update_options *o,
                        struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };

    int r = lookup_container(app->store, name, &c, reterr);
    if (r < 0) {
        return r;
    }
    r = change(app, &c, o, reterr);
    if (r < 0) {
        return imgc_context(reterr, "container %s", c.name);
    }
    output_print(&app->out, "%s\n", name);
    return 0;
}

static bool is_anything_given(const struct run_limits *o)
{
    const char *const given[] = { o->memory,     o->memory_swap, o->memory_reservation,
                                  o->cpus,       o->cpu_shares,  o->cpu_quota,
                                  o->cpu_period, o->cpuset_cpus, o->cpuset_mems,
                                  o->pids_limit, o->blkio_weight };
    bool any = o->read_bps.n + o->write_bps.n + o->read_iops.n + o->write_iops.n > 0;

    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        any = any || given[i];
    }
    return any;
}

static int update_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    const struct update_options *o = options;
    struct store *store;

    if (!is_anything_given(&o->limits)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "update needs a limit to change, such as --memory");
    }
    int r = app_store(app, &store, reterr);
    for (size_t i = 0; i < args.n && r >= 0; i++) {
        r = change_named(app, args.v[i], o, reterr);
    }
    return r;
}

const struct command cmd_update = {
    .name = "update",
    .args = "CONTAINER...",
    .summary = "change the limits of containers",
    .help =
        "Of those that run at once, and of all for their next start. What is not given stays as\n"
        "it is; 0 takes a limit away. When one limit is refused none is changed.\n"
        "\n"
        "  imgc update -m 512m --cpus 2 job\n"
        "  imgc update --pids-limit -1 $(imgc ps -q)\n",
    .options = update_options,
    .options_size = sizeof(struct update_options),
    .min_args = 1,
    .max_args = SIZE_MAX,
    .run = update_run,
};
