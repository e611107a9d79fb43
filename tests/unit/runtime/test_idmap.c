/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/idmap.h"

static void assert_line(const struct idmap *map, size_t i, uint32_t inside, uint32_t outside,
                        uint32_t count)
{
    assert_true(i < map->n);
    assert_int_equal(map->lines[i].inside, inside);
    assert_int_equal(map->lines[i].outside, outside);
    assert_int_equal(map->lines[i].count, count);
}

static void test_own_id_first_then_the_ranges(void **state)
{
    const struct subid ranges = { .ranges = { { 100000, 65536 }, { 300000, 10 } }, .n = 2 };
    struct idmap map;
    (void)state;

    idmap_make(1000, &ranges, &map);
    assert_int_equal(map.n, 3);
    assert_line(&map, 0, 0, 1000, 1);
    assert_line(&map, 1, 1, 100000, 65536);
    assert_line(&map, 2, 65537, 300000, 10);
    assert_int_equal(idmap_total(&map), 65547);
}

static void test_no_id_is_mapped_twice(void **state)
{
    const struct subid ranges = {
        .ranges = { { 900, 1000 }, { 1500, 1000 }, { 1200, 10 }, { 0, 10000 } }, .n = 4
    };
    struct idmap map;
    (void)state;

    idmap_make(1000, &ranges, &map);
    for (size_t i = 0; i < map.n; i++) {
        for (size_t j = 0; j < i; j++) {
            uint64_t a = map.lines[i].outside, b = map.lines[j].outside;
            assert_true(a >= b + map.lines[j].count || b >= a + map.lines[i].count);
        }
    }
    assert_line(&map, 1, 1, 1001, 899);
    assert_line(&map, 2, 900, 1900, 600);
}

static void test_ids_inside_end(void **state)
{
    const struct subid ranges = { .ranges = { { 5, 2000000000 }, { 2000000005, 2294967290 } },
                                  .n = 2 };
    struct idmap map;
    (void)state;

    idmap_make(4294967294u, &ranges, &map);
    assert_true(idmap_total(&map) <= UINT32_MAX);
}

static void test_reads_what_root_is_outside(void **state)
{
    uint32_t id = 7;
    (void)state;

    assert_true(idmap_root(IMGC_STR("         0     100000      65536\n"), &id) && id == 100000);
    assert_true(idmap_root(IMGC_STR("  5 1 1\n  0   42   1\n"), &id) && id == 42);
    assert_false(idmap_root(IMGC_STR("  1  100000  5\n"), &id));
    assert_false(idmap_root(IMGC_STR("0 x 5\n0 1\n"), &id));
    assert_false(idmap_root(IMGC_STR(""), &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_root_is_outside),
        cmocka_unit_test(test_own_id_first_then_the_ranges),
        cmocka_unit_test(test_no_id_is_mapped_twice),
        cmocka_unit_test(test_ids_inside_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
