/* SPDX-License-Identifier: Apache-2.0 */
/* spec_from_config(): OCI image-spec v1.1, conversion.md; docker's order of the environment. */
#include <signal.h>

#include "runtime/caps.h"
#include "runtime/spec.h"
#include "schema/base/path.h"
#include "schema/limits.h"

#define HOSTNAME_MAX 63 /* one label of a domain name; the kernel takes 64 */

/* A NULL-terminated list that grows. */
struct list {
    char **items;
    size_t n;
    size_t bytes; /* of all strings with their NULs */
};

static void list_done(struct list *l)
{
    (void)json_strings_free(l->items);
    *l = (struct list){ .items = NULL };
}
#define list_auto imgc_auto(list_done)

static int list_add(struct list *l, struct imgc_str s, struct imgc_err *reterr)
{
    char **items = reallocarray(l->items, l->n + 2, sizeof *items);

    if (!items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    l->items = items;
    items[l->n] = items[l->n + 1] = NULL;
    int r = imgc_str_dup(s, &items[l->n], reterr);
    if (r == 0) {
        l->n++;
        l->bytes += s.len + 1;
    }
    return r;
}

static int list_add_all(struct list *l, const char *const *words, struct imgc_err *reterr)
{
    int r = 0;

    for (; words && *words && r == 0; words++) {
        r = list_add(l, imgc_str_of(*words), reterr);
    }
    return r;
}

/* char ** of a config as what the helpers above read. */
static const char *const *readable(char **words)
{
    return (const char *const *)words;
}

static size_t env_find(const struct list *l, struct imgc_str key)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strncmp(l->items[i], key.ptr, key.len) == 0 && l->items[i][key.len] == '=') {
            return i;
        }
    }
    return l->n;
}

static void env_remove(struct list *l, struct imgc_str key)
{
    size_t i = env_find(l, key);

    if (i < l->n) {
        free(l->items[i]);
        memmove(&l->items[i], &l->items[i + 1], (l->n - i) * sizeof *l->items);
        l->n--;
    }
}

/* A later value takes the place of an earlier one. */
static int env_set(struct list *l, struct imgc_str pair, struct imgc_err *reterr)
{
    struct imgc_str key, value;

    if (!imgc_str_split(pair, '=', &key, &value) || key.len == 0) {
        return 0; /* an image's "K" or "=V" says nothing */
    }
    size_t i = env_find(l, key);
    int r;
    if (!l->items || i == l->n) {
        r = list_add(l, pair, reterr);
    } else {
        char *copy = NULL;
        r = imgc_str_dup(pair, &copy, reterr);
        if (r == 0) {
            l->bytes += pair.len - strlen(l->items[i]);
            free(l->items[i]);
            l->items[i] = copy;
        }
    }
    if (r == 0 && l->bytes > LIMIT_ENV_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "environment over %u bytes", LIMIT_ENV_BYTES);
    }
    return r;
}

static int env_set_text(struct list *l, const char *key, const char *value, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_ENV_BYTES);
    struct imgc_str pair;

    imgc_buf_printf(&b, "%s=%s", key, value);
    int r = imgc_buf_finish(&b, &pair, reterr);
    return r < 0 ? r : env_set(l, pair, reterr);
}

/* One -e: "K=V", or "K" for the caller's value, where no value takes K away. */
static int env_option(struct list *l, const char *word, struct imgc_err *reterr)
{
    if (word[0] == '=' || word[0] == '\0') {
        return imgc_fail(reterr, IMGC_E_USAGE, "environment variable '%s' has no name", word);
    }
    if (strchr(word, '=')) {
        return env_set(l, imgc_str_of(word), reterr);
    }
    const char *value = secure_getenv(word);
    if (!value) {
        env_remove(l, imgc_str_of(word));
        return 0;
    }
    return env_set_text(l, word, value, reterr);
}

/* podman's rule for --systemd=true. */
static bool is_init(const char *command)
{
    static const char *const places[] = { "/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init" };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strcmp(command, places[i]) == 0) {
            return true;
        }
    }
    const char *slash = strrchr(command, '/');
    return strcmp(slash ? slash + 1 : command, "systemd") == 0;
}

/* What systemd is told by its caller (systemd.io, CONTAINER_INTERFACE): that it is in a container,
 * and from what to make a machine ID. */
static int systemd_env(const char *id, struct list *env, struct imgc_err *reterr)
{
    char uuid[33];

    (void)snprintf(uuid, sizeof uuid, "%s", id);
    int r = env_set(env, IMGC_STR("container=imgc"), reterr);
    return r < 0 ? r : env_set_text(env, "container_uuid", uuid, reterr);
}

/* What is there without -e. */
static int default_env(const struct image_config *config, const struct spec_options *o,
                       const struct spec *s, struct list *env, struct imgc_err *reterr)
{
    int r = env_set(env, IMGC_STR("PATH=" SPEC_DEFAULT_PATH), reterr);

    for (const char *const *e = o->host_env; e && *e && r == 0; e++) {
        r = env_set(env, imgc_str_of(*e), reterr);
    }
    if (r == 0 && s->hostname[0]) {
        r = env_set_text(env, "HOSTNAME", s->hostname, reterr);
    }
    if (r == 0 && s->isolation.systemd) {
        r = systemd_env(s->id, env, reterr);
    }
    if (r == 0 && o->terminal) {
        r = env_set(env, IMGC_STR("TERM=xterm"), reterr);
    }
    for (char **e = config ? config->env : NULL; e && *e && r == 0; e++) {
        r = env_set(env, imgc_str_of(*e), reterr);
    }
    for (const char *const *name = o->unset_env; name && *name && r == 0; name++) {
        env_remove(env, imgc_str_of(*name));
    }
    return r;
}

static bool is_unset(const struct spec_options *o, const char *name)
{
    bool is = o->unset_all_env;

    for (const char *const *n = o->unset_env; n && *n && !is; n++) {
        is = strcmp(*n, name) == 0;
    }
    return is;
}

static int make_env(const struct image_config *config, const struct spec_options *o,
                    const struct spec *s, char ***ret, struct imgc_err *reterr)
{
    list_auto struct list env = { .items = calloc(1, sizeof *env.items) };

    if (!env.items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = o->unset_all_env ? 0 : default_env(config, o, s, &env, reterr);
    for (const char *const *e = o->env; e && *e && r == 0; e++) {
        r = env_option(&env, *e, reterr);
    }
    if (r == 0) {
        *ret = imgc_take(env.items);
    }
    return r;
}

/* --entrypoint: a JSON array of words, or one word. */
static int add_entrypoint_option(struct list *argv, const char *text, struct imgc_err *reterr)
{
    json_auto_free json_t *j = NULL;

    if (text[0] != '[') {
        return text[0] ? list_add(argv, imgc_str_of(text), reterr) : 0;
    }
    int r = json_parse(imgc_str_of(text), "--entrypoint", &j, reterr);
    if (r < 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--entrypoint '%s' is not a JSON array", text);
    }
    for (size_t i = 0; i < json_array_size(j) && r == 0; i++) {
        const json_t *word = json_array_get(j, i);
        if (!json_is_string(word)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--entrypoint '%s' holds more than words", text);
        }
        struct imgc_str s = { json_string_value(word), json_string_length(word) };
        r = list_add(argv, s, reterr);
    }
    return r;
}

static int make_argv(const struct image_config *config, const struct spec_options *o,
                     struct spec *s, struct imgc_err *reterr)
{
    list_auto struct list argv = { .items = NULL };
    const char *const *cmd = config && !o->has_entrypoint ? readable(config->cmd) : NULL;
    int r = 0;

    if (o->has_entrypoint) {
        r = add_entrypoint_option(&argv, o->entrypoint ? o->entrypoint : "", reterr);
    } else if (config) {
        r = list_add_all(&argv, readable(config->entrypoint), reterr);
    }
    size_t n_entrypoint = argv.n;
    if (r == 0) {
        r = list_add_all(&argv, o->args && o->args[0] ? o->args : cmd, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (argv.n > 0 && argv.items[0][0] == '\0') {
        return imgc_fail(reterr, IMGC_E_NOCOMMAND, "the command is an empty word");
    }
    if (argv.n == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "no command given, and the image names none (write it after IMAGE)");
    }
    s->argv = imgc_take(argv.items);
    s->n_entrypoint = (uint32_t)n_entrypoint;
    return 0;
}

static bool is_hostname(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    return name[n] == '\0' && n > 0 && n <= HOSTNAME_MAX && name[0] != '-' && name[0] != '.';
}

/* The first twelve digits of the id; with the host's network the host's own name. */
static int make_hostname(const struct spec_options *o, struct spec *s, struct imgc_err *reterr)
{
    bool owns_name = s->isolation.uts.mode == ISOLATION_PRIVATE;

    if (o->hostname && o->hostname[0]) {
        if (!owns_name) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--hostname and --uts do not go together");
        }
        if (!is_hostname(o->hostname)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is not a host name", o->hostname);
        }
        return imgc_str_dup(imgc_str_of(o->hostname), &s->hostname, reterr);
    }
    bool is_hosts = o->network == SPEC_NETWORK_HOST || !owns_name;
    struct imgc_str name = is_hosts ? IMGC_STR("") : imgc_str_of(s->id);
    return imgc_str_dup(imgc_str_first(name, 12), &s->hostname, reterr);
}

static int make_cwd(const struct image_config *config, const struct spec_options *o, char **ret,
                    struct imgc_err *reterr)
{
    const char *dir = config && config->working_dir ? config->working_dir : "";

    if (o->workdir) {
        if (o->workdir[0] != '/') {
            return imgc_fail(reterr, IMGC_E_USAGE, "working directory '%s' is not an absolute path",
                             o->workdir);
        }
        dir = o->workdir;
    }
    return path_clean(IMGC_STR("/"), imgc_str_of(dir), ret, reterr);
}

/* Absolute, as docker takes a relative one: from the root. */
static int make_volumes(const struct image_config *config, char ***ret, struct imgc_err *reterr)
{
    list_auto struct list volumes = { .items = NULL };
    void *i = config && config->volumes ? json_object_iter(config->volumes) : NULL;
    int r = 0;

    for (; r == 0 && i; i = json_object_iter_next(config->volumes, i)) {
        imgc_autofree char *path = NULL;
        if (volumes.n == LIMIT_VOLUMES) {
            return imgc_fail(reterr, IMGC_E_LIMIT, "the image declares more than %d volumes",
                             LIMIT_VOLUMES);
        }
        r = path_clean(IMGC_STR("/"), imgc_str_of(json_object_iter_key(i)), &path, reterr);
        if (r == 0) {
            r = list_add(&volumes, imgc_str_of(path), reterr);
        }
    }
    if (r == 0) {
        *ret = imgc_take(volumes.items);
    }
    return r;
}

static int copy_mounts(const struct spec_options *o, struct spec *s, struct imgc_err *reterr)
{
    if (o->n_mounts == 0) {
        return 0;
    }
    s->mounts = calloc(o->n_mounts, sizeof *s->mounts);
    if (!s->mounts) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < o->n_mounts; i++) {
        struct spec_mount *m = &s->mounts[s->n_mounts++];
        *m = o->mounts[i];
        m->host_dir = NULL;
        m->source = m->target = m->subpath = NULL;
        int r = imgc_str_dup(imgc_str_of(o->mounts[i].target), &m->target, reterr);
        if (r == 0 && o->mounts[i].source) {
            r = imgc_str_dup(imgc_str_of(o->mounts[i].source), &m->source, reterr);
        }
        if (r == 0 && o->mounts[i].subpath) {
            r = imgc_str_dup(imgc_str_of(o->mounts[i].subpath), &m->subpath, reterr);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* What -P publishes of the image's own accord. */
static int add_exposed(const struct image_config *config, struct net_want *w,
                       struct imgc_err *reterr)
{
    const char *key;
    json_t *value;

    if (!w->publish_all || !config || !config->exposed_ports) {
        return 0;
    }
    json_object_foreach(config->exposed_ports, key, value)
    {
        int r = net_want_append(&w->expose, imgc_str_of(key), reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int fill_process(const struct image_config *config, const struct spec_options *o,
                        struct spec *s, struct imgc_err *reterr)
{
    const char *user = o->user ? o->user : config && config->user ? config->user : "";
    const char *stop = config ? config->stop_signal : NULL;

    int r = make_argv(config, o, s, reterr);
    if (r == 0) {
        s->isolation.systemd = o->systemd == SPEC_SYSTEMD_ALWAYS ||
                               (o->systemd == SPEC_SYSTEMD_TRUE && is_init(s->argv[0]));
        s->no_home = is_unset(o, "HOME");
        s->no_hostname = is_unset(o, "HOSTNAME");
        r = make_env(config, o, s, &s->env, reterr);
    }
    if (r == 0) {
        r = make_cwd(config, o, &s->cwd, reterr);
    }
    if (r == 0) {
        r = make_volumes(config, &s->volumes, reterr);
    }
    if (r == 0) {
        r = imgc_str_dup(imgc_str_of(user), &s->user, reterr);
    }
    if (r < 0) {
        return r;
    }
    s->stop_signal = s->isolation.systemd ? SIGRTMIN + 3 : SIGTERM; /* systemd's word for "halt" */
    if (stop && stop[0] && !spec_parse_signal(imgc_str_of(stop), &s->stop_signal)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "the image's StopSignal '%s' is no signal", stop);
    }
    return 0;
}

int spec_from_config(const char *id, const struct image_config *config,
                     const struct spec_options *options, struct spec *ret, struct imgc_err *reterr)
{
    spec_auto struct spec s = SPEC_INIT;

    s.terminal = options->terminal;
    s.interactive = options->interactive;
    s.read_only = options->read_only;
    s.log_max_bytes = options->log_max_bytes;
    s.log_max_files = options->log_max_files;
    s.timeout_s = options->timeout_s;
    s.network = options->network;
    s.no_cgroup = options->no_cgroup;

    int r = imgc_str_dup(imgc_str_of(id), &s.id, reterr);
    if (r < 0) {
        return r;
    }
    if (options->take_isolation) {
        s.isolation = *options->take_isolation;
        *options->take_isolation = (struct isolation){ .privileged = false };
    }
    if (options->take_net_want) {
        s.net_want = *options->take_net_want;
        *options->take_net_want = (struct net_want){ .is_asked = false };
    }
    s.no_seccomp =
        s.isolation.no_seccomp || (s.isolation.privileged && !s.isolation.seccomp_profile);
    s.capabilities = caps_combine(s.isolation.privileged ? caps_all() : caps_default(),
                                  s.isolation.cap_add, s.isolation.cap_drop);
    r = make_hostname(options, &s, reterr);
    if (r == 0) {
        r = fill_process(config, options, &s, reterr);
    }
    if (r == 0) {
        r = copy_mounts(options, &s, reterr);
    }
    if (r == 0) {
        r = spec_limits_copy(&options->limits, &s.limits, reterr);
    }
    if (r == 0 && options->cgroup_parent) {
        r = imgc_str_dup(imgc_str_of(options->cgroup_parent), &s.cgroup_parent, reterr);
    }
    if (r == 0) {
        r = add_exposed(config, &s.net_want, reterr);
    }
    if (r < 0) {
        return r;
    }
    *ret = s;
    s = (struct spec)SPEC_INIT;
    return 0;
}
