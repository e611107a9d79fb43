/* SPDX-License-Identifier: Apache-2.0 */
/* docs/man is what cmd/manual.c writes; `cmake --build build/release --target man` rewrites it. */
#include "tests/lib/unit.h"

#include <dirent.h>
#include <unistd.h>

#include "cmd/manual.h"
#include "schema/base/fd.h"

#define FOLDER IMGC_SOURCE_DIR "/docs/man"
#define ADVICE "docs/man is old: run `cmake --build build/release --target man`"

static int open_folder(void)
{
    struct imgc_err err;
    int fd = -1;

    assert_ok(fd_open_at(AT_FDCWD, FOLDER, O_RDONLY | O_DIRECTORY, 0, &fd, &err), err);
    return fd;
}

static void write_page(int dir, const char *name, const struct imgc_buf *page)
{
    imgc_autoclose int fd = -1;
    struct imgc_err err;

    assert_ok(fd_open_at(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd, &err), err);
    assert_ok(fd_write_all(fd, page->ptr, page->len, &err), err);
}

static void compare_page(int dir, const char *name, const struct imgc_buf *want)
{
    imgc_autobuf struct imgc_buf have = IMGC_BUF_INIT(MANUAL_PAGE_MAX);
    imgc_autoclose int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    struct imgc_err err;

    if (fd < 0) {
        fail_msg("%s is missing; %s", name, ADVICE);
    }
    assert_ok(fd_read_all(fd, &have, &err), err);
    if (have.len != want->len || memcmp(have.ptr, want->ptr, want->len) != 0) {
        fail_msg("%s: %s", name, ADVICE);
    }
}

static void check_page(int dir, const struct command *c)
{
    imgc_autobuf struct imgc_buf page = IMGC_BUF_INIT(MANUAL_PAGE_MAX);
    char name[MANUAL_NAME_MAX];
    struct imgc_str text;
    struct imgc_err err;

    manual_page(c, &page);
    assert_ok(imgc_buf_finish(&page, &text, &err), err);
    (void)manual_name(c, name);
    if (getenv("IMGC_UPDATE")) {
        write_page(dir, name, &page);
    } else {
        compare_page(dir, name, &page);
    }
}

static void test_pages_are_current(void **state)
{
    imgc_autoclose int dir = open_folder();
    (void)state;

    check_page(dir, NULL);
    for (const struct command *const *c = commands; *c; c++) {
        check_page(dir, *c);
    }
}

static bool is_of_a_command(const char *file)
{
    char name[MANUAL_NAME_MAX];

    for (const struct command *const *c = commands; *c; c++) {
        if (strcmp(manual_name(*c, name), file) == 0) {
            return true;
        }
    }
    return strcmp(manual_name(NULL, name), file) == 0;
}

static void test_no_page_is_of_a_command_that_is_gone(void **state)
{
    DIR *d = opendir(FOLDER);
    (void)state;

    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (e->d_name[0] == '.' || is_of_a_command(e->d_name)) {
            continue;
        }
        if (!getenv("IMGC_UPDATE")) {
            fail_msg("%s is of no command; %s", e->d_name, ADVICE);
        }
        assert_int_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
    }
    (void)closedir(d);
}

static const struct option sample_options[] = {
    { 'h', "host", OPT_STRING, 0, "NAME", ".dots, 'quotes' and \\ stay" },
    { 0, "hidden", OPT_FLAG, 0, NULL, NULL },
    { .name = NULL },
};

static int sample_status(const struct imgc_err *err)
{
    return err->code == IMGC_E_NOCOMMAND ? 127 : 125;
}

static const struct command sample = {
    .name = "two words",
    .args = "A-B",
    .summary = "do it",
    .help = "First\n.line\n\nSecond, see 'imgc pull'.\n\n  imgc two words ~/x\n",
    .options = sample_options,
    .failure_status = sample_status,
};

static void assert_has(const struct imgc_buf *page, const char *text)
{
    if (!strstr(page->ptr, text)) {
        fail_msg("not in the page: %s\n%s", text, page->ptr);
    }
}

static void test_a_page_holds_what_the_table_says(void **state)
{
    imgc_autobuf struct imgc_buf page = IMGC_BUF_INIT(MANUAL_PAGE_MAX);
    char name[MANUAL_NAME_MAX];
    (void)state;

    assert_string_equal(manual_name(&sample, name), "imgc-two-words.1");
    manual_page(&sample, &page);
    assert_has(&page, ".TH IMGC\\-TWO\\-WORDS 1 ");
    assert_has(&page, ".SH NAME\nimgc\\-two\\-words \\- do it\n");
    assert_has(&page, "\\fBimgc two words\\fR [\\fIOPTIONS\\fR] \\fIA\\-B\\fR\n");
    assert_has(&page, "Do it.\n.PP\nFirst\n\\&.line\n.PP\nSecond, see \\(aqimgc pull\\(aq.\n");
    assert_has(&page, "\\fB\\-h\\fR, \\fB\\-\\-host\\fR \\fINAME\\fR\n"
                      "\\&.dots, \\(aqquotes\\(aq and \\e stay\n");
    assert_has(&page, ".TP\n\\fB\\-\\-help\\fR\n"); /* -h is taken */
    assert_null(strstr(page.ptr, "hidden"));
    assert_has(&page, "\\fB127\\fR\nthe command was not found.\n");
    assert_has(&page, "\\fB125\\fR\nimgc failed");
    assert_has(&page, ".SH EXAMPLES\n.nf\nimgc two words \\(ti/x\n.fi\n");
    assert_has(&page, "\\fBimgc\\fR(1),\n\\fBimgc\\-pull\\fR(1)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_are_current),
        cmocka_unit_test(test_no_page_is_of_a_command_that_is_gone),
        cmocka_unit_test(test_a_page_holds_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
