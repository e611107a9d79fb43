/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/volume_name.h"

#include "schema/limits.h"

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool volume_name_is_good(struct imgc_str s)
{
    if (s.len == 0 || s.len > LIMIT_NAME_BYTES || !is_alphanumeric(s.ptr[0])) {
        return false;
    }
    for (size_t i = 1; i < s.len; i++) {
        char c = s.ptr[i];
        if (!is_alphanumeric(c) && c != '_' && c != '.' && c != '-') {
            return false;
        }
    }
    return true;
}
