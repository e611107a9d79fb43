/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the command of an ordinary user runs with: a user namespace in which it may handle the
 * files of layers and containers whoever owns them (runtime/userns.h).
 */
#ifndef IMGC_CMD_IDS_H
#define IMGC_CMD_IDS_H

#include "cmd/app.h"

enum ids_use {
    IDS_NONE,   /* the command reads the index only */
    IDS_WANTED, /* touches files of layers; where the host forbids the namespace it does what it can
                 */
    IDS_NEEDED, /* makes containers */
};

/** Enter the namespace, unless the process is root. Once, before the store is opened and before
 * there are threads. @return 0; what userns_enter() returns, with IDS_NEEDED. */
IMGC_CHECK int ids_enter(struct app *app, enum ids_use use, struct imgc_err *reterr);

#endif
