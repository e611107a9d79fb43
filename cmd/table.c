/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/table.h"

#include <locale.h>
#include <wchar.h>

#define GAP 3 /* blanks between columns, as docker has */

void table_done(struct table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        for (size_t j = 0; j < t->rows[i].n; j++) {
            free(t->rows[i].cells[j]);
        }
        free(t->rows[i].cells);
    }
    free(t->rows);
    *t = (struct table)TABLE_INIT;
}

void table_row(struct table *t)
{
    if (t->failed) {
        return;
    }
    if (t->n == t->room) {
        size_t room = t->room ? t->room * 2 : 16;
        struct table_row *rows = reallocarray(t->rows, room, sizeof *rows);
        if (!rows) {
            t->failed = true;
            return;
        }
        t->rows = rows;
        t->room = room;
    }
    char **cells = calloc(TABLE_COLUMNS_MAX, sizeof *cells);
    if (!cells) {
        t->failed = true;
        return;
    }
    t->rows[t->n++] = (struct table_row){ cells, 0 };
}

void table_cell(struct table *t, const char *text)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TABLE_CELL_MAX);
    char *cell = NULL;
    struct imgc_err err;

    if (t->failed || t->n == 0) {
        return;
    }
    struct table_row *row = &t->rows[t->n - 1];
    if (row->n == TABLE_COLUMNS_MAX) {
        return;
    }
    output_safe(&b, text);
    if (b.state == IMGC_BUF_FULL) {
        b.state = IMGC_BUF_OK; /* shown as far as it fits */
    }
    if (imgc_buf_take(&b, &cell, &err) < 0) {
        t->failed = true;
        return;
    }
    row->cells[row->n++] = cell;
}

void table_line(struct table *t, struct imgc_str line)
{
    struct imgc_str cell;

    if (imgc_str_ends(line, IMGC_STR("\n"))) {
        line.len--;
    }
    table_row(t);
    do {
        imgc_autofree char *copy = NULL;
        struct imgc_err err;
        bool more = imgc_str_split(line, '\t', &cell, &line);
        if (imgc_str_dup(cell, &copy, &err) < 0) {
            t->failed = true;
            return;
        }
        table_cell(t, copy);
        if (!more) {
            return;
        }
    } while (true);
}

static size_t width_in_locale(const char *text)
{
    mbstate_t state = { 0 };
    size_t width = 0, left = strlen(text);

    while (left > 0) {
        wchar_t c;
        size_t n = mbrtowc(&c, text, left, &state);
        if (n == 0 || n > left) { /* not in this locale: count bytes */
            memset(&state, 0, sizeof state);
            n = 1;
            c = L'?';
        }
        int columns = wcwidth(c);
        width += columns > 0 ? (size_t)columns : 0;
        text += n;
        left -= n;
    }
    return width;
}

static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

size_t table_width(const char *text)
{
    if (is_plain(text)) {
        return strlen(text);
    }
    /* Only for the rare text that needs it: the tables of a locale are files to be opened. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (utf8 == (locale_t)0) { /* a host without it */
        return width_in_locale(text);
    }
    locale_t old = uselocale(utf8);
    size_t width = width_in_locale(text);
    (void)uselocale(old);
    freelocale(utf8);
    return width;
}

int table_print(const struct table *t, struct output *o, struct imgc_err *reterr)
{
    size_t widths[TABLE_COLUMNS_MAX] = { 0 };

    if (t->failed) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < t->n; i++) {
        for (size_t j = 0; j < t->rows[i].n; j++) {
            size_t width = table_width(t->rows[i].cells[j]);
            widths[j] = width > widths[j] ? width : widths[j];
        }
    }
    for (size_t i = 0; i < t->n; i++) {
        const struct table_row *row = &t->rows[i];
        for (size_t j = 0; j < row->n; j++) {
            bool last = j + 1 == row->n;
            size_t fill = last ? 0 : widths[j] + GAP - table_width(row->cells[j]);
            output_print(o, "%s%*s", row->cells[j], (int)fill, "");
        }
        output_print(o, "\n");
    }
    return 0;
}
