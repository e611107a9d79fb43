/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/clock.h"
#include "store/gc.h"
#include "tests/lib/store.h"

static struct digest find(struct test_store *t, const char *name)
{
    image_auto struct image image = { .size = 0 };
    if (image_find(t->s, imgc_str_of(name), &image, &t->err) != 0) {
        return (struct digest){ .alg = DIGEST_NONE };
    }
    return image.id;
}

static void test_add_and_find(void **state)
{
    struct test_store *t = *state;
    struct digest layers[3] = { test_layer(t, 'a', 5000), test_layer(t, 'b', 7000) };
    layers[2] = layers[0]; /* the same layer may stand in an image twice */
    struct digest id = test_image(t, "{config}", "debian:bookworm", layers, 3);
    image_auto struct image image = { .size = 0 };

    assert_ok(image_find(t->s, IMGC_STR("debian:bookworm"), &image, &t->err), t->err);
    assert_true(digest_eq(&image.id, &id));
    assert_int_equal(image.n_diff_ids, 3);
    assert_true(digest_eq(&image.diff_ids[1], &layers[1]));
    assert_int_equal(image.size, 5000 + 7000 + 5000);
    assert_string_equal(image.tags[0], "docker.io/library/debian:bookworm");
    assert_null(image.tags[1]);
    assert_non_null(strstr(image.repo_digests[0], "docker.io/library/debian@sha256:"));
    assert_null(image.repo_digests[1]);
    assert_string_equal(image.platform.arch, "amd64");
    assert_int_equal(image.n_containers, 0);

    struct layer_info a, b;
    assert_ok(layer_find(t->s, NULL, &layers[0], &a, &t->err), t->err);
    assert_ok(layer_find(t->s, NULL, &layers[1], &b, &t->err), t->err);
    assert_int_equal(image.unique_size, a.disk_bytes + b.disk_bytes + 4096);
}

static void test_find_stack(void **state)
{
    struct test_store *t = *state;
    struct digest layers[2] = { test_layer(t, 'a', 5000), test_layer(t, 'b', 7000) };
    struct digest id = test_image(t, "{config}", "debian:bookworm", layers, 2);
    image_auto struct image image = { .size = 0 };

    assert_ok(image_find_stack(t->s, IMGC_STR("debian:bookworm"), NULL, &image, &t->err), t->err);
    assert_true(digest_eq(&image.id, &id));
    assert_int_equal(image.n_diff_ids, 2);
    assert_true(digest_eq(&image.diff_ids[0], &layers[0]));
    assert_true(digest_eq(&image.diff_ids[1], &layers[1]));
    assert_string_equal(image.platform.arch, "amd64");
    assert_null(image.tags[0]);
    assert_null(image.repo_digests[0]);
}

static void test_names_and_ids(void **state)
{
    struct test_store *t = *state;
    char hex[DIGEST_HEX_MAX], name[300];
    struct digest id = test_image(t, "{1}", "debian", NULL, 0);
    struct digest other = test_image(t, "{2}", "localhost:5000/a/b:v1", NULL, 0);

    digest_hex(&id, hex);
    const struct {
        const char *fmt;
        int digits;
        bool want;
    } cases[] = {
        { "debian%.*s", 0, true },
        { "debian:latest%.*s", 0, true },
        { "docker.io/library/debian%.*s", 0, true },
        { "debian:bookworm%.*s", 0, false },
        { "%.*s", 12, true },
        { "%.*s", 64, true },
        { "sha256:%.*s", 64, true },
        { "sha256:%.*s", 8, true },
        { "sha512:%.*s", 8, false },
        { "debian@sha256:%.*s", 64, true },
        { "ubuntu@sha256:%.*s", 64, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(name, sizeof name, cases[i].fmt, cases[i].digits, hex);
#pragma GCC diagnostic pop
        struct digest got = find(t, name);
        if (digest_is_set(&got) != cases[i].want) {
            fail_msg("'%s': found %d, want %d", name, digest_is_set(&got), cases[i].want);
        }
        assert_true(!cases[i].want || digest_eq(&got, &id));
    }
    struct digest got = find(t, "localhost:5000/a/b:v1");
    assert_true(digest_eq(&got, &other));
    image_auto struct image image = { .size = 0 };
    assert_err(image_find(t->s, IMGC_STR("Not A Name"), &image, &t->err), IMGC_E_REFERENCE);
}

static void test_a_name_wins_over_an_id(void **state)
{
    struct test_store *t = *state;
    char hex[DIGEST_HEX_MAX], short_id[5];
    struct digest id = test_image(t, "{1}", NULL, NULL, 0);

    (void)snprintf(short_id, sizeof short_id, "%.4s", digest_hex(&id, hex));
    struct digest got = find(t, short_id);
    assert_true(digest_eq(&got, &id));
    struct digest named = test_image(t, "{2}", short_id, NULL, 0);
    got = find(t, short_id);
    assert_true(digest_eq(&got, &named));
}

static void test_ambiguous_ids(void **state)
{
    struct test_store *t = *state;
    char config[32], hex[DIGEST_HEX_MAX];
    image_auto struct image image = { .size = 0 };
    bool seen[256] = { false };
    int r = 0;

    for (int i = 0; r == 0 && i < 257; i++) { /* at the latest then two begin alike */
        (void)snprintf(config, sizeof config, "{%d}", i);
        struct digest id = test_image(t, config, NULL, NULL, 0);
        if (seen[id.bytes[0]]) {
            r = image_find(t->s, (struct imgc_str){ digest_hex(&id, hex), 2 }, &image, &t->err);
        }
        seen[id.bytes[0]] = true;
    }
    assert_int_equal(r, -(int)IMGC_E_AMBIGUOUS);
}

static void test_tags_move(void **state)
{
    struct test_store *t = *state;
    struct digest one = test_image(t, "{1}", "a:v", NULL, 0);
    struct digest two = test_image(t, "{2}", "a:v", NULL, 0);
    struct digest got = find(t, "a:v"), id, top;
    image_auto struct image image = { .size = 0 };
    ref_auto struct ref ref = REF_INIT;

    assert_true(digest_eq(&got, &two));
    assert_ok(image_find_id(t->s, &one, &image, &t->err), t->err);
    assert_null(image.tags[0]);

    assert_ok(ref_parse(IMGC_STR("b:w"), &ref, &t->err), t->err);
    assert_int_equal(image_resolve(t->s, &ref, &id, &top, &t->err), IMAGE_MISSING);
    assert_ok(image_tag(t->s, &one, &ref, &t->err), t->err);
    assert_ok(image_resolve(t->s, &ref, &id, &top, &t->err), t->err);
    assert_true(digest_eq(&id, &one));
    assert_true(digest_eq(&top, &one));
    assert_int_equal(image_untag(t->s, &ref, &two, &t->err), IMAGE_MISSING);
    assert_ok(image_untag(t->s, &ref, NULL, &t->err), t->err);
    assert_int_equal(image_untag(t->s, &ref, NULL, &t->err), IMAGE_MISSING);
    struct digest none = test_digest("no image", 8);
    assert_err(image_tag(t->s, &none, &ref, &t->err), IMGC_E_NOTFOUND);
}

/* The image for @arch that index @top has for "a:v", or another name. */
static struct digest add_of_platform(struct test_store *t, const char *arch,
                                     const struct digest *top, const char *name)
{
    struct digest id = test_blob(t, arch);
    ref_auto struct ref ref = REF_INIT;
    assert_ok(ref_parse(imgc_str_of(name), &ref, &t->err), t->err);
    struct image_add add = {
        .id = id, .manifest = id, .top = *top, .blobs = &id, .n_blobs = 1, .ref = &ref
    };
    platform_set(&add.platform, "linux", arch, NULL);
    assert_true(image_add(t->s, t->lease, &add, &t->err) >= 0);
    return id;
}

static struct digest find_for(struct test_store *t, const char *name, const char *arch)
{
    image_auto struct image image = { .size = 0 };
    struct platform want;

    platform_set(&want, "linux", arch, NULL);
    assert_ok(image_find_stack(t->s, imgc_str_of(name), &want, &image, &t->err), t->err);
    return image.id;
}

static void test_platforms_share_a_name(void **state)
{
    struct test_store *t = *state;
    struct platform host;
    struct digest top = test_digest("index", 5), other = test_digest("other", 5);
    ref_auto struct ref ref = REF_INIT;

    platform_host(&host);
    struct digest own = add_of_platform(t, host.arch, &top, "a:v");
    struct digest s390x = add_of_platform(t, "s390x", &top, "a:v");
    struct digest riscv64 = add_of_platform(t, "riscv64", &top, "a:v");
    /* This host's, whichever came last; what is asked for; what there is. */
    struct digest got = find(t, "a:v");
    assert_true(digest_eq(&got, &own));
    got = find_for(t, "a:v", "s390x");
    assert_true(digest_eq(&got, &s390x));
    got = find_for(t, "a:v", "mips");
    assert_true(digest_eq(&got, &riscv64) || digest_eq(&got, &own) || digest_eq(&got, &s390x));

    /* By hand it is one image's. */
    assert_ok(ref_parse(IMGC_STR("b:w"), &ref, &t->err), t->err);
    (void)add_of_platform(t, "riscv64", &top, "b:w");
    assert_ok(image_tag(t->s, &s390x, &ref, &t->err), t->err);
    got = find_for(t, "b:w", "riscv64");
    assert_true(digest_eq(&got, &s390x));

    /* Another index takes the name from all of them. */
    struct digest mips = add_of_platform(t, "mips", &other, "a:v");
    got = find(t, "a:v");
    assert_true(digest_eq(&got, &mips));
    got = find_for(t, "a:v", "s390x");
    assert_true(digest_eq(&got, &mips));
}

/* How many images @ref stands for, and whether @id is one of them. */
static size_t count_named(struct test_store *t, const struct ref *ref, const struct digest *id,
                          bool *ret_is_here)
{
    imgc_autofree struct digest *ids = NULL;
    size_t n = 0;

    int r = image_list_named(t->s, ref, &ids, &n, &t->err);
    assert_true(r >= 0);
    assert_int_equal(r == IMAGE_MISSING, n == 0);
    *ret_is_here = false;
    for (size_t i = 0; i < n; i++) {
        *ret_is_here = *ret_is_here || digest_eq(&ids[i], id);
    }
    return n;
}

static void test_untag_one_platform(void **state)
{
    struct test_store *t = *state;
    struct digest top = test_digest("index", 5);
    bool is_here;
    struct digest one = add_of_platform(t, "s390x", &top, "a:v");
    struct digest two = add_of_platform(t, "riscv64", &top, "a:v");
    ref_auto struct ref ref = REF_INIT;

    assert_ok(ref_parse(IMGC_STR("a:v"), &ref, &t->err), t->err);
    for (int i = 0; i < 2; i++) {
        ref.digest = i == 0 ? ref.digest : top; /* the tag, then the repository digest */
        assert_int_equal(count_named(t, &ref, &one, &is_here), 2);
        assert_true(is_here);
        assert_ok(image_untag(t->s, &ref, &one, &t->err), t->err);
        assert_int_equal(image_untag(t->s, &ref, &one, &t->err), IMAGE_MISSING);
        assert_int_equal(count_named(t, &ref, &one, &is_here), 1);
        assert_false(is_here);
        assert_ok(image_untag(t->s, &ref, &two, &t->err), t->err);
        assert_int_equal(count_named(t, &ref, &two, &is_here), 0);
    }
}

static void test_unchanged(void **state)
{
    struct test_store *t = *state;
    struct digest layer = test_layer(t, 'a', 100);
    struct digest id = test_image(t, "{1}", "a:v", &layer, 1);
    struct digest missing = test_digest("missing", 7);
    ref_auto struct ref ref = REF_INIT;

    assert_ok(ref_parse(IMGC_STR("a:v"), &ref, &t->err), t->err);
    struct image_add add = { .id = id,
                             .manifest = id,
                             .top = id,
                             .blobs = &id,
                             .n_blobs = 1,
                             .diff_ids = &layer,
                             .n_diff_ids = 1,
                             .platform = { "linux", "amd64", "" },
                             .created_ns = 1,
                             .ref = &ref };
    assert_int_equal(image_add(t->s, t->lease, &add, &t->err), IMAGE_UNCHANGED);
    add.top = test_blob(t, "{index}");
    assert_ok(image_add(t->s, t->lease, &add, &t->err), t->err);
    assert_int_equal(image_add(t->s, t->lease, &add, &t->err), IMAGE_UNCHANGED);
    add.id = add.manifest = test_blob(t, "{2}");
    add.diff_ids = &missing;
    assert_err(image_add(t->s, t->lease, &add, &t->err), IMGC_E_STORE);
    image_auto struct image image = { .size = 0 };
    assert_int_equal(image_find_id(t->s, &add.id, &image, &t->err), IMAGE_MISSING);
}

static void test_remove(void **state)
{
    struct test_store *t = *state;
    struct digest id = test_image(t, "{1}", "a:v", NULL, 0);
    struct digest got;

    assert_ok(image_touch(t->s, &id, &t->err), t->err);
    assert_ok(gc_remove(t->s, &id, NULL, &t->err), t->err);
    assert_int_equal(gc_remove(t->s, &id, NULL, &t->err), IMAGE_MISSING);
    got = find(t, "a:v");
    assert_false(digest_is_set(&got));
}

static void test_unique_size(void **state)
{
    struct test_store *t = *state;
    struct digest a[2] = { test_layer(t, 'a', 50000), test_layer(t, 'b', 60000) };
    struct digest b[2] = { a[0], test_layer(t, 'c', 70000) };
    struct digest one = test_image(t, "{1}", "a", a, 2);
    struct digest two = test_image(t, "{2}", "b", b, 2);
    struct layer_info shared, own;
    image_list_auto struct image_list list = { .n = 0 };
    image_auto struct image image = { .size = 0 };

    assert_ok(layer_find(t->s, NULL, &a[0], &shared, &t->err), t->err);
    assert_ok(layer_find(t->s, NULL, &a[1], &own, &t->err), t->err);
    assert_ok(image_find_id(t->s, &one, &image, &t->err), t->err);
    assert_int_equal(image.unique_size, own.disk_bytes + 4096);
    assert_ok(image_list(t->s, &list, &t->err), t->err);
    assert_int_equal(list.n, 2);
    for (size_t i = 0; i < 2; i++) { /* the list and the single image say the same */
        if (digest_eq(&list.items[i].id, &one)) {
            assert_int_equal(list.items[i].unique_size, image.unique_size);
        }
    }
    assert_ok(gc_remove(t->s, &two, NULL, &t->err), t->err);
    image_done(&image);
    assert_ok(image_find_id(t->s, &one, &image, &t->err), t->err);
    assert_int_equal(image.unique_size, own.disk_bytes + shared.disk_bytes + 4096);
}

static void test_many_images_list_fast(void **state)
{
    struct test_store *t = *state;
    enum { N = 300 };
    struct digest layer[2] = { test_layer(t, 'a', 100), test_layer(t, 'b', 100) };
    char config[32], name[64];
    image_list_auto struct image_list list = { .n = 0 };

    for (int i = 0; i < N; i++) {
        (void)snprintf(config, sizeof config, "{%d}", i);
        (void)snprintf(name, sizeof name, "example.org/image%d:v%d", i % 10, i);
        (void)test_image(t, config, name, layer, 2);
    }
    int64_t start = clock_monotonic_ns();
    assert_ok(image_list(t->s, &list, &t->err), t->err);
    int64_t took = clock_monotonic_ns() - start;
    print_message("%d images listed in %lld us\n", N, (long long)(took / 1000));
    assert_int_equal(list.n, N);
    for (size_t i = 0; i < N; i++) {
        assert_non_null(list.items[i].tags[0]);
        assert_null(list.items[i].tags[1]);
        assert_int_equal(list.items[i].n_diff_ids, 2);
    }
    assert_true(took < 1000 * 1000 * 1000);
}

/* As the whole list, without what comes from other tables. */
static void test_brief_list(void **state)
{
    struct test_store *t = *state;
    struct digest layer = test_layer(t, 'a', 1000);
    image_list_auto struct image_list all = { .n = 0 }, brief = { .n = 0 };

    (void)test_image(t, "{1}", "a", &layer, 1);
    (void)test_image(t, "{2}", NULL, &layer, 1);
    assert_ok(image_list(t->s, &all, &t->err), t->err);
    assert_ok(image_list_brief(t->s, &brief, &t->err), t->err);
    assert_int_equal(all.n, 2);
    assert_int_equal(brief.n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(digest_eq(&all.items[i].id, &brief.items[i].id));
        assert_int_equal(all.items[i].created_ns, brief.items[i].created_ns);
        assert_null(brief.items[i].tags[0]);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_brief_list),
        CASE(test_add_and_find),
        CASE(test_names_and_ids),
        CASE(test_a_name_wins_over_an_id),
        CASE(test_ambiguous_ids),
        CASE(test_tags_move),
        CASE(test_platforms_share_a_name),
        CASE(test_untag_one_platform),
        CASE(test_unchanged),
        CASE(test_remove),
        CASE(test_unique_size),
        CASE(test_many_images_list_fast),
        CASE(test_find_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
