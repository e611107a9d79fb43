/* SPDX-License-Identifier: Apache-2.0 */
#include "store/probe.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include "schema/base/process.h"
#include "store/store_handle.h"

#define HOST_MAX (PROCESS_BOOT_ID_MAX + 128) /* a release has at most 64 bytes, a device 21 */

/* The boot id alone would do, were it not unknown in some containers. */
static int describe_host(struct store *s, char out[HOST_MAX], struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    struct utsname host = { .release = "" };
    struct stat st;

    if (fstat(s->root_fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at store '%s'", s->root);
    }
    process_boot_id(boot_id);
    (void)uname(&host);
    (void)snprintf(out, HOST_MAX, "%s %s %u:%u", boot_id, host.release, major(st.st_dev),
                   minor(st.st_dev));
    return 0;
}

int probe_find(struct store *s, const char *name, char **ret_outcome, struct imgc_err *reterr)
{
    char host[HOST_MAX];
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = describe_host(s, host, reterr);
    r = r < 0 ? r : db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT outcome FROM probe WHERE name = ?1 AND host = ?2");
    db_bind_text(&st, 1, name);
    db_bind_text(&st, 2, host);
    r = db_step(&st, reterr);
    if (r != DB_ROW) {
        return r < 0 ? r : PROBE_UNKNOWN;
    }
    return db_col_dup(&st, 0, ret_outcome, reterr);
}

int probe_put(struct store *s, const char *name, const char *outcome, struct imgc_err *reterr)
{
    char host[HOST_MAX];
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = describe_host(s, host, reterr);
    r = r < 0 ? r : db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT OR REPLACE INTO probe (name, host, outcome) VALUES (?1, ?2, ?3)");
    db_bind_text(&st, 1, name);
    db_bind_text(&st, 2, host);
    db_bind_text(&st, 3, outcome);
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}
