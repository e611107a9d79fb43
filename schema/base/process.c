/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/process.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "schema/base/fd.h"

/* Longest line of /proc/PID/stat: 52 numbers of up to 20 digits and a name of at most 64. */
#define STAT_BYTES_MAX 2048
#define START_TIME_FIELD 22

static int read_file(const char *path, struct imgc_buf *b, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    int r = fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    return fd_read_all(fd, b, reterr);
}

void process_boot_id(char out[PROCESS_BOOT_ID_MAX])
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(PROCESS_BOOT_ID_MAX);
    struct imgc_err err;
    struct imgc_str id;

    out[0] = '\0';
    if (read_file("/proc/sys/kernel/random/boot_id", &b, &err) < 0 ||
        imgc_buf_finish(&b, &id, &err) < 0) {
        return;
    }
    id = imgc_str_trim(id);
    if (id.len < PROCESS_BOOT_ID_MAX) {
        memcpy(out, id.ptr, id.len);
        out[id.len] = '\0';
    }
}

/* A process chooses its own name, blanks and parentheses included; what follows the last ')' is
 * the kernel's. Field 3 (state) is the first after it. */
static bool read_stat(struct imgc_str text, char *ret_state, uint64_t *ret_start)
{
    struct imgc_str head, rest, field;

    if (!imgc_str_rsplit(text, ')', &head, &rest) || !imgc_str_skip(&rest, IMGC_STR(" "))) {
        return false;
    }
    for (int i = 3; imgc_str_token(&rest, ' ', &field); i++) {
        if (i == 3) {
            if (field.len != 1) {
                return false;
            }
            *ret_state = field.ptr[0];
        }
        if (i == START_TIME_FIELD) {
            return imgc_str_u64(field, ret_start);
        }
    }
    return false;
}

static int look_up(pid_t pid, char *ret_state, uint64_t *ret_start, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(STAT_BYTES_MAX);
    struct imgc_str text;
    char path[32]; /* "/proc/" + 10 digits + "/stat" */

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int r = read_file(path, &b, reterr);
    /* ESRCH: it ended between open and read. Where /proc is not there nothing can be said. */
    if (r < 0 && reterr->sys == ENOENT && access("/proc/self/stat", F_OK) < 0) {
        return imgc_fail(reterr, IMGC_E_HOST, "/proc is not mounted, which imgc needs");
    }
    if (r < 0 && (reterr->sys == ENOENT || reterr->sys == ESRCH)) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no process %d", (int)pid);
    }
    if (r < 0) {
        return imgc_context(reterr, "process %d", (int)pid);
    }
    r = imgc_buf_finish(&b, &text, reterr);
    if (r < 0) {
        return r;
    }
    if (!read_stat(text, ret_state, ret_start)) {
        return imgc_fail(reterr, IMGC_E_SYS, "%s has an unknown form", path);
    }
    return 0;
}

int process_identify(pid_t pid, struct process_id *ret, struct imgc_err *reterr)
{
    struct process_id id = { .pid = pid > 0 ? pid : getpid() };
    char state;

    if (pid < 0) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no process %d", (int)pid);
    }
    int r = look_up(id.pid, &state, &id.start_ticks, reterr);
    if (r < 0) {
        return r;
    }
    process_boot_id(id.boot_id);
    *ret = id;
    return 0;
}

bool process_alive(const struct process_id *id)
{
    char boot_id[PROCESS_BOOT_ID_MAX], state = '\0';
    uint64_t start = 0;
    struct imgc_err err;

    if (id->pid <= 0) {
        return false;
    }
    process_boot_id(boot_id);
    if (strcmp(boot_id, id->boot_id) != 0) {
        return false;
    }
    if (look_up(id->pid, &state, &start, &err) < 0) {
        /* Not seen is dead only where the kernel says that there is none; a /proc that cannot be
         * read proves nothing, and a wrong "dead" would let others remove what is in use. */
        return err.code != IMGC_E_NOTFOUND;
    }
    return start == id->start_ticks && state != 'Z' && state != 'X' && state != 'x';
}
