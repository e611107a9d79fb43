/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "layers/erofs_probe.h"
#include "layers/rootfs.h"
#include "store/probe.h"
#include "store/store_handle.h"
#include "tests/lib/layer_store.h"
#include "tests/lib/store.h"
#include "tests/lib/whiteout.h"

#define LAYERS 3

/* Three small layers: a file, a whiteout and a link, a replaced file. */
static void put_layers(struct test_store *t, struct digest diff_ids[LAYERS])
{
    static const struct layer_gen layers[LAYERS] = {
        { .n = 3,
          .entries = { { .type = ENTRY_DIR, .path = "d", .mode = 0755 },
                       { .type = ENTRY_FILE,
                         .path = "d/f",
                         .mode = 0644,
                         .size = 5,
                         .n_extents = 1,
                         .extents = { { 0, 0, 5 } } },
                       { .type = ENTRY_FILE, .path = "gone", .mode = 0644 } } },
        { .n = 2,
          .entries = { { .type = ENTRY_FILE, .path = ".wh.gone" },
                       { .type = ENTRY_HARDLINK, .path = "link", .target = "d/f" } } },
        { .n = 1,
          .entries = { { .type = ENTRY_FILE,
                         .path = "d/f",
                         .mode = 0600,
                         .size = 4,
                         .n_extents = 1,
                         .extents = { { 0, 5, 4 } } } } },
    };
    char path[128];

    (void)snprintf(path, sizeof path, "%s/data", t->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "helloworld", 10), 10);
    for (size_t i = 0; i < LAYERS; i++) {
        diff_ids[i] = layer_store_put(t, &layers[i], fd);
    }
    (void)close(fd);
}

static bool exists(const char *dir, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static struct rootfs_args args_of(struct test_store *t, const struct digest *diff_ids, size_t n,
                                  enum rootfs_form form)
{
    return (struct rootfs_args){
        .store = t->s, .lease = t->lease, .diff_ids = diff_ids, .n_diff_ids = n, .form = form
    };
}

static uint64_t prepare(struct test_store *t, const struct digest *diff_ids, size_t n,
                        struct rootfs *ret)
{
    struct rootfs_report report = { .fallback = "" };
    struct rootfs_args args = args_of(t, diff_ids, n, ROOTFS_DIRECTORY);

    whiteout_or_skip(store_root_fd(t->s));
    assert_ok(rootfs_prepare(&args, ret, &report, &t->err), t->err);
    assert_null(ret->image);
    assert_int_equal(ret->n_lowerdirs, n);
    return report.written.entries;
}

static void test_prepare(void **state)
{
    struct test_store *t = *state;
    rootfs_auto struct rootfs first = { .n_lowerdirs = 0 };
    rootfs_auto struct rootfs again = { .n_lowerdirs = 0 };
    rootfs_auto struct rootfs more = { .n_lowerdirs = 0 };
    rootfs_auto struct rootfs other = { .n_lowerdirs = 0 };
    rootfs_auto struct rootfs none = { .n_lowerdirs = 0 };
    struct digest diff_ids[LAYERS];

    put_layers(t, diff_ids);
    assert_true(prepare(t, diff_ids, 2, &first) > 0);
    assert_true(exists(first.lowerdirs[1], "d/f")); /* top first */
    assert_true(exists(first.lowerdirs[0], "link"));
    assert_true(exists(first.lowerdirs[0], "d/f")); /* a link over layers is copied up */
    assert_null(first.lowerdirs[2]);

    assert_int_equal(prepare(t, diff_ids, 2, &again), 0);
    assert_string_equal(again.lowerdirs[0], first.lowerdirs[0]);

    /* One layer more: one view more, with "d" and "d/f". */
    assert_int_equal(prepare(t, diff_ids, 3, &more), 2);
    assert_string_equal(more.lowerdirs[1], first.lowerdirs[0]);

    /* The same top layer on nothing is another view of it. */
    assert_int_equal(prepare(t, &diff_ids[2], 1, &other), 2);
    assert_string_not_equal(other.lowerdirs[0], more.lowerdirs[0]);

    assert_int_equal(prepare(t, NULL, 0, &none), 0);
    assert_ok(rootfs_verify_views(t->s, diff_ids, 3, &t->err), t->err);
}

static void test_unpack(void **state)
{
    struct test_store *t = *state;
    struct digest diff_ids[LAYERS];
    struct dir_sink_report report;
    char path[128], text[8] = "";

    put_layers(t, diff_ids);
    (void)snprintf(path, sizeof path, "%s/out", t->dir);
    assert_int_equal(mkdir(path, 0755), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct rootfs_args args = { .store = t->s, .diff_ids = diff_ids, .n_diff_ids = 3 };
    assert_ok(rootfs_unpack(&args, fd, false, &report, &t->err), t->err);
    assert_int_equal(report.entries, 3);
    assert_false(exists(path, "gone"));
    int file = openat(fd, "link", O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(file, text, sizeof text), 5);
    assert_string_equal(text, "hello");
    (void)close(file);
    (void)close(fd);
}

static void test_missing_layer(void **state)
{
    struct test_store *t = *state;
    rootfs_auto struct rootfs rootfs = { .n_lowerdirs = 0 };
    struct digest diff_ids[2];

    put_layers(t, (struct digest[LAYERS]){ { .alg = DIGEST_NONE } });
    diff_ids[0] = test_digest("a", 1);
    struct rootfs_args args = args_of(t, diff_ids, 1, ROOTFS_DIRECTORY);
    assert_err(rootfs_prepare(&args, &rootfs, NULL, &t->err), IMGC_E_STORE);
    args.form = ROOTFS_AUTO;
    assert_err(rootfs_prepare(&args, &rootfs, NULL, &t->err), IMGC_E_STORE);
    assert_non_null(strstr(t->err.msg, "pull the image again"));
    assert_err(rootfs_verify_layer(t->s, diff_ids, &t->err), IMGC_E_STORE);
}

/* Turn one byte of a layer's tar. */
static void damage_layer(struct test_store *t, const struct digest *diff_id)
{
    char path[512], hex[DIGEST_HEX_MAX];

    (void)snprintf(path, sizeof path, "%s/layers/%s/tar", t->root, digest_hex(diff_id, hex));
    (void)chmod(path, 0600);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "Z", 1, 1), 1);
    (void)close(fd);
}

static void test_verify(void **state)
{
    struct test_store *t = *state;
    rootfs_auto struct rootfs rootfs = { .n_lowerdirs = 0 };
    struct digest diff_ids[LAYERS];
    char path[512];

    put_layers(t, diff_ids);
    (void)prepare(t, diff_ids, 3, &rootfs);
    for (size_t i = 0; i < LAYERS; i++) {
        assert_ok(rootfs_verify_layer(t->s, &diff_ids[i], &t->err), t->err);
    }
    (void)snprintf(path, sizeof path, "%s/d/f", rootfs.lowerdirs[0]);
    assert_int_equal(chmod(path, 0644), 0);
    assert_err(rootfs_verify_views(t->s, diff_ids, 3, &t->err), IMGC_E_STORE);
    assert_non_null(strstr(t->err.msg, "'d/f': the mode differs"));
    assert_ok(rootfs_verify_views(t->s, diff_ids, 2, &t->err), t->err);

    damage_layer(t, &diff_ids[1]);
    assert_err(rootfs_verify_layer(t->s, &diff_ids[1], &t->err), IMGC_E_DIGEST);
    assert_ok(rootfs_verify_layer(t->s, &diff_ids[0], &t->err), t->err);
}

/* What a power loss leaves: rows of another boot. */
static void pretend_other_boot(struct test_store *t)
{
    assert_ok(db_exec(t->s->db,
                      "UPDATE layer SET boot_id = 'other', synced = 0; "
                      "UPDATE view SET boot_id = 'other', synced = 0",
                      &t->err),
              t->err);
}

static void test_power_loss(void **state)
{
    struct test_store *t = *state;
    rootfs_auto struct rootfs before = { .n_lowerdirs = 0 };
    rootfs_auto struct rootfs after = { .n_lowerdirs = 0 };
    rootfs_auto struct rootfs lost = { .n_lowerdirs = 0 };
    struct digest diff_ids[LAYERS];
    struct layer_info info;
    char path[512];

    put_layers(t, diff_ids);
    uint64_t written = prepare(t, diff_ids, 3, &before);
    pretend_other_boot(t);
    /* What was half written is not there again. */
    (void)snprintf(path, sizeof path, "%s/d/f", before.lowerdirs[0]);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(prepare(t, diff_ids, 3, &after), written);
    assert_true(exists(after.lowerdirs[0], "d/f"));
    assert_ok(rootfs_verify_views(t->s, diff_ids, 3, &t->err), t->err);

    pretend_other_boot(t);
    damage_layer(t, &diff_ids[1]);
    struct rootfs_args args = args_of(t, diff_ids, 3, ROOTFS_DIRECTORY);
    assert_err(rootfs_prepare(&args, &lost, NULL, &t->err), IMGC_E_STORE);
    assert_non_null(strstr(t->err.msg, "pull it again"));
    assert_int_equal(layer_find(t->s, NULL, &diff_ids[1], &info, &t->err), LAYER_MISSING);
    assert_int_equal(layer_find(t->s, NULL, &diff_ids[0], &info, &t->err), 0);
}

/* ---- the EROFS form: what is there can be built anywhere, only mounting it needs a kernel ---- */

static void pretend_erofs(struct test_store *t, const char *outcome)
{
    if (!dir_sink_privileged()) {
        skip();
    }
    assert_ok(probe_put(t->s, "erofs", outcome, &t->err), t->err);
}

static void test_erofs(void **state)
{
    struct test_store *t = *state;
    rootfs_auto struct rootfs first = { .n_lowerdirs = 0 };
    rootfs_auto struct rootfs again = { .n_lowerdirs = 0 };
    rootfs_auto struct rootfs none = { .n_lowerdirs = 0 };
    struct digest diff_ids[LAYERS];
    struct rootfs_report report;
    struct stat st, st2;

    pretend_erofs(t, "");
    put_layers(t, diff_ids);
    struct rootfs_args args = args_of(t, diff_ids, LAYERS, ROOTFS_AUTO);
    assert_ok(rootfs_prepare(&args, &first, &report, &t->err), t->err);
    assert_string_equal(report.fallback, "");
    assert_null(first.lowerdirs);
    assert_int_equal(stat(first.image, &st), 0);
    for (size_t i = 0; i < LAYERS; i++) {
        char hex[DIGEST_HEX_MAX];
        assert_int_equal(access(first.devices[i], R_OK), 0);
        assert_non_null(strstr(first.devices[i], digest_hex(&diff_ids[i], hex))); /* bottom first */
    }
    assert_null(first.devices[LAYERS]);
    assert_int_equal(test_count(t, "views"), 1); /* of the whole stack alone */

    assert_ok(rootfs_prepare(&args, &again, &report, &t->err), t->err);
    assert_string_equal(again.image, first.image);
    assert_int_equal(stat(again.image, &st2), 0);
    assert_int_equal(st.st_ino, st2.st_ino); /* not built again */

    args.n_diff_ids = 0; /* nothing to be an index of */
    assert_ok(rootfs_prepare(&args, &none, &report, &t->err), t->err);
    assert_null(none.image);
    assert_non_null(none.lowerdirs);
}

static void test_erofs_verify(void **state)
{
    struct test_store *t = *state;
    rootfs_auto struct rootfs rootfs = { .n_lowerdirs = 0 };
    rootfs_auto struct rootfs again = { .n_lowerdirs = 0 };
    struct digest diff_ids[LAYERS];

    pretend_erofs(t, "");
    put_layers(t, diff_ids);
    struct rootfs_args args = args_of(t, diff_ids, LAYERS, ROOTFS_EROFS);
    assert_ok(rootfs_prepare(&args, &rootfs, NULL, &t->err), t->err);
    assert_ok(rootfs_verify_views(t->s, diff_ids, LAYERS, &t->err), t->err);

    int fd = open(rootfs.image, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "Z", 1, 1500), 1);
    (void)close(fd);
    assert_err(rootfs_verify_views(t->s, diff_ids, LAYERS, &t->err), IMGC_E_STORE);
    assert_non_null(strstr(t->err.msg, "built again"));
    assert_int_equal(access(rootfs.image, F_OK), -1);
    assert_ok(rootfs_prepare(&args, &again, NULL, &t->err), t->err);
    assert_ok(rootfs_verify_views(t->s, diff_ids, LAYERS, &t->err), t->err);

    assert_int_equal(truncate(again.image, 1024), 0);
    assert_err(rootfs_verify_views(t->s, diff_ids, LAYERS, &t->err), IMGC_E_STORE);
}

/* A damaged layer is found before the index over it is used. */
static void test_erofs_power_loss(void **state)
{
    struct test_store *t = *state;
    rootfs_auto struct rootfs first = { .n_lowerdirs = 0 };
    rootfs_auto struct rootfs again = { .n_lowerdirs = 0 };
    struct digest diff_ids[LAYERS];

    pretend_erofs(t, "");
    put_layers(t, diff_ids);
    struct rootfs_args args = args_of(t, diff_ids, LAYERS, ROOTFS_AUTO);
    assert_ok(rootfs_prepare(&args, &first, NULL, &t->err), t->err);
    assert_int_equal(truncate(first.image, 0), 0);
    pretend_other_boot(t);
    assert_ok(rootfs_prepare(&args, &again, NULL, &t->err), t->err);
    assert_ok(rootfs_verify_views(t->s, diff_ids, LAYERS, &t->err), t->err);

    /* The view is on the disk, a layer perhaps not. */
    assert_ok(db_exec(t->s->db, "UPDATE layer SET boot_id = 'other', synced = 0", &t->err), t->err);
    damage_layer(t, &diff_ids[1]);
    assert_err(rootfs_prepare(&args, &again, NULL, &t->err), IMGC_E_STORE);
    assert_non_null(strstr(t->err.msg, "pull it again"));
    assert_int_equal(test_count(t, "views"), 1); /* an orphan now */
}

static void test_erofs_cannot_be(void **state)
{
    struct test_store *t = *state;
    rootfs_auto struct rootfs rootfs = { .n_lowerdirs = 0 };
    struct digest diff_ids[LAYERS];
    struct rootfs_choice choice;

    pretend_erofs(t, "the moon is full");
    whiteout_or_skip(store_root_fd(t->s));
    put_layers(t, diff_ids);
    struct rootfs_args args = args_of(t, diff_ids, LAYERS, ROOTFS_EROFS);
    assert_err(rootfs_prepare(&args, &rootfs, NULL, &t->err), IMGC_E_HOST);
    assert_non_null(strstr(t->err.msg, "the moon is full"));
    assert_err(rootfs_build(&args, NULL, &t->err), IMGC_E_HOST);
    args.form = ROOTFS_AUTO;
    assert_ok(rootfs_prepare(&args, &rootfs, NULL, &t->err), t->err);
    assert_int_equal(rootfs.n_lowerdirs, LAYERS);
    assert_ok(rootfs_form_choose(t->s, ROOTFS_AUTO, &choice, &t->err), t->err);
    assert_int_equal(choice.form, ROOTFS_DIRECTORY);
    assert_string_equal(choice.reason, "the moon is full");
}

/* What EROFS cannot hold: told once, and not tried again. */
static void test_erofs_refused(void **state)
{
    struct test_store *t = *state;
    rootfs_auto struct rootfs rootfs = { .n_lowerdirs = 0 };
    rootfs_auto struct rootfs again = { .n_lowerdirs = 0 };
    struct digest diff_ids[LAYERS], chain_ids[LAYERS];
    struct rootfs_report report;

    pretend_erofs(t, "");
    whiteout_or_skip(store_root_fd(t->s));
    put_layers(t, diff_ids);
    assert_ok(digest_chain(diff_ids, LAYERS, chain_ids, &t->err), t->err);
    assert_ok(view_refuse(t->s, &chain_ids[LAYERS - 1], VIEW_EROFS, "too big", &t->err), t->err);
    struct rootfs_args args = args_of(t, diff_ids, LAYERS, ROOTFS_AUTO);
    assert_ok(rootfs_prepare(&args, &rootfs, &report, &t->err), t->err);
    assert_int_equal(rootfs.n_lowerdirs, LAYERS);
    assert_string_equal(report.fallback, "");
    args.form = ROOTFS_EROFS; /* asked for by name it is tried */
    assert_ok(rootfs_prepare(&args, &again, &report, &t->err), t->err);
    assert_non_null(again.image);
}

/* The real thing, where this kernel has it. */
static void test_probe(void **state)
{
    struct test_store *t = *state;
    struct rootfs_choice choice, again;
    struct erofs_probe probe;

    assert_ok(rootfs_form_choose(t->s, ROOTFS_AUTO, &choice, &t->err), t->err);
    print_message("%s: %s\n", rootfs_form_name(choice.form), choice.reason);
    assert_true(choice.reason[0] != '\0');
    assert_ok(rootfs_form_choose(t->s, ROOTFS_AUTO, &again, &t->err), t->err);
    assert_int_equal(choice.form, again.form);
    assert_string_equal(choice.reason, again.reason);
    assert_ok(erofs_probe_run(lease_dir_fd(t->lease), &probe, &t->err), t->err);
    assert_int_equal(probe.works, dir_sink_privileged() && choice.form == ROOTFS_EROFS);
    assert_true(probe.works == (probe.reason[0] == '\0'));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, test_store_setup, test_store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_prepare),         TEST(test_unpack),
        TEST(test_missing_layer),   TEST(test_verify),
        TEST(test_power_loss),      TEST(test_erofs),
        TEST(test_erofs_verify),    TEST(test_erofs_power_loss),
        TEST(test_erofs_cannot_be), TEST(test_erofs_refused),
        TEST(test_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
