/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory tree as text, one entry a line, sorted by path: type, mode, uid:gid, size or device,
 * mtime, start of the content's sha256 or link target, first name of a group of hard links, xattrs,
 * path; tabs between. The same form as tests' expected trees. Include after unit.h.
 */
#ifndef IMGC_TESTS_LIB_DIR_TEXT_H
#define IMGC_TESTS_LIB_DIR_TEXT_H

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "schema/digest.h"

struct dir_text_row {
    char *path; /* "" is the root */
    struct stat st;
};

struct dir_text {
    const char *root;
    bool with_ns; /* mtime with nanoseconds */
    struct dir_text_row *rows;
    size_t n, room;
};

static inline char *dir_text_join(const char *dir, const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s%s%s", dir, *dir && *name ? "/" : "", name) >= 0);
    return path;
}

static inline void dir_text_collect(struct dir_text *t, char *take_path)
{
    if (t->n == t->room) {
        t->room = t->room ? 2 * t->room : 256;
        t->rows = realloc(t->rows, t->room * sizeof *t->rows);
        assert_non_null(t->rows);
    }
    struct dir_text_row *row = &t->rows[t->n++];
    row->path = take_path;
    imgc_autofree char *full = dir_text_join(t->root, take_path);
    if (lstat(full, &row->st) < 0) {
        fail_msg("lstat %s: %m", full);
    }
    if (!S_ISDIR(row->st.st_mode)) {
        return;
    }
    DIR *d = opendir(full);
    if (!d) {
        fail_msg("opendir %s: %m", full);
        return;
    }
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            dir_text_collect(t, dir_text_join(take_path, e->d_name));
        }
    }
    (void)closedir(d);
}

static inline int dir_text_cmp(const void *a, const void *b)
{
    const struct dir_text_row *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static inline int dir_text_cmp_str(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void dir_text_hash(struct imgc_buf *b, const char *full)
{
    struct digest_hasher *h = NULL;
    struct digest digest;
    struct imgc_err err;
    char hex[DIGEST_HEX_MAX];
    char chunk[65536];
    size_t n = 0;
    imgc_autoclose int fd = open(full, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        fail_msg("open %s: %m", full);
    }
    assert_ok(digest_hasher_new(DIGEST_SHA256, &h, &err), err);
    do {
        assert_ok(fd_read_some(fd, chunk, sizeof chunk, &n, &err), err);
        assert_ok(digest_hasher_update(h, chunk, n, &err), err);
    } while (n > 0);
    assert_ok(digest_hasher_final(h, &digest, &err), err);
    digest_hasher_freep(&h);
    imgc_buf_printf(b, "%.16s", digest_hex(&digest, hex));
}

static inline void dir_text_xattrs(struct imgc_buf *b, const char *full)
{
    static const char *const left_out[] = { "trusted.overlay", "user.overlay", "security.selinux" };
    char names[65536];
    char value[65536];
    char *list[256];
    size_t n = 0;
    bool any = false;
    ssize_t len = llistxattr(full, names, sizeof names);

    for (char *p = names; p < names + len && n < 256; p += strlen(p) + 1) {
        bool skip = false;
        for (size_t i = 0; i < 3; i++) {
            skip |= strncmp(p, left_out[i], strlen(left_out[i])) == 0;
        }
        if (!skip) {
            list[n++] = p;
        }
    }
    qsort(list, n, sizeof *list, dir_text_cmp_str);
    for (size_t i = 0; i < n; i++) {
        ssize_t got = lgetxattr(full, list[i], value, sizeof value);
        imgc_buf_printf(b, "%s%s=", any ? "," : "", list[i]);
        for (ssize_t k = 0; k < got; k++) {
            imgc_buf_printf(b, "%02x", (unsigned char)value[k]);
        }
        any = true;
    }
    if (!any) {
        imgc_buf_puts(b, "-");
    }
}

/* First name of the inode, where it has several below the root. */
static inline const char *dir_text_group(const struct dir_text *t, size_t i)
{
    const struct stat *st = &t->rows[i].st;
    size_t first = t->n, count = 0;

    if (S_ISDIR(st->st_mode) || st->st_nlink < 2) {
        return NULL;
    }
    for (size_t k = 0; k < t->n; k++) {
        if (t->rows[k].st.st_ino == st->st_ino && t->rows[k].st.st_dev == st->st_dev) {
            first = k < first ? k : first;
            count++;
        }
    }
    return count > 1 ? t->rows[first].path : NULL;
}

static inline void dir_text_row(struct imgc_buf *b, const struct dir_text *t, size_t i)
{
    const struct dir_text_row *row = &t->rows[i];
    const struct stat *st = &row->st;
    static const char types[] = "?pc?d?b?-?l?s???";
    char type = types[(st->st_mode & S_IFMT) >> 12];
    imgc_autofree char *full = dir_text_join(t->root, row->path);
    const char *group = dir_text_group(t, i);

    imgc_buf_printf(b, "%c\t%04o\t%u:%u\t", type == '-' ? 'f' : type, st->st_mode & 07777,
                    st->st_uid, st->st_gid);
    if (S_ISREG(st->st_mode)) {
        imgc_buf_printf(b, "%lld\t", (long long)st->st_size);
    } else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
        imgc_buf_printf(b, "%u,%u\t", major(st->st_rdev), minor(st->st_rdev));
    } else {
        imgc_buf_puts(b, "-\t");
    }
    imgc_buf_printf(b, "%lld", (long long)st->st_mtim.tv_sec);
    if (t->with_ns) {
        imgc_buf_printf(b, ".%09ld", st->st_mtim.tv_nsec);
    }
    imgc_buf_puts(b, "\t");
    if (S_ISREG(st->st_mode)) {
        dir_text_hash(b, full);
    } else if (S_ISLNK(st->st_mode)) {
        char target[4097];
        ssize_t n = readlink(full, target, sizeof target);
        imgc_buf_add(b, target, n < 0 ? 0 : (size_t)n);
    } else {
        imgc_buf_puts(b, "-");
    }
    imgc_buf_printf(b, "\t%s%s\t", group ? "=" : "-", group ? group : "");
    dir_text_xattrs(b, full);
    imgc_buf_printf(b, "\t%s\n", *row->path ? row->path : ".");
}

/** Append the text of the tree @root ("/dir" with no slash at the end) to @b. */
static inline void dir_text(struct imgc_buf *b, const char *root, bool with_ns)
{
    imgc_autofree char *slashed = NULL;
    assert_true(asprintf(&slashed, "%s/.", root) >= 0);
    struct dir_text t = { .root = slashed, .with_ns = with_ns };

    imgc_buf_puts(b, "");
    dir_text_collect(&t, dir_text_join("", ""));
    qsort(t.rows, t.n, sizeof *t.rows, dir_text_cmp);
    for (size_t i = 0; i < t.n; i++) {
        dir_text_row(b, &t, i);
    }
    for (size_t i = 0; i < t.n; i++) {
        free(t.rows[i].path);
    }
    free(t.rows);
}

/* Show the first line that differs, with the one before it. */
static inline void dir_text_expect(const char *got, const char *want, const char *what)
{
    while (*got && *want) {
        size_t g = strcspn(got, "\n"), w = strcspn(want, "\n");
        if (g != w || memcmp(got, want, g) != 0) {
            break;
        }
        got += g + (got[g] == '\n');
        want += w + (want[w] == '\n');
    }
    if (*got || *want) {
        fail_msg("%s:\n got  %.*s\n want %.*s", what, (int)strcspn(got, "\n"), got,
                 (int)strcspn(want, "\n"), want);
    }
}

#endif
