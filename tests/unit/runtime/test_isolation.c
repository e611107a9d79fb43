/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/isolation_json.h"

static char *word(const char *z)
{
    char *copy = strdup(z);

    assert_non_null(copy);
    return copy;
}

static char **words(const char *first, const char *second)
{
    char **list = calloc(3, sizeof *list);

    assert_non_null(list);
    list[0] = word(first);
    list[1] = word(second);
    return list;
}

static struct isolation_namespace joined(const char *name)
{
    return (struct isolation_namespace){ .mode = ISOLATION_CONTAINER, .source = word(name) };
}

/* Every field has a value that is not the zero value. */
static void fill(struct isolation *i)
{
    *i = (struct isolation){
        .pid = joined("pid"),
        .ipc = joined("ipc"),
        .uts = joined("uts"),
        .net = joined("net"),
        .cgroup = joined("cgroup"),
        .time = joined("time"),
        .users = { .mode = ISOLATION_USERS_CONTAINER, .source = word("u"), .mounts_stay = true },
        .ipc_use = ISOLATION_IPC_SHAREABLE,
        .privileged = true,
        .no_new_privs = true,
        .no_seccomp = true,
        .seccomp_profile = word("{}"),
        .cap_add = UINT64_MAX,
        .cap_drop = 5,
        .mask = words("/a", "/b"),
        .unmask = words("ALL", "/c"),
        .rlimits = calloc(1, sizeof *i->rlimits),
        .n_rlimits = 1,
        .sysctls = calloc(1, sizeof *i->sysctls),
        .n_sysctls = 1,
        .devices = calloc(1, sizeof *i->devices),
        .n_devices = 1,
        .device_rules = words("c 1:3 r", "b *:* m"),
        .shm_bytes = 1,
        .has_umask = true,
        .umask = 077,
        .oom_score_adj = -5,
        .groups = words("audio", "7"),
        .init = true,
        .init_path = word("/sbin/an-init"),
        .domainname = word("nis"),
        .timezone = word("local"),
        .read_only_tmpfs = true,
    };
    i->rlimits[0] = (struct isolation_rlimit){ word("nofile"), 1, UINT64_MAX };
    i->devices[0] = (struct isolation_device){ word("/dev/fuse"), word("/f"), word("rw") };
    i->sysctls[0] = (struct isolation_sysctl){ word("/proc/sys/x"), word("1 2") };
}

static void test_ids(void **state)
{
    struct isolation_users u = { .mode = ISOLATION_USERS_MAPPED };
    struct imgc_err err;
    uint32_t id = 0;
    (void)state;

    assert_ok(isolation_add_ids(&u.uids, &u.n_uids, (struct isolation_ids){ 0, 1000, 10 }, &err),
              err);
    assert_ok(isolation_add_ids(&u.uids, &u.n_uids, (struct isolation_ids){ 10, UINT32_MAX - 5, 5 },
                                &err),
              err);
    assert_true(isolation_map_id(u.uids, u.n_uids, 9, &id) && id == 1009);
    assert_true(isolation_map_id(u.uids, u.n_uids, 14, &id) && id == UINT32_MAX - 1);
    assert_false(isolation_map_id(u.uids, u.n_uids, 15, &id));
    assert_true(isolation_unmap_id(u.uids, u.n_uids, 1009, &id) && id == 9);
    assert_true(isolation_unmap_id(u.uids, u.n_uids, UINT32_MAX - 5, &id) && id == 10);
    assert_false(isolation_unmap_id(u.uids, u.n_uids, 0, &id));
    static const struct isolation_ids bad[] = {
        { 9, 5000, 1 },               /* twice inside */
        { 100, 1009, 1 },             /* twice outside */
        { 100, 5000, 0 },             /* nothing */
        { 100, UINT32_MAX, 1 },       /* "no ID" */
        { UINT32_MAX - 1, 5000, 2 },  /* over the end inside */
        { 20, 995, 6 },               /* overlaps from below */
        { 5, 6000, UINT32_MAX - 10 }, /* covers */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(isolation_add_ids(&u.uids, &u.n_uids, bad[i], &err), -(int)IMGC_E_USAGE);
    }
    assert_int_equal(u.n_uids, 2);
    free(u.uids);
}

static void test_json(void **state)
{
    isolation_auto struct isolation from = { .privileged = false }, to = { .privileged = false };
    json_auto_free json_t *a = NULL, *b = NULL;
    struct imgc_err err;
    size_t n = 0;
    (void)state;

    fill(&from);
    assert_ok(isolation_add_ids(&from.users.gids, &from.users.n_gids,
                                (struct isolation_ids){ 1, UINT32_MAX - 7, 3 }, &err),
              err);
    assert_ok(json_fields_write(isolation_json_fields, &from, &a, &err), err);
    assert_ok(json_fields_read(isolation_json_fields, a, &to, &err), err);
    assert_ok(json_fields_write(isolation_json_fields, &to, &b, &err), err);
    assert_true(json_equal(a, b));
    while (isolation_json_fields[n].key) {
        n++;
    }
    assert_int_equal(json_object_size(a), n); /* so that none above was left at zero */
    assert_string_equal(to.mask[1], "/b");
    assert_null(to.mask[2]);
    assert_true(to.users.n_uids == 0 && to.users.n_gids == 1);
    assert_true(to.users.gids[0].inside == 1 && to.users.gids[0].outside == UINT32_MAX - 7 &&
                to.users.gids[0].count == 3);
}

static void test_unmasked(void **state)
{
    isolation_auto struct isolation i = { .privileged = false };
    struct imgc_err err;
    (void)state;

    assert_false(isolation_is_unmasked(&i, "/proc/acpi"));
    assert_ok(isolation_append(&i.unmask, IMGC_STR("/proc/a*"), &err), err);
    assert_true(isolation_is_unmasked(&i, "/proc/acpi"));
    assert_false(isolation_is_unmasked(&i, "/proc/keys"));
    assert_ok(isolation_append(&i.unmask, IMGC_STR("ALL"), &err), err);
    assert_true(isolation_is_unmasked(&i, "/proc/keys"));
}

static void test_privileged_unmasks(void **state)
{
    const struct isolation i = { .privileged = true };
    (void)state;

    assert_true(isolation_is_unmasked(&i, "/proc/keys"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_unmasked),
        cmocka_unit_test(test_privileged_unmasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
