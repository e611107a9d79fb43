/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/libarchive.h"

#include <errno.h>

int libarchive_fail(struct imgc_err *e, struct archive *a, const char *what)
{
    const char *text = archive_error_string(a);

    if (archive_errno(a) == ENOMEM) {
        return imgc_fail(e, IMGC_E_NOMEM, "out of memory");
    }
    return imgc_fail(e, IMGC_E_LAYER, "%s: %s", what, text ? text : "damaged");
}

int libarchive_locale(locale_t *ret, struct imgc_err *reterr)
{
    locale_t l = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    if (l == (locale_t)0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret = l;
    return 0;
}
