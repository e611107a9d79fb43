/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --dry-run: what would be done for a container, as text. A line each for what imgc itself does,
 * then one for each step of the plan (runtime/plan.h), which the container's first process takes.
 */
#ifndef IMGC_CMD_RUN_PLAN_H
#define IMGC_CMD_RUN_PLAN_H

#include "cmd/app.h"
#include "runtime/spec.h"

/** Print it to stdout. @return 0; what plan_make() returns; -LIMIT (more than a MiB). */
IMGC_CHECK int run_plan_print(struct app *app, const struct spec *spec, struct imgc_err *reterr);

#endif
