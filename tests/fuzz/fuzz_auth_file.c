/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: schema */
#include <stdlib.h>

#include "schema/auth_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is what is looked for, the rest the file. What was set is found. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auth_file_auto struct auth_file f = { .doc = NULL };
    credential_auto struct credential found = CREDENTIAL_INIT, own = CREDENTIAL_INIT;
    char user[] = "u", password[] = "p:q";
    const struct credential set = { .user = user, .password = password };
    struct imgc_str name, text;
    struct imgc_err err;

    (void)imgc_str_split((struct imgc_str){ (const char *)data, size }, '\n', &name, &text);
    if (auth_file_parse(text, &f, &err) < 0) {
        return 0;
    }
    (void)!auth_file_find(&f, name, &found, &err);
    const char *helper = auth_file_helper(&f, name);
    if (helper && (strchr(helper, '/') || !*helper)) {
        abort();
    }
    if (auth_file_set(&f, "host:1", &set, &err) == 0 &&
        (auth_file_find(&f, IMGC_STR("host:1"), &own, &err) != 0 ||
         strcmp(own.password, password) != 0)) {
        abort();
    }
    return 0;
}
