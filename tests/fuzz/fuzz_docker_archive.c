/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: schema */
#include <stdlib.h>

#include "schema/base/cleanup.h"
#include "schema/docker_archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read can be written, and reads the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    docker_archive_auto struct docker_archive a = DOCKER_ARCHIVE_INIT, b = DOCKER_ARCHIVE_INIT;
    imgc_autofree char *once = NULL, *twice = NULL;
    struct imgc_err err;

    if (docker_archive_parse((struct imgc_str){ (const char *)data, size }, &a, &err) < 0) {
        return 0;
    }
    if (docker_archive_write(&a, &once, &err) < 0 ||
        docker_archive_parse(imgc_str_of(once), &b, &err) < 0 ||
        docker_archive_write(&b, &twice, &err) < 0 || strcmp(once, twice) != 0) {
        abort();
    }
    return 0;
}
