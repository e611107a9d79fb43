/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of "--label K=V" and "--opt K=V" as JSON objects of strings.
 */
#ifndef IMGC_CMD_LABEL_LIST_H
#define IMGC_CMD_LABEL_LIST_H

#include "cmd/options.h"

/** @option  "label", for messages. @ret  sorted; caller frees. @return 0; -USAGE; -LIMIT; -NOMEM.
 */
IMGC_CHECK int label_list_json(const char *option, const struct option_list *list, char **ret,
                               struct imgc_err *reterr);

#endif
