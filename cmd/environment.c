/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/environment.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/settings.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

void environment_done(struct environment *e)
{
    for (size_t i = 0; i < e->n; i++) {
        free(e->items[i]);
    }
    free(e->items);
    *e = (struct environment){ .items = NULL };
}

static int append(struct environment *e, char *take_item, struct imgc_err *reterr)
{
    char **items = reallocarray(e->items, e->n + 2, sizeof *items);
    if (!items) {
        free(take_item);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    items[e->n++] = take_item;
    items[e->n] = NULL;
    e->items = items;
    return 0;
}

int environment_add(struct environment *e, struct imgc_str word, struct imgc_err *reterr)
{
    imgc_autofree char *item = NULL;
    int r = imgc_str_dup(word, &item, reterr);
    if (r < 0) {
        return r;
    }
    if (item[0] == '\0' || item[0] == '=') {
        return imgc_fail(reterr, IMGC_E_USAGE, "environment variable '%s' has no name", item);
    }
    if (!strchr(item, '=')) {
        const char *value = settings_env(item);
        if (!value) { /* takes the image's away (docker's rule) */
            return append(e, imgc_take(item), reterr);
        }
        char *both = NULL;
        if (asprintf(&both, "%s=%s", item, value) < 0) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        return append(e, both, reterr);
    }
    return append(e, imgc_take(item), reterr);
}

static bool is_skipped(struct imgc_str line)
{
    struct imgc_str text = imgc_str_trim(line);
    return text.len == 0 || text.ptr[0] == '#';
}

/* A name alone that the caller has no value for: in a file it says nothing. */
static bool is_unset(struct imgc_str line)
{
    imgc_autofree char *name = NULL;
    struct imgc_err ignored;

    return imgc_str_find(line, '=') == line.len && imgc_str_dup(line, &name, &ignored) == 0 &&
           name[0] != '\0' && !settings_env(name);
}

/* docker's rule for files; -e takes any name. */
static int check_name(struct imgc_str line, struct imgc_err *reterr)
{
    struct imgc_str name = imgc_str_first(line, imgc_str_find(line, '='));

    if (imgc_str_find(name, ' ') < name.len || imgc_str_find(name, '\t') < name.len) {
        return imgc_fail(reterr, IMGC_E_USAGE, "the variable '" IMGC_STR_FMT "' contains blanks",
                         IMGC_STR_ARG(name));
    }
    return 0;
}

int environment_add_file(struct environment *e, const char *path, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    imgc_autobuf struct imgc_buf buf = IMGC_BUF_INIT(LIMIT_ENV_FILE_BYTES);
    int r = fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    r = fd_read_all(fd, &buf, reterr);
    if (r < 0) {
        return imgc_context(reterr, "--env-file '%s'", path);
    }
    struct imgc_str rest = { buf.ptr, buf.len }, line;
    (void)imgc_str_skip(&rest, IMGC_STR("\xEF\xBB\xBF")); /* a byte order mark */
    for (unsigned n = 1; imgc_str_token(&rest, '\n', &line); n++) {
        if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        if (is_skipped(line)) {
            continue;
        }
        while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t')) {
            line = imgc_str_from(line, 1);
        }
        r = check_name(line, reterr);
        r = r < 0 || is_unset(line) ? r : environment_add(e, line, reterr);
        if (r < 0) {
            return imgc_context(reterr, "--env-file '%s', line %u", path, n);
        }
    }
    return 0;
}

int environment_collect(struct environment *e, const struct option_list *files,
                        const struct option_list *words, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < files->n && r == 0; i++) {
        r = environment_add_file(e, files->items[i], reterr);
    }
    for (size_t i = 0; i < words->n && r == 0; i++) {
        r = environment_add(e, imgc_str_of(words->items[i]), reterr);
    }
    return r;
}
