/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <sys/wait.h>

#include "layers/tar_sink.h"
#include "layers/tar_source.h"
#include "schema/base/fd.h"
#include "tests/lib/temp_dir.h"

#define TAR_MAX (8u << 20)
#define LONG_NAME "0123456789012345678901234567890123456789012345678901234567890123456789"
#define LONG_PATH LONG_NAME "/" LONG_NAME "/" LONG_NAME "/" LONG_NAME

#define VALUE(s) .value = (void *)(uintptr_t)(s), .len = sizeof(s) - 1

static struct xattr caps[] = {
    { .name = (char *)(uintptr_t) "security.capability", VALUE("\0\0\0\2\0\4\0\0\n=\0\0") },
    { .name = (char *)(uintptr_t) "user.empty", .value = (void *)(uintptr_t) "", .len = 0 },
    { .name = (char *)(uintptr_t) "user.k", VALUE("line\n\377") },
};

static struct extent runs[] = { { 0, 10, 600 }, { 5000, 0, 100 } };

#define PATH(s) .path = (char *)(uintptr_t)(s)
#define TARGET(s) .target = (char *)(uintptr_t)(s)

static const struct entry entries[] = {
    { PATH(""), .type = ENTRY_DIR, .mode = 0751, .mtime_s = 1 },
    { PATH("bin"), .type = ENTRY_DIR, .mode = 01777, .uid = 5, .gid = 6, .mtime_s = 1700000000,
      .mtime_ns = 123456789 },
    { PATH("bin/x"), .type = ENTRY_FILE, .mode = 04755, .mtime_s = -7, .size = 6000,
      .extents = runs, .n_extents = 2, .xattrs = caps, .n_xattrs = 3 },
    { PATH("bin/y"), .type = ENTRY_HARDLINK, .mode = 04755, .mtime_s = 1, TARGET("bin/x") },
    { PATH("big-owner"), .type = ENTRY_FILE, .mode = 0600, .uid = 4000000000, .gid = 3000000 },
    { PATH("sym"), .type = ENTRY_SYMLINK, .mode = 0777, TARGET("../../etc/passwd"), .uid = 1 },
    { PATH("null"), .type = ENTRY_CHAR, .mode = 0666, .major = 1, .minor = 3 },
    { PATH("disk"), .type = ENTRY_BLOCK, .mode = 0660, .major = 259, .minor = 70000 },
    { PATH("pipe"), .type = ENTRY_FIFO, .mode = 0600, .mtime_s = -4, .mtime_ns = 250000000 },
    { PATH(LONG_PATH), .type = ENTRY_FILE, .mode = 0644 },
    { PATH("latin\351"), .type = ENTRY_FILE, .mode = 0644 },
    { PATH("utf\303\251"), .type = ENTRY_SYMLINK, .mode = 0777, TARGET("\344\270\255\377") },
};
#define N_ENTRIES (sizeof entries / sizeof *entries)

static int collect(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    (void)reterr;
    imgc_buf_add(arg, ptr, len);
    return 0;
}

static int refuse(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    (void)arg;
    (void)ptr;
    return imgc_fail(reterr, IMGC_E_NOSPACE, "no room for %zu bytes", len);
}

/* A file of bytes that tell their place. */
static int make_data(const struct temp_dir *dir)
{
    char data[1024];
    struct imgc_err err;
    int fd = openat(dir->fd, "data", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (char)(i % 251);
    }
    assert_true(fd >= 0);
    assert_ok(fd_write_all(fd, data, sizeof data, &err), err);
    return fd;
}

static void write_tar(int data_fd, struct imgc_buf *b)
{
    struct tar_data data = TAR_DATA_FD(data_fd);
    imgc_auto(tar_sink_freep) struct tar_sink *sink = NULL;
    struct imgc_err err;

    assert_ok(tar_sink_new(collect, b, &sink, &err), err);
    for (size_t i = 0; i < N_ENTRIES; i++) {
        assert_ok(tar_sink_add(sink, &entries[i], &data, &err), err);
    }
    assert_ok(tar_sink_finish(sink, &err), err);
    assert_int_equal(b->state, IMGC_BUF_OK);
    assert_int_equal(b->len % 512, 0);
}

static int save_tar(const struct temp_dir *dir, const struct imgc_buf *b)
{
    struct imgc_err err;
    int fd = openat(dir->fd, "tar", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_ok(fd_write_all(fd, b->ptr, b->len, &err), err);
    return fd;
}

static void test_deterministic(void **state)
{
    struct temp_dir dir;
    imgc_autobuf struct imgc_buf a = IMGC_BUF_INIT(TAR_MAX);
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TAR_MAX);
    (void)state;

    temp_dir_make(&dir);
    int data_fd = make_data(&dir);
    write_tar(data_fd, &a);
    write_tar(data_fd, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.ptr, b.ptr, a.len);
    (void)close(data_fd);
    temp_dir_remove(&dir);
}

/* All @size bytes of the file, holes as zeros. */
static void read_content(const struct entry *e, int fd, char *out)
{
    memset(out, 0, e->size);
    for (size_t i = 0; i < e->n_extents; i++) {
        const struct extent *x = &e->extents[i];
        assert_true(x->file_offset + x->len <= e->size);
        assert_int_equal(pread(fd, out + x->file_offset, x->len, (off_t)x->source_offset), x->len);
    }
}

static void expect_entry(const struct entry *got, int tar_fd, const struct entry *want, int data_fd)
{
    char a[8192], b[8192];

    assert_string_equal(got->path, want->path);
    assert_int_equal(got->type, want->type);
    if (want->type == ENTRY_HARDLINK) {
        assert_string_equal(got->target, want->target);
        return; /* its attributes are those of what it names */
    }
    assert_int_equal(got->mode, want->mode);
    assert_int_equal(got->uid, want->uid);
    assert_int_equal(got->gid, want->gid);
    assert_int_equal(got->mtime_s, want->mtime_s);
    assert_int_equal(got->mtime_ns, want->mtime_ns);
    assert_int_equal(got->major, want->major);
    assert_int_equal(got->minor, want->minor);
    assert_int_equal(got->size, want->size);
    if (want->target) {
        assert_string_equal(got->target, want->target);
    }
    read_content(got, tar_fd, a);
    read_content(want, data_fd, b);
    assert_memory_equal(a, b, want->size);
    assert_int_equal(got->n_xattrs, want->n_xattrs);
    for (size_t i = 0; i < want->n_xattrs; i++) {
        assert_string_equal(got->xattrs[i].name, want->xattrs[i].name);
        assert_int_equal(got->xattrs[i].len, want->xattrs[i].len);
        assert_memory_equal(got->xattrs[i].value, want->xattrs[i].value, want->xattrs[i].len);
    }
}

static void test_round_trip(void **state)
{
    struct temp_dir dir;
    imgc_autobuf struct imgc_buf tar = IMGC_BUF_INIT(TAR_MAX);
    imgc_auto(tar_source_freep) struct tar_source *source = NULL;
    struct imgc_err err;
    (void)state;

    temp_dir_make(&dir);
    int data_fd = make_data(&dir);
    write_tar(data_fd, &tar);
    int tar_fd = save_tar(&dir, &tar);
    assert_ok(tar_source_new(tar_fd, &source, &err), err);
    struct source *s = tar_source_entries(source);
    for (size_t i = 0; i < N_ENTRIES; i++) {
        entry_auto struct entry got = ENTRY_INIT;
        assert_ok(s->next(s, &got, &err), err);
        expect_entry(&got, tar_fd, &entries[i], data_fd);
    }
    entry_auto struct entry none = ENTRY_INIT;
    assert_int_equal(s->next(s, &none, &err), SOURCE_END);
    (void)close(data_fd);
    (void)close(tar_fd);
    temp_dir_remove(&dir);
}

/* Names that a list of another program shows, in our order; -1 where there is no such program. */
static int list_with(const char *program, const char *path, struct imgc_buf *out)
{
    int pipe_fds[2];
    int status = 0;
    struct imgc_err err;

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(pipe_fds[1], 1);
        (void)dup2(pipe_fds[1], 2); /* a warning would show as a difference */
        (void)setenv("LC_ALL", "C.UTF-8", 1);
        (void)execlp(program, program, "-tf", path, (char *)NULL);
        _exit(127);
    }
    (void)close(pipe_fds[1]);
    assert_ok(fd_read_all(pipe_fds[0], out, &err), err);
    (void)close(pipe_fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -1 : status;
}

static void test_other_readers(void **state)
{
    static const char *const programs[] = { "tar", "bsdtar" };
    struct temp_dir dir;
    imgc_autobuf struct imgc_buf tar = IMGC_BUF_INIT(TAR_MAX);
    char path[128];
    (void)state;

    temp_dir_make(&dir);
    int data_fd = make_data(&dir);
    write_tar(data_fd, &tar);
    (void)close(save_tar(&dir, &tar));
    (void)snprintf(path, sizeof path, "%s/tar", dir.path);
    for (size_t i = 0; i < 2; i++) {
        imgc_autobuf struct imgc_buf list = IMGC_BUF_INIT(TAR_MAX);
        int r = list_with(programs[i], path, &list);
        if (r < 0) {
            print_message("skipped in part: no %s here\n", programs[i]);
            continue;
        }
        if (r != 0) {
            fail_msg("%s: %s", programs[i], list.ptr);
        }
        size_t lines = 0;
        for (const char *p = list.ptr; (p = strchr(p, '\n')) != NULL; p++) {
            lines++;
        }
        if (lines != N_ENTRIES) {
            fail_msg("%s lists:\n%s", programs[i], list.ptr);
        }
    }
    (void)close(data_fd);
    temp_dir_remove(&dir);
}

static void test_failures(void **state)
{
    static struct extent beyond[] = { { 0, 100000, 10 } };
    static struct extent outside[] = { { 5, 0, 10 } };
    static const struct {
        tar_sink_output output;
        struct entry entry;
        enum imgc_code code;
    } cases[] = {
        { refuse, { PATH("f"), .type = ENTRY_FILE, .mode = 0644 }, IMGC_E_NOSPACE },
        { collect,
          { PATH("f"), .type = ENTRY_FILE, .size = 10, .extents = beyond, .n_extents = 1 },
          IMGC_E_LAYER },
        { collect,
          { PATH("f"), .type = ENTRY_FILE, .size = 10, .extents = outside, .n_extents = 1 },
          IMGC_E_LAYER },
        { collect, { PATH("f"), .type = ENTRY_FILE, .size = UINT64_MAX }, IMGC_E_LIMIT },
    };
    struct temp_dir dir;
    (void)state;

    temp_dir_make(&dir);
    int data_fd = make_data(&dir);
    struct tar_data data = TAR_DATA_FD(data_fd);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TAR_MAX);
        imgc_auto(tar_sink_freep) struct tar_sink *sink = NULL;
        struct imgc_err err;
        assert_ok(tar_sink_new(cases[i].output, &b, &sink, &err), err);
        assert_err(tar_sink_add(sink, &cases[i].entry, &data, &err), cases[i].code);
        assert_non_null(strstr(err.msg, "'f': "));
    }
    (void)close(data_fd);
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_other_readers),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
