/* SPDX-License-Identifier: Apache-2.0 */
/* Archives from other projects' tests, against what GNU tar, bsdtar and Python make of them. */
#include "tests/lib/data.h"
#include "tests/lib/unit.h"

#include "tests/lib/layer_tar.h"
#include "tests/lib/list_tar.h"

/* ORACLE.tsv's columns; a result is EXIT/ENTRIES. */
enum { FILE_NAME, BYTES, GNU_TAR, BSDTAR, PYTHON, COLUMNS };

enum { REFUSED = -1 };

/* Where the tools disagree, or where a layer is not what they make of an archive. */
static const struct {
    const char *name;
    int entries;
    const char *why;
} own[] = {
    { "go-archive-tar/pax-bad-hdr-large.tar.bz2", REFUSED, "a bomb, and a header over 1 MiB" },
    { "go-archive-tar/pax-multi-hdrs.tar", REFUSED, "libarchive cannot read one of the headers" },
    { "libarchive/test_compat_gzip_2.tgz", REFUSED, "garbage behind the gzip stream" },
    { "libarchive/test_compat_solaris_tar_acl.tar", 4, "the others count the ACLs" },
    { "libarchive/test_compat_zstd_2.tar.zst", 6, "skippable frames" },
    { "libarchive/test_extract.tar.lzma", REFUSED, "no format of layers" },
    { "libarchive/test_patterns_4.tar", REFUSED, "a name with a '..' in it" },
    { "libarchive/test_read_format_gtar_sparse_1_17_posix10_modified.tar", 3, "libarchive can" },
    { "libarchive/test_read_format_tar_empty_filename.tar", 0, "no name, no entry" },
    { "libarchive/test_read_format_tar_empty_with_gnulabel.tar", 0, "the others count the label" },
    { "python/testtar.tar", REFUSED, "an entry with the uid (uid_t)-1" },
    { "tar-rs/empty_filename.tar", 0, "no name, no entry" },
};

/* Number of entries, or REFUSED. */
static int count(const char *path, struct imgc_err *err)
{
    imgc_autoclose int fd = layer_tar_memfd("", 0);
    size_t n = 0;
    int r = layer_tar_inflate(path, fd, err);

    if (r == 0) {
        r = layer_tar_count(fd, &n, err);
    }
    if (r == 0) {
        list_tar_expect(fd);
    }
    assert_true(r == 0 || r == -(int)IMGC_E_LAYER || r == -(int)IMGC_E_LIMIT);
    return r < 0 ? REFUSED : (int)n;
}

/* What at least two of the three tools say. */
static int expected(char *const *row)
{
    int votes[3];

    if (strcmp(row[FILE_NAME] + strlen(row[FILE_NAME]) - 2, ".Z") == 0) {
        return REFUSED; /* compress(1) is no format of layers */
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcmp(own[i].name, row[FILE_NAME]) == 0) {
            return own[i].entries;
        }
    }
    for (int i = 0; i < 3; i++) {
        const char *v = row[GNU_TAR + i];
        votes[i] = strncmp(v, "0/", 2) == 0 ? (int)strtol(v + 2, NULL, 10) : REFUSED;
    }
    return votes[1] == votes[2] ? votes[1] : votes[0];
}

static void reads_what_others_read(void **state)
{
    char path[4200];
    char *line = NULL;
    size_t room = 0;
    char *row[COLUMNS];
    int failed = 0;

    (void)state;
    if (!data_path("odd-tars/ORACLE.tsv", path, sizeof path)) {
        skip();
    }
    size_t dir = strlen(path) - strlen("ORACLE.tsv");
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    (void)data_row(f, &line, &room, row, COLUMNS);
    while (data_row(f, &line, &room, row, COLUMNS)) {
        struct imgc_err err = { .code = IMGC_OK };
        (void)snprintf(path + dir, sizeof path - dir, "%s", row[FILE_NAME]);
        int got = count(path, &err);
        if (got != expected(row)) {
            print_error("%s: %d entries instead of %d (%s %s %s) %s\n", row[FILE_NAME], got,
                        expected(row), row[GNU_TAR], row[BSDTAR], row[PYTHON], err.msg);
            failed++;
        }
    }
    free(line);
    (void)fclose(f);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_others_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
