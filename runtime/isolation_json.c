/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/isolation_json.h"

#define PLAIN(field) JSON_FIELDS_PLAIN(struct isolation, field)

const struct json_fields isolation_json_fields[] = {
    PLAIN(privileged), PLAIN(no_new_privs), PLAIN(no_seccomp), PLAIN(cap_add),
    PLAIN(cap_drop),   PLAIN(mask),         PLAIN(unmask),     { .key = NULL },
};
