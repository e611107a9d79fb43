/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/isolation_json.h"

static const char *const modes[] = {
    [ISOLATION_PRIVATE] = "private",
    [ISOLATION_HOST] = "host",
    [ISOLATION_CONTAINER] = "container",
    [ISOLATION_PATH] = "path",
    NULL,
};

static const char *const ipc_uses[] = {
    [ISOLATION_IPC_CLOSED] = "closed",
    [ISOLATION_IPC_SHAREABLE] = "shareable",
    [ISOLATION_IPC_NO_SHM] = "no-shm",
    NULL,
};

static const struct json_fields namespace_fields[] = {
    JSON_FIELDS_ENUM(struct isolation_namespace, mode, modes),
    JSON_FIELDS_PLAIN(struct isolation_namespace, source),
    { .key = NULL },
};

static const char *const users_modes[] = {
    [ISOLATION_USERS_HOST] = "host",
    [ISOLATION_USERS_MAPPED] = "mapped",
    [ISOLATION_USERS_CONTAINER] = "container",
    [ISOLATION_USERS_PATH] = "path",
    NULL,
};

static const struct json_fields ids_fields[] = {
    JSON_FIELDS_PLAIN(struct isolation_ids, inside),
    JSON_FIELDS_PLAIN(struct isolation_ids, outside),
    JSON_FIELDS_PLAIN(struct isolation_ids, count),
    { .key = NULL },
};

static const struct json_fields users_fields[] = {
    JSON_FIELDS_ENUM(struct isolation_users, mode, users_modes),
    JSON_FIELDS_PLAIN(struct isolation_users, source),
    JSON_FIELDS_LIST(struct isolation_users, uids, n_uids, struct isolation_ids, ids_fields),
    JSON_FIELDS_LIST(struct isolation_users, gids, n_gids, struct isolation_ids, ids_fields),
    JSON_FIELDS_PLAIN(struct isolation_users, mounts_stay),
    { .key = NULL },
};

static const struct json_fields rlimit_fields[] = {
    JSON_FIELDS_PLAIN(struct isolation_rlimit, name),
    JSON_FIELDS_PLAIN(struct isolation_rlimit, soft),
    JSON_FIELDS_PLAIN(struct isolation_rlimit, hard),
    { .key = NULL },
};

static const struct json_fields sysctl_fields[] = {
    JSON_FIELDS_PLAIN(struct isolation_sysctl, path),
    JSON_FIELDS_PLAIN(struct isolation_sysctl, value),
    { .key = NULL },
};

static const struct json_fields device_fields[] = {
    JSON_FIELDS_PLAIN(struct isolation_device, source),
    JSON_FIELDS_PLAIN(struct isolation_device, target),
    JSON_FIELDS_PLAIN(struct isolation_device, access),
    { .key = NULL },
};

#define PLAIN(field) JSON_FIELDS_PLAIN(struct isolation, field)
#define NAMESPACE(field) JSON_FIELDS_STRUCT(struct isolation, field, namespace_fields)

const struct json_fields isolation_json_fields[] = {
    NAMESPACE(pid),
    NAMESPACE(ipc),
    NAMESPACE(uts),
    NAMESPACE(net),
    NAMESPACE(cgroup),
    NAMESPACE(time),
    JSON_FIELDS_STRUCT(struct isolation, users, users_fields),
    JSON_FIELDS_ENUM(struct isolation, ipc_use, ipc_uses),
    PLAIN(privileged),
    PLAIN(systemd),
    PLAIN(init),
    PLAIN(init_path),
    PLAIN(no_new_privs),
    PLAIN(no_seccomp),
    PLAIN(seccomp_profile),
    PLAIN(cap_add),
    PLAIN(cap_drop),
    PLAIN(mask),
    PLAIN(unmask),
    JSON_FIELDS_LIST(struct isolation, rlimits, n_rlimits, struct isolation_rlimit, rlimit_fields),
    JSON_FIELDS_LIST(struct isolation, sysctls, n_sysctls, struct isolation_sysctl, sysctl_fields),
    JSON_FIELDS_LIST(struct isolation, devices, n_devices, struct isolation_device, device_fields),
    PLAIN(device_rules),
    PLAIN(shm_bytes),
    PLAIN(has_umask),
    PLAIN(umask),
    PLAIN(oom_score_adj),
    PLAIN(groups),
    PLAIN(domainname),
    PLAIN(timezone),
    PLAIN(read_only_tmpfs),
    { .key = NULL },
};
