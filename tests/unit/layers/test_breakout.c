/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that try to leave the root: what must come out is in the data's EXPECT.tsv. */
#include "layers/tree.h"

#include "tests/lib/data.h"
#include "tests/lib/unit.h"

#include "tests/lib/layer_tar.h"

enum outcome { HOLDS, SAME, LEADS, DIFFERENT, MISSING, REFUSED };

struct expected {
    const char *name;
    enum outcome outcome;
    const char *a, *b; /* two paths, or a path and its content (NULL: any) */
};

/* One row or more for each row of EXPECT.tsv. Where a name has a '..' in it the layer is refused
 * as a whole, which is more than those rows ask for: nothing of it is touched. */
static const struct expected table[] = {
    { "SymlinkAbsolute", HOLDS, "etc/unbroken", NULL },
    { "SymlinkUpAndOut", HOLDS, "etc/unbroken", NULL },
    { "SymlinkMultipleAbsolute", HOLDS, "etc/unbroken", NULL },
    { "SymlinkMultipleRelative", HOLDS, "etc/unbroken", NULL },
    { "SymlinkEmptyFile", HOLDS, "etc/emptied", "" },
    { "HardlinkRelative", SAME, "breakouts/mypasswd", "etc/passwd" },
    { "HardlinkDownAndOut", SAME, "breakouts/mypasswd", "etc/passwd" },
    { "HardlinkAbsolute", SAME, "localpasswd", "etc/passwd" },
    { "HardlinkRelativeLong", SAME, "localpasswd", "etc/passwd" },
    { "HardlinkRelativeUpAndOut", SAME, "localpasswd", "etc/passwd" },
    { "HardlinkDirectRelative", SAME, "localpasswd", "etc/passwd" },
    { "HardlinkDirectAbsolute", SAME, "localpasswd", "etc/passwd" },
    { "SymlinkParentDirectory", REFUSED, NULL, NULL },
    { "SymlinkEmptyFilename", SAME, "localpasswd", "etc/passwd" },
    { "SymlinkParentRelative", REFUSED, NULL, NULL },
    { "SymlinkSlashEnded", SAME, "localetc/localpasswd", "etc/passwd" },
    { "SymlinkOverrideDirectory", SAME, "localetc/localpasswd", "etc/passwd" },
    { "SymlinkOverrideDirectoryRelative", SAME, "localetc/localpasswd", "etc/passwd" },
    { "DirectoryOverrideSymlink", SAME, "localetc/localpasswd", "etc/passwd" },
    { "DirectoryOverrideSymlinkAndHardlink", DIFFERENT, "localetc/localpasswd", "etc/passwd" },
    { "WhiteoutRootParent", REFUSED, NULL, NULL },
    { "WhiteoutParent", REFUSED, NULL, NULL },
    { "WhiteoutRoot", REFUSED, NULL, NULL },
    { "WhiteoutCurrentDirectory", REFUSED, NULL, NULL },
    { "WhiteoutSymlink", HOLDS, "etc/passwd", "all users" },
    { "WhiteoutSymlink", MISSING, "localetc", NULL },
    { "WhiteoutSymlinkPath", HOLDS, "etc/passwd", "all users" },
    { "WhiteoutSymlinkPath", MISSING, "etc/whitedout", NULL },
    { "WhiteoutDirectoryName", HOLDS, "etc/passwd", "all users" },
    { "WhiteoutDirectoryName", HOLDS, ".wh.etc/somefile", "non-empty" },
    { "WhiteoutDeadSymlinkParent", HOLDS, "etc/passwd", "all users" },
    { "WhiteoutRelativePath", REFUSED, NULL, NULL },
    { "SymlinkOverridePath", HOLDS, "foo/tmp/breakout-TNAME", NULL },
    { "HardlinkSymlinkBeforeCreateTarget", SAME, "localpasswd-dup", "localpasswd" },
    { "HardlinkSymlinkBeforeCreateTarget", LEADS, "localpasswd-dup", "etc/passwd" },
    { "HardlinkSymlinkRelative", SAME, "localpasswd", "passwdlink" },
    { "HardlinkSymlinkRelative", LEADS, "localpasswd", "etc/passwd" },
    { "HardlinkSymlinkAbsolute", SAME, "localpasswd", "passwdlink" },
    { "HardlinkSymlinkAbsolute", LEADS, "localpasswd", "etc/passwd" },
};

struct stack {
    struct tree *tree;
    int fds[2]; /* of the layers' tars */
};

/* @return 0; the code of the layer's refusal. A base layer must always be good. */
static int load(const char *dir, const char *name, struct stack *s)
{
    static const char *const suffixes[] = { ".base.tar", ".tar" };
    struct imgc_err err;
    int r = 0;

    *s = (struct stack){ .fds = { -1, -1 } };
    assert_ok(tree_new(&s->tree, &err), err);
    for (int i = 0, n = 0; i < 2; i++) {
        char path[4200];
        (void)snprintf(path, sizeof path, "%s/%s%s", dir, name, suffixes[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            assert_int_equal(i, 0);
            continue;
        }
        s->fds[n++] = fd;
        r = layer_tar_apply(s->tree, fd, &err);
        assert_true(r == 0 || i == 1);
    }
    return r;
}

static void unload(struct stack *s)
{
    s->tree = tree_free(s->tree);
    for (int i = 0; i < 2; i++) {
        if (s->fds[i] >= 0) {
            (void)close(s->fds[i]);
        }
    }
}

static void check_content(const struct stack *s, const struct tree_dentry *d, const char *content)
{
    char got[100] = "";

    assert_non_null(d);
    assert_int_equal(d->inode->type, ENTRY_FILE);
    if (!content) {
        return;
    }
    assert_int_equal(d->inode->size, strlen(content));
    if (d->inode->n_extents) {
        const struct extent *x = &d->inode->extents[0];
        assert_int_equal(pread(s->fds[d->inode->layer], got, sizeof got - 1,
                               (off_t)x->source_offset) >= (ssize_t)x->len,
                         1);
        got[x->len] = '\0';
    }
    assert_string_equal(got, content);
}

static void check(const struct stack *s, const struct expected *e)
{
    bool follow = e->outcome == LEADS;
    const struct tree_dentry *a = tree_lookup(s->tree, imgc_str_of(e->a), follow);
    const struct tree_dentry *b = NULL;

    if (e->outcome == MISSING) {
        assert_null(a);
        return;
    }
    if (e->outcome == HOLDS) {
        check_content(s, a, e->b);
        return;
    }
    b = tree_lookup(s->tree, imgc_str_of(e->b), follow);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(a->inode == b->inode, e->outcome != DIFFERENT);
}

static void check_case(const char *dir, const char *name)
{
    struct stack s;
    int r = load(dir, name, &s);
    size_t n = 0;

    print_message("  %s\n", name);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, name) != 0) {
            continue;
        }
        n++;
        if (table[i].outcome == REFUSED) {
            assert_int_equal(r, -(int)IMGC_E_LAYER);
        } else {
            assert_int_equal(r, 0);
            check(&s, &table[i]);
        }
    }
    assert_true(n > 0); /* a case that the table does not know */
    unload(&s);
}

static void stays_inside_the_root(void **state)
{
    char dir[4000];
    char path[4100];
    char *line = NULL;
    size_t room = 0;
    char *fields[3];

    (void)state;
    if (!data_path("breakout/containerd", dir, sizeof dir)) {
        skip();
    }
    (void)snprintf(path, sizeof path, "%s/EXPECT.tsv", dir);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    (void)data_row(f, &line, &room, fields, 3); /* column names */
    while (data_row(f, &line, &room, fields, 3)) {
        check_case(dir, fields[0]);
    }
    free(line);
    (void)fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_inside_the_root),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
