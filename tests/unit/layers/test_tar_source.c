/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tar_source.h"

#include <locale.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "schema/base/fd.h"
#include "tests/lib/data.h"
#include "tests/lib/unit.h"

#include "tests/lib/layer_tar.h"

/* A tar in memory, block by block. */
struct builder {
    unsigned char bytes[64 * 512];
    size_t len;
};

static unsigned char *add_header(struct builder *b, const char *name, char type, uint64_t size)
{
    unsigned char *at = b->bytes + b->len;

    layer_tar_header(at, name, type, size);
    b->len += 512;
    return at;
}

static void add_body(struct builder *b, const void *ptr, size_t len)
{
    memcpy(b->bytes + b->len, ptr, len);
    b->len += (len + 511) / 512 * 512;
}

/* One pax record "LEN KEY=VALUE\n" for the next entry. */
static void add_pax(struct builder *b, const char *key, const void *value, size_t value_len)
{
    unsigned char record[400];
    size_t len = strlen(key) + value_len + 3;

    len += len + 2 > 99 ? 3 : 2;
    int n = snprintf((char *)record, sizeof record, "%zu %s=", len, key);
    memcpy(record + n, value, value_len);
    record[(size_t)n + value_len] = '\n';
    (void)add_header(b, "PaxHeaders", 'x', len);
    add_body(b, record, len);
}

/* The first entry of what was built; the result of next(). */
static int first_entry(const struct builder *b, struct entry *ret, struct imgc_err *err)
{
    imgc_auto(tar_source_freep) struct tar_source *t = NULL;
    imgc_autoclose int fd = layer_tar_memfd(b->bytes, b->len);
    int r = tar_source_new(fd, &t, err);

    return r < 0 ? r : tar_source_entries(t)->next(tar_source_entries(t), ret, err);
}

static void reads_a_file(void **state)
{
    struct builder b = { .len = 0 };
    struct imgc_err err;
    entry_auto struct entry e = ENTRY_INIT;

    (void)state;
    (void)add_header(&b, "./a//b", '0', 600);
    b.len += 1024;
    assert_ok(first_entry(&b, &e, &err), err); /* no end-of-archive blocks */
    assert_string_equal(e.path, "a/b");
    assert_int_equal(e.type, ENTRY_FILE);
    assert_int_equal(e.mode, 0644);
    assert_int_equal(e.uid, 1000);
    assert_int_equal(e.mtime_s, 1700000000);
    assert_int_equal(e.size, 600);
    assert_int_equal(e.n_extents, 1);
    assert_int_equal(e.extents[0].source_offset, 512);
    assert_int_equal(e.extents[0].len, 600);
}

/* All entries, as text: type, path, target, size, extents. */
static int list_all(struct tar_source *t, struct imgc_buf *ret, struct imgc_err *err)
{
    struct source *entries = tar_source_entries(t);

    for (;;) {
        entry_auto struct entry e = ENTRY_INIT;
        int r = entries->next(entries, &e, err);
        if (r != 0) {
            return r == SOURCE_END ? 0 : r;
        }
        imgc_buf_printf(ret, "%d %s %s %llu", (int)e.type, e.path, e.target ? e.target : "-",
                        (unsigned long long)e.size);
        for (size_t i = 0; i < e.n_extents; i++) {
            imgc_buf_printf(ret, " %llu+%llu", (unsigned long long)e.extents[i].source_offset,
                            (unsigned long long)e.extents[i].len);
        }
        imgc_buf_putc(ret, '\n');
    }
}

/* Two files of three pieces of what is read at once each, and odd things between them. */
static int make_long_tar(void)
{
    enum { BODY = 3 * 65536 + 700 };
    static struct builder b;
    char name[300];
    int fd = memfd_create("long", MFD_CLOEXEC);

    memset(name, 'n', sizeof name);
    for (int i = 0; i < 2; i++) {
        b = (struct builder){ .len = 0 };
        add_pax(&b, "path", name, sizeof name - 100);
        (void)add_header(&b, i ? "b" : "a", '0', BODY);
        name[0] = 'm';
        assert_int_equal(write(fd, b.bytes, b.len), b.len);
        assert_int_equal(lseek(fd, (BODY + 511) / 512 * 512, SEEK_CUR) > 0, 1);
        b = (struct builder){ .len = 0 };
        (void)add_header(&b, i ? "dir2/" : "dir/", '5', 0);
        (void)add_header(&b, i ? "empty2" : "empty", '0', 0);
        assert_int_equal(write(fd, b.bytes, b.len), b.len);
    }
    assert_int_equal(write(fd, (char[1024]){ 0 }, 1024), 1024);
    return fd;
}

static void a_file_of_others_is_read_the_same(void **state)
{
    imgc_auto(tar_source_freep) struct tar_source *own = NULL;
    imgc_auto(tar_source_freep) struct tar_source *shared = NULL;
    imgc_autobuf struct imgc_buf a = IMGC_BUF_INIT(4096), b = IMGC_BUF_INIT(4096);
    imgc_autoclose int fd = make_long_tar();
    struct imgc_err err;

    (void)state;
    assert_ok(tar_source_new(fd, &own, &err), err);
    assert_ok(tar_source_new_shared(fd, &shared, &err), err);
    assert_ok(list_all(own, &a, &err), err);
    assert_ok(list_all(shared, &b, &err), err);
    assert_string_equal(a.ptr, b.ptr);
    assert_non_null(strstr(a.ptr, "empty2"));
}

static void a_file_that_others_cut_short_is_an_error(void **state)
{
    imgc_auto(tar_source_freep) struct tar_source *t = NULL;
    imgc_autobuf struct imgc_buf list = IMGC_BUF_INIT(4096);
    imgc_autoclose int fd = make_long_tar();
    entry_auto struct entry e = ENTRY_INIT;
    struct imgc_err err;

    (void)state;
    assert_ok(tar_source_new_shared(fd, &t, &err), err);
    assert_ok(tar_source_entries(t)->next(tar_source_entries(t), &e, &err), err);
    assert_int_equal(ftruncate(fd, 4096), 0);
    assert_int_equal(list_all(t, &list, &err), -(int)IMGC_E_LAYER);
}

static void names_are_bytes_in_any_locale(void **state)
{
    static const char *const names[] = { "e\xcc\x81", "\xc3\xa9", "\xff\xfe", "\xf0\x9f\x98\x80",
                                         "\xed\xa0\x80" };
    static const char *const locales[] = { "C", "C.UTF-8" };

    (void)state;
    for (size_t l = 0; l < 2; l++) {
        assert_non_null(setlocale(LC_ALL, locales[l]));
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            struct builder b = { .len = 0 };
            struct imgc_err err;
            entry_auto struct entry e = ENTRY_INIT;
            add_pax(&b, "path", names[i], strlen(names[i]));
            (void)add_header(&b, "plain", '0', 0);
            assert_ok(first_entry(&b, &e, &err), err);
            assert_string_equal(e.path, names[i]);
        }
    }
    (void)setlocale(LC_ALL, "C");
}

/* What one pax record or one field makes of an entry: refused, or not. */
static const struct {
    const char *what, *key, *value;
    char type;
    enum imgc_code code;
} records[] = {
    { "uid too large", "uid", "4294967295", '0', IMGC_E_LAYER },
    { "largest uid", "uid", "4294967294", '0', IMGC_OK },
    { "negative gid", "gid", "-1", '0', IMGC_E_LAYER },
    { "64-bit gid", "gid", "4294967296", '0', IMGC_E_LAYER },
    { "fraction of a second", "mtime", "1.999999999999", '0', IMGC_OK },
    { "before 1970", "mtime", "-5.5", '0', IMGC_OK },
    { "negative size", "size", "-1", '0', IMGC_E_LAYER },
    { "huge size", "size", "9999999999999999999999", '0', IMGC_E_LAYER },
    { "truncated body", "size", "4096", '0', IMGC_E_LAYER },
    { "dot dot", "path", "a/../../b", '0', IMGC_E_LAYER },
    { "symlink out", "linkpath", "../../etc", '2', IMGC_OK },
    { "hard link out", "linkpath", "../../etc", '1', IMGC_OK },
    { "major out of range", "SCHILY.devmajor", "4096", '3', IMGC_E_LAYER },
    { "minor out of range", "SCHILY.devminor", "1048576", '4', IMGC_E_LAYER },
    { "largest device", "SCHILY.devminor", "1048575", '4', IMGC_OK },
};

static void checks_numbers_and_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        struct builder b = { .len = 0 };
        struct imgc_err err;
        entry_auto struct entry e = ENTRY_INIT;
        print_message("  %s\n", records[i].what);
        add_pax(&b, records[i].key, records[i].value, strlen(records[i].value));
        (void)add_header(&b, "a", records[i].type, 0);
        int r = first_entry(&b, &e, &err);
        assert_int_equal(r, -(int)records[i].code);
        assert_true(r < 0 || e.mtime_ns <= 999999999);
    }
}

static void keeps_xattrs_with_nul_and_newline(void **state)
{
    struct builder b = { .len = 0 };
    struct imgc_err err;
    entry_auto struct entry e = ENTRY_INIT;

    (void)state;
    add_pax(&b, "SCHILY.xattr.user.x", "a\0b\nc=d", 7);
    (void)add_header(&b, "a", '0', 0);
    assert_ok(first_entry(&b, &e, &err), err);
    assert_int_equal(e.n_xattrs, 1);
    assert_string_equal(e.xattrs[0].name, "user.x");
    assert_int_equal(e.xattrs[0].len, 7);
    assert_memory_equal(e.xattrs[0].value, "a\0b\nc=d", 7);
}

static void drops_overlayfs_xattrs(void **state)
{
    struct builder b = { .len = 0 };
    struct imgc_err err;
    entry_auto struct entry e = ENTRY_INIT;

    (void)state;
    add_pax(&b, "SCHILY.xattr.trusted.overlay.opaque", "y", 1);
    (void)add_header(&b, "a/", '5', 0);
    assert_ok(first_entry(&b, &e, &err), err);
    assert_int_equal(e.type, ENTRY_DIR);
    assert_int_equal(e.n_xattrs, 0);
}

static void turns_acls_into_the_kernels_form(void **state)
{
    static const char text[] = "user::rw-,user:bob:r--:1001,group::---,mask::rw-,other::---";
    static const unsigned char want[] = {
        2,    0, 0, 0,                         /* version */
        1,    0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* user:: */
        2,    0, 4, 0, 0xe9, 3,    0,    0,    /* user:1001 */
        4,    0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* group:: */
        0x10, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* mask:: */
        0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* other:: */
    };
    struct builder b = { .len = 0 };
    struct imgc_err err;
    entry_auto struct entry e = ENTRY_INIT;

    (void)state;
    add_pax(&b, "SCHILY.acl.access", text, strlen(text));
    (void)add_header(&b, "a", '0', 0);
    assert_ok(first_entry(&b, &e, &err), err);
    assert_int_equal(e.n_xattrs, 1);
    assert_string_equal(e.xattrs[0].name, "system.posix_acl_access");
    assert_int_equal(e.xattrs[0].len, sizeof want);
    assert_memory_equal(e.xattrs[0].value, want, sizeof want);
    assert_int_equal(e.mode, 0660); /* the group bits are the mask */
}

static void says_what_is_no_tar(void **state)
{
    unsigned char block[1024] = { 0 };
    struct imgc_err err;
    size_t n = 0;

    (void)state;
    for (size_t len = 0; len <= sizeof block; len += 256) {
        imgc_autoclose int fd = layer_tar_memfd(block, len);
        int r = layer_tar_count(fd, &n, &err);
        assert_int_equal(r, len >= 512 ? 0 : -(int)IMGC_E_LAYER);
        assert_int_equal(n, 0);
    }
    memset(block, 'x', sizeof block);
    imgc_autoclose int fd = layer_tar_memfd(block, sizeof block);
    assert_err(layer_tar_count(fd, &n, &err), IMGC_E_LAYER);
    assert_string_equal(err.msg, "is no tar");
}

static void refuses_a_tar_cut_anywhere_in_an_entry(void **state)
{
    struct builder b = { .len = 0 };
    struct imgc_err err;

    (void)state;
    (void)add_header(&b, "a", '0', 1000);
    b.len += 1024;
    (void)add_header(&b, "b", '0', 0);
    for (size_t len = 512; len <= b.len; len += 64) {
        imgc_autoclose int fd = layer_tar_memfd(b.bytes, len);
        size_t n = 0;
        int r = layer_tar_count(fd, &n, &err);
        bool is_boundary = len == 1536 || len == 2048;
        assert_int_equal(r == 0, is_boundary);
    }
}

/* ASan keeps what was freed for a while, which has nothing to do with the mapping. */
#if defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define GROWTH_KIB (512 * 1024)
#    endif
#endif
#ifndef GROWTH_KIB
#    define GROWTH_KIB (32 * 1024)
#endif

static void a_hole_takes_no_memory(void **state)
{
    enum { MIB = 1 << 20 };
    const uint64_t size = 1024ull * MIB;
    unsigned char head[512] = { 0 };
    struct rusage before;
    struct rusage after;
    struct imgc_err err;
    imgc_autoclose int fd = memfd_create("big", MFD_CLOEXEC);
    size_t n = 0;

    (void)state;
    layer_tar_header(head, "big", '0', size);
    assert_int_equal(write(fd, head, 512), 512);
    /* Many small files behind it, 64 MiB of headers, so that pages are dropped. */
    for (uint64_t i = 0; i < 64; i++) {
        imgc_autofree unsigned char *blocks = calloc(1, MIB);
        for (size_t k = 0; k < MIB; k += 512) {
            layer_tar_header(blocks + k, "small", '0', 0);
        }
        assert_int_equal(pwrite(fd, blocks, MIB, (off_t)(512 + size + i * MIB)), MIB);
    }
    (void)getrusage(RUSAGE_SELF, &before);
    assert_ok(layer_tar_count(fd, &n, &err), err);
    (void)getrusage(RUSAGE_SELF, &after);
    assert_int_equal(n, 1 + 64 * MIB / 512);
    assert_true(after.ru_maxrss - before.ru_maxrss < GROWTH_KIB);
}

static void finds_the_data_of_sparse_files(void **state)
{
    static const struct {
        const char *name;
        uint64_t size;
    } cases[] = {
        { "odd-tars/go-archive-tar/pax-sparse-big.tar", 60000000000 },
        { "odd-tars/go-archive-tar/gnu-sparse-big.tar", 60000000000 },
    };
    char path[4200];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imgc_err err;
        imgc_auto(tar_source_freep) struct tar_source *t = NULL;
        entry_auto struct entry e = ENTRY_INIT;
        if (!data_path(cases[i].name, path, sizeof path)) {
            skip();
        }
        imgc_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_ok(tar_source_new(fd, &t, &err), err);
        assert_ok(tar_source_entries(t)->next(tar_source_entries(t), &e, &err), err);
        assert_int_equal(e.size, cases[i].size);
        assert_true(e.n_extents > 1);
        for (size_t k = 1; k < e.n_extents; k++) {
            assert_true(e.extents[k].file_offset >=
                        e.extents[k - 1].file_offset + e.extents[k - 1].len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_file),
        cmocka_unit_test(a_file_of_others_is_read_the_same),
        cmocka_unit_test(a_file_that_others_cut_short_is_an_error),
        cmocka_unit_test(names_are_bytes_in_any_locale),
        cmocka_unit_test(checks_numbers_and_names),
        cmocka_unit_test(keeps_xattrs_with_nul_and_newline),
        cmocka_unit_test(drops_overlayfs_xattrs),
        cmocka_unit_test(turns_acls_into_the_kernels_form),
        cmocka_unit_test(says_what_is_no_tar),
        cmocka_unit_test(refuses_a_tar_cut_anywhere_in_an_entry),
        cmocka_unit_test(a_hole_takes_no_memory),
        cmocka_unit_test(finds_the_data_of_sparse_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
