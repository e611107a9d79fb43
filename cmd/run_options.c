/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_options.h"

#include <stdlib.h>

#include "cmd/progress.h"
#include "schema/json.h"

#define AT(field) offsetof(struct run_options, field)

const struct option run_options[] = {
    RUN_LIFECYCLE_ROWS(AT(lifecycle)),
    { 'i', "interactive", OPT_FLAG, AT(interactive), NULL, "connect standard input" },
    { 't', "tty", OPT_FLAG, AT(terminal), NULL, "give it a terminal" },
    RUN_ATTACH_ROWS(AT(attach)),
    { 'e', "env", OPT_LIST, AT(env), "K=V", "set a variable; K alone passes the caller's value" },
    { 0, "env-file", OPT_LIST, AT(env_files), "FILE", "set the variables of a file" },
    RUN_MOUNTS_ROWS(AT(mounts)),
    { 'w', "workdir", OPT_STRING, AT(workdir), "DIR", "working directory" },
    { 'u', "user", OPT_STRING, AT(user), "USER[:GROUP]", "user and group, names or numbers" },
    { 0, "entrypoint", OPT_STRING, AT(entrypoint), "COMMAND", "replace the image's entrypoint" },
    { 'h', "hostname", OPT_STRING, AT(hostname), "NAME", "host name in the container" },
    { 0, "read-only", OPT_FLAG, AT(read_only), NULL, "mount the root file system read-only" },
    RUN_LIMITS_ROWS(AT(limits)),
    RUN_LIMITS_CREATE_ROWS(AT(limits)),
    RUN_ISOLATION_ROWS(AT(isolation)),
    RUN_USERNS_ROWS(AT(userns)),
    RUN_PROCESS_ROWS(AT(process)),
    RUN_LOG_ROWS(AT(log)),
    RUN_NETWORK_ROWS(AT(network)),
    { 0, "pull", OPT_STRING, AT(pull), "missing|always|never", "when to pull (missing)" },
    { 0, "platform", OPT_STRING, AT(platform), "OS/ARCH[/VARIANT]", "platform to pull" },
    REGISTRY_ACCESS_AUTH_ROWS(AT(registry)),
    REGISTRY_ACCESS_TLS_ROWS(AT(registry)),
    RETRY_OPTIONS_ROWS(AT(retry)),
    { 'q', "quiet", OPT_FLAG, AT(quiet), NULL, "no progress when pulling" },
    { 0, "progress", OPT_STRING, AT(progress), "FORM", PROGRESS_HELP },
    { 0, "rootfs", OPT_STRING, AT(rootfs), "DIR", "run on this directory, without an image" },
    { .name = NULL },
};

void run_options_done_request(struct run_request *r)
{
    spec_limits_done(&r->spec.limits);
    environment_done(&r->env);
    run_mounts_done(&r->mounts);
    isolation_done(&r->isolation);
    net_want_done(&r->net_want);
}

static int fill(const struct run_options *o, struct run_request *request, struct imgc_err *reterr)
{
    struct spec_options *s = &request->spec;

    int r = environment_collect(&request->env, &o->env_files, &o->env, reterr);
    r = r < 0 ? r : run_mounts_parse(&o->mounts, &request->mounts, reterr);
    r = r < 0 ? r : run_limits_parse(&o->limits, &s->limits, reterr);
    r = r < 0 ? r : run_limits_parse_cgroups(&o->limits, &s->no_cgroup, reterr);
    r = r < 0 ? r : run_lifecycle_parse_timeout(o->lifecycle.timeout, &s->timeout_s, reterr);
    r = r < 0 ? r : run_log_parse(&o->log, s, reterr);
    r = r < 0 ? r : run_isolation_parse(&o->isolation, &request->isolation, reterr);
    r = r < 0 ? r : run_process_parse(&o->process, &request->isolation, s, reterr);
    return r < 0 ? r
                 : run_network_parse(&o->network, &s->network, &request->isolation.net,
                                     &request->net_want, reterr);
}

int run_options_request(const struct run_options *o, const char *const *args,
                        struct run_request *ret, struct imgc_err *reterr)
{
    run_options_auto_request struct run_request request = { .mounts = { .n = 0 } };
    struct spec_options *s = &request.spec;

    int r = fill(o, &request, reterr);
    if (r < 0) {
        return r;
    }
    s->args = args;
    s->cgroup_parent = o->limits.cgroup_parent;
    s->env = (const char *const *)request.env.items;
    s->has_entrypoint = o->entrypoint != NULL;
    s->entrypoint = o->entrypoint;
    s->workdir = o->workdir && *o->workdir ? o->workdir : NULL; /* -w "$UNSET": as in docker */
    s->user = o->user;
    s->hostname = o->hostname;
    s->terminal = o->terminal;
    s->interactive = o->interactive;
    s->read_only = o->read_only;
    s->mounts = request.mounts.items;
    s->n_mounts = request.mounts.n;
    *ret = request;
    ret->spec.take_isolation = &ret->isolation;
    ret->spec.take_net_want = &ret->net_want;
    request = (struct run_request){ .mounts = { .n = 0 } };
    return 0;
}

static json_t *string_array(const char *const *items)
{
    json_t *array = json_array();

    for (; items && *items; items++) {
        /* What is not UTF-8 cannot stand in JSON; it is left out of this description. */
        (void)json_array_append_new(array, json_string(*items));
    }
    return array;
}

int run_options_json(const struct run_options *o, const struct run_request *request,
                     const struct net_want *want, char **ret, struct imgc_err *reterr)
{
    const struct spec_options *s = &request->spec;
    json_auto_free json_t *binds = string_array(o->mounts.volumes.items);
    json_auto_free json_t *j =
        json_pack("{s:o, s:o, s:b, s:b, s:b, s:s*, s:s*, s:s*, s:O, s:s}", "Cmd",
                  string_array(s->args), "Env", string_array(s->env), "Tty", s->terminal,
                  "OpenStdin", s->interactive, "ReadonlyRootfs", s->read_only, "User", s->user,
                  "WorkingDir", s->workdir, "Hostname", s->hostname, "Binds", binds, "NetworkMode",
                  run_network_mode(&o->network, s->network, want));
    json_auto_free json_t *limits = run_limits_json(&s->limits);
    json_auto_free json_t *isolation = run_isolation_json(&o->isolation);
    json_auto_free json_t *process = run_process_json(&o->process, &request->isolation);
    if (!j || !isolation || json_object_update(j, isolation) < 0 || !process ||
        json_object_update(j, process) < 0 || !limits || json_object_update(j, limits) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return json_dump(j, true, ret, reterr);
}
