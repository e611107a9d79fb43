/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: runtime */
/* Input: "USER[:GROUP]" NUL passwd NUL group, as --user and an image's files bring them. */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/user.h"
#include "runtime/user_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each entry is found by its ID, or one of the same ID that stands before it. */
static void check_names(struct imgc_str text)
{
    user_names_auto struct user_names names = USER_NAMES_INIT;
    struct imgc_err err;
    struct imgc_str name;

    if (user_names_parse(text, &names, &err) < 0) {
        abort();
    }
    for (size_t i = 0; i < names.n; i++) {
        if (!user_names_find(&names, names.entries[i].id, &name) ||
            name.ptr > names.entries[i].name.ptr || name.len == 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_str all = { (const char *)data, size }, spec, passwd, group, rest;
    user_auto struct user u = USER_INIT;
    struct imgc_err err;

    (void)imgc_str_split(all, '\0', &spec, &rest);
    (void)imgc_str_split(rest, '\0', &passwd, &group);
    check_names(passwd);
    check_names(group);
    if (user_parse(spec, passwd, group, &u, &err) < 0) {
        return 0;
    }
    /* No wrap to 0 or to a negative id, the primary group among the groups, a home to go to. */
    if (u.uid > INT32_MAX || u.gid > INT32_MAX || u.n_groups == 0 || u.groups[0] != u.gid ||
        u.home[0] != '/') {
        abort();
    }
    return 0;
}
