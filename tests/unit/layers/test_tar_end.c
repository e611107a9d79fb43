/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tar_end.h"

#include "schema/limits.h"
#include "tests/lib/unit.h"

#include "tests/lib/layer_tar.h"

enum { ROOM = 64 * 512 };

struct made {
    unsigned char bytes[ROOM];
    size_t len;
};

/* An entry with @data as its data, padded to blocks. */
static void add(struct made *m, char type, uint64_t size, const void *data, size_t len)
{
    layer_tar_header(m->bytes + m->len, "a", type, size);
    memcpy(m->bytes + m->len + 512, data, len);
    m->len += 512 + (len + 511) / 512 * 512;
    assert_true(m->len <= ROOM);
}

/* Feed all of it in pieces of @step. @return the state that it ends in. */
static enum tar_end_state feed(const struct made *m, size_t step)
{
    struct tar_end t = { .n = 0 };
    struct imgc_err err;

    for (size_t i = 0; i < m->len; i += step) {
        size_t n = m->len - i < step ? m->len - i : step;
        assert_ok(tar_end_feed(&t, m->bytes + i, n, &err), err);
    }
    return t.state;
}

static void expect(const struct made *m, enum tar_end_state state)
{
    static const size_t steps[] = { 1, 7, 512, 700, ROOM };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(feed(m, steps[i]), state);
    }
}

static void sees_the_marker_behind_files(void **state)
{
    static const unsigned char zeros[1024];
    struct made m = { .len = 0 };

    (void)state;
    add(&m, '0', 1000, zeros, 1000); /* zeros in a file are no marker */
    expect(&m, TAR_END_HEADER);
    add(&m, '5', 0, "", 0);
    add(&m, '2', 0, "", 0);
    add(&m, 'L', 3, "abc", 3);
    add(&m, '0', 512, zeros, 512);
    expect(&m, TAR_END_HEADER);
    m.len += 512;
    expect(&m, TAR_END_OVER);
}

static void takes_the_size_of_a_pax_header(void **state)
{
    static const unsigned char zeros[1024];
    static const char *const bodies[] = { "13 size=1024\n", "10 a=size\n13 size=1024\n" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct made m = { .len = 0 };
        add(&m, 'x', strlen(bodies[i]), bodies[i], strlen(bodies[i]));
        add(&m, '0', 0, zeros, 1024);
        expect(&m, TAR_END_HEADER);
        m.len += 512;
        expect(&m, TAR_END_OVER);
    }
    struct made other = { .len = 0 }; /* keywords that only end so */
    add(&other, 'x', 28, "28 GNU.sparse.realsize=1024\n", 28);
    add(&other, '0', 0, "", 0);
    other.len += 512;
    expect(&other, TAR_END_OVER);
}

/* A comment may say anything. */
static void takes_no_size_from_inside_a_value(void **state)
{
    static const unsigned char zeros[1024];
    static const char *const bodies[] = { "20 comment= size=12\n", "23 comment=x\n9 size=99\n",
                                          "21 comment=1 size=9\n\n" };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct made m = { .len = 0 };
        add(&m, 'x', strlen(bodies[i]), bodies[i], strlen(bodies[i]));
        add(&m, '0', 512, zeros, 512);
        expect(&m, TAR_END_HEADER);
        m.len += 512;
        expect(&m, TAR_END_OVER);
    }
}

static void takes_sizes_in_base_256(void **state)
{
    struct made m = { .len = 0 };
    unsigned sum = 8 * ' ';

    (void)state;
    add(&m, '0', 0, "", 0);
    memset(m.bytes + 124, 0, 12);
    m.bytes[124] = 0x80;
    m.bytes[134] = 2;
    for (int i = 0; i < 512; i++) {
        sum += i >= 148 && i < 156 ? 0 : m.bytes[i];
    }
    (void)snprintf((char *)m.bytes + 148, 8, "%06o", sum);
    expect(&m, TAR_END_DATA);
    m.len += 512;
    expect(&m, TAR_END_HEADER);
}

static void is_unsure_of_what_it_cannot_read(void **state)
{
    struct made m = { .len = 0 };

    (void)state;
    add(&m, '0', 0, "", 0);
    add(&m, '1', 512, "", 0); /* a hard link with a size: its data may be there or not */
    m.len += 1024;
    expect(&m, TAR_END_UNSURE);
    memset(&m, 0, sizeof m);
    add(&m, 'g', 13, "13 size=1024\n", 13);
    m.len += 1024;
    expect(&m, TAR_END_UNSURE);
    static const char *const records[] = { "x size=1\n", "2 size=1\n", "9 size=12\n",
                                           "10 size=1 \n" };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        memset(&m, 0, sizeof m);
        add(&m, 'x', strlen(records[i]), records[i], strlen(records[i]));
        m.len += 1024;
        expect(&m, TAR_END_UNSURE);
    }
    memset(&m, 0, sizeof m);
    m.bytes[3] = 'x';
    m.len = 1024;
    expect(&m, TAR_END_UNSURE);
}

static void bounds_what_follows(void **state)
{
    static const unsigned char zeros[1 << 16];
    struct tar_end t = { .n = 0 };
    struct imgc_err err;
    uint64_t fed = 0;
    int r = 0;

    (void)state;
    while (r == 0 && fed <= 2 * (uint64_t)LIMIT_TAR_PADDING_BYTES) {
        r = tar_end_feed(&t, zeros, sizeof zeros, &err);
        fed += sizeof zeros;
    }
    assert_err(r, IMGC_E_LIMIT);
    assert_true(fed > LIMIT_TAR_PADDING_BYTES);
    assert_true(fed <= LIMIT_TAR_PADDING_BYTES + 2 * sizeof zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sees_the_marker_behind_files),
        cmocka_unit_test(takes_the_size_of_a_pax_header),
        cmocka_unit_test(takes_no_size_from_inside_a_value),
        cmocka_unit_test(takes_sizes_in_base_256),
        cmocka_unit_test(is_unsure_of_what_it_cannot_read),
        cmocka_unit_test(bounds_what_follows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
