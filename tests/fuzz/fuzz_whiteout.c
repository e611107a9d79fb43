/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: layers */
/* Names: cleaned, then classified. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "layers/entry.h"
#include "layers/whiteout.h"
#include "schema/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *path)
{
    struct imgc_err err;
    imgc_autofree char *again = NULL;
    struct whiteout w;

    if (strlen(path) > LIMIT_PATH_BYTES || path[0] == '/' || strstr(path, "//") ||
        strcmp(path, "..") == 0 || strstr(path, "/../")) {
        abort();
    }
    if (entry_clean_path(imgc_str_of(path), &again, &err) < 0 || strcmp(path, again) != 0) {
        abort();
    }
    if (whiteout_classify(imgc_str_of(path), &w, &err) == 0 && w.kind == WHITEOUT_NAME &&
        (w.name.len == 0 || w.name.ptr[w.name.len] != '\0')) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_err err;
    struct imgc_str name = { (const char *)data, size };
    imgc_autofree char *path = NULL;
    imgc_autofree char *target = NULL;

    if (entry_clean_path(name, &path, &err) == 0) {
        check(path);
    }
    if (entry_clean_target(name, &target, &err) == 0) {
        check(target);
    }
    return 0;
}
