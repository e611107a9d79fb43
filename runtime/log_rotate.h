/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs that do not grow without end: "log" is the one that is written, "log.1" the one before it,
 * and so on; what is older is removed. Whole records only: a line is never cut between two files.
 */
#ifndef IMGC_RUNTIME_LOG_ROTATE_H
#define IMGC_RUNTIME_LOG_ROTATE_H

#include <stdint.h>

#include "schema/base/err.h"

#define LOG_ROTATE_MAX_BYTES (10u << 20) /* where nothing is said */
#define LOG_ROTATE_MAX_FILES 3u
#define LOG_ROTATE_FILES_LIMIT 1000u

#define LOG_ROTATE_NAME_MAX 16

/** "log", "log.1", ...: the file that is @age rotations old. @return @out. */
const char *log_rotate_name(unsigned age, char out[LOG_ROTATE_NAME_MAX]);

/** Every file becomes one rotation older, those from @max_files on go, and a new "log" is made.
 * @ret_fd  of the new one, for appending; caller closes. @return 0; -SYS; -NOSPACE. */
IMGC_CHECK int log_rotate(int dir_fd, unsigned max_files, int *ret_fd, struct imgc_err *reterr);

#endif
