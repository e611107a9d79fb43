/* SPDX-License-Identifier: Apache-2.0 */
/* docs/errors.md is made from the table in schema/base/err.h; IMGC_UPDATE=1 rewrites it. */
#include "tests/lib/unit.h"

#include "schema/base/buf.h"
#include "schema/base/fd.h"

#define DOCUMENT IMGC_SOURCE_DIR "/docs/errors.md"
#define LIMIT_DOCUMENT_BYTES 65536

static const char head[] =
    "# Errors\n"
    "\n"
    "Every failure is one line on stderr, `Error: WHAT: WHY (REMEDY)`, and an exit status. Made "
    "from\n"
    "the table in `schema/base/err.h`; `IMGC_UPDATE=1 ctest -R errors_doc` writes it anew.\n"
    "\n"
    "In `run` the status is 125 for every kind but the last two of the command's: 126 and 127 "
    "mean\n"
    "there what they mean here. A container's own status is passed on; a death by signal N is 128 "
    "+ N.\n"
    "\n"
    "| kind | status | what | remedy |\n"
    "|---|---|---|---|\n";

static void write_document(struct imgc_buf *b)
{
    static const struct {
        const char *name, *what, *remedy;
        int status;
    } rows[] = {
#define X(name, status, what, remedy) { #name, what, remedy, status },
        IMGC_CODES(X)
#undef X
    };

    imgc_buf_puts(b, head);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        imgc_buf_printf(b, "| %s | %d | %s | %s |\n", rows[i].name, rows[i].status, rows[i].what,
                        rows[i].remedy);
    }
}

static void test_document_is_current(void **state)
{
    imgc_autobuf struct imgc_buf want = IMGC_BUF_INIT(LIMIT_DOCUMENT_BYTES);
    imgc_autobuf struct imgc_buf have = IMGC_BUF_INIT(LIMIT_DOCUMENT_BYTES);
    imgc_autoclose int fd = -1;
    struct imgc_err err;
    (void)state;

    write_document(&want);
    if (getenv("IMGC_UPDATE")) {
        assert_ok(fd_open_at(AT_FDCWD, DOCUMENT, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd, &err),
                  err);
        assert_ok(fd_write_all(fd, want.ptr, want.len, &err), err);
        return;
    }
    assert_ok(fd_open_at(AT_FDCWD, DOCUMENT, O_RDONLY, 0, &fd, &err), err);
    assert_ok(fd_read_all(fd, &have, &err), err);
    assert_string_equal(have.ptr, want.ptr);
}

static void test_each_code_has_a_row(void **state)
{
    (void)state;
    for (int code = IMGC_E_NOMEM; code <= IMGC_E_INTERRUPTED; code++) {
        assert_true(imgc_code_status((enum imgc_code)code) > 0);
        assert_true(imgc_code_name((enum imgc_code)code)[0] != '\0');
        assert_true(imgc_code_remedy((enum imgc_code)code)[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_is_current),
        cmocka_unit_test(test_each_code_has_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
