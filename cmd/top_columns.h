/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of `imgc top`: podman's descriptors (user pid %C), and those of ps's options that say
 * what is shown (-ef, aux, -o pid,comm), written here from /proc: no ps is run, neither the host's
 * as docker does nor the container's as podman.
 *
 * Source: podman-top(1); ps(1) of procps.
 */
#ifndef IMGC_CMD_TOP_COLUMNS_H
#define IMGC_CMD_TOP_COLUMNS_H

#include "cmd/table.h"
#include "cmd/top_process.h"
#include "cmd/top_users.h"

#define TOP_COLUMNS_TITLE_MAX 64

/* What is the same for all processes. */
struct top_host {
    struct top_users users;
    uint64_t ticks_per_second, ticks_now, seconds_now, memory_kib;
};

typedef void top_columns_write(const struct top_host *host, const struct top_process *p,
                               struct imgc_buf *b);

struct top_column {
    top_columns_write *write;
    char title[TOP_COLUMNS_TITLE_MAX];
};

struct top_columns {
    struct top_column items[TABLE_COLUMNS_MAX];
    size_t n;
};

/** The columns that the words behind the container's name ask for. Pure.
 * @words  NULL-terminated; none: podman's default. @return 0; -USAGE that names the word. */
IMGC_CHECK int top_columns_parse(const char *const *words, struct top_columns *ret,
                                 struct imgc_err *reterr);

/** "1m30.5s" of hundredths of a second, as Go writes durations. */
void top_columns_duration(uint64_t hundredths, struct imgc_buf *b);

/** Fill the table, with its titles unless all are empty. @return 0; -NOMEM. */
IMGC_CHECK int top_columns_fill(const struct top_columns *columns, const struct top_host *host,
                                const struct top_processes *all, struct table *table,
                                struct imgc_err *reterr);

#endif
