/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables on a terminal: left-aligned columns as wide as their widest cell. Cells are escaped, so
 * that no name or label can move the cursor.
 */
#ifndef IMGC_CMD_TABLE_H
#define IMGC_CMD_TABLE_H

#include "cmd/output.h"

#define TABLE_COLUMNS_MAX 32
#define TABLE_CELL_MAX 65536 /* bytes of one cell after escaping: a RUN line of a history */

struct table_row {
    char **cells;
    size_t n;
};

struct table {
    struct table_row *rows;
    size_t n, room;
    bool failed; /* out of memory; table_print() tells */
};

#define TABLE_INIT                                       \
    {                                                    \
        .rows = NULL, .n = 0, .room = 0, .failed = false \
    }
void table_done(struct table *t);
#define table_auto imgc_auto(table_done)

/** Begin a row; the cells that follow are its. */
void table_row(struct table *t);
/** Add a cell to the last row; copied and escaped. */
void table_cell(struct table *t, const char *text);
/** Add a row from text with a tab between cells and perhaps a newline at its end. */
void table_line(struct table *t, struct imgc_str line);

/** Print it, the last cell of a row without trailing blanks. @return 0; -NOMEM. */
IMGC_CHECK int table_print(const struct table *t, struct output *o, struct imgc_err *reterr);

/** Columns that UTF-8 text takes on a terminal, whatever the locale is. */
size_t table_width(const char *text);

#endif
