/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/json.h"
#include "schema/registries_conf.h"

static int add(struct registries_conf *c, const char *text, const char *file, struct imgc_err *err)
{
    return registries_conf_add(c, imgc_str_of(text), file, err);
}

/* "[insecure ]host/path:tag, ..." of all sources. */
static void check_sources(const struct registries_conf *c, const char *name, const char *want)
{
    imgc_autobuf struct imgc_buf got = IMGC_BUF_INIT(4096);
    registries_conf_sources_auto struct registries_conf_sources sources = { .n = 0 };
    ref_auto struct ref ref = REF_INIT;
    struct imgc_err err;
    struct imgc_str text;

    assert_ok(ref_parse(imgc_str_of(name), &ref, &err), err);
    int r = registries_conf_sources(c, &ref, &sources, &err);
    if (r < 0) {
        imgc_buf_puts(&got, imgc_code_name(err.code));
    }
    for (size_t i = 0; i < sources.n && r == 0; i++) {
        imgc_autofree char *one = NULL;
        assert_ok(ref_text(&sources.items[i].ref, &one, &err), err);
        assert_int_equal(sources.items[i].is_mirror, i + 1 < sources.n);
        imgc_buf_printf(&got, "%s%s%s%s%s", i > 0 ? ", " : "",
                        sources.items[i].insecure ? "insecure " : "",
                        sources.items[i].proxy ? sources.items[i].proxy : "",
                        sources.items[i].proxy ? " " : "", one);
    }
    imgc_buf_putc(&got, '\0');
    assert_ok(imgc_buf_finish(&got, &text, &err), err);
    assert_string_equal(text.ptr, want);
}

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void images_come_from_where_they_say(void **state)
{
    registries_conf_auto struct registries_conf c = { .n_aliases = 0 };
    struct imgc_err err;
    static const char text[] = "[[registry]]\n"
                               "prefix = \"example.com/foo\"\n"
                               "location = \"internal.example/bar/\"\n"
                               "[[registry.mirror]]\n"
                               "location = \"m0.local/foo\"\n"
                               "proxy = \"http://p:1\"\n"
                               "[[registry.mirror]]\n"
                               "location = \"m1.local:5000/mirrors/foo\"\n"
                               "insecure = true\n"
                               "[[registry]]\n"
                               "location = \"registry.com\"\n"
                               "unknown = [1]\n"
                               "[[registry.mirror]]\n"
                               "location = \"by-digest.local\"\n"
                               "pull-from-mirror = \"digest-only\"\n"
                               "[[registry.mirror]]\n"
                               "location = \"by-tag.local\"\n"
                               "pull-from-mirror = \"tag-only\"\n"
                               "[[registry]]\n"
                               "prefix = \"registry.com/digests\"\n"
                               "location = \"registry.com/digests\"\n"
                               "mirror-by-digest-only = true\n"
                               "[[registry.mirror]]\n"
                               "location = \"d.local\"\n"
                               "[[registry]]\n"
                               "prefix = \"*.wild.io\"\n"
                               "insecure = true\n"
                               "[[registry]]\n"
                               "prefix = \"*.very.wild.io\"\n"
                               "location = \"tame.io/w\"\n"
                               "[[registry]]\n"
                               "prefix = \"bad.io\"\n"
                               "blocked = true\n"
                               "location = \"bad.io\"\n"
                               "[[registry]]\n"
                               "prefix = \"bad.io/but/good\"\n"
                               "location = \"good.io\"\n"
                               "[[registry]]\n"
                               "prefix = \"one.io/image:tag\"\n"
                               "location = \"two.io/image:other\"\n"
                               "[[registry]]\n"
                               "prefix = \"docker.io\"\n"
                               "location = \"hub.local/h\"\n"
                               "[[registry]]\n"
                               "prefix = \"wrong.io\"\n"
                               "location = \"nohost\"\n";
    static const struct {
        const char *name, *want;
    } rows[] = {
        { "example.com/foo/image:latest",
          "http://p:1 m0.local/foo/image:latest, insecure m1.local:5000/mirrors/foo/image:latest, "
          "internal.example/bar/image:latest" },
        { "example.com/foo:v1",
          "http://p:1 m0.local/foo:v1, insecure m1.local:5000/mirrors/foo:v1, "
          "internal.example/bar:v1" },
        { "example.com/food:v1", "example.com/food:v1" },
        { "example.com/other:v1", "example.com/other:v1" },
        { "registry.com/a:v1", "by-tag.local/a:v1, registry.com/a:v1" },
        { "registry.com/a@sha256:" HEX,
          "by-digest.local/a@sha256:" HEX ", registry.com/a@sha256:" HEX },
        { "registry.com:5000/a:v1", "registry.com:5000/a:v1" },
        { "registry.com/digests/a:v1", "registry.com/digests/a:v1" },
        { "registry.com/digests/a:v1@sha256:" HEX,
          "d.local/a:v1@sha256:" HEX ", registry.com/digests/a:v1@sha256:" HEX },
        { "a.b.wild.io:5000/x:y", "insecure a.b.wild.io:5000/x:y" },
        { "wild.io/x:y", "wild.io/x:y" },
        { "notwild.io/x:y", "notwild.io/x:y" },
        { "a.very.wild.io/x:y", "tame.io/w/x:y" },
        { "bad.io/x:y", "HOST" },
        { "bad.io/but/good/x:y", "good.io/x:y" },
        { "one.io/image:tag", "two.io/image:other" },
        { "one.io/image:tags", "one.io/image:tags" },
        { "alpine:3", "hub.local/h/library/alpine:3" },
        { "wrong.io/x:y", "DOCUMENT" },
    };

    (void)state;
    assert_ok(add(&c, text, "file", &err), err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_sources(&c, rows[i].name, rows[i].want);
    }
}

static void later_files_win(void **state)
{
    registries_conf_auto struct registries_conf c = { .n_aliases = 0 };
    struct imgc_err err;

    (void)state;
    check_sources(&c, "a.io/x:y", "a.io/x:y");
    assert_ok(add(&c,
                  "[[registry]]\nprefix='a.io'\nlocation='b.io'\n[[registry.mirror]]\n"
                  "location='m.io'\n[[registry]]\nprefix='c.io'\nlocation='d.io'",
                  "1", &err),
              err);
    assert_ok(add(&c,
                  "[[registry]]\nprefix='a.io'\nlocation='e.io'\n[[registry]]\nprefix='a.io'\n"
                  "location='f.io'",
                  "2", &err),
              err);
    /* of two in one file the first; and a file that is refused changes nothing */
    assert_err(add(&c, "[[registry]]\nlocation='c.io'\n[[registry]]\nprefix='x.io'", "3", &err),
               IMGC_E_DOCUMENT);
    assert_string_equal(err.msg, "3: registry 'x.io' has no location");
    check_sources(&c, "a.io/x:y", "e.io/x:y");
    check_sources(&c, "c.io/x:y", "d.io/x:y");
    assert_int_equal(c.n_registries, 2);
}

static void check_names(const struct registries_conf *c, const char *name, const char *want)
{
    imgc_autobuf struct imgc_buf got = IMGC_BUF_INIT(4096);
    struct imgc_err err;
    struct imgc_str text;
    char **names = NULL;

    if (registries_conf_names(c, imgc_str_of(name), &names, &err) < 0) {
        imgc_buf_puts(&got, imgc_code_name(err.code));
    }
    for (char **i = names; i && *i; i++) {
        imgc_buf_printf(&got, "%s%s", i == names ? "" : " ", *i);
    }
    names = json_strings_free(names);
    imgc_buf_putc(&got, '\0');
    assert_ok(imgc_buf_finish(&got, &text, &err), err);
    assert_string_equal(text.ptr, want);
}

static void short_names_stand_for_full_ones(void **state)
{
    registries_conf_auto struct registries_conf c = { .n_aliases = 0 };
    struct imgc_err err;

    (void)state;
    check_names(&c, "debian", "docker.io/debian");
    check_names(&c, "a/b:c", "docker.io/a/b:c");
    check_names(&c, "quay.io/b:c", "quay.io/b:c");
    check_names(&c, "localhost/b", "localhost/b");
    assert_ok(add(&c, "[aliases]\nfedora = 'reg.io/fedora'\n'a/b' = 'reg.io/c/d'\ngone='x.io/y'",
                  "1", &err),
              err);
    assert_ok(add(&c,
                  "unqualified-search-registries = ['one.io', 'two.io:5000/']\n"
                  "[aliases]\ngone = ''\nfedora = 'other.io/f'",
                  "2", &err),
              err);
    check_names(&c, "fedora", "other.io/f");
    check_names(&c, "fedora:40", "other.io/f:40");
    check_names(&c, "fedora@sha256:" HEX, "other.io/f@sha256:" HEX);
    check_names(&c, "a/b:x", "reg.io/c/d:x");
    check_names(&c, "gone:x", "one.io/gone:x two.io:5000/gone:x");
    check_names(&c, "docker.io/fedora", "docker.io/fedora");
    assert_ok(add(&c, "short-name-mode = 'enforcing'", "3", &err), err);
    check_names(&c, "gone:x", "REFERENCE");
    check_names(&c, "fedora", "other.io/f");
    assert_ok(add(&c, "short-name-mode = 'disabled'", "4", &err), err);
    check_names(&c, "gone:x", "one.io/gone:x two.io:5000/gone:x");
    assert_ok(add(&c, "unqualified-search-registries = []", "5", &err), err);
    check_names(&c, "gone:x", "REFERENCE");
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const char *const rows[] = {
        "registry = 1",
        "registry = [1]",
        "[[registry]]",
        "[[registry]]\nprefix = 'a.io'",
        "[[registry]]\nlocation = 'https://a.io'",
        "[[registry]]\nlocation = 1",
        "[[registry]]\nprefix = '*.a.io/x'\nlocation = 'b.io'",
        "[[registry]]\nprefix = '*.a.io:1'\nlocation = 'b.io'",
        "[[registry]]\nlocation = 'a.io'\npull-from-mirror = 'all'",
        "[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\nlocation='b.io'\n"
        "pull-from-mirror = 'never'",
        "[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]",
        "[[registry]]\nlocation = 'a.io'\nmirror-by-digest-only = true\n[[registry.mirror]]\n"
        "location='b.io'\npull-from-mirror = 'all'",
        "[[registry]]\nlocation = 'a.io'\n[[registry]]\nprefix='b.io'\nlocation = 'a.io'\n"
        "insecure = true",
        "[[registry]]\nlocation = 'a.io'\nblocked = 'yes'",
        "unqualified-search-registries = 'a.io'",
        "unqualified-search-registries = ['a.io/b']",
        "unqualified-search-registries = ['']",
        "unqualified-search-registries = [1]",
        "short-name-mode = 'sometimes'",
        "[aliases]\na = 1",
        "[aliases]\na = 'b'",
        "[aliases]\na = 'b.io/c:d'",
        "[aliases]\n'a:x' = 'b.io/c'",
        "[aliases]\n'a.io/x' = 'b.io/c'",
        "[registries.search]\nregistries = ['a.io']",
        "[registries.block]\nregistries = ['a.io']",
        "x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        registries_conf_auto struct registries_conf c = { .n_aliases = 0 };
        struct imgc_err err;
        int r = add(&c, rows[i], "/the/file", &err);

        if (r != -(int)IMGC_E_DOCUMENT || !strstr(err.msg, "/the/file")) {
            fail_msg("%s: %d %s", rows[i], r, r < 0 ? err.msg : "");
        }
    }
}

/* As Debian had it for years: version 1, and nothing in it. */
static void an_empty_version_1_says_nothing(void **state)
{
    registries_conf_auto struct registries_conf c = { .n_aliases = 0 };
    struct imgc_err err;

    (void)state;
    assert_ok(add(&c,
                  "[registries.search]\nregistries = []\n[registries.insecure]\nregistries = []",
                  "f", &err),
              err);
    check_names(&c, "x", "docker.io/x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_come_from_where_they_say),
        cmocka_unit_test(later_files_win),
        cmocka_unit_test(short_names_stand_for_full_ones),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(an_empty_version_1_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
