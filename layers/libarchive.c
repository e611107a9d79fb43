/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/libarchive.h"

#include <errno.h>

#include "schema/base/library.h"

int libarchive_load(struct libarchive *ret, struct imgc_err *reterr)
{
    static const struct library_symbol symbols[] = {
#define X(field, function) { #function, offsetof(struct libarchive, field) },
        LIBARCHIVE_FUNCTIONS(X)
#undef X
            { .name = NULL },
    };

    return library_load(IMGC_LIBARCHIVE, symbols, ret, reterr);
}

int libarchive_version(const char **ret, struct imgc_err *reterr)
{
    struct libarchive la;
    int r = libarchive_load(&la, reterr);

    if (r == 0) {
        *ret = la.version_string() + sizeof "libarchive";
    }
    return r;
}

int libarchive_fail(struct imgc_err *e, const struct libarchive *la, struct archive *a,
                    const char *what)
{
    const char *text = la->error_string(a);

    if (la->last_errno(a) == ENOMEM) {
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
