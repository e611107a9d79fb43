/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spec_json.h"

#include "runtime/isolation_json.h"
#include "runtime/net_want_json.h"
#include "schema/json_fields.h"
#include "schema/limits.h"
#include "schema/volume_name.h"

#define ID_DIGITS 64

static const char *const mount_kinds[] = {
    [SPEC_MOUNT_BIND] = "bind",
    [SPEC_MOUNT_TMPFS] = "tmpfs",
    [SPEC_MOUNT_VOLUME] = "volume",
    NULL,
};

static const char *const propagations[] = {
    [SPEC_PROPAGATION_PRIVATE] = "private",
    [SPEC_PROPAGATION_SLAVE] = "slave",
    [SPEC_PROPAGATION_SHARED] = "shared",
    NULL,
};

static const char *const networks[] = {
    [SPEC_NETWORK_NONE] = "none",
    [SPEC_NETWORK_HOST] = "host",
    [SPEC_NETWORK_BRIDGE] = "bridge",
    [SPEC_NETWORK_USER] = "user",
    NULL,
};

#define PLAIN(field) JSON_FIELDS_PLAIN(struct spec_mount, field)
static const struct json_fields mount_fields[] = {
    JSON_FIELDS_ENUM(struct spec_mount, kind, mount_kinds),
    PLAIN(source),
    PLAIN(target),
    PLAIN(subpath),
    PLAIN(host_dir),
    PLAIN(read_only),
    PLAIN(noexec),
    PLAIN(nosuid),
    PLAIN(dev),
    JSON_FIELDS_ENUM(struct spec_mount, propagation, propagations),
    PLAIN(no_submounts),
    PLAIN(submounts_writable),
    PLAIN(is_anonymous),
    PLAIN(must_exist),
    PLAIN(idmap),
    PLAIN(chown),
    PLAIN(no_copy),
    PLAIN(size_bytes),
    PLAIN(size_percent),
    PLAIN(inodes),
    PLAIN(mode),
    PLAIN(uid),
    PLAIN(gid),
    { .key = NULL },
};
#undef PLAIN

#define PLAIN(field) JSON_FIELDS_PLAIN(struct spec_limits, field)
static const struct json_fields limit_fields[] = {
    PLAIN(memory_bytes),
    PLAIN(memory_swap_bytes),
    PLAIN(memory_reservation_bytes),
    PLAIN(swappiness_and_one),
    PLAIN(oom_kill_disable),
    PLAIN(cpu_quota_us),
    PLAIN(cpu_period_us),
    PLAIN(cpu_shares),
    PLAIN(cpuset_cpus),
    PLAIN(cpuset_mems),
    PLAIN(pids),
    PLAIN(io_weight),
    PLAIN(io_max),
    PLAIN(cgroup_conf),
    { .key = NULL },
};
#undef PLAIN

#define PLAIN(field) JSON_FIELDS_PLAIN(struct spec, field)
static const struct json_fields spec_fields[] = {
    PLAIN(id),
    PLAIN(hostname),
    PLAIN(lowerdirs),
    PLAIN(erofs_image),
    PLAIN(erofs_devices),
    PLAIN(upper_dir),
    PLAIN(work_dir),
    PLAIN(upper_is_disposable),
    PLAIN(root_dir),
    PLAIN(mountpoint),
    PLAIN(state_dir),
    PLAIN(read_only),
    PLAIN(log_max_bytes),
    PLAIN(log_max_files),
    PLAIN(argv),
    PLAIN(n_entrypoint),
    PLAIN(env),
    PLAIN(no_home),
    PLAIN(no_hostname),
    PLAIN(cwd),
    PLAIN(user),
    PLAIN(terminal),
    PLAIN(interactive),
    PLAIN(stop_signal),
    PLAIN(timeout_s),
    JSON_FIELDS_ENUM(struct spec, network, networks),
    JSON_FIELDS_STRUCT(struct spec, net_want, net_want_json_fields),
    PLAIN(capabilities),
    PLAIN(no_seccomp),
    JSON_FIELDS_STRUCT(struct spec, isolation, isolation_json_fields),
    JSON_FIELDS_LIST(struct spec, mounts, n_mounts, struct spec_mount, mount_fields),
    PLAIN(volumes),
    JSON_FIELDS_STRUCT(struct spec, limits, limit_fields),
    PLAIN(cgroup_name),
    PLAIN(cgroup_parent),
    PLAIN(no_cgroup),
    { .key = NULL },
};
#undef PLAIN

int spec_json_write(const struct spec *spec, char **ret, struct imgc_err *reterr)
{
    json_auto_free json_t *j = NULL;
    imgc_autofree char *text = NULL;

    int r = json_fields_write(spec_fields, spec, &j, reterr);
    r = r < 0 ? r : json_dump(j, false, &text, reterr);
    if (r < 0) {
        return r;
    }
    if (strlen(text) > LIMIT_SPEC_BYTES) { /* else it could be written and never be read */
        return imgc_fail(reterr, IMGC_E_LIMIT,
                         "the container's configuration is larger than %u bytes", LIMIT_SPEC_BYTES);
    }
    *ret = imgc_take(text);
    return 0;
}

static bool is_good_mount(const struct spec_mount *m)
{
    if (!m->target || m->target[0] != '/') {
        return false;
    }
    if (m->kind == SPEC_MOUNT_VOLUME && m->source) {
        return volume_name_is_good(imgc_str_of(m->source));
    }
    return m->kind != SPEC_MOUNT_BIND || (m->source && m->source[0] == '/');
}

/* What the code that runs a spec takes for granted. */
static int check(const struct spec *s, struct imgc_err *reterr)
{
    bool is_good = s->id && strlen(s->id) == ID_DIGITS &&
                   strspn(s->id, "0123456789abcdef") == ID_DIGITS && s->hostname && s->argv &&
                   s->argv[0] && s->env && s->cwd && s->cwd[0] == '/' && s->user;

    for (size_t i = 0; i < s->n_mounts && is_good; i++) {
        is_good = is_good_mount(&s->mounts[i]);
    }
    return is_good ? 0 : imgc_fail(reterr, IMGC_E_DOCUMENT, "a part of it is missing or wrong");
}

int spec_json_parse(struct imgc_str text, struct spec *ret, struct imgc_err *reterr)
{
    spec_auto struct spec spec = SPEC_INIT;
    json_auto_free json_t *j = NULL;

    if (text.len > LIMIT_SPEC_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "larger than %u bytes", LIMIT_SPEC_BYTES);
    }
    int r = json_parse(text, "container configuration", &j, reterr);
    r = r < 0 ? r : json_fields_read(spec_fields, j, &spec, reterr);
    r = r < 0 ? r : check(&spec, reterr);
    if (r < 0) {
        return r;
    }
    *ret = spec;
    spec = (struct spec)SPEC_INIT;
    return 0;
}
