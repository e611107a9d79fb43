/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the volume commands share: which volumes a --filter takes, and what one looks like in JSON.
 */
#ifndef IMGC_CMD_VOLUME_TEXT_H
#define IMGC_CMD_VOLUME_TEXT_H

#include <jansson.h>

#include "cmd/app.h"
#include "cmd/options.h"
#include "store/volume.h"

/* Fields whose keys are free. */
extern const char *const volume_text_maps[];

/** Check the filters name=, label=, label!=, dangling=, driver=, until=. @return 0; -USAGE. */
IMGC_CHECK int volume_text_check(const struct option_list *filters, struct imgc_err *reterr);

/** Whether all of the checked @filters take @v: of one key any value, of label and label! all. */
bool volume_text_match(const struct option_list *filters, const struct volume *v);

/** The document that inspect shows. @ret new reference. */
IMGC_CHECK int volume_text_document(struct app *app, const struct volume *v, json_t **ret,
                                    struct imgc_err *reterr);

#endif
