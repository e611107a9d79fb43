/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our users of libarchive share: its errors as ours, and its locale. libarchive converts
 * names between the archive's character set and the locale; only in the C locale do the bytes stay
 * as they are (in a UTF-8 locale it even normalises pax names to NFC). The locale is set for the
 * calling thread alone, around each call.
 */
#ifndef IMGC_LAYERS_LIBARCHIVE_H
#define IMGC_LAYERS_LIBARCHIVE_H

#include <archive.h>
#include <locale.h>

#include "schema/base/err.h"

/** Fill @e with "WHAT: libarchive's message". @return -NOMEM or -LAYER. */
int libarchive_fail(struct imgc_err *e, struct archive *a, const char *what);

/** The C locale, for uselocale(). @ret  freelocale() it. @return 0; -NOMEM. */
IMGC_CHECK int libarchive_locale(locale_t *ret, struct imgc_err *reterr);

#endif
