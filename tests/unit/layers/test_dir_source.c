/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/dir_source.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "tests/lib/unit.h"

struct dir {
    char path[64];
    int fd;
};

static int set_up(void **state)
{
    struct dir *d = calloc(1, sizeof *d);

    assert_non_null(d);
    (void)snprintf(d->path, sizeof d->path, "/tmp/imgc-dir-source-XXXXXX");
    assert_non_null(mkdtemp(d->path));
    d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(d->fd >= 0);
    *state = d;
    return 0;
}

static int tear_down(void **state)
{
    struct dir *d = *state;
    struct imgc_err err;

    (void)close(d->fd);
    assert_ok(fd_remove_tree(AT_FDCWD, d->path, NULL, &err), err);
    free(d);
    return 0;
}

static void put(int dir_fd, const char *name, const char *text)
{
    imgc_autoclose int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* "TYPE PATH[=TARGET]" of all entries, one a line. */
static char *list(int dir_fd)
{
    static const char letters[] = "fdlhcbp";
    struct imgc_err err;
    struct dir_source *d = NULL;
    struct imgc_buf b = IMGC_BUF_INIT(1u << 16);
    char *text = NULL;
    int r = 0;

    assert_ok(dir_source_new(dir_fd, &d, &err), err);
    while (r == 0) {
        struct entry e = ENTRY_INIT;
        r = dir_source_entries(d)->next(dir_source_entries(d), &e, &err);
        if (r == 0) {
            imgc_buf_printf(&b, "%c %s%s%s\n", letters[e.type], e.path, e.target ? "=" : "",
                            e.target ? e.target : "");
        }
        entry_done(&e);
    }
    assert_int_equal(r, SOURCE_END);
    (void)dir_source_free(d);
    assert_ok(imgc_buf_take(&b, &text, &err), err);
    return text;
}

static void lists_a_tree_in_order(void **state)
{
    const struct dir *d = *state;
    struct sockaddr_un sun = { .sun_family = AF_UNIX };

    assert_int_equal(mkdirat(d->fd, "d", 0755), 0);
    put(d->fd, "d/x", "x");
    put(d->fd, "b", "b");
    put(d->fd, "a.txt", "");
    assert_int_equal(linkat(d->fd, "d/x", d->fd, "z", 0), 0);
    assert_int_equal(symlinkat("/etc/passwd", d->fd, "d-link"), 0);
    assert_int_equal(mkfifoat(d->fd, "pipe", 0600), 0);
    imgc_autoclose int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/sock", d->path);
    assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof sun), 0);
    imgc_autofree char *text = list(d->fd);
    assert_string_equal(text, "d \nf a.txt\nf b\nd d\nf d/x\nl d-link=/etc/passwd\np pipe\n"
                              "h z=d/x\n");
}

static void next_named(struct dir_source *d, const char *path, struct entry *ret)
{
    struct imgc_err err;

    do {
        entry_done(ret);
        assert_ok(dir_source_entries(d)->next(dir_source_entries(d), ret, &err), err);
    } while (strcmp(ret->path, path) != 0);
}

static void keeps_attributes_holes_and_xattrs(void **state)
{
    const struct dir *d = *state;
    const struct timespec times[] = { { 1, 2 }, { 1234567890, 123456789 } };
    struct imgc_err err;
    entry_auto struct entry e = ENTRY_INIT;
    imgc_auto(dir_source_freep) struct dir_source *src = NULL;
    char text[8] = "";

    put(d->fd, "f", "");
    imgc_autoclose int fd = openat(d->fd, "f", O_RDWR | O_CLOEXEC);
    assert_int_equal(fchmod(fd, 04711), 0);
    assert_int_equal(ftruncate(fd, 3 << 20), 0);
    assert_int_equal(pwrite(fd, "data", 4, 1 << 20), 4);
    bool has_xattrs = fsetxattr(fd, "user.b", "2\0", 2, 0) == 0;
    (void)fsetxattr(fd, "user.a", "1", 1, 0);
    assert_int_equal(futimens(fd, times), 0);

    assert_ok(dir_source_new(d->fd, &src, &err), err);
    next_named(src, "f", &e);
    assert_int_equal(e.mode, 04711);
    assert_int_equal(e.uid, getuid());
    assert_int_equal(e.size, 3 << 20);
    assert_int_equal(e.mtime_s, 1234567890);
    assert_int_equal(e.mtime_ns, 123456789);
    assert_true(e.n_extents >= 1);
    const struct extent *last = &e.extents[e.n_extents - 1];
    assert_true(last->file_offset + last->len >= (1 << 20) + 4);
    if (has_xattrs) {
        assert_int_equal(e.n_xattrs, 2);
        assert_string_equal(e.xattrs[0].name, "user.a");
        assert_int_equal(e.xattrs[1].len, 2);
    }
    imgc_autoclose int again = -1;
    assert_ok(dir_source_open(src, &again, &err), err);
    assert_int_equal(pread(again, text, 4, 1 << 20), 4);
    assert_string_equal(text, "data");
}

static void goes_deep_and_comes_back(void **state)
{
    const struct dir *d = *state;
    struct imgc_err err;
    int at = fcntl(d->fd, F_DUPFD_CLOEXEC, 0);
    size_t lines = 0;

    for (int i = 0; i < 100; i++) {
        assert_int_equal(mkdirat(at, "d", 0700), 0);
        put(at, "f", "");
        int next = -1;
        assert_ok(fd_open_at(at, "d", O_RDONLY | O_DIRECTORY, 0, &next, &err), err);
        (void)close(at);
        at = next;
    }
    (void)close(at);
    imgc_autofree char *text = list(d->fd);
    for (const char *s = text; *s; s++) {
        lines += *s == '\n';
    }
    assert_int_equal(lines, 201);
}

static void does_not_open_what_is_no_directory(void **state)
{
    const struct dir *d = *state;
    struct imgc_err err;
    entry_auto struct entry e = ENTRY_INIT;
    imgc_auto(dir_source_freep) struct dir_source *src = NULL;
    imgc_autoclose int file = -1;

    put(d->fd, "f", "");
    assert_ok(fd_open_at(d->fd, "f", O_RDONLY, 0, &file, &err), err);
    assert_ok(dir_source_new(file, &src, &err), err);
    assert_err(dir_source_entries(src)->next(dir_source_entries(src), &e, &err), IMGC_E_SYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_a_tree_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_attributes_holes_and_xattrs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_deep_and_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_not_open_what_is_no_directory, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
