/* SPDX-License-Identifier: Apache-2.0 */
/* The program of --init, made by the build from cmake/container_init.c. */
#ifndef IMGC_RUNTIME_INIT_PROGRAM_BYTES_H
#define IMGC_RUNTIME_INIT_PROGRAM_BYTES_H

#include <stddef.h>

extern const unsigned char init_program_bytes[];
extern const size_t init_program_bytes_len; /* 0: none for this kind of machine */

#endif
