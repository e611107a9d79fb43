/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/link.h"

#include "tests/lib/unit.h"

static void finds_the_query_of_the_next_page(void **state)
{
    static const struct {
        const char *header, *query; /* NULL: no next page */
    } rows[] = {
        { "</v2/a/tags/list?last=b&n=2>; rel=\"next\"", "last=b&n=2" },
        { "<https://other.example/v2/a/tags/list?n=2>;rel=next", "n=2" },
        { "<?n=1>; title=\"a,b;rel=next\"; Rel=\"prev NEXT\"", "n=1" },
        { "<?n=1>; rel=prev, ,<?n=2#x>; rel=next", "n=2" },
        { "</v2/a/tags/list>; rel=next", "" },
        { "<?a b>; rel=next", "" },
        { "<?a\x7f>; rel=next", "" },
        { "<?n=1>; rel=prev", NULL },
        { "<?n=1>; title=\"rel=next", NULL },
        { "<?n=1>", NULL },
        { "<?n=1", NULL },
        { "n=1; rel=next", NULL },
        { ",,", NULL },
        { "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct imgc_str query = IMGC_STR("");
        bool is_there = link_next_query(imgc_str_of(rows[i].header), &query);
        if (is_there != (rows[i].query != NULL) ||
            (is_there && !imgc_str_eq(query, imgc_str_of(rows[i].query)))) {
            fail_msg("%s: " IMGC_STR_FMT, rows[i].header, IMGC_STR_ARG(query));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_query_of_the_next_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
