/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/label_list.h"

#include "schema/json.h"
#include "schema/limits.h"

int label_list_json(const char *option, const struct option_list *list, char **ret,
                    struct imgc_err *reterr)
{
    json_auto_free json_t *labels = json_object();

    for (size_t i = 0; i < list->n; i++) {
        struct imgc_str key, value;
        (void)imgc_str_split(imgc_str_of(list->items[i]), '=', &key, &value);
        if (key.len == 0) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--%s '%s' has no name", option, list->items[i]);
        }
        json_t *text = json_stringn(value.ptr ? value.ptr : "", value.len);
        if (!text || json_object_setn_new(labels, key.ptr, key.len, text) < 0) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--%s '%s' is not UTF-8", option,
                             list->items[i]);
        }
    }
    int r = json_dump(labels, true, ret, reterr);
    if (r == 0 && strlen(*ret) > LIMIT_CONFIG_BYTES) {
        free(*ret);
        *ret = NULL;
        return imgc_fail(reterr, IMGC_E_LIMIT, "%ss over %u bytes", option, LIMIT_CONFIG_BYTES);
    }
    return r;
}
