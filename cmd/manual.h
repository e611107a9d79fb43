/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manual pages, written from the tables that --help prints, so that they say what the program
 * does: imgc(1), and imgc-COMMAND(1) for each command. The pages of docs/man come from here and
 * nowhere else; the unit test of this file compares them and writes them anew.
 *
 * Source: man(7); groff_char(7) for the characters that would come out as others.
 */
#ifndef IMGC_CMD_MANUAL_H
#define IMGC_CMD_MANUAL_H

#include "cmd/command.h"

#define MANUAL_PAGE_MAX (256u << 10) /* bytes of a page; the texts are ours */
#define MANUAL_NAME_MAX 64           /* of a page's file name; command names are ours and short */

/** "imgc-network-create.1"; @c NULL: "imgc.1". @return @out. */
const char *manual_name(const struct command *c, char out[MANUAL_NAME_MAX]);

/** Append the page of @c; NULL: imgc(1). */
void manual_page(const struct command *c, struct imgc_buf *b);

#endif
