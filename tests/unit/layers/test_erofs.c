/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What EROFS images look like: read back by a strict reader, without the kernel.
 */
#include "layers/erofs.h"

#include "tests/lib/unit.h"

#include <sys/mman.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "tests/lib/entry_gen.h"
#include "tests/lib/erofs_read.h"
#include "tests/lib/layer_text.h"

#define TAR_BYTES (64u << 10)

/* One layer of entries that the test lists, and the image. */
struct fixture {
    struct tree *t;
    int tar_fd, image_fd;
    uint8_t *tar;
    uint64_t tar_bytes; /* of the file; what the entries point into may be longer */
    struct erofs_report report;
    struct erofs_read read;
    struct erofs_read_tar tars[1];
    struct imgc_err err;
};

static void begin(struct fixture *f)
{
    struct imgc_err err;

    *f = (struct fixture){ .tar_bytes = TAR_BYTES };
    assert_ok(tree_new(&f->t, &err), err);
    f->tar_fd = memfd_create("tar", MFD_CLOEXEC);
    f->image_fd = memfd_create("image", MFD_CLOEXEC);
    assert_int_equal(ftruncate(f->tar_fd, TAR_BYTES), 0);
    f->tar = mmap(NULL, TAR_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, f->tar_fd, 0);
    assert_true(f->tar != MAP_FAILED);
    for (uint32_t i = 0; i < TAR_BYTES; i++) {
        f->tar[i] = (uint8_t)(i * 2654435761u >> 13 | 1);
    }
}

static void end(struct fixture *f)
{
    erofs_read_done(&f->read);
    if (f->read.p) {
        (void)munmap((void *)(uintptr_t)f->read.p, f->read.n);
    }
    (void)munmap(f->tar, TAR_BYTES);
    (void)close(f->tar_fd);
    (void)close(f->image_fd);
    tree_freep(&f->t);
}

static int try_write(struct fixture *f)
{
    const struct erofs_args args = { .layer_fds = &f->tar_fd,
                                     .n_layer_fds = 1,
                                     .image_fd = f->image_fd };
    return erofs_write(f->t, &args, &f->report, &f->err);
}

/* Write, and hold the image against the tree. */
static void write_image(struct fixture *f)
{
    struct stat st;

    assert_ok(try_write(f), f->err);
    assert_int_equal(fstat(f->image_fd, &st), 0);
    assert_int_equal(st.st_size, f->report.image_bytes);
    f->tars[0] = (struct erofs_read_tar){ f->tar, f->tar_bytes };
    f->read = (struct erofs_read){ .n = f->report.image_bytes, .tars = f->tars, .n_tars = 1 };
    f->read.p = mmap(NULL, f->read.n, PROT_READ, MAP_PRIVATE, f->image_fd, 0);
    assert_true(f->read.p != MAP_FAILED);
    if (!erofs_read_check(&f->read, f->t)) {
        fail_msg("%s", f->read.why);
    }
    assert_int_equal(f->report.inodes, f->read.n_inodes);
}

static void layer(struct fixture *f, const char *text)
{
    assert_ok(layer_text_apply(f->t, text, &f->err), f->err);
}

static struct tree_inode *inode_of(struct fixture *f, const char *path)
{
    struct tree_dentry *d = tree_lookup(f->t, imgc_str_of(path), false);

    assert_non_null(d);
    return d->inode;
}

static struct erofs_read_inode look(struct fixture *f, const char *path)
{
    struct erofs_read_inode i;

    assert_true(erofs_read_inode(&f->read, inode_of(f, path)->mark, &i));
    return i;
}

/* Give the file data: pairs of (offset in the file, offset in the tar, length), up to a length of
 * 0; the size is the end of the last, or more. */
static void set_data(struct fixture *f, const char *path, const uint64_t (*runs)[3], uint64_t size)
{
    struct tree_inode *inode = inode_of(f, path);
    struct entry e = ENTRY_INIT;

    for (; (*runs)[2] > 0; runs++) {
        const struct extent x = { (*runs)[0], (*runs)[1], (*runs)[2] };
        assert_ok(entry_add_extent(&e, &x, &f->err), f->err);
        inode->size = x.file_offset + x.len;
    }
    inode->extents = e.extents;
    inode->n_extents = e.n_extents;
    inode->size = size > inode->size ? size : inode->size;
}

static void set_xattr(struct fixture *f, const char *path, const char *name, const char *value,
                      size_t len)
{
    struct tree_inode *inode = inode_of(f, path);
    struct entry e = { .xattrs = inode->xattrs, .n_xattrs = inode->n_xattrs };

    assert_ok(entry_add_xattr(&e, name, value, len, &f->err), f->err);
    entry_sort_xattrs(&e);
    inode->xattrs = e.xattrs;
    inode->n_xattrs = e.n_xattrs;
}

static void an_empty_root_is_an_image(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    write_image(&f);
    assert_int_equal(f.report.inodes, 1);
    assert_true(f.report.image_bytes <= 2048);
    end(&f);
}

static void the_same_tree_gives_the_same_bytes(void **state)
{
    static struct entry_gen g;
    uint8_t *first = NULL;
    uint64_t first_bytes = 0;
    (void)state;

    for (int round = 0; round < 2; round++) {
        struct fixture f;
        begin(&f);
        memset(&g, 0, sizeof g);
        g.seed = 7;
        g.limits = (struct entry_gen_limits){ 100, TAR_BYTES, 100000, 3000 };
        assert_ok(entry_gen_apply(&g, f.t, &f.err), f.err);
        write_image(&f);
        if (round == 0) {
            first_bytes = f.read.n;
            first = malloc(first_bytes);
            assert_non_null(first);
            memcpy(first, f.read.p, first_bytes);
        } else {
            assert_int_equal(f.read.n, first_bytes);
            assert_memory_equal(f.read.p, first, first_bytes);
        }
        end(&f);
    }
    /* RFC 9562: a UUID of version 8. */
    assert_int_equal(first[1024 + 48 + 6] >> 4, 8);
    free(first);
}

static void other_trees_have_other_uuids(void **state)
{
    struct fixture a, b;
    (void)state;

    begin(&a);
    begin(&b);
    layer(&a, "f x");
    layer(&b, "f y");
    write_image(&a);
    write_image(&b);
    assert_memory_not_equal(a.read.p + 1024 + 48, b.read.p + 1024 + 48, 16);
    end(&a);
    end(&b);
}

static void inodes_are_compact_where_all_fits(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    layer(&f, "f plain\nf late\nf ns\nf uid\nf gid\nf high\nf size");
    inode_of(&f, "late")->mtime_s = 1;
    inode_of(&f, "ns")->mtime_ns = 1;
    inode_of(&f, "high")->uid = 65535;
    inode_of(&f, "uid")->uid = 65536;
    inode_of(&f, "gid")->gid = 65536;
    inode_of(&f, "size")->size = (uint64_t)1 << 32;
    write_image(&f);
    assert_false(look(&f, "plain").is_extended);
    assert_false(look(&f, "high").is_extended);
    assert_true(look(&f, "late").is_extended);
    assert_true(look(&f, "ns").is_extended);
    assert_true(look(&f, "uid").is_extended);
    assert_true(look(&f, "gid").is_extended);
    assert_true(look(&f, "size").is_extended);
    end(&f);
}

static void the_epoch_is_the_time_of_most(void **state)
{
    struct fixture f;
    char name[32];
    (void)state;

    begin(&f);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof name, "f f%03d", i);
        layer(&f, name);
        struct tree_inode *inode = inode_of(&f, name + 2);
        inode->mtime_s = i >= 200 ? 1234567890 : 1000 + i;
        inode->mtime_ns = i >= 200 ? 42 : 0;
    }
    write_image(&f);
    assert_int_equal(f.read.epoch_s, 1234567890);
    assert_int_equal(f.read.epoch_ns, 42);
    assert_true(look(&f, "f199").is_extended);
    assert_false(look(&f, "f200").is_extended);
    end(&f);
}

static void many_links_need_an_extended_inode(void **state)
{
    struct fixture f;
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(8u << 20);
    (void)state;

    begin(&f);
    layer(&f, "f f");
    imgc_buf_puts(&text, "h l f");
    for (int i = 1; i < 66000; i++) {
        imgc_buf_printf(&text, "\nh l%d f", i);
    }
    layer(&f, text.ptr);
    write_image(&f);
    assert_int_equal(f.report.inodes, 2);
    assert_int_equal(look(&f, "l65999").nlink, 66001);
    assert_true(look(&f, "f").is_extended);
    assert_int_equal(look(&f, "f").nid, look(&f, "l1").nid);
    end(&f);
}

static void a_wide_directory_has_sorted_blocks(void **state)
{
    struct fixture f;
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(8u << 20);
    (void)state;

    begin(&f);
    /* In front of the dots, between them and the rest, and behind. */
    imgc_buf_puts(&text, "f d/!first\nf d/-\nf d/.-x\nf d/..x\nf d/\xff\xfe");
    for (int i = 0; i < 100000; i++) {
        imgc_buf_printf(&text, "\nf d/%x-%d", (unsigned)i * 2654435761u, i);
    }
    layer(&f, text.ptr);
    write_image(&f);
    struct erofs_read_inode d = look(&f, "d");
    assert_int_equal(d.layout, 0);
    assert_true(d.size > 512 * 1000);
    end(&f);
}

static void names_fill_blocks_exactly(void **state)
{
    (void)state;
    /* Around the length where the second name of 200 bytes still fits beside the dots. */
    for (int len = 1; len <= 255; len++) {
        struct fixture f;
        char text[700], name[256];
        begin(&f);
        memset(name, 'x', sizeof name);
        name[len] = '\0';
        (void)snprintf(text, sizeof text, "f d/a%.199s\nf d/b%s", name, name[0] ? name + 1 : "");
        layer(&f, text);
        write_image(&f);
        end(&f);
    }
}

static void links_of_any_length(void **state)
{
    static const size_t lengths[] = { 1, 400, 447, 448, 449, 480, 511, 512, 513, 1024, 4095 };
    (void)state;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct fixture f;
        begin(&f);
        layer(&f, "l before x\nl link x\nl xattrs x\nf behind");
        for (int k = 0; k < 2; k++) {
            struct tree_inode *inode = inode_of(&f, k == 0 ? "link" : "xattrs");
            free(inode->target);
            inode->target = malloc(lengths[i] + 1);
            assert_non_null(inode->target);
            memset(inode->target, 't', lengths[i]);
            inode->target[lengths[i]] = '\0';
        }
        set_xattr(&f, "xattrs", "trusted.abc", "value", 5);
        write_image(&f);
        assert_int_equal(look(&f, "link").layout, lengths[i] < 512 ? 2 : 0);
        end(&f);
    }
}

static void a_contiguous_file_has_one_chunk(void **state)
{
    static const uint64_t sizes[] = { 1, 511, 512, 513, 1024, 20000, TAR_BYTES - 1024 };
    (void)state;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const uint64_t runs[][3] = { { 0, 1024, sizes[i] }, { 0 } };
        struct fixture f;
        begin(&f);
        layer(&f, "f f");
        set_data(&f, "f", runs, 0);
        write_image(&f);
        struct erofs_read_inode n = look(&f, "f");
        assert_true((uint64_t)512 << (n.where & 0x1f) >= sizes[i]);
        assert_int_equal(erofs_read_le(f.read.p + n.tail_at + 4, 4), 2);
        assert_int_equal(f.report.copied_bytes, 0);
        end(&f);
    }
}

static void sparse_files(void **state)
{
    static const struct {
        uint64_t runs[4][3];
        uint64_t size, copied;
    } cases[] = {
        /* nothing but a hole */
        { { { 0 } }, 5000, 0 },
        { { { 0 } }, (uint64_t)1 << 42, 0 },
        /* aligned runs, holes between and behind */
        { { { 4096, 0, 4096 }, { 16384, 4096, 8192 }, { 0 } }, 100000, 0 },
        { { { 512, 0, 512 }, { 1536, 512, 512 }, { 0 } }, 0, 0 },
        /* the last run ends anywhere */
        { { { 1024, 512, 700 }, { 0 } }, 0, 0 },
        /* a hole begins within a block: that block is copied */
        { { { 0, 512, 700 }, { 0 } }, 1400, 512 },
        /* a run begins within a block of the file, or of the tar */
        { { { 100, 612, 412 }, { 0 } }, 0, 512 },
        { { { 0, 100, 2000 }, { 0 } }, 0, 2048 },
        { { { 0, 0, 1024 }, { 1024, 1600, 512 }, { 0 } }, 0, 512 },
        /* two runs in one block */
        { { { 0, 0, 100 }, { 200, 100, 100 }, { 0 } }, 512, 512 },
        /* contiguous in the file, but not in the tar */
        { { { 0, 4096, 1024 }, { 1024, 0, 1024 }, { 0 } }, 0, 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        begin(&f);
        layer(&f, "f f");
        set_data(&f, "f", cases[i].runs, cases[i].size);
        write_image(&f);
        if (f.report.copied_bytes != cases[i].copied) {
            fail_msg("case %zu: %llu bytes copied", i, (unsigned long long)f.report.copied_bytes);
        }
        end(&f);
    }
}

/* A terabyte with one byte in it: neither an index for each block nor a copy of all. */
static void a_huge_sparse_file_stays_small(void **state)
{
    static const uint64_t runs[][3] = { { (uint64_t)1 << 39, 77, 1 }, { 0 } };
    struct fixture f;
    (void)state;

    begin(&f);
    layer(&f, "f f");
    set_data(&f, "f", runs, (uint64_t)1 << 40);
    write_image(&f);
    assert_true(f.report.image_bytes < 8u << 20);
    end(&f);
}

static void shared_xattrs_are_there_once(void **state)
{
    struct fixture f;
    static const char value[300] = "a value that is the same";
    char name[32];
    (void)state;

    begin(&f);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "f f%d", i);
        layer(&f, name);
        set_xattr(&f, name + 2, "user.same", value, sizeof value);
        set_xattr(&f, name + 2, "user.own", name, strlen(name));
        set_xattr(&f, name + 2, i % 2 ? "trusted.odd" : "security.even", "", 0);
    }
    layer(&f, "l link x\np pipe");
    set_xattr(&f, "link", "user.hidden", "x", 1);
    set_xattr(&f, "link", "trusted.shown", "x", 1);
    set_xattr(&f, "pipe", "user.hidden", "x", 1);
    write_image(&f);
    assert_true(f.report.image_bytes < 40000);
    assert_int_equal(f.read.p[look(&f, "f7").xattr_at + 4], 2);
    assert_int_equal(look(&f, "pipe").xattr_bytes, 0);
    end(&f);
}

static void more_than_255_xattrs_of_a_file(void **state)
{
    struct fixture f;
    char name[32];
    (void)state;

    begin(&f);
    layer(&f, "f a\nf b");
    for (int i = 0; i < 400; i++) {
        (void)snprintf(name, sizeof name, "user.%d", i);
        set_xattr(&f, "a", name, "same", 4);
        set_xattr(&f, "b", name, "same", 4);
    }
    write_image(&f);
    assert_int_equal(f.read.p[look(&f, "a").xattr_at + 4], 255);
    end(&f);
}

static void malformed_capabilities_are_refused(void **state)
{
    static const char good[24] = { 0, 0, 0, 3 };
    struct fixture f;
    (void)state;

    for (size_t len = 0; len <= 24; len++) {
        begin(&f);
        layer(&f, "f f");
        set_xattr(&f, "f", "security.capability", good, len);
        assert_int_equal(try_write(&f), len == 24 ? 0 : -(int)IMGC_E_LAYER);
        end(&f);
    }
}

static void what_the_format_cannot_hold_is_a_limit(void **state)
{
    static const uint64_t beyond[][3] = { { 0, TAR_BYTES - 512, 513 }, { 0 } };
    static char big[65536];
    struct fixture f;
    char name[32];
    (void)state;

    begin(&f); /* a value of 64 KiB */
    layer(&f, "f f");
    set_xattr(&f, "f", "user.x", big, 65535);
    write_image(&f);
    end(&f);
    begin(&f);
    layer(&f, "f f");
    set_xattr(&f, "f", "user.x", big, 65536);
    assert_err(try_write(&f), IMGC_E_LIMIT);
    end(&f);

    begin(&f); /* values of different content, more than 256 KiB in all */
    layer(&f, "f f");
    for (int i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof name, "user.%d", i);
        set_xattr(&f, "f", name, big, 60000);
    }
    assert_err(try_write(&f), IMGC_E_LIMIT);
    end(&f);

    begin(&f); /* a tar of 2 TiB */
    layer(&f, "f f");
    assert_int_equal(ftruncate(f.tar_fd, ((off_t)1 << 41) - 1024), 0);
    assert_ok(try_write(&f), f.err);
    assert_int_equal(ftruncate(f.tar_fd, ((off_t)1 << 41) - 512), 0);
    assert_err(try_write(&f), IMGC_E_LIMIT);
    end(&f);

    begin(&f); /* runs of a byte all over */
    layer(&f, "f f");
    uint64_t runs[1001][3] = { { 0 } };
    for (uint64_t i = 0; i < 1000; i++) {
        runs[i][0] = i << 40;
        runs[i][1] = i * 2;
        runs[i][2] = 1;
    }
    set_data(&f, "f", (const uint64_t(*)[3])runs, 0);
    assert_err(try_write(&f), IMGC_E_LIMIT);
    end(&f);

    begin(&f); /* a tar that was cut */
    layer(&f, "f f");
    set_data(&f, "f", beyond, 0);
    assert_err(try_write(&f), IMGC_E_LAYER);
    assert_non_null(strstr(f.err.msg, "'/f'"));
    end(&f);
}

static void whiteouts_of_overlayfs_are_refused(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    layer(&f, "c dev 0 1");
    inode_of(&f, "dev")->minor = 0;
    assert_err(try_write(&f), IMGC_E_LAYER);
    end(&f);
    begin(&f);
    layer(&f, "c dev 0 1");
    write_image(&f);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_root_is_an_image),
        cmocka_unit_test(the_same_tree_gives_the_same_bytes),
        cmocka_unit_test(other_trees_have_other_uuids),
        cmocka_unit_test(inodes_are_compact_where_all_fits),
        cmocka_unit_test(the_epoch_is_the_time_of_most),
        cmocka_unit_test(many_links_need_an_extended_inode),
        cmocka_unit_test(a_wide_directory_has_sorted_blocks),
        cmocka_unit_test(names_fill_blocks_exactly),
        cmocka_unit_test(links_of_any_length),
        cmocka_unit_test(a_contiguous_file_has_one_chunk),
        cmocka_unit_test(sparse_files),
        cmocka_unit_test(a_huge_sparse_file_stays_small),
        cmocka_unit_test(shared_xattrs_are_there_once),
        cmocka_unit_test(more_than_255_xattrs_of_a_file),
        cmocka_unit_test(malformed_capabilities_are_refused),
        cmocka_unit_test(what_the_format_cannot_hold_is_a_limit),
        cmocka_unit_test(whiteouts_of_overlayfs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
