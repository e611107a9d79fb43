/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The volumes of a container: where they are, what is in new ones. Which it has was decided when it
 * was made (run_mounts.h); this is looked up each time it starts.
 */
#ifndef IMGC_CMD_VOLUMES_H
#define IMGC_CMD_VOLUMES_H

#include "cmd/app.h"
#include "runtime/spec.h"
#include "store/container.h"

/** Whether @spec has any. */
bool volumes_has(const struct spec *spec);

/** Make those volumes of @spec that are not there, and note that the container uses them: for as
 * long as it exists, nobody removes them. Idempotent. @return 0; -NOTFOUND; -SYS. */
IMGC_CHECK int volumes_use(struct app *app, const struct container *c, const struct spec *spec,
                           struct imgc_err *reterr);

/** Before each start: volumes_use(); new volumes get what the image has at their place; and
 * @spec says where all of them are. */
IMGC_CHECK int volumes_prepare(struct app *app, const struct container *c, struct spec *spec,
                               struct imgc_err *reterr);

/** The container of @spec was removed, and volumes with it: their files are left to the background
 * process. */
void volumes_released(struct app *app, const struct spec *spec);

/** The container @id is removed next, though not for --rm: what was made for it alone goes too. */
IMGC_CHECK int volumes_follow(struct app *app, const char *id, struct imgc_err *reterr);

#endif
