/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is a process, over its pid: start time and boot id make a pid unique.
 *
 * Source: proc(5), /proc/PID/stat field 22; /proc/sys/kernel/random/boot_id.
 */
#ifndef IMGC_SCHEMA_BASE_PROCESS_H
#define IMGC_SCHEMA_BASE_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "schema/base/err.h"

#define PROCESS_BOOT_ID_MAX 37 /* UUID text and the NUL */

struct process_id {
    pid_t pid;
    uint64_t start_ticks;              /* clock ticks after boot */
    char boot_id[PROCESS_BOOT_ID_MAX]; /* "" where it cannot be read */
};

/** Identity of @pid (0: the caller). @return 0; -NOTFOUND where there is no such process. */
IMGC_CHECK int process_identify(pid_t pid, struct process_id *ret, struct imgc_err *reterr);

/** Whether exactly that process still lives: same boot, same start time, not a zombie. */
bool process_alive(const struct process_id *id);

/** This boot's id, "" where it cannot be read. */
void process_boot_id(char out[PROCESS_BOOT_ID_MAX]);

#endif
