/* SPDX-License-Identifier: Apache-2.0 */
/* imgc exec: one more command in a container that runs. */
#include "cmd/commands.h"
#include "cmd/environment.h"
#include "cmd/kept_spec.h"
#include "cmd/lookup.h"
#include "runtime/caps.h"
#include "runtime/exec.h"

struct exec_options {
    bool interactive, terminal, detach, privileged;
    const char *workdir, *user;
    struct option_list env, env_files;
};

#define AT(field) offsetof(struct exec_options, field)

static const struct option exec_options[] = {
    { 'd', "detach", OPT_FLAG, AT(detach), NULL, "run in the background, without a word" },
    { 'e', "env", OPT_LIST, AT(env), "K=V", "set a variable; K alone passes the caller's value" },
    { 0, "env-file", OPT_LIST, AT(env_files), "FILE", "set the variables of a file" },
    { 'i', "interactive", OPT_FLAG, AT(interactive), NULL, "connect standard input" },
    { 0, "privileged", OPT_FLAG, AT(privileged), NULL, "give it all capabilities" },
    { 't', "tty", OPT_FLAG, AT(terminal), NULL, "give it a terminal" },
    { 'u', "user", OPT_STRING, AT(user), "USER[:GROUP]", "user and group, names or numbers" },
    { 'w', "workdir", OPT_STRING, AT(workdir), "DIR", "working directory" },
    { .name = NULL },
};

static bool has_key(const char *item, const char *key, size_t len)
{
    return strncmp(item, key, len) == 0 && item[len] == '=';
}

/* Take what has the key of @item out of @env, which is NULL-terminated. */
static void remove_key(char **env, const char *item)
{
    size_t len = strcspn(item, "="), kept = 0;

    for (size_t i = 0; env[i]; i++) {
        if (has_key(env[i], item, len)) {
            free(env[i]);
        } else {
            env[kept++] = env[i];
        }
    }
    env[kept] = NULL;
}

static int set_env(char ***env, const char *item, struct imgc_err *reterr)
{
    size_t n = 0;
    char *copy = NULL;

    remove_key(*env, item);
    if (!strchr(item, '=')) { /* a name without a value takes the container's away */
        return 0;
    }
    while ((*env)[n]) {
        n++;
    }
    char **more = reallocarray(*env, n + 2, sizeof *more);
    if (!more) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *env = more;
    int r = imgc_str_dup(imgc_str_of(item), &copy, reterr);
    if (r == 0) {
        more[n] = copy;
        more[n + 1] = NULL;
    }
    return r;
}

static bool is_set(char *const *env, const char *key)
{
    for (; *env; env++) {
        if (has_key(*env, key, strlen(key))) {
            return true;
        }
    }
    return false;
}

/* The container's, TERM for a terminal, then what the command line says: docker's order. */
static int set_environment(const struct exec_options *o, struct spec *spec, struct imgc_err *reterr)
{
    environment_auto struct environment env = { .items = NULL };

    int r = environment_collect(&env, &o->env_files, &o->env, reterr);
    if (r == 0 && !spec->env) {
        spec->env = calloc(1, sizeof *spec->env);
        r = spec->env ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (r == 0 && o->terminal && !is_set(spec->env, "TERM")) {
        r = set_env(&spec->env, "TERM=xterm", reterr);
    }
    for (size_t i = 0; i < env.n && r == 0; i++) {
        r = set_env(&spec->env, env.items[i], reterr);
    }
    return r;
}

static int replace(char **field, const char *text, struct imgc_err *reterr)
{
    free(*field);
    *field = NULL;
    return imgc_str_dup(imgc_str_of(text), field, reterr);
}

static int set_command(const char *const *words, size_t n, struct spec *spec,
                       struct imgc_err *reterr)
{
    char **argv = calloc(n + 1, sizeof *argv);
    int r = 0;

    if (!argv) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n && r == 0; i++) {
        r = imgc_str_dup(imgc_str_of(words[i]), &argv[i], reterr);
    }
    (void)json_strings_free(spec->argv);
    spec->argv = argv;
    return r;
}

/* The container's spec becomes that of the new process. */
static int adapt(const struct exec_options *o, struct args args, struct spec *spec,
                 struct imgc_err *reterr)
{
    if (args.v[1][0] == '\0') {
        return imgc_fail(reterr, IMGC_E_NOCOMMAND, "the command is an empty word");
    }
    int r = set_command(args.v + 1, args.n - 1, spec, reterr);
    r = r < 0 ? r : set_environment(o, spec, reterr);
    if (r == 0 && o->workdir && *o->workdir) {
        if (o->workdir[0] != '/') {
            return imgc_fail(reterr, IMGC_E_USAGE, "-w '%s' is not an absolute path", o->workdir);
        }
        r = replace(&spec->cwd, o->workdir, reterr);
    }
    if (r == 0 && o->user) {
        r = replace(&spec->user, o->user, reterr);
    }
    if (o->privileged) {
        spec->capabilities = caps_all();
    }
    spec->terminal = o->terminal;
    spec->interactive = o->interactive && !o->detach;
    return r;
}

static int exec_in(struct app *app, const struct exec_options *o, struct args args,
                   struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    spec_auto struct spec spec = SPEC_INIT;
    int status = 0;

    int r = lookup_container(app->store, args.v[0], &c, reterr);
    if (r < 0) {
        return r;
    }
    if (c.status == CONTAINER_RUNNING) {
        const struct exec_args exec = { .init = c.init, .detach = o->detach };
        r = kept_spec_load(app->store, c.id, &spec, reterr);
        r = r < 0 ? r : adapt(o, args, &spec, reterr);
        r = r < 0 ? r : exec_run(&spec, &exec, &status, reterr);
    }
    if (c.status != CONTAINER_RUNNING || r == EXEC_NOT_RUNNING) {
        return imgc_fail(reterr, IMGC_E_USAGE, "container %s is not running", c.name);
    }
    return r < 0 ? r : status;
}

static int exec_run_command(struct app *app, const void *options, struct args args,
                            struct imgc_err *reterr)
{
    struct store *store;

    int r = app_store(app, &store, reterr);
    return r < 0 ? r : exec_in(app, options, args, reterr);
}

/* As with run: what the command could not do, and everything else of ours. */
static int exec_failure_status(const struct imgc_err *err)
{
    return err->code == IMGC_E_NOEXEC || err->code == IMGC_E_NOCOMMAND ||
                   err->code == IMGC_E_INTERRUPTED
               ? imgc_code_status(err->code)
               : 125;
}

const struct command cmd_exec = {
    .name = "exec",
    .args = "CONTAINER COMMAND [ARG...]",
    .summary = "run a command in a running container",
    .help =
        "It joins every namespace and the cgroups of the container, and has its limits,\n"
        "capabilities, system call filter, environment, user and working directory where the\n"
        "options say nothing else. The command's exit status is imgc's; 125, 126, 127 and 128+N\n"
        "mean what they mean for run. It dies with imgc, unless it runs in the background.\n"
        "\n"
        "  imgc exec -it web sh\n"
        "  imgc exec -u postgres -w /var/lib/postgresql db psql -c 'select 1'\n"
        "  imgc exec -d web touch /tmp/ready\n",
    .options = exec_options,
    .options_size = sizeof(struct exec_options),
    .min_args = 2,
    .max_args = SIZE_MAX,
    .stop_early = true,
    .run = exec_run_command,
    .failure_status = exec_failure_status,
};
