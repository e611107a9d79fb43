/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/user_names.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/user.h"
#include "schema/limits.h"

void user_names_done(struct user_names *names)
{
    free(names->text);
    free(names->entries);
    *names = (struct user_names)USER_NAMES_INIT;
}

static bool parse_line(struct imgc_str line, struct user_names_entry *ret)
{
    struct imgc_str password, id;
    uint64_t n;

    if (!imgc_str_token(&line, ':', &ret->name) || !imgc_str_token(&line, ':', &password) ||
        !imgc_str_token(&line, ':', &id) || !imgc_str_u64(id, &n) || n > UINT32_MAX) {
        return false;
    }
    ret->id = (uint32_t)n;
    return ret->name.len > 0;
}

/* Those of one ID in the order of their lines. */
static int compare(const void *a, const void *b)
{
    const struct user_names_entry *x = a, *y = b;

    return x->id != y->id ? (x->id > y->id) - (x->id < y->id)
                          : (x->name.ptr > y->name.ptr) - (x->name.ptr < y->name.ptr);
}

int user_names_parse(struct imgc_str text, struct user_names *ret, struct imgc_err *reterr)
{
    user_names_auto struct user_names names = USER_NAMES_INIT;
    size_t lines = 1;

    text = imgc_str_first(text, imgc_str_find(text, '\0'));
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n';
    }
    int r = imgc_str_dup(text, &names.text, reterr);
    if (r < 0) {
        return r;
    }
    names.entries = calloc(lines, sizeof *names.entries);
    if (!names.entries) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    struct imgc_str rest = { names.text, text.len }, line;
    while (imgc_str_token(&rest, '\n', &line)) {
        names.n += parse_line(line, &names.entries[names.n]);
    }
    qsort(names.entries, names.n, sizeof *names.entries, compare);
    *ret = names;
    memset(&names, 0, sizeof names); /* taken */
    return 0;
}

int user_names_read(int root_fd, const char *path, struct user_names *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PASSWD_BYTES);

    int r = user_read(root_fd, path, &b, reterr);
    return r < 0 ? r : user_names_parse((struct imgc_str){ b.ptr, b.len }, ret, reterr);
}

bool user_names_find(const struct user_names *names, uint32_t id, struct imgc_str *ret)
{
    size_t low = 0, high = names->n;

    while (low < high) { /* the first that is not below */
        size_t middle = low + (high - low) / 2;
        if (names->entries[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == names->n || names->entries[low].id != id) {
        return false;
    }
    *ret = names->entries[low].name;
    return true;
}
