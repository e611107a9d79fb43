/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/describe_spec.h"

#include <signal.h>
#include <stdio.h>

#include "cmd/describe_network.h"
#include "cmd/kept_spec.h"
#include "cmd/run_userns.h"
#include "runtime/caps.h"
#include "runtime/log_rotate.h"
#include "schema/json.h"

/* What is no UTF-8 cannot stand in JSON. */
static json_t *string_or_empty(const char *z)
{
    json_t *s = z ? json_string(z) : NULL;
    return s ? s : json_string("");
}

static json_t *string_list(char *const *items)
{
    json_t *list = json_array();

    for (; items && *items; items++) {
        (void)json_array_append_new(list, string_or_empty(*items));
    }
    return list;
}

/* docker's form of a set: {"/data": {}}. */
static json_t *string_set(char *const *items)
{
    json_t *set = json_object();

    for (; items && *items; items++) {
        (void)json_object_set_new(set, *items, json_object());
    }
    return set;
}

static json_t *mount_of(const struct spec_mount *m)
{
    static const char *const kinds[] = {
        [SPEC_MOUNT_BIND] = "bind", [SPEC_MOUNT_TMPFS] = "tmpfs", [SPEC_MOUNT_VOLUME] = "volume"
    };
    static const char *const propagations[] = { [SPEC_PROPAGATION_PRIVATE] = "rprivate",
                                                [SPEC_PROPAGATION_SLAVE] = "rslave",
                                                [SPEC_PROPAGATION_SHARED] = "rshared" };
    bool is_volume = m->kind == SPEC_MOUNT_VOLUME, is_tmpfs = m->kind == SPEC_MOUNT_TMPFS;
    json_t *j =
        json_pack("{s:s, s:o, s:o, s:s, s:b, s:s}", "Type", kinds[m->kind], "Source",
                  string_or_empty(is_volume ? m->host_dir : m->source), "Destination",
                  string_or_empty(m->target), "Mode", m->read_only ? "ro" : "", "RW", !m->read_only,
                  "Propagation", is_tmpfs ? "" : propagations[m->propagation]);

    if (is_volume) {
        (void)json_object_set_new(j, "Name", string_or_empty(m->source));
        (void)json_object_set_new(j, "Driver", json_string("local"));
    }
    return j;
}

static json_t *mounts_of(const struct spec *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->n_mounts; i++) {
        (void)json_array_append_new(list, mount_of(&s->mounts[i]));
    }
    return list;
}

static json_t *log_of(const struct spec *s)
{
    char size[32], files[32];

    (void)snprintf(
        size, sizeof size, "%llu",
        (unsigned long long)(s->log_max_bytes ? s->log_max_bytes : LOG_ROTATE_MAX_BYTES));
    (void)snprintf(files, sizeof files, "%u",
                   s->log_max_files ? s->log_max_files : LOG_ROTATE_MAX_FILES);
    return json_pack("{s:s, s:{s:s, s:s}}", "Type", "k8s-file", "Config", "max-size", size,
                     "max-file", files);
}

static json_t *capabilities_of(uint64_t mask)
{
    json_t *list = json_array();

    for (int cap = 0; cap < 64; cap++) {
        if (mask >> cap & 1) {
            (void)json_array_append_new(list, string_or_empty(caps_name(cap)));
        }
    }
    return list;
}

/* What the options said of the container's surroundings, as `update` has changed it: the words that
 * are about its process stand in Config. */
static json_t *host_config(const struct container *c, const struct spec *s, const json_t *told)
{
    static const char *const process[] = { "Cmd",  "Env",        "Tty",      "OpenStdin",
                                           "User", "WorkingDir", "Hostname", "Labels" };
    json_t *j = json_deep_copy(told);
    json_t *more = json_pack(
        "{s:b, s:o, s:o, s:o, s:o, s:b}", "AutoRemove", c->auto_remove, "LogConfig", log_of(s),
        "CapAdd", capabilities_of(s->isolation.cap_add), "CapDrop",
        capabilities_of(s->isolation.cap_drop), "PortBindings",
        describe_network_bindings(&s->net_want), "PublishAllPorts", s->net_want.publish_all);

    for (size_t i = 0; j && i < sizeof process / sizeof *process; i++) {
        (void)json_object_del(j, process[i]);
    }
    json_t *users = run_userns_json(&s->isolation.users);
    if (j && more) {
        (void)json_object_update(j, more);
    }
    if (j && users) {
        (void)json_object_update(j, users);
    }
    json_decref(users);
    json_decref(more);
    return j;
}

static json_t *signal_text(int number)
{
    const char *name = sigabbrev_np(number);
    char text[32];

    if (name) {
        (void)snprintf(text, sizeof text, "SIG%s", name);
    } else {
        (void)snprintf(text, sizeof text, "SIGRTMIN+%d", number - SIGRTMIN);
    }
    return json_string(text);
}

/* What describe_container() says there stays: what the command line said. */
static int add_config(const struct container *c, const struct spec *s, json_t *config)
{
    json_t *labels = json_object_get(config, "Labels");
    json_t *more =
        json_pack("{s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:O*}", "Hostname",
                  string_or_empty(s->hostname), "User", string_or_empty(s->user), "Tty",
                  s->terminal, "OpenStdin", s->interactive, "Env", string_list(s->env), "Cmd",
                  string_list(s->argv), "Image", string_or_empty(c->image_name), "Volumes",
                  string_set(s->volumes), "WorkingDir", string_or_empty(s->cwd), "StopSignal",
                  signal_text(s->stop_signal ? s->stop_signal : SIGTERM), "Labels", labels);
    int r = more ? json_object_update(config, more) : -1;

    json_decref(more);
    return r;
}

static int fill(const struct container *c, const struct spec *s, json_t *take_network, json_t *doc)
{
    json_t *config = json_object_get(doc, "Config");
    json_t *more = json_pack("{s:o, s:o, s:o, s:o, s:s, s:o}", "HostConfig",
                             host_config(c, s, config), "Mounts", mounts_of(s), "NetworkSettings",
                             take_network, "CgroupPath", string_or_empty(c->cgroup), "Path",
                             s->argv[0], "EffectiveCaps", capabilities_of(s->capabilities));
    json_t *arguments = string_list(s->argv + 1);
    int r = more ? json_object_update(doc, more) : -1;

    json_decref(more);
    r = r < 0 ? r : json_object_set_new(doc, "Args", arguments);
    return r < 0 ? r : add_config(c, s, config);
}

int describe_spec(struct store *s, const struct container *c, json_t *doc, struct imgc_err *reterr)
{
    spec_auto struct spec spec = SPEC_INIT;

    int r = kept_spec_load(s, c->id, &spec, reterr);
    if (r == -IMGC_E_NOTFOUND) {
        return 0;
    }
    json_t *network = NULL;
    const char *mode =
        json_string_value(json_object_get(json_object_get(doc, "Config"), "NetworkMode"));
    r = r < 0 ? r : describe_network(s, c, &spec, mode ? mode : "", &network, reterr);
    if (r == 0 && fill(c, &spec, network, doc) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return r;
}
