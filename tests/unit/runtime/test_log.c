/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <sys/mman.h>
#include <unistd.h>

#include "runtime/log.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

/* Write @pieces, flush, and give back the records as "F:text|P:text|...", stdout's in lower case.
 */
static void round_trip(const char *const *pieces, char *out, size_t size)
{
    imgc_autoclose int fd = memfd_create("log", MFD_CLOEXEC);
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(1u << 20);
    struct log_writer w;
    struct imgc_err err;
    size_t len = 0;

    assert_true(fd >= 0);
    log_writer_init(&w, fd);
    for (; *pieces; pieces++) {
        enum log_stream stream = (*pieces)[0] == '2' ? LOG_STDERR : LOG_STDOUT;
        assert_ok(log_write(&w, stream, *pieces + 1, strlen(*pieces) - 1, &err), err);
    }
    assert_ok(log_flush(&w, &err), err);
    assert_ok(log_flush(&w, &err), err); /* nothing left: writes nothing */
    log_writer_done(&w);

    (void)lseek(fd, 0, SEEK_SET);
    assert_ok(fd_read_all(fd, &text, &err), err);
    struct imgc_str rest = { text.ptr, text.len }, line;
    out[0] = '\0';
    while (imgc_str_token(&rest, '\n', &line) && line.len > 0) {
        struct log_record r;
        assert_ok(log_parse(line, &r, &err), err);
        assert_true(r.time_ns > INT64_C(1600000000000000000));
        len += (size_t)snprintf(out + len, size - len, "%d%c:" IMGC_STR_FMT "|",
                                r.stream == LOG_STDERR ? 2 : 1, r.is_partial ? 'P' : 'F',
                                IMGC_STR_ARG(r.text));
    }
}

static void test_lines(void **state)
{
    static const struct {
        const char *pieces[6];
        const char *want;
    } cases[] = {
        { { "1one\n" }, "1F:one|" },
        { { "1one\ntwo\n" }, "1F:one|1F:two|" },
        { { "1o", "1n", "1e\n" }, "1F:one|" },
        { { "1ou", "2err\n", "1t\n" }, "2F:err|1F:out|" },
        { { "1no newline" }, "1P:no newline|" },
        { { "1\n\n" }, "1F:|1F:|" },
        { { "1 blanks  kept \n" }, "1F: blanks  kept |" },
        { { "1" }, "" },
    };
    char out[4096];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        round_trip(cases[i].pieces, out, sizeof out);
        assert_string_equal(out, cases[i].want);
    }
}

static void test_long_line(void **state)
{
    imgc_autoclose int fd = memfd_create("log", MFD_CLOEXEC);
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(1u << 20);
    static const size_t sizes[] = { 1, 1000, LIMIT_LOG_LINE_BYTES, LIMIT_LOG_LINE_BYTES + 1 };
    struct log_writer w;
    struct imgc_err err;
    const size_t total = 2 * LIMIT_LOG_LINE_BYTES + 100;
    (void)state;

    char *bytes = malloc(total + 1);
    assert_non_null(bytes);
    memset(bytes, 'x', total);
    bytes[total] = '\n';
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t full = 0, partial = 0, sum = 0;
        assert_int_equal(ftruncate(fd, 0), 0);
        (void)lseek(fd, 0, SEEK_SET);
        log_writer_init(&w, fd);
        for (size_t at = 0; at < total + 1; at += sizes[i]) {
            size_t n = total + 1 - at < sizes[i] ? total + 1 - at : sizes[i];
            assert_ok(log_write(&w, LOG_STDOUT, bytes + at, n, &err), err);
        }
        assert_ok(log_flush(&w, &err), err);
        log_writer_done(&w);
        (void)lseek(fd, 0, SEEK_SET);
        imgc_buf_clear(&text);
        assert_ok(fd_read_all(fd, &text, &err), err);
        struct imgc_str rest = { text.ptr, text.len }, line;
        while (imgc_str_token(&rest, '\n', &line) && line.len > 0) {
            struct log_record r;
            assert_ok(log_parse(line, &r, &err), err);
            assert_true(r.text.len <= LIMIT_LOG_LINE_BYTES);
            full += !r.is_partial;
            partial += r.is_partial;
            sum += r.text.len;
        }
        assert_int_equal(sum, total);
        assert_int_equal(full, 1);
        assert_int_equal(partial, 2);
    }
    free(bytes);
}

static void test_parse(void **state)
{
    static const char *const bad[] = {
        "",
        "2024-01-02T03:04:05.000000000+00:00",
        "2024-01-02T03:04:05.000000000+00:00 stdout",
        "2024-01-02T03:04:05.000000000+00:00 stdout F",
        "2024-01-02T03:04:05.000000000+00:00 stdin F x",
        "2024-01-02T03:04:05.000000000+00:00 stdout X x",
        "yesterday stdout F x",
    };
    struct log_record r;
    struct imgc_err err;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_err(log_parse(imgc_str_of(bad[i]), &r, &err), IMGC_E_STORE);
    }
    assert_ok(log_parse(IMGC_STR("2024-01-02T03:04:05.000000678+00:00 stderr P a b"), &r, &err),
              err);
    assert_int_equal(r.time_ns, INT64_C(1704164645000000678));
    assert_int_equal(r.stream, LOG_STDERR);
    assert_true(r.is_partial);
    assert_true(imgc_str_eq(r.text, IMGC_STR("a b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
