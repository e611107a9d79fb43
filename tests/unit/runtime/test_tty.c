/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include "runtime/tty.h"
#include "schema/base/fd.h"

static void test_raw(void **state)
{
    struct termios before, during, after;
    struct imgc_err err;
    int master, slave;
    (void)state;

    if (openpty(&master, &slave, NULL, NULL, NULL) < 0) {
        print_message("skipped: no pseudo terminals here\n");
        skip();
    }
    assert_int_equal(tcgetattr(slave, &before), 0);
    assert_true(before.c_lflag & ECHO);
    {
        tty_raw_auto struct tty_raw raw = TTY_RAW_INIT;
        assert_ok(tty_raw_enter(&raw, slave, &err), err);
        assert_int_equal(tcgetattr(slave, &during), 0);
        assert_false(during.c_lflag & (ECHO | ICANON | ISIG));
    }
    assert_int_equal(tcgetattr(slave, &after), 0);
    assert_int_equal(before.c_lflag, after.c_lflag);
    assert_int_equal(before.c_iflag, after.c_iflag);
    assert_int_equal(before.c_oflag, after.c_oflag);
    (void)close(master);
    (void)close(slave);
}

static void test_not_a_terminal(void **state)
{
    tty_raw_auto struct tty_raw raw = TTY_RAW_INIT;
    imgc_autoclose int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct imgc_err err;
    (void)state;

    assert_err(tty_raw_enter(&raw, fd, &err), IMGC_E_SYS);
    assert_int_equal(raw.fd, -1);
    assert_false(tty_copy_size(fd, fd));
}

static void test_pair_and_size(void **state)
{
    imgc_autoclose int pts = open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct winsize size = { .ws_row = 11, .ws_col = 22 }, got;
    int master = -1, slave = -1, other = -1, other_slave = -1;
    struct imgc_err err = { .msg = "" };
    char text[8] = "";
    (void)state;

    if (tty_open_pair(pts, &master, &slave, &err) < 0 ||
        openpty(&other, &other_slave, NULL, NULL, &size) < 0) {
        print_message("skipped: no pseudo terminals here: %s\n", err.msg);
        skip();
    }
    assert_true(isatty(slave));
    assert_true(tty_copy_size(other_slave, master));
    assert_int_equal(ioctl(slave, TIOCGWINSZ, &got), 0);
    assert_int_equal(got.ws_row, 11);
    assert_int_equal(got.ws_col, 22);
    assert_int_equal(write(master, "hi\n", 3), 3);
    assert_int_equal(read(slave, text, sizeof text), 3);
    assert_string_equal(text, "hi\n");
    (void)close(master);
    (void)close(slave);
    (void)close(other);
    (void)close(other_slave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_not_a_terminal),
        cmocka_unit_test(test_pair_and_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
