/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/net_want.h"

static struct net_want_link named(const char *name)
{
    struct net_want_link l = { .network = strdup(name) };

    assert_non_null(l.network);
    return l;
}

static void add(struct net_want *w, const char *name)
{
    struct net_want_link l = named(name);
    struct imgc_err err;

    assert_ok(net_want_add(w, &l, &err), err);
    assert_null(l.network); /* taken */
}

static void fill(struct net_want *w, const char *const *names)
{
    w->network = strdup(names[0]);
    assert_non_null(w->network);
    for (size_t i = 1; names[i]; i++) {
        add(w, names[i]);
    }
}

/* Whichever goes, the others stay in their order. */
static void test_remove(void **state)
{
    static const char *const names[] = { "a", "b", "c", NULL };
    static const char *const left[3][2] = { { "b", "c" }, { "a", "c" }, { "a", "b" } };
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        net_want_auto struct net_want w = { .is_asked = true };
        fill(&w, names);
        net_want_remove(&w, i);
        assert_int_equal(w.n_more, 1);
        assert_string_equal(net_want_get(&w, 0).network, left[i][0]);
        assert_string_equal(net_want_get(&w, 1).network, left[i][1]);
    }
}

static void test_not_too_many(void **state)
{
    net_want_auto struct net_want w = { .is_asked = true };
    struct imgc_err err;
    (void)state;

    for (size_t i = 1; i < NET_WANT_NETWORKS_MAX; i++) {
        add(&w, "x");
    }
    net_want_link_auto struct net_want_link one_more = named("y");
    assert_int_equal(net_want_add(&w, &one_more, &err), -IMGC_E_LIMIT);
    assert_string_equal(one_more.network, "y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_not_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
