/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/isolation_json.h"

/* Every field has a value that is not the zero value. */
static void fill(struct isolation *i)
{
    struct imgc_err err;
    struct isolation_namespace *const namespaces[] = { &i->pid, &i->ipc,    &i->uts,
                                                       &i->net, &i->cgroup, &i->time };

    for (unsigned k = 0; k < sizeof namespaces / sizeof *namespaces; k++) {
        namespaces[k]->mode = 1 + k % 3;
        assert_ok(imgc_str_dup(IMGC_STR("x"), &namespaces[k]->source, &err), err);
    }
    i->ipc_use = ISOLATION_IPC_SHAREABLE;

    i->privileged = i->no_new_privs = i->no_seccomp = true;
    i->cap_add = UINT64_MAX;
    i->cap_drop = 5;
    assert_ok(isolation_append(&i->mask, IMGC_STR("/a"), &err), err);
    assert_ok(isolation_append(&i->mask, IMGC_STR("/b"), &err), err);
    assert_ok(isolation_append(&i->unmask, IMGC_STR("ALL"), &err), err);
}

static void test_json(void **state)
{
    isolation_auto struct isolation from = { .privileged = false }, to = { .privileged = false };
    json_auto_free json_t *a = NULL, *b = NULL;
    struct imgc_err err;
    size_t n = 0;
    (void)state;

    fill(&from);
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
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_unmasked),
        cmocka_unit_test(test_privileged_unmasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
