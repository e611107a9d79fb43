/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/origin.h"

#include <string.h>

#include "schema/base/str.h"

struct origin {
    bool is_https;
    struct imgc_str host; /* with its port, but for the usual one */
};

static bool parse(const char *url, struct origin *ret)
{
    struct imgc_str s = imgc_str_of(url);

    ret->is_https = imgc_str_skip(&s, IMGC_STR("https://"));
    if (!ret->is_https && !imgc_str_skip(&s, IMGC_STR("http://"))) {
        return false;
    }
    ret->host = imgc_str_first(s, s.len ? strcspn(s.ptr, "/?#") : 0);
    struct imgc_str usual = ret->is_https ? IMGC_STR(":443") : IMGC_STR(":80");
    if (imgc_str_ends(ret->host, usual)) {
        ret->host.len -= usual.len;
    }
    return true;
}

bool origin_is_same(const char *a, const char *b)
{
    struct origin x, y;

    return parse(a, &x) && parse(b, &y) && x.is_https == y.is_https &&
           imgc_str_eq_nocase(x.host, y.host);
}
