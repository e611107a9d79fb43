/* SPDX-License-Identifier: Apache-2.0 */
/* Raw ACLs: the results are what ext4 shows after setxattr() and chmod(). */
#include "layers/posix_acl_raw.h"

#include "tests/lib/unit.h"

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

/* Entries as hex digits: "tag.perm.id", ids of 8 digits; "" for nothing but the header. */
#define U(perm) "01000" perm "00ffffffff"
#define NAMED(perm) "02000" perm "0021000000"
#define G(perm) "04000" perm "00ffffffff"
#define M(perm) "10000" perm "00ffffffff"
#define O(perm) "20000" perm "00ffffffff"
#define V2 "02000000"

static size_t from_hex(const char *hex, unsigned char *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        out[i] = (unsigned char)strtoul(two, NULL, 16);
    }
    return n;
}

static void settles(void **state)
{
    static const struct {
        enum entry_type type;
        const char *name, *value;
        const char *want; /* "" : dropped; NULL: refused. The mode is 0640 */
    } cases[] = {
        { ENTRY_FILE, ACCESS, V2 U("7") G("5") O("5"), "" },
        { ENTRY_FILE, ACCESS, V2 U("6") NAMED("7") G("5") M("7") O("4"),
          V2 U("6") NAMED("7") G("5") M("4") O("0") },
        { ENTRY_FILE, ACCESS, V2 U("7") G("5") M("7") O("5"), V2 U("6") G("5") M("4") O("0") },
        { ENTRY_DIR, DEFAULT, V2 U("7") G("5") O("5"), V2 U("7") G("5") O("5") },
        { ENTRY_FILE, DEFAULT, V2 U("7") G("5") O("5"), "" },
        { ENTRY_SYMLINK, ACCESS, "00", "" },
        { ENTRY_FILE, ACCESS, V2, "" },
        { ENTRY_FILE, ACCESS, "09000000" U("7") G("5") O("5"), "" },
        { ENTRY_FILE, ACCESS, "020000", NULL },
        { ENTRY_FILE, ACCESS, V2 U("7") G("5") O("5") "00", NULL },
        { ENTRY_FILE, ACCESS, V2 U("7") G("5"), NULL },
        { ENTRY_FILE, ACCESS, V2 U("7") U("7") G("5") O("5"), NULL },
        { ENTRY_FILE, ACCESS, V2 O("5") U("7") G("5"), NULL },
        { ENTRY_FILE, ACCESS, V2 U("7") NAMED("7") G("5") O("5"), NULL },
        { ENTRY_FILE, ACCESS, V2 U("7") "02000700ffffffff" G("5") M("5") O("5"), NULL },
        { ENTRY_FILE, ACCESS, V2 U("8") G("5") O("5"), NULL },
        { ENTRY_FILE, ACCESS, V2 "00000700ffffffff" U("7") G("5") O("5"), NULL },
        { ENTRY_FILE, ACCESS, V2 U("7") G("5") O("5") "40000700ffffffff", NULL },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char value[100], want[100];
        size_t len = from_hex(cases[i].value, value);
        struct imgc_err err;
        entry_auto struct entry e = { .type = cases[i].type, .mode = 0640 };
        assert_ok(entry_add_xattr(&e, "user.before", "b", 1, &err), err);
        assert_ok(entry_add_xattr(&e, cases[i].name, value, len, &err), err);
        assert_ok(entry_add_xattr(&e, "user.behind", "c", 1, &err), err);
        int r = posix_acl_raw_settle(&e, &err);
        if (!cases[i].want) {
            assert_int_equal(r, -(int)IMGC_E_LAYER);
            continue;
        }
        assert_int_equal(r, 0);
        bool is_kept = cases[i].want[0] != '\0';
        assert_int_equal(e.n_xattrs, is_kept ? 3 : 2);
        assert_string_equal(e.xattrs[e.n_xattrs - 1].name, "user.behind");
        if (is_kept) {
            assert_int_equal(e.xattrs[1].len, from_hex(cases[i].want, want));
            assert_memory_equal(e.xattrs[1].value, want, e.xattrs[1].len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(settles) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
