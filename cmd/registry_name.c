/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/registry_name.h"

#include <string.h>

#define HUB "docker.io"
#define HOST_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]"

int registry_name_parse(const char *text, struct ref *ret, struct imgc_err *reterr)
{
    struct imgc_str host = imgc_str_of(text ? text : HUB);

    if (!imgc_str_skip(&host, IMGC_STR("https://"))) {
        (void)imgc_str_skip(&host, IMGC_STR("http://"));
    }
    host = imgc_str_first(host, imgc_str_find(host, '/'));
    if (imgc_str_eq(host, IMGC_STR("index.docker.io")) ||
        imgc_str_eq(host, IMGC_STR("registry-1.docker.io"))) {
        host = IMGC_STR(HUB);
    }
    int r = imgc_str_dup(host, &ret->domain, reterr);
    r = r < 0 ? r : imgc_str_dup(IMGC_STR(""), &ret->path, reterr);
    if (r < 0) {
        return r;
    }
    if (ret->domain[0] == '\0' || ret->domain[strspn(ret->domain, HOST_CHARS)] != '\0') {
        return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is no registry: write HOST[:PORT]", text);
    }
    return 0;
}
