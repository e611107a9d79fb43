/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "layers/dir_sink.h"
#include "schema/limits.h"
#include "tests/lib/dir_text.h"
#include "tests/lib/layer_gen.h"
#include "tests/lib/temp_dir.h"
#include "tests/lib/whiteout.h"

#define TEXT_MAX (1u << 20)
#define NOBODY 65534
#define EMPTY_HASH "e3b0c44298fc1c14"

struct fixture {
    struct temp_dir dir;
    int data_fd; /* "0123456789" over and over, 64 KiB */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char data[LAYER_GEN_DATA];
    struct imgc_err err;

    temp_dir_make(&f->dir);
    assert_int_equal(chmod(f->dir.path, 0755), 0);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (char)('0' + i % 10);
    }
    f->data_fd = openat(f->dir.fd, "data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_ok(fd_write_all(f->data_fd, data, sizeof data, &err), err);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    (void)close(f->data_fd);
    temp_dir_remove(&f->dir);
    free(f);
    return 0;
}

static bool need_root(void)
{
    if (!dir_sink_privileged()) {
        print_message("skipped: setting owners and making devices need root\n");
        return false;
    }
    return true;
}

static struct tree *make_tree(const struct layer_gen *layers, size_t n)
{
    struct tree *t = NULL;
    struct imgc_err err;

    assert_ok(tree_new(&t, &err), err);
    for (size_t i = 0; i < n; i++) {
        assert_ok(layer_gen_apply(t, &layers[i], &err), err);
    }
    return t;
}

/* What one write into the fresh directory "out" gives. */
struct outcome {
    int r;
    struct dir_sink_report report;
    struct imgc_err err;
};

static struct outcome write_to(const struct fixture *f, struct tree *t, int dir_fd, bool is_overlay,
                               bool is_privileged)
{
    struct tar_data data[] = { TAR_DATA_FD(f->data_fd), TAR_DATA_FD(f->data_fd),
                               TAR_DATA_FD(f->data_fd) };
    const struct dir_sink_args args = {
        .layers = data, .n_layers = 3, .dir_fd = dir_fd, .is_privileged = is_privileged
    };
    struct outcome o = { .r = 0 };

    o.r = is_overlay ? dir_sink_overlay(t, &args, &o.report, &o.err)
                     : dir_sink_root(t, &args, &o.report, &o.err);
    return o;
}

static int check_overlay(const struct fixture *f, struct tree *t, int dir_fd, struct imgc_err *err)
{
    struct tar_data data[] = { TAR_DATA_FD(f->data_fd), TAR_DATA_FD(f->data_fd),
                               TAR_DATA_FD(f->data_fd) };
    const struct dir_sink_args args = {
        .layers = data, .n_layers = 3, .dir_fd = dir_fd, .is_privileged = dir_sink_privileged()
    };
    return dir_sink_check_overlay(t, &args, err);
}

static void remove_out(const struct fixture *f, const char *name)
{
    struct imgc_err err;
    assert_ok(fd_remove_tree(f->dir.fd, name, NULL, &err), err);
}

static char *out_path(const struct fixture *f, const char *name)
{
    return dir_text_join(f->dir.path, name);
}

static const struct layer_gen kinds = {
    .n = 11,
    .entries = {
        { .type = ENTRY_DIR, .path = "", .mode = 01751, .uid = 3, .gid = 4, .mtime_s = 5 },
        { .type = ENTRY_FILE, .path = "suid", .mode = 06711, .uid = 1000, .gid = 7, .mtime_s = 9,
          .mtime_ns = 123456789, .size = 10, .n_extents = 1,
          .extents = { { 0, 10, 10 } }, .xattr = "security.capability", .value_len = 20,
          .value = { 0, 0, 0, 2, 0, 4 } },
        { .type = ENTRY_FILE, .path = "plain", .mode = 0644, .mtime_s = 1 },
        { .type = ENTRY_FILE, .path = "secret", .mode = 0, .mtime_s = 1 },
        { .type = ENTRY_DIR, .path = "d", .mode = 02555, .gid = 8, .mtime_s = 77 },
        { .type = ENTRY_FILE, .path = "d/f", .mode = 0666, .mtime_s = -5, .mtime_ns = 1,
          .xattr = "user.k", .value = "v", .value_len = 1 },
        { .type = ENTRY_HARDLINK, .path = "d/link", .target = "plain" },
        { .type = ENTRY_SYMLINK, .path = "sym", .mode = 0777, .uid = 2, .target = "../../out",
          .mtime_s = 3 },
        { .type = ENTRY_FIFO, .path = "fifo", .mode = 0620, .gid = 5, .mtime_s = 4 },
        { .type = ENTRY_FIFO, .path = "null", .mode = 0666, .mtime_s = 4 },
        { .type = ENTRY_DIR, .path = "z", .mode = 0, .mtime_s = 78 },
    },
};

static void test_attributes(void **state)
{
    static const mode_t umasks[] = { 0, 022, 0777 };
    static const char *const want =
        "d\t1751\t3:4\t-\t5.000000000\t-\t-\t-\t.\n"
        "d\t2555\t0:8\t-\t77.000000000\t-\t-\t-\td\n"
        "f\t0666\t0:0\t0\t-5.000000001\t" EMPTY_HASH "\t-\tuser.k=76\td/f\n"
        "f\t0644\t0:0\t0\t1.000000000\t" EMPTY_HASH "\t=d/link\t-\td/link\n"
        "p\t0620\t0:5\t-\t4.000000000\t-\t-\t-\tfifo\n"
        "c\t0666\t0:0\t1,3\t4.000000000\t-\t-\t-\tnull\n"
        "f\t0644\t0:0\t0\t1.000000000\t" EMPTY_HASH "\t=d/link\t-\tplain\n"
        "f\t0000\t0:0\t0\t1.000000000\t" EMPTY_HASH "\t-\t-\tsecret\n"
        "f\t6711\t1000:7\t10\t9.123456789\t84d89877f0d4041e\t-\t"
        "security.capability=0000000200040000000000000000000000000000\tsuid\n"
        "l\t0777\t2:0\t-\t3.000000000\t../../out\t-\t-\tsym\n"
        "d\t0000\t0:0\t-\t78.000000000\t-\t-\t-\tz\n";
    const struct fixture *f = *state;

    if (!need_root()) {
        skip();
    }
    for (size_t i = 0; i < sizeof umasks / sizeof *umasks; i++) {
        struct tree *t = make_tree(&kinds, 1);
        struct tree_dentry *null = tree_find(tree_root(t), IMGC_STR("null"));
        null->inode->type = ENTRY_CHAR;
        null->inode->major = 1;
        null->inode->minor = 3;
        imgc_autoclose int fd = temp_dir_sub(&f->dir, "out");
        /* What the target directory was before must not show in what is written. */
        assert_int_equal(fchown(fd, 1000, 1000), 0);
        assert_int_equal(fchmod(fd, 02777), 0);
        mode_t saved = umask(umasks[i]);
        struct outcome o = write_to(f, t, fd, false, true);
        (void)umask(saved);
        assert_ok(o.r, o.err);
        assert_int_equal(o.report.entries, 10);
        assert_int_equal(o.report.xattrs_skipped, 0);

        imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(TEXT_MAX);
        imgc_autofree char *path = out_path(f, "out");
        dir_text(&text, path, true);
        dir_text_expect(text.ptr, want, "attributes");
        tree_freep(&t);
        remove_out(f, "out");
    }
}

static void test_sparse(void **state)
{
    static const struct layer_gen layer = {
        .n = 1,
        .entries = { { .type = ENTRY_FILE,
                       .path = "f",
                       .mode = 0644,
                       .size = 5u << 20,
                       .n_extents = 2,
                       .extents = { { 0, 3, 5 }, { 1u << 20, 0, 4 } } } },
    };
    const struct fixture *f = *state;
    struct tree *t = make_tree(&layer, 1);
    imgc_autoclose int fd = temp_dir_sub(&f->dir, "out");
    struct outcome o = write_to(f, t, fd, true, false);
    struct stat st;
    char got[8] = "";

    assert_ok(o.r, o.err);
    assert_int_equal(fstatat(fd, "f", &st, 0), 0);
    assert_int_equal(st.st_size, 5 << 20);
    assert_true(st.st_blocks * 512 < 1 << 20);
    imgc_autoclose int file = openat(fd, "f", O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(file, got, 6, 0), 6);
    assert_memory_equal(got, "34567\0", 6);
    assert_int_equal(pread(file, got, 5, 1 << 20), 5);
    assert_memory_equal(got, "0123\0", 5);
    tree_freep(&t);
    remove_out(f, "out");
}

/* Deeper than there are fds. */
static void test_deep(void **state)
{
    const struct fixture *f = *state;
    struct layer_gen layer = { .n = 2 };
    struct rlimit saved, few;
    struct imgc_err err;
    struct tree *t = NULL;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
    few = saved;
    few.rlim_cur = 100;
    layer.entries[0] = (struct layer_gen_entry){ .type = ENTRY_DIR, .mode = 0755 };
    /* Each layer goes on where a symbolic link to the last directory leads. */
    assert_ok(tree_new(&t, &err), err);
    size_t depth = 0;
    char step[96] = "";
    for (size_t i = 0; i < 40; i++) {
        strcat(step, i == 0 ? "d" : "/d");
    }
    char link[8] = "", next[8];
    for (size_t i = 0; i < 20; i++, depth += 40) {
        (void)snprintf(layer.entries[0].path, sizeof layer.entries[0].path, "%s%s%s", link,
                       *link ? "/" : "", step);
        (void)snprintf(next, sizeof next, "l%zu", i);
        layer.entries[1] = (struct layer_gen_entry){ .type = ENTRY_SYMLINK, .mode = 0777 };
        (void)snprintf(layer.entries[1].path, sizeof layer.entries[1].path, "%s", next);
        (void)snprintf(layer.entries[1].target, sizeof layer.entries[1].target, "%.150s",
                       layer.entries[0].path);
        assert_ok(layer_gen_apply(t, &layer, &err), err);
        strcpy(link, next);
    }
    imgc_autoclose int fd = temp_dir_sub(&f->dir, "out");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct outcome o = write_to(f, t, fd, false, false);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
    assert_ok(o.r, o.err);
    assert_int_equal(o.report.entries, depth + 20);
    tree_freep(&t);
    remove_out(f, "out");
}

static void test_refusals(void **state)
{
    static const struct {
        const char *what, *says;
        enum imgc_code code;
        uint32_t major, minor;
        uint64_t source_offset, file_offset;
        const char *in_the_way;
    } cases[] = {
        { "whiteout device", "'dev': device 0:0", IMGC_E_LAYER, 0, 0, 0, 0, NULL },
        { "major too large", "'dev': no device", IMGC_E_LAYER, 0x1000, 3, 0, 0, NULL },
        { "minor too large", "'dev': no device", IMGC_E_LAYER, 1, 0x100000, 0, 0, NULL },
        { "data is cut", "'d/file': the data ends", IMGC_E_LAYER, 1, 3, 70000, 0, NULL },
        { "data past the end", "'d/file': data outside", IMGC_E_LAYER, 1, 3, 0, 7, NULL },
        { "name taken", "'d': create directory: File exists", IMGC_E_SYS, 1, 3, 0, 0, "d" },
        { "file name taken", "'sym': create symbolic link: File exists", IMGC_E_SYS, 1, 3, 0, 0,
          "sym" },
    };
    static const struct layer_gen layer = {
        .n = 4,
        .entries = {
            { .type = ENTRY_CHAR, .path = "dev", .mode = 0600 },
            { .type = ENTRY_DIR, .path = "d", .mode = 0755 },
            { .type = ENTRY_FILE, .path = "d/file", .mode = 0600, .size = 10, .n_extents = 1,
              .extents = { { 0, 0, 10 } } },
            { .type = ENTRY_SYMLINK, .path = "sym", .mode = 0777, .target = "/etc" },
        },
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tree *t = NULL;
        struct imgc_err err;
        struct layer_gen changed = layer;
        changed.entries[0].type = ENTRY_FIFO; /* the tree refuses device 0:0 itself */
        assert_ok(tree_new(&t, &err), err);
        assert_ok(layer_gen_apply(t, &changed, &err), err);
        struct tree_inode *dev = tree_find(tree_root(t), IMGC_STR("dev"))->inode;
        struct tree_inode *file = tree_lookup(t, IMGC_STR("d/file"), false)->inode;
        dev->type = cases[i].code == IMGC_E_LAYER && cases[i].source_offset == 0 &&
                            cases[i].file_offset == 0
                        ? ENTRY_CHAR
                        : ENTRY_FIFO;
        dev->major = cases[i].major;
        dev->minor = cases[i].minor;
        file->extents[0].source_offset = cases[i].source_offset;
        file->extents[0].file_offset = cases[i].file_offset;
        imgc_autoclose int fd = temp_dir_sub(&f->dir, "out");
        if (cases[i].in_the_way) {
            assert_int_equal(symlinkat("/etc", fd, cases[i].in_the_way), 0);
        }
        struct outcome o = write_to(f, t, fd, false, false);
        assert_err(o.r, cases[i].code);
        if (strncmp(o.err.msg, cases[i].says, strlen(cases[i].says)) != 0) {
            fail_msg("%s: got '%s', want '%s'", cases[i].what, o.err.msg, cases[i].says);
        }
        tree_freep(&t);
        remove_out(f, "out");
    }
}

/* While files are made nobody else may swap them, the directory's own owner included. */
static void test_takes_the_directory_over(void **state)
{
    static const struct layer_gen layer = {
        .n = 1,
        .entries = { { .type = ENTRY_FIFO, .path = "pipe", .mode = 0666 } },
    };
    const struct fixture *f = *state;
    struct tree *t = NULL;
    struct stat st;
    struct imgc_err err;

    if (geteuid() != 0) {
        (void)printf("skipped: needs root, to have a directory of another user's\n");
        skip();
    }
    assert_ok(tree_new(&t, &err), err);
    assert_ok(layer_gen_apply(t, &layer, &err), err);
    imgc_autoclose int fd = temp_dir_sub(&f->dir, "out");
    assert_int_equal(fchown(fd, NOBODY, NOBODY), 0);
    assert_int_equal(symlinkat("/etc", fd, "pipe"), 0); /* so that it stops on the way */
    struct outcome o = write_to(f, t, fd, false, false);
    assert_err(o.r, IMGC_E_SYS);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_uid, 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    tree_freep(&t);
    remove_out(f, "out");
}

/* Runs as uid 65534 where the test is root, else as who we are; gives back what was counted. */
static struct dir_sink_report write_as_nobody(const struct fixture *f, struct tree *t,
                                              const char *name)
{
    imgc_autoclose int fd = temp_dir_sub(&f->dir, name);
    struct outcome o = { .r = 0 };
    int pipe_fds[2];
    int status = 0;

    bool is_root = geteuid() == 0;
    if (is_root) {
        assert_int_equal(fchown(fd, NOBODY, NOBODY), 0);
    }
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (is_root &&
            (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)) {
            _exit(99);
        }
        o = write_to(f, t, fd, true, false);
        _exit(write(pipe_fds[1], &o, sizeof o) == (ssize_t)sizeof o ? 0 : 98);
    }
    (void)close(pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &o, sizeof o), sizeof o);
    (void)close(pipe_fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_ok(o.r, o.err);
    return o.report;
}

static void test_ordinary_user(void **state)
{
    static const struct layer_gen layers[2] = {
        { .n = 1, .entries = { { .type = ENTRY_FILE, .path = "a/dev", .mode = 0644 } } },
        { .n = 7,
          .entries = {
              { .type = ENTRY_FIFO, .path = "a/dev", .mode = 0600, .uid = 4242 },
              { .type = ENTRY_FIFO, .path = "a/other", .mode = 0600, .uid = 4242 },
              { .type = ENTRY_FILE, .path = "f", .mode = 0444, .uid = 4242, .xattr = "user.k",
                .value = "v", .value_len = 1 },
              { .type = ENTRY_FILE, .path = "g", .mode = 0444, .uid = 4242,
                .xattr = "security.capability", .value_len = 20, .value = { 0, 0, 0, 2 } },
              { .type = ENTRY_DIR, .path = "closed", .mode = 0, .uid = 4242 },
              { .type = ENTRY_FILE, .path = "closed/x", .mode = 0600, .uid = 4242 },
              { .type = ENTRY_HARDLINK, .path = "later", .target = "closed/x" },
          } },
    };
    const struct fixture *f = *state;
    struct tree *t = make_tree(layers, 2);
    struct stat st;
    char value[8];

    if (geteuid() == 0 && !dir_sink_privileged()) {
        tree_freep(&t);
        print_message("skipped: half a root, as in a user namespace, may do more\n");
        skip();
    }
    tree_lookup(t, IMGC_STR("a/dev"), false)->inode->type = ENTRY_BLOCK;
    tree_lookup(t, IMGC_STR("a/dev"), false)->inode->major = 8;
    tree_lookup(t, IMGC_STR("a/other"), false)->inode->type = ENTRY_CHAR;
    tree_lookup(t, IMGC_STR("a/other"), false)->inode->major = 1;
    struct dir_sink_report report = write_as_nobody(f, t, "out");

    imgc_autoclose int fd = openat(f->dir.fd, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(report.devices_skipped, 2);
    assert_int_equal(report.xattrs_skipped, 1);
    assert_int_equal(report.links_copied, 1);
    assert_true(report.owners_skipped >= 4);
    /* The lower file may not show through where its device is missing. */
    assert_int_equal(fstatat(fd, "a/dev", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
    assert_int_equal(fstatat(fd, "a/other", &st, AT_SYMLINK_NOFOLLOW), -1);
    imgc_autofree char *path = out_path(f, "out/f");
    assert_int_equal(lgetxattr(path, "user.k", value, sizeof value), 1);
    assert_int_equal(fstatat(fd, "closed", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_mode & 07777, 0);

    /* Who wrote it so finds nothing wrong with it. */
    if (geteuid() == 0) {
        struct tar_data data[] = { TAR_DATA_FD(f->data_fd), TAR_DATA_FD(f->data_fd) };
        const struct dir_sink_args args = { .layers = data, .n_layers = 2, .dir_fd = fd };
        struct imgc_err err;
        assert_ok(dir_sink_check_overlay(t, &args, &err), err);
    }
    tree_freep(&t);
    remove_out(f, "out");
}

/* So that only the change itself is found, not its trace in the time. */
static void reset_time(int fd, const char *name)
{
    const struct timespec times[2] = { { 0, 0 }, { 0, 0 } };
    assert_int_equal(utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void change_content(int fd)
{
    imgc_autoclose int file = openat(fd, "d/f", O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(file, "x", 1, 3), 1);
    reset_time(fd, "d/f");
}

static void change_mode(int fd)
{
    assert_int_equal(fchmodat(fd, "d/f", 0600, 0), 0);
}

static void change_dir(int fd)
{
    assert_int_equal(fchmodat(fd, "d", 0700, 0), 0);
}

static void change_time(int fd)
{
    struct timespec times[2] = { { 0, 0 }, { 12, 0 } };
    assert_int_equal(utimensat(fd, "d/f", times, 0), 0);
}

static void add_name(int fd)
{
    assert_int_equal(mkdirat(fd, "new", 0755), 0);
}

static void drop_name(int fd)
{
    assert_int_equal(unlinkat(fd, "sym", 0), 0);
}

static void drop_dir(int fd)
{
    assert_int_equal(unlinkat(fd, "e", AT_REMOVEDIR), 0);
}

static void dir_to_link(int fd)
{
    drop_dir(fd);
    assert_int_equal(symlinkat("d", fd, "e"), 0);
}

static void drop_whiteout(int fd)
{
    assert_int_equal(unlinkat(fd, "gone", 0), 0);
}

static void whiteout_to_file(int fd)
{
    drop_whiteout(fd);
    assert_int_equal(mknodat(fd, "gone", S_IFREG | 0644, 0), 0);
}

static void other_target(int fd)
{
    drop_name(fd);
    assert_int_equal(symlinkat("wrong", fd, "sym"), 0);
    reset_time(fd, "sym");
}

static void cut_file(int fd)
{
    imgc_autoclose int file = openat(fd, "d/f", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(file, 5), 0);
    reset_time(fd, "d/f");
}

static void break_link(int fd)
{
    assert_int_equal(unlinkat(fd, "link", 0), 0);
    assert_int_equal(mknodat(fd, "link", S_IFREG | 0644, 0), 0);
    reset_time(fd, "link");
}

static void add_xattr(int fd)
{
    imgc_autoclose int file = openat(fd, "d/f", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fsetxattr(file, "user.new", "x", 1, 0), 0);
}

static void drop_xattr(int fd)
{
    imgc_autoclose int dir = openat(fd, "e", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fremovexattr(dir, "user.k"), 0);
}

static void nothing(int fd)
{
    (void)fd;
}

static void test_check(void **state)
{
    static const struct layer_gen layers[2] = {
        { .n = 1, .entries = { { .type = ENTRY_FILE, .path = "gone", .mode = 0644 } } },
        { .n = 7,
          .entries = {
              { .type = ENTRY_FILE, .path = ".wh.gone" },
              { .type = ENTRY_DIR, .path = "d", .mode = 0755 },
              { .type = ENTRY_FILE, .path = "d/f", .mode = 0644, .size = 10, .n_extents = 1,
                .extents = { { 5, 0, 5 } } },
              { .type = ENTRY_FILE, .path = "d/l", .mode = 0644 },
              { .type = ENTRY_HARDLINK, .path = "link", .target = "d/l" },
              { .type = ENTRY_SYMLINK, .path = "sym", .mode = 0777, .target = "right" },
              { .type = ENTRY_DIR, .path = "e", .mode = 0755, .xattr = "user.k", .value = "v",
                .value_len = 1 },
          } },
    };
    static const struct {
        void (*change)(int fd);
        const char *says; /* NULL: no difference */
        bool needs_root;
    } cases[] = {
        { nothing, NULL, false },
        { change_content, "'d/f': the content differs", false },
        { change_mode, "'d/f': the mode differs", false },
        { change_dir, "'d': the mode differs", false },
        { change_time, "'d/f': the time differs", false },
        { add_name, "'/': 'new' in it is not", false },
        { drop_name, "'sym': missing", false },
        { drop_dir, "'e': missing", false },
        { dir_to_link, "'e': missing, or not a directory", false },
        { drop_whiteout, "'gone': missing", false },
        { whiteout_to_file, "'gone': the whiteout differs", false },
        { other_target, "'sym': the target differs", false },
        { cut_file, "'d/f': the size differs", false },
        { break_link, "'link': a hard link differs", true },
        { add_xattr, "'d/f': xattr 'user.new' is not", false },
        { drop_xattr, "'e': xattr 'user.k' differs", true },
    };
    const struct fixture *f = *state;

    whiteout_or_skip(f->dir.fd);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].needs_root && !dir_sink_privileged()) {
            continue;
        }
        struct tree *t = make_tree(layers, 2);
        struct imgc_err err = { .code = IMGC_OK };
        imgc_autoclose int fd = temp_dir_sub(&f->dir, "out");
        struct outcome o = write_to(f, t, fd, true, dir_sink_privileged());
        assert_ok(o.r, o.err);
        cases[i].change(fd);
        reset_time(fd, ".");
        int r = check_overlay(f, t, fd, &err);
        if (!cases[i].says) {
            assert_ok(r, err);
        } else {
            assert_err(r, IMGC_E_STORE);
            if (strncmp(err.msg, cases[i].says, strlen(cases[i].says)) != 0) {
                fail_msg("got '%s', want '%s'", err.msg, cases[i].says);
            }
        }
        tree_freep(&t);
        remove_out(f, "out");
    }
}

/* A directory of the tree alone: its attributes, hard links within it, those from outside as files
 * of their own. */
static void test_part(void **state)
{
    static const struct layer_gen part = {
        .n = 7,
        .entries = {
            { .type = ENTRY_FILE, .path = "a", .mode = 0644, .mtime_s = 1 },
            { .type = ENTRY_DIR, .path = "p", .mode = 01770, .uid = 42, .gid = 43, .mtime_s = 6 },
            { .type = ENTRY_HARDLINK, .path = "p/a", .target = "a" },
            { .type = ENTRY_DIR, .path = "p/d", .mode = 0755, .mtime_s = 7 },
            { .type = ENTRY_HARDLINK, .path = "p/d/a", .target = "a" },
            { .type = ENTRY_FIFO, .path = "p/null", .mode = 0666, .mtime_s = 4 },
            { .type = ENTRY_SYMLINK, .path = "p/up", .mode = 0777, .target = "../../a",
              .mtime_s = 3 },
        },
    };
    static const char *const want = "d\t1770\t42:43\t-\t6.000000000\t-\t-\t-\t.\n"
                                    "f\t0644\t0:0\t0\t1.000000000\t" EMPTY_HASH "\t=a\t-\ta\n"
                                    "d\t0755\t0:0\t-\t7.000000000\t-\t-\t-\td\n"
                                    "f\t0644\t0:0\t0\t1.000000000\t" EMPTY_HASH "\t=a\t-\td/a\n"
                                    "l\t0777\t0:0\t-\t3.000000000\t../../a\t-\t-\tup\n";
    const struct fixture *f = *state;
    struct dir_sink_report report;
    struct imgc_err err;

    if (!need_root()) {
        skip();
    }
    struct tree *t = make_tree(&part, 1);
    struct tree_dentry *top = tree_find(tree_root(t), IMGC_STR("p"));
    struct tree_dentry *null = tree_find(top, IMGC_STR("null"));
    struct tar_data data = TAR_DATA_FD(f->data_fd);
    null->inode->type = ENTRY_CHAR;
    imgc_autoclose int fd = temp_dir_sub(&f->dir, "out");
    const struct dir_sink_args args = { .layers = &data,
                                        .n_layers = 1,
                                        .dir_fd = fd,
                                        .top = top,
                                        .no_devices = true,
                                        .is_privileged = true };
    assert_ok(dir_sink_root(t, &args, &report, &err), err);
    assert_int_equal(report.devices_skipped, 1);
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(TEXT_MAX);
    imgc_autofree char *path = out_path(f, "out");
    dir_text(&text, path, true);
    dir_text_expect(text.ptr, want, "part");
    remove_out(f, "out");
    tree_freep(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_takes_the_directory_over),
        cmocka_unit_test(test_ordinary_user),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_part),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
