/* SPDX-License-Identifier: Apache-2.0 */
/* Real data for tests: $IMGC_TEST_DATA, else ../shared/data beside the source tree. */
#ifndef IMGC_TESTS_LIB_DATA_H
#define IMGC_TESTS_LIB_DATA_H

#include "tests/lib/unit.h"

#include <fts.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* Path of @name in the test data into @out; false, after saying so, where it is not there. */
static inline bool data_path(const char *name, char *out, size_t size)
{
    const char *root = getenv("IMGC_TEST_DATA");

    if (root) {
        (void)snprintf(out, size, "%s/%s", root, name);
    } else {
        (void)snprintf(out, size, "%s/../shared/data/%s", IMGC_SOURCE_DIR, name);
    }
    if (access(out, R_OK) != 0) {
        print_message("[  SKIPPED ] no test data at %s (set IMGC_TEST_DATA)\n", out);
        return false;
    }
    return true;
}

/* The next line of a table, split at tabs into @n fields (missing ones are ""); false at the end.
 * The fields live in *line, a getline() buffer that the caller frees. */
static inline bool data_row(FILE *f, char **line, size_t *room, char **fields, size_t n)
{
    ssize_t len = getline(line, room, f);
    if (len < 0) {
        return false;
    }
    char *rest = *line;
    rest[strcspn(rest, "\n")] = '\0';
    for (size_t i = 0; i < n; i++) {
        char *field = strsep(&rest, "\t");
        fields[i] = field ? field : *line + strlen(*line);
    }
    return true;
}

/* The content of a file in new, NUL-terminated memory; NULL where it cannot be read. */
static inline char *data_read(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    char *text = malloc(size + 1);

    if (!f || !text || fread(text, 1, size, f) != size) {
        free(text);
        text = NULL;
    } else {
        text[size] = '\0';
    }
    if (f) {
        (void)fclose(f);
    }
    return text;
}

/* Calls @each for every JSON object of less than 1 MB below the folder @name, links followed. */
static inline void data_each_json(const char *name,
                                  void (*each)(const char *path, const char *text))
{
    char root[4096], *roots[] = { root, NULL };

    if (!data_path(name, root, sizeof root)) {
        skip();
    }
    FTS *fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    assert_non_null(fts);
    for (FTSENT *e = fts_read(fts); e; e = fts_read(fts)) {
        if (e->fts_info != FTS_F || e->fts_statp->st_size > 1000000) {
            continue;
        }
        char *text = data_read(e->fts_path, (size_t)e->fts_statp->st_size);
        if (text && text[strspn(text, " \r\n\t")] == '{') {
            each(e->fts_path, text);
        }
        free(text);
    }
    (void)fts_close(fts);
}

/* Remove Go's quotes: the tables escape nothing but '\' and '"'. Returns a slice of @s, changed in
 * place. */
static inline char *data_unquote(char *s)
{
    char *to = s, *from = s + (s[0] == '"');

    for (; *from && !(*from == '"' && from[1] == '\0'); from++) {
        if (*from == '\\' && from[1]) {
            from++;
        }
        *to++ = *from;
    }
    *to = '\0';
    return s;
}
#endif
